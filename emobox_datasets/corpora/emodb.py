"""Berlin Database of Emotional Speech."""

import re

from emobox_datasets.copy.raters.emodb import TABLE
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source

MALE = {"03", "10", "11", "12", "15"}
# The letters stand for the German words; the names are those of the released benchmark, misspelling included.
EMOTIONS = {
    "W": "anger",
    "L": "boredem",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "N": "neutral",
    "T": "sad",
}


def fields(name: re.Match[str]) -> Fields:
    gender = "male" if name["number"] in MALE else "female"
    return {
        "raw_label": EMOTIONS[name["emotion"]],
        "speaker": f"{gender}_{name['number']}",
        "gender": gender,
        "sentence": name["sentence"],
    }


CORPUS = Corpus(
    name="emodb",
    display_name="EmoDB",
    languages=("de",),
    source="acted",
    licence="unknown",
    homepage="http://emodb.bilderbar.info",
    citation="""@inproceedings{burkhardt2005database,
  title = {A database of {German} emotional speech},
  author = {Burkhardt, Felix and Paeschke, Astrid and Rolfes, Miriam and Sendlmeier, Walter F. and Weiss, Benjamin},
  booktitle = {Interspeech 2005},
  pages = {1517--1520},
  doi = {10.21437/Interspeech.2005-446},
  year = {2005}
}""",
    labels={
        "anger": "Angry",
        "boredem": "Boredom",
        "disgust": "Disgust",
        "fear": "Fear",
        "happy": "Happy",
        "neutral": "Neutral",
        "sad": "Sad",
    },
    utterances=535,
    hours=0.413,
    speakers=10,
    read=from_names(r"(?P<number>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFNT])[a-z]\.wav", fields),
    folds=ReleasedLists(5),
    example="wav/03a01Fa.wav",
    details={"sentence": "string"},
    tables=(TABLE,),
    intended=True,
    notes="The released label map misses `neutral` (79 utterances); here it maps to Neutral.",
    download=Source(
        publisher="web",
        record="http://emodb.bilderbar.info/download/",
        files=(RemoteFile("download.zip"),),
        note="The publisher offers it to everyone and states no licence. EmoDB 2.0 "
        "(https://zenodo.org/records/17651657, CC-BY-4.0) is another edition, with more utterances.",
        found="download scripts on GitHub, several of which fetch this archive; none states a size or a "
        "checksum",
        checked="2026-11-28",
    ),
)
