"""MER2023: clips of Chinese films and television, from the challenge of that year."""

from collections.abc import Iterator

from emobox_datasets.annotations import read_table
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.folder import CorpusFolder

# Only the first of the challenge's three test sets is in the released fold.
PARTS = {"train": "train", "test1": "test", "test2": None, "test3": None}


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    clips = folder.find(r"(?P<part>train|test[123])/(?P<name>\w+)\.(?P<container>avi|mp4)")
    audio = {(match["part"], match["name"], match["container"]): path for path, match in clips}
    for part, split in PARTS.items():
        for row in read_table(folder, f"{part}-label.csv", ("name", "discrete")):
            path = audio.get((part, row["name"], "avi"))
            # The release calls only what is no AVI by its full name.
            id = row["name"] if path else f"{row['name']}.mp4"
            yield (
                path or audio.get((part, row["name"], "mp4")),
                {
                    "id": id,
                    "raw_label": row["discrete"],
                    "split": split,
                    "part": part,
                    "valence": row.values.get("valence"),
                    "origin": row.origin,
                },
            )


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
    labels={
        "angry": "Angry",
        "happy": "Happy",
        "neutral": "Neutral",
        "sad": "Sad",
        "surprise": "Surprise",
        "worried": "Worried",
    },
    utterances=5030,
    hours=5.936,
    speakers=0,
    read=read,
    folds=OwnSplit(train=3373, test=411),
    example="mer2023train/train-label.csv, mer2023train/train/sample_00002623.avi",
    details={"part": "string", "valence": "float32"},
    notes="test2 (412) and test3 (834) are in `all` and in no fold. Eight clips are longer than 30 s.",
)
