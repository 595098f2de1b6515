"""Mexican Emotional Speech Database: single words."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source

VOICES = {"F": "female", "M": "male", "C": "child"}


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": VOICES[name["gender"]]}


CORPUS = Corpus(
    name="mesd",
    display_name="MESD",
    languages=("es",),
    source="acted",
    licence="CC-BY-4.0",
    homepage="https://data.mendeley.com/datasets/cy34mh68j9/5",
    citation="""@inproceedings{duville2021mexican,
  title = {The {Mexican} Emotional Speech Database ({MESD}): elaboration and assessment based on machine learning},
  author = {Duville, Mathilde M. and Alonso-Valerdi, Luz M. and Ibarra-Zarate, David I.},
  booktitle = {43rd Annual International Conference of the IEEE Engineering in Medicine and Biology Society (EMBC)},
  year = {2021}
}""",
    labels={
        "Anger": "Angry",
        "Disgust": "Disgust",
        "Fear": "Fear",
        "Happiness": "Happy",
        "Neutral": "Neutral",
        "Sadness": "Sad",
    },
    utterances=862,
    hours=0.173,
    speakers=0,
    read=from_names(
        r"(?P<raw_label>[A-Z][a-z]+)_(?P<gender>[FMC])_(?P<word_list>[AB])_(?P<word>\w+)\.wav", fields
    ),
    folds=ReleasedLists(1),
    example="Mexican Emotional Speech Database (MESD)/Happiness_F_B_delfin.wav",
    details={"word_list": "string", "word": "string"},
    notes="Names tell the kind of voice (female, male, child), kept as gender, but not which of the 11 speakers.",
    download=Source(
        publisher="mendeley",
        record="cy34mh68j9",
        files=(RemoteFile("mesd.zip"),),
        revision="5",
        found="the corpus's homepage and the address that scripts on GitHub use for other Mendeley data; no "
        "source states a size or a checksum",
        checked="2026-11-28",
    ),
)
