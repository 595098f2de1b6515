"""Amharic Speech Emotion Dataset."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import Recipe


def fields(name: re.Match[str]) -> Fields:
    gender = {"01": "female", "02": "male"}[name["gender"]]
    return {**name.groupdict(), "speaker": f"{gender[0]}{name['speaker']}", "gender": gender}


CORPUS = Corpus(
    name="ased",
    display_name="ASED",
    languages=("am",),
    source="acted",
    licence="unknown",
    homepage="https://github.com/wgwangang/ASED_V1",
    citation="""@article{retta2023amharic,
  title = {A New {Amharic} Speech Emotion Dataset and Classification Benchmark},
  author = {Retta, Ephrem Afele and Almekhlafi, Eiad and Sutcliffe, Richard and Mhamed, Mustafa and Ali, Haider and
    Feng, Jun},
  journal = {ACM Transactions on Asian and Low-Resource Language Information Processing},
  volume = {22},
  number = {1},
  year = {2023}
}""",
    labels={"n": "Neutral", "f": "Fear", "h": "Happy", "s": "Sad", "S": "Sad", "a": "Angry"},
    utterances=2474,
    hours=2.106,
    speakers=70,
    read=from_names(
        r"(?P<raw_label>[A-Za-z])\d-(?P<sentence>\d\d)-(?P<take>\d\d)-(?P<gender>0[12])-(?P<speaker>\d\d)\.wav",
        fields,
    ),
    folds=ReleasedLists(1),
    example="03Happy/h3-03-02-02-64.wav",
    details={"sentence": "string", "take": "int32"},
    # Of five women one utterance each says 02, male.
    same_speaker={f"m{number}": f"f{number}" for number in ("09", "15", "21", "23", "25")},
    notes="The corpus numbers 65 speakers; number and gender tell 70. One raw label is a capital `S`.",
    download=Recipe(
        ask="Open its repository on GitHub; no licence could be confirmed, so ask the authors whether you "
        "may use it.",
        fetch="the whole repository",
    ),
)
