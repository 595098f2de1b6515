"""ASVP-ESD: emotional speech and non-speech sounds from films, television and the web."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import Recipe


def fields(name: re.Match[str]) -> Fields:
    gender = "male" if int(name["speaker"]) % 2 == 0 else "female"
    vocal = {"01": "speech", "02": "non-speech"}[name["vocal"]]
    return {**name.groupdict(), "gender": gender, "vocal": vocal}


CORPUS = Corpus(
    name="asvp_esd",
    id_prefix="asvpesd",
    display_name="ASVP-ESD",
    languages=("zh", "en", "fr", "ru"),
    source="media",
    licence="unknown",
    homepage="https://zenodo.org/records/7132783",
    citation="""@article{landry2020asvp,
  title = {{ASVP-ESD}: A dataset and its benchmark for emotion recognition using both speech and non-speech utterances},
  author = {Landry, Dejoli Tientcheu Touko and He, Qianhua and Yan, Haikang and Li, Yanxiong},
  journal = {Global Scientific Journals},
  year = {2020}
}""",
    labels={
        "01": "Boredom",
        "02": "Neutral",
        "03": "Happy",
        "04": "Sad",
        "05": "Angry",
        "06": "Fear",
        "07": "Disgust",
        "08": "Surprise",
        "09": "Excited",
        "10": "pleasure",
        "11": "pain, groan",
        "12": "disappointment, disapproval",
        "13": "breath",
        "17": "UnKnown",
    },
    utterances=13964,
    hours=17.976,
    speakers=131,
    read=from_names(
        r"03-(?P<vocal>0[12])-(?P<raw_label>\d\d)-(?P<intensity>\d+)-\d+-(?P<speaker>\d+)-[\d -]+\.wav",
        fields,
    ),
    folds=ReleasedLists(1),
    example="Audio/actor_76/03-02-03-01-34-76-02-02-02-13.wav",
    details={"vocal": "string", "intensity": "string"},
    notes="Other languages occur too; names tell the language too seldom to be relied on. 8,824 are not speech.",
    unscored=("UnKnown",),
    download=Recipe(
        ask="Open its record on Zenodo; neither licence nor files could be confirmed, so read both there.",
        fetch="the recordings of all actors, speech and non-speech",
    ),
)
