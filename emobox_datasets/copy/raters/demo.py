"""Raters of the demo corpus: made up, as its sounds are, so that the tools for raters can be tried without any data.

Ten raters name one of its emotions, mostly the one that is acted, else one that is near it; five give arousal, valence
and dominance on a scale of 1 to 5. What they say depends only on the name of the file.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from emobox_datasets.copy.folder import CorpusFolder, stem
from emobox_datasets.copy.raters.tables import VOTES, OptionalTable, Table, votes_of

LABELS = ("Angry", "Happy", "Neutral", "Sad")
VOTERS, RATERS = 10, 5
SCALE = (1, 5)
DIMENSIONS = ("arousal", "valence", "dominance")
# By what was acted: how likely a rater hears each of the labels, and the dimensions that raters tend to.
HEARD = {
    "angry": (0.7, 0.2, 0.1, 0.0),
    "happy": (0.25, 0.6, 0.15, 0.0),
    "neutral": (0.05, 0.1, 0.6, 0.25),
    "sad": (0.0, 0.0, 0.3, 0.7),
}
TENDENCY = {
    "angry": (4.2, 1.8, 4.0),
    "happy": (3.9, 4.2, 3.4),
    "neutral": (2.6, 3.0, 3.0),
    "sad": (1.7, 2.0, 1.9),
}
# How far an utterance strays from the tendency of its emotion, and a rater from the utterance.
STRAY = 0.5


def read(folder: CorpusFolder) -> Table:
    """What the made-up raters said of every file that is named as the corpus's."""
    pattern = rf"[a-z]+_({'|'.join(HEARD)})_\d\d\.flac"
    return {stem(path): _said(stem(path), match[1]) for path, match in folder.find(pattern)}


def _said(name: str, emotion: str) -> Mapping[str, object]:
    random = np.random.default_rng(
        int.from_bytes(hashlib.sha256(f"raters of {name}".encode()).digest()[:8], "big")
    )
    votes = votes_of(random.choice(LABELS, VOTERS, p=HEARD[emotion]).tolist(), LABELS)
    of_utterance = np.array(TENDENCY[emotion]) + STRAY * random.standard_normal(len(DIMENSIONS))
    given = of_utterance + STRAY * random.standard_normal((RATERS, len(DIMENSIONS)))
    ratings = np.clip(np.round(given), *SCALE).mean(axis=0)
    return {"votes": votes, "raters": VOTERS, **dict(zip(DIMENSIONS, ratings.round(1).tolist(), strict=True))}


TABLE = OptionalTable(
    files=(),
    read=read,
    columns={"votes": VOTES, "raters": "int32", **dict.fromkeys(DIMENSIONS, "float32")},
    voted=LABELS,
    scales=dict.fromkeys(DIMENSIONS, SCALE),
)
