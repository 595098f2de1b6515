"""RESD: Russian emotional speech dialogues, acted."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import read_table
from emobox_datasets.copy.folder import CorpusFolder, base_name
from emobox_datasets.corpus import Corpus, Fields, OwnSplit
from emobox_datasets.sources.source import Recipe


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    audio = folder.by_name(r"\d\d_[a-z_]+[_ ][adefhns]_\d+\.wav")
    for split in ("train", "test"):
        for row in read_table(folder, f"{split}.csv", ("path", "emotion")):
            name = base_name(row["path"])
            yield (
                audio.get(name),
                {
                    "id": name,
                    "raw_label": row["emotion"],
                    "split": split,
                    "dialogue": name[:2],
                    "origin": row.origin,
                },
            )


CORPUS = Corpus(
    name="resd",
    display_name="RESD",
    languages=("ru",),
    source="acted",
    licence="MIT",
    homepage="https://huggingface.co/datasets/Aniemore/resd_annotated",
    citation="""@misc{aniemore2022,
  title = {Открытая библиотека искусственного интеллекта для анализа и выявления эмоциональных оттенков речи человека},
  author = {Аментес, Артем and Лубенец, Илья and Давидчук, Никита},
  publisher = {Hugging Face},
  howpublished = {https://huggingface.co/aniemore/Aniemore},
  year = {2022}
}""",
    labels={
        "anger": "Angry",
        "disgust": "Disgust",
        "enthusiasm": "Enthusiastic",
        "fear": "Fear",
        "happiness": "Happy",
        "neutral": "Neutral",
        "sadness": "Sad",
    },
    utterances=1396,
    hours=2.341,
    speakers=0,
    read=read,
    folds=OwnSplit(train=1116, test=280),
    example="train.csv, train/happiness_enthusiasm_32/32_happiness_enthusiasm_h_032.wav",
    details={"dialogue": "int32"},
    notes="All 50 dialogues are in both train and test, so voices are too; who speaks is not told.",
    download=Recipe(
        ask="Open its dataset on the Hub; as Parquet it loads with datasets, but not as the files that the "
        "benchmark reads.",
        fetch="train.csv, test.csv and the wavs that they list",
    ),
)
