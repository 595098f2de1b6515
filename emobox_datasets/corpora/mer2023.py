"""MER2023: clips of Chinese films and television, from the challenge of that year."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import read_table
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.sources.source import Recipe

# Only the first of the challenge's three test sets is in the released fold.
PARTS = {"train": "train", "test1": "test", "test2": None, "test3": None}


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    for part, split in PARTS.items():
        audio = clips(folder, part)
        for row in read_table(folder, f"{part}-label.csv", ("name", "discrete")):
            ending = ".mp4" if part == "test2" or row["name"].startswith("samplenew") else ".avi"
            file = row["name"] + ending
            yield (
                audio.get(file),
                {
                    # The release calls only what is no AVI by its full name.
                    "id": row["name"] if ending == ".avi" else file,
                    "ending": ending,
                    "raw_label": row["discrete"],
                    "split": split,
                    "part": part,
                    "valence": row.values.get("valence"),
                    "origin": row.origin,
                },
            )


def clips(folder: CorpusFolder, part: str) -> dict[str, str]:
    """Published base name to path: test2 and what is called `samplenew` is MP4, all else AVI."""
    patterns = [r"\w+\.mp4"] if part == "test2" else [r"samplenew\w*\.mp4", r"(?!samplenew)\w+\.avi"]
    return {name: path for pattern in patterns for name, path in folder.by_name(f"{part}/{pattern}").items()}


CORPUS = Corpus(
    name="mer2023",
    display_name="MER2023",
    languages=("zh",),
    source="television",
    licence="academic research only (licence agreement of the challenge)",
    homepage="http://www.merchallenge.cn/datasets",
    citation="""@inproceedings{lian2023mer,
  title = {{MER} 2023: Multi-label Learning, Modality Robustness, and Semi-Supervised Learning},
  author = {Lian, Zheng and Sun, Haiyang and Sun, Licai and others},
  booktitle = {Proceedings of the 31st ACM International Conference on Multimedia},
  pages = {9610--9614},
  doi = {10.1145/3581783.3612836},
  year = {2023}
}""",
    labels={name: name.capitalize() for name in ("angry", "happy", "neutral", "sad", "surprise", "worried")},
    utterances=5030,
    hours=5.936,
    speakers=0,
    read=read,
    folds=OwnSplit(train=3373, test=411),
    example="mer2023train/train-label.csv, mer2023train/train/sample_00002623.avi",
    details={"part": "string", "valence": "float32"},
    scales={"valence": (-5, 5)},
    notes="test2 (412) and test3 (834) are in `all` and in no fold. Eight clips are longer than 30 s.",
    download=Recipe(
        ask="Sign the licence agreement of the challenge at its homepage.",
        fetch="the labelled training part and the test parts",
    ),
)
