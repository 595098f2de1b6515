"""Turkish Emotion-Voice Database: single words."""

import re

from emobox_datasets.copy.folder import base_name
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists, from_names
from emobox_datasets.sources.source import RemoteFile, Source


def fields(path: re.Match[str]) -> Fields:
    return {**path.groupdict(), "raw_label": path["raw_label"].capitalize()}


CORPUS = Corpus(
    name="turev_db",
    id_prefix="turevdb",
    display_name="TurEV-DB",
    languages=("tr",),
    source="acted",
    licence="CC-BY-NC-ND-4.0",
    homepage="https://github.com/Xeonen/TurEV-DB",
    citation="""@inproceedings{canpolat2020turkish,
  title = {{Turkish} Emotion Voice Database ({TurEV-DB})},
  author = {Canpolat, Salih Firat and Ormano{\\u{g}}lu, Zuhal and Zeyrek, Deniz},
  booktitle = {Proceedings of the 1st Joint Workshop on Spoken Language Technologies for Under-resourced languages
    (SLTU) and Collaboration and Computing for Under-Resourced Languages (CCURL)},
  pages = {368--375},
  url = {https://aclanthology.org/2020.sltu-1.52},
  year = {2020}
}""",
    labels={"Angry": "Angry", "Calm": "Calm", "Happy": "Happy", "Sad": "Sad"},
    utterances=1735,
    hours=0.463,
    speakers=6,
    # The repository also holds filtered copies of a part of the files, in other folders.
    read=from_names(
        r"(?i:Sound Source/(?P<raw_label>[a-z]+))/(?P<speaker>\d{4})_[a-z]{2}_(?P<word>[a-z]+)\d?\.wav",
        fields,
        base_name,
    ),
    folds=ReleasedLists(1),
    example="Sound Source/Happy/1234_mt_tahta.wav",
    details={"word": "string"},
    notes="Ids end in `.wav`.",
    download=Source(
        publisher="github",
        record="Xeonen/TurEV-DB",
        files=(RemoteFile("TurEV-DB", members=("*/Sound Source/*",)),),
        revision="8a998e44fc3dbc7a9e6328e83a2e3aa9a2c22c2f",
        found="a stored listing of the repository on GitHub, with `Sound Source/` at this commit",
        checked="2026-11-28",
    ),
)
