"""Canadian French Emotional speech dataset."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names, gender_of_number
from emobox_datasets.sources.source import RemoteFile, Source


def fields(name: re.Match[str]) -> Fields:
    gender = gender_of_number(name["speaker"])
    return {**name.groupdict(), "raw_label": name["raw_label"].lower(), "gender": gender}


CORPUS = Corpus(
    name="cafe",
    display_name="CaFE",
    languages=("fr",),
    source="acted",
    licence="CC-BY-NC-SA-4.0",
    homepage="https://zenodo.org/records/1478765",
    citation="""@inproceedings{gournay2018canadian,
  title = {A {Canadian} {French} Emotional Speech Dataset},
  author = {Gournay, Philippe and Lahaie, Olivier and Lefebvre, Roch},
  booktitle = {Proceedings of the 9th ACM Multimedia Systems Conference},
  pages = {399--402},
  year = {2018}
}""",
    labels={
        "c": "Angry",
        "d": "Disgust",
        "j": "Happy",
        "n": "Neutral",
        "p": "Fear",
        "s": "Surprise",
        "t": "Sad",
    },
    utterances=936,
    hours=1.155,
    speakers=12,
    # By base name only: the archive spells the folders Colère and Dégoût in a code page that few tools guess.
    read=from_names(
        r"(?P<speaker>\d\d)-(?P<raw_label>[A-Z])-(?P<intensity>[12])-(?P<sentence>\d)\.wav",
        fields,
        spelling=str.upper,
    ),
    folds=SpeakerFolds((("01", "07", "08", "10"), ("02", "04", "09", "12"), ("03", "05", "06", "11"))),
    example="CaFE_48k/Joie/Fort/08-J-2-2.wav",
    details={"intensity": "int32", "sentence": "int32"},
    notes="The release has the 48 kHz version; keep the 192 kHz one elsewhere.",
    download=Source(
        publisher="zenodo",
        record="1478765",
        files=(RemoteFile("CaFE_48k.zip"),),
        found="the README of nkululeko's importer (data/cafe) on GitHub names the file; size and MD5 are asked "
        "of the record",
        checked="2026-11-28",
    ),
)
