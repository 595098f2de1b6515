"""Ryerson Audio-Visual Database of Emotional Speech and Song: the spoken, audio-only part."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names, gender_of_number
from emobox_datasets.sources.source import RemoteFile, Source

EMOTIONS = {
    "01": "Neutral",
    "02": "Calm",
    "03": "Happy",
    "04": "Sad",
    "05": "Angry",
    "06": "Fearful",
    "07": "Disgust",
    "08": "Surprised",
}


def fields(name: re.Match[str]) -> Fields:
    raw_label = EMOTIONS.get(name["raw_label"], name["raw_label"])
    return {**name.groupdict(), "raw_label": raw_label, "gender": gender_of_number(name["speaker"])}


CORPUS = Corpus(
    name="ravdess",
    display_name="RAVDESS",
    languages=("en",),
    source="acted",
    licence="CC-BY-NC-SA-4.0",
    homepage="https://zenodo.org/records/1188976",
    citation="""@article{livingstone2018ravdess,
  title = {The {Ryerson} Audio-Visual Database of Emotional Speech and Song ({RAVDESS}): A dynamic, multimodal set of
    facial and vocal expressions in {North} {American} {English}},
  author = {Livingstone, Steven R. and Russo, Frank A.},
  journal = {PLoS ONE},
  volume = {13},
  number = {5},
  pages = {e0196391},
  doi = {10.1371/journal.pone.0196391},
  year = {2018}
}""",
    labels={name: {"Fearful": "Fear", "Surprised": "Surprise"}.get(name, name) for name in EMOTIONS.values()},
    utterances=1440,
    hours=1.48,
    speakers=24,
    read=from_names(
        r"03-01-(?P<raw_label>\d\d)-(?P<intensity>\d\d)-(?P<sentence>\d\d)-(?P<take>\d\d)-(?P<speaker>\d\d)\.wav",
        fields,
    ),
    folds=SpeakerFolds(
        (
            ("01", "11", "20", "21"),
            ("04", "10", "12", "14"),
            ("08", "09", "19", "23"),
            ("03", "05", "07", "24"),
            ("02", "15", "16", "18"),
            ("06", "13", "17", "22"),
        )
    ),
    example="Audio_Speech_Actors_01-24/Actor_03/03-01-07-02-02-01-03.wav",
    details={"intensity": "int32", "sentence": "int32", "take": "int32"},
    notes="The archive on Kaggle holds every file twice.",
    download=Source(
        publisher="zenodo",
        record="1188976",
        files=(
            RemoteFile("Audio_Speech_Actors_01-24.zip", 208_468_073, "md5:bc696df654c87fed845eb13823edef8a"),
        ),
        found="dataset cards and download scripts on GitHub that quote the record and checked the archive "
        "against it; ten agree on size and MD5",
        checked="2026-11-28",
    ),
)
