"""Crowd-sourced Emotional Multimodal Actors Dataset."""

import re

from emobox_datasets.copy.raters.crema_d import SPEAKERS_TABLE, VOTES_TABLE
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source


def fields(name: re.Match[str]) -> Fields:
    parts = name.groupdict()
    # One file of the archive, `1040_ITH_SAD_X.wav`, lacks a letter that the release and the corpus's tables have.
    if parts["intensity"] == "X":
        parts["intensity"] = "XX"
    return {"id": "-".join(parts.values()), **parts}


CORPUS = Corpus(
    name="crema_d",
    id_prefix="cremad",
    display_name="CREMA-D",
    languages=("en",),
    source="acted",
    licence="ODbL-1.0 and DbCL-1.0",
    homepage="https://github.com/CheyneyComputerScience/CREMA-D",
    citation="""@article{cao2014crema,
  title = {{CREMA-D}: Crowd-sourced Emotional Multimodal Actors Dataset},
  author = {Cao, Houwei and Cooper, David G. and Keutmann, Michael K. and Gur, Ruben C. and Nenkova, Ani and
    Verma, Ragini},
  journal = {IEEE Transactions on Affective Computing},
  volume = {5},
  number = {4},
  pages = {377--390},
  doi = {10.1109/TAFFC.2014.2336244},
  year = {2014}
}""",
    labels={"ANG": "Angry", "DIS": "Disgust", "FEA": "Fear", "HAP": "Happy", "NEU": "Neutral", "SAD": "Sad"},
    utterances=7442,
    hours=5.257,
    speakers=91,
    read=from_names(
        r"(?P<speaker>\d{4})_(?P<sentence>[A-Z]{3})_(?P<raw_label>[A-Z]{3})_(?P<intensity>LO|MD|HI|XX?)\.wav",
        fields,
    ),
    folds=ReleasedLists(1),
    example="AudioWAV/1060_IOM_NEU_XX.wav",
    details={"sentence": "string", "intensity": "string"},
    download=Source(
        publisher="github",
        record="CheyneyComputerScience/CREMA-D",
        files=(
            RemoteFile(
                "CREMA-D",
                members=("*/AudioWAV/*", "*/processedResults/tabulatedVotes.csv", "*/VideoDemographics.csv"),
            ),
        ),
        revision="02f12b39b56c8424039d0a953b89d47fc47d380f",
        large_files=605899936,
        found="a stored listing of the repository on GitHub; the bytes are the sum of the pointers of AudioWAV,"
        " as a download script measured them on 2026-09-24",
        checked="2026-11-28",
    ),
    tables=(VOTES_TABLE, SPEAKERS_TABLE),
    intended=True,
    notes="`labels_consensus_1.csv` is EMO-SUPERB's: smoothed shares of votes, read where the publisher's tables are "
    "not there.",
)
