"""Surrey Audio-Visual Expressed Emotion database."""

import re

from emobox_datasets.corpus import Corpus, Fields, SpeakerFolds, from_names
from emobox_datasets.sources.source import Recipe


def fields(path: re.Match[str]) -> Fields:
    parts = {**path.groupdict(), "speaker": path["speaker"].upper(), "raw_label": path["raw_label"].lower()}
    return {"id": f"{parts['speaker']}-{parts['raw_label']}{parts['sentence']}", **parts, "gender": "male"}


CORPUS = Corpus(
    name="savee",
    display_name="SAVEE",
    languages=("en",),
    source="acted",
    licence="research only",
    homepage="http://kahlan.eps.surrey.ac.uk/savee/",
    citation="""@misc{jackson2014savee,
  title = {Surrey Audio-Visual Expressed Emotion ({SAVEE}) Database},
  author = {Jackson, Philip and Haq, Sanaul},
  publisher = {University of Surrey},
  year = {2014}
}""",
    labels={
        "a": "Angry",
        "d": "Disgust",
        "f": "Fear",
        "h": "Happy",
        "n": "Neutral",
        "sa": "Sad",
        "su": "Surprise",
    },
    utterances=480,
    hours=0.512,
    speakers=4,
    # `AudioData/DC/a01.wav` as published, `DC_a01.wav` on Kaggle.
    read=from_names(r"(?i:(?P<speaker>DC|JE|JK|KL)[/_](?P<raw_label>[a-z]+))(?P<sentence>\d\d)\.wav", fields),
    folds=SpeakerFolds((("JE",), ("KL",), ("DC",), ("JK",))),
    example="AudioData/JE/a13.wav",
    details={"sentence": "string"},
    download=Recipe(
        ask="Register at its homepage; the archive is for those who have.",
        fetch="AudioData, the recordings of all four speakers",
    ),
)
