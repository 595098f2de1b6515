"""URDU: emotional utterances from Urdu talk shows."""

import re

from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names, gender
from emobox_datasets.sources.source import RemoteFile, Source


def fields(name: re.Match[str]) -> Fields:
    return {**name.groupdict(), "gender": gender(name["gender"])}


CORPUS = Corpus(
    name="urdu",
    display_name="URDU",
    languages=("ur",),
    source="talk show",
    licence="research only (README of the corpus)",
    homepage="https://github.com/siddiquelatif/urdu-dataset",
    citation="""@inproceedings{latif2018cross,
  title = {Cross Lingual Speech Emotion Recognition: {Urdu} vs. {Western} Languages},
  author = {Latif, Siddique and Qayyum, Adnan and Usman, Muhammad and Qadir, Junaid},
  booktitle = {2018 International Conference on Frontiers of Information Technology (FIT)},
  pages = {88--93},
  doi = {10.1109/FIT.2018.00023},
  year = {2018}
}""",
    labels={"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"},
    utterances=400,
    hours=0.277,
    speakers=29,
    read=from_names(r"(?P<speaker>S(?P<gender>[MF])\d+)_F\d+_(?P<raw_label>[AHNS])\d+\.wav", fields),
    folds=ReleasedLists(1),
    example="Angry/SM1_F1_A01.wav",
    notes="The README of the corpus counts 38 speakers; the file names tell 29.",
    download=Source(
        publisher="github",
        record="siddiquelatif/URDU-Dataset",
        files=(RemoteFile("URDU-Dataset", members=("*.wav", "*/README.md")),),
        revision="cab0028b1a1152e5cf25a5771c1ed137428a496e",
        found="a stored listing of the repository on GitHub: 400 wav files at this commit",
        checked="2026-11-28",
    ),
)
