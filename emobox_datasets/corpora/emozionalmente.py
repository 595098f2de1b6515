"""Emozionalmente: Italian sentences acted by a crowd of amateurs."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import by_column, pair, read_table
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import RemoteFile, Source

SAMPLES, USERS = "metadata/samples.csv", "metadata/users.csv"
GENDERS = {"f": "female", "m": "male"}


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    samples = read_table(folder, SAMPLES, ("file_name", "actor", "sentence", "emotion_expressed"))
    users = by_column(read_table(folder, USERS, ("username", "gender", "age")), "username")
    for path, row in pair(by_column(samples, "file_name"), folder.by_name(r"\d+\.wav"), SAMPLES):
        actor = users.get(row["actor"])
        if actor is None:
            raise CorpusError(
                f"Expected a row for actor {row['actor']} of {row.origin} in {USERS}, but got none; replace the "
                f"file with the original."
            )
        yield (
            path,
            {
                "id": row["file_name"].removesuffix(".wav"),
                "raw_label": row["emotion_expressed"],
                "speaker": row["actor"],
                "gender": GENDERS.get(actor["gender"][:1].lower()),
                "text": row["sentence"],
                "age": actor["age"],
                "origin": row.origin,
            },
        )


CORPUS = Corpus(
    name="emozionalmente",
    display_name="Emozionalmente",
    languages=("it",),
    source="acted",
    licence="CC-BY-4.0",
    homepage="https://zenodo.org/records/6569824",
    citation="""@article{catania2025emozionalmente,
  title = {Emozionalmente: A Crowdsourced Corpus of Simulated Emotional Speech in {Italian}},
  author = {Catania, Fabio and Wilke, Jordan W. and Garzotto, Franca},
  journal = {IEEE Transactions on Audio, Speech and Language Processing},
  volume = {33},
  pages = {1142--1155},
  doi = {10.1109/TASLPRO.2025.3540662},
  year = {2025}
}""",
    labels={
        "anger": "Angry",
        "disgust": "Disgust",
        "fear": "Fear",
        "joy": "Happy",
        "neutrality": "Neutral",
        "sadness": "Sad",
        "surprise": "Surprise",
    },
    utterances=6902,
    hours=6.305,
    speakers=431,
    read=read,
    folds=ReleasedLists(1),
    example="metadata/samples.csv, metadata/users.csv, audio/1614095998084.wav",
    details={"text": "string", "age": "string"},
    notes="Since 2025 the corpus has a speaker-independent split of its own; the released fold is not it.",
    download=Source(
        publisher="zenodo",
        record="6569824",
        files=(RemoteFile("emozionalmente.zip"),),
        found="the README of nkululeko's importer (data/emozionalmente) on GitHub names the file; size and MD5 "
        "are asked of the record",
        checked="2026-11-28",
    ),
)
