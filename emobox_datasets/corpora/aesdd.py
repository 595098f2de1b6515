"""Acted Emotional Speech Dynamic Database: Greek."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import Recipe


def fields(name: re.Match[str]) -> Fields:
    return {"raw_label": name["emotion"], "speaker": str(int(name["number"])), "sentence": name["sentence"]}


def id_of(path: str) -> str:
    """`fear/f14 (4).wav` is utterance `f14-4`."""
    return re.sub("[()]", "", path.rpartition("/")[2].removesuffix(".wav")).replace(" ", "-")


CORPUS = Corpus(
    name="aesdd",
    display_name="AESDD",
    languages=("el",),
    source="acted",
    licence="unknown",
    homepage="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    citation="""@article{vryzas2018speech,
  title = {Speech Emotion Recognition for Performance Interaction},
  author = {Vryzas, Nikolaos and Kotsakis, Rigas and Liatsou, Aikaterini and Dimoulas, Charalampos A. and
    Kalliris, George},
  journal = {Journal of the Audio Engineering Society},
  volume = {66},
  number = {6},
  pages = {457--467},
  year = {2018}
}""",
    labels={"a": "Angry", "d": "Disgust", "f": "Fear", "h": "Happy", "s": "Sad"},
    utterances=604,
    hours=0.689,
    speakers=6,
    read=from_names(r"(?P<emotion>[a-z])(?P<sentence>\d\d) \((?P<number>\d+)\)[ab]?\.wav", fields, id_of),
    folds=ReleasedLists(1),
    example="happiness/h14 (5).wav",
    details={"sentence": "string"},
    notes="The paper counts 5 speakers; the file names tell 6.",
    beyond_release="`sadness/s05 (3).wav` of the archive has no audio data and is not in the release.",
    download=Recipe(
        ask="Open its homepage; no licence could be confirmed, so ask the authors whether you may use it.",
        fetch="the acted utterances",
    ),
)
