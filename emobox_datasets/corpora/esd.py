"""Emotional Speech Dataset: the same 350 sentences in five emotions, in Mandarin and in English."""

import re

from emobox_datasets.copy.folder import dashed_stem
from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names
from emobox_datasets.sources.source import Recipe


def fields(path: re.Match[str]) -> Fields:
    return {
        "raw_label": path["emotion"].capitalize(),
        "speaker": path["speaker"],
        "language": "zh" if int(path["speaker"]) <= 10 else "en",
        # Each emotion says the same sentences in the same order.
        "sentence": (int(path["number"]) - 1) % 350 + 1,
    }


CORPUS = Corpus(
    name="esd",
    display_name="ESD",
    languages=("zh", "en"),
    source="acted",
    licence="research only (licence form)",
    homepage="https://hltsingapore.github.io/ESD/",
    citation="""@inproceedings{zhou2021seen,
  title = {Seen and Unseen Emotional Style Transfer for Voice Conversion with a New Emotional Speech Dataset},
  author = {Zhou, Kun and Sisman, Berrak and Liu, Rui and Li, Haizhou},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  pages = {920--924},
  doi = {10.1109/ICASSP39728.2021.9413391},
  year = {2021}
}""",
    labels={"Angry": "Angry", "Happy": "Happy", "Neutral": "Neutral", "Sad": "Sad", "Surprise": "Surprise"},
    utterances=35000,
    hours=29.071,
    speakers=20,
    read=from_names(
        r"(?i:(?P<emotion>(?!train/|evaluation/|test/)[a-z]+)/(?:(?:train|evaluation|test)/)?)"
        r"(?P<speaker>\d{4})_(?P<number>\d{6})\.wav",
        fields,
        dashed_stem,
    ),
    folds=SpeakerFolds(
        (
            ("0005", "0011", "0016", "0018"),
            ("0012", "0014", "0015", "0019"),
            ("0003", "0004", "0006", "0009"),
            ("0007", "0008", "0013", "0020"),
            ("0001", "0002", "0010", "0017"),
        )
    ),
    example="0013/Neutral/0013_000223.wav",
    details={"sentence": "int32"},
    notes="Speakers 0001 to 0010 speak Mandarin, 0011 to 0020 English; every fold mixes both.",
    download=Recipe(
        ask="Sign the licence form at its homepage, and send it to the address named there.",
        fetch="the recordings of all 20 speakers",
    ),
)
