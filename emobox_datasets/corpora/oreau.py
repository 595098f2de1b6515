"""Oréau: French emotional speech, second version."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source

FEMALE = {"10", "11", "13", "21", "24", "37", "42"}


def fields(name: re.Match[str]) -> Fields:
    gender = "female" if name["speaker"] in FEMALE else "male"
    return {**name.groupdict(), "gender": gender, "channel": 1}


CORPUS = Corpus(
    name="oreau",
    display_name="Oréau",
    languages=("fr",),
    source="acted",
    licence="CC-BY-4.0",
    homepage="https://zenodo.org/records/4405783",
    citation="""@misc{kerkeni2020oreau,
  title = {{French} Emotional Speech Database - {Or\\'eau}},
  author = {Kerkeni, Leila and Cleder, Catherine and Serrestou, Youssef and Raoof, Kosai},
  publisher = {Zenodo},
  doi = {10.5281/zenodo.4405783},
  year = {2020}
}""",
    labels={
        "C": "Angry",
        "D": "Disgust",
        "J": "Happy",
        "N": "Neutral",
        "P": "Fear",
        "S": "Surprise",
        "T": "Sad",
    },
    utterances=434,
    hours=0.335,
    speakers=32,
    read=from_names(r"(?P<speaker>\d\d)(?P<sentence>[az]\d\d)(?P<raw_label>[A-Z])[a-z]\.wav", fields),
    folds=ReleasedLists(1),
    example="OréauFR_02/m/sesss/36a08Sa.wav",
    details={"sentence": "string"},
    notes="Stereo; the release means the first channel. Point data_dir at OréauFR_02, the second version.",
    download=Source(
        publisher="zenodo",
        record="4405783",
        files=(RemoteFile("*FR_02.zip"),),
        found="the corpus's homepage; the file is taken to be called as the folder of the second version is in "
        "the release, which no source confirms; name, size and MD5 are asked of the record",
        checked="2026-11-28",
    ),
)
