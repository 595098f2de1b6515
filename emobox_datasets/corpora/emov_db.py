"""Emotional Voices Database."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source

# The archives: of Josh's voice, two styles are missing.
PARTS = [
    f"{voice}_{style}"
    for voice, styles in {
        "bea": ("Amused", "Angry", "Disgusted", "Neutral", "Sleepy"),
        "jenie": ("Amused", "Angry", "Disgusted", "Neutral", "Sleepy"),
        "josh": ("Amused", "Neutral", "Sleepy"),
        "sam": ("Amused", "Angry", "Disgusted", "Neutral", "Sleepy"),
    }.items()
    for style in styles
]
GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}


def fields(path: re.Match[str]) -> Fields:
    speaker = path["speaker"].lower()
    raw_label = path["emotion"].capitalize().replace("Disgusted", "Disgust")
    return {
        "id": f"{speaker}-{raw_label}-{path['sentence']}",
        "raw_label": raw_label,
        "speaker": speaker,
        "gender": GENDERS[speaker],
        "sentence": path["sentence"],
    }


CORPUS = Corpus(
    name="emov_db",
    id_prefix="emovdb",
    display_name="EmoV-DB",
    languages=("en",),
    source="acted",
    licence="non-commercial (LICENSE.md of the corpus)",
    homepage="https://www.openslr.org/115/",
    citation="""@article{adigwe2018emotional,
  title = {The Emotional Voices Database: Towards Controlling the Emotion Dimension in Voice Generation Systems},
  author = {Adigwe, Adaeze and Tits, No{\\'e} and El Haddad, Kevin and Ostadabbas, Sarah and Dutoit, Thierry},
  journal = {arXiv preprint arXiv:1806.09514},
  year = {2018}
}""",
    labels={name: name for name in ("Amused", "Angry", "Disgust", "Neutral", "Sleepy")},
    utterances=6887,
    hours=9.482,
    speakers=4,
    read=from_names(
        rf"(?i:(?P<speaker>{'|'.join(GENDERS)})[_/](?P<emotion>[a-z]+)/[a-z]+)_\d+[-_]\d+_(?P<sentence>\d{{4}})\.wav",
        fields,
    ),
    folds=ReleasedLists(1),
    example="bea_Disgusted/disgust_57-84_0062.wav",
    details={"sentence": "string"},
    notes="An id names speaker, emotion and text; where a text was recorded twice, the release means one of them.",
    download=Source(
        publisher="openslr",
        record="115",
        files=tuple(RemoteFile(f"{part}.tar.gz") for part in PARTS),
        found="download scripts on GitHub that list these 18 archives; none states a size or a checksum",
        checked="2026-11-28",
    ),
)
