"""EMOVO: Italian emotional speech."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names, gender
from emobox_datasets.sources.source import Recipe


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": gender(name["speaker"])}


CORPUS = Corpus(
    name="emovo",
    display_name="EMOVO",
    languages=("it",),
    source="acted",
    licence="unknown",
    homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
    citation="""@inproceedings{costantini2014emovo,
  title = {{EMOVO} Corpus: an {Italian} Emotional Speech Database},
  author = {Costantini, Giovanni and Iaderola, Iacopo and Paoloni, Andrea and Todisco, Massimiliano},
  booktitle = {Proceedings of the Ninth International Conference on Language Resources and Evaluation (LREC)},
  url = {https://aclanthology.org/L14-1478/},
  year = {2014}
}""",
    labels={
        "dis": "Disgust",
        "gio": "Happy",
        "neu": "Neutral",
        "pau": "Fear",
        "rab": "Angry",
        "sor": "Surprise",
        "tri": "Sad",
    },
    utterances=588,
    hours=0.51,
    speakers=6,
    read=from_names(
        r"(?P<raw_label>[a-z]{3})-(?P<speaker>[fm]\d)-(?P<sentence>[a-z]\d)\.wav", fields, spelling=str.lower
    ),
    folds=SpeakerFolds((("f2",), ("m3",), ("m2",), ("f3",), ("f1",), ("m1",))),
    example="f3/neu-f3-d2.wav",
    details={"sentence": "string"},
    download=Recipe(
        ask="Open its homepage; no licence could be confirmed, so ask the authors whether you may use it.",
        fetch="the recordings of all six actors",
    ),
)
