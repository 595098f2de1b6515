"""EMNS: emotive narrative storytelling by one actress."""

from collections.abc import Iterator

from emobox_datasets.copy.annotations import by_column, pair, read_table
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus, Fields, ReleasedLists
from emobox_datasets.sources.source import RemoteFile, Source

COLUMNS = ("utterance", "emotion", "level", "description", "audio_recording")


def read(folder: CorpusFolder) -> Iterator[tuple[str | None, Fields]]:
    rows = by_column(read_table(folder, "metadata.csv", COLUMNS, delimiter="|"), "audio_recording")
    # `raw_webm/` holds the same base names; the column still names the folder of an earlier edition, `wavs/`.
    cleaned = folder.by_name(r"cleaned_\w+/recorded_audio\w*\.webm")
    audio = {f"wavs/{name}": path for name, path in cleaned.items()}
    for path, row in pair(rows, audio, "metadata.csv"):
        yield (
            path,
            {
                "id": row["audio_recording"].removeprefix("wavs/").removesuffix(".webm"),
                "raw_label": "Surprise" if row["emotion"] == "Surprised" else row["emotion"],
                "speaker": "3",
                "gender": "female",
                "text": row["utterance"],
                "level": row["level"],
                "description": row["description"],
                "origin": row.origin,
            },
        )


CORPUS = Corpus(
    name="emns",
    display_name="EMNS",
    languages=("en",),
    source="acted",
    licence="Apache-2.0",
    homepage="https://www.openslr.org/136",
    citation="""@misc{noriy2023emns,
  title = {{EMNS} /Imz/ Corpus: An emotive single-speaker dataset for narrative storytelling in games, television
    and graphic novels},
  author = {Noriy, Kari Ali and Yang, Xiaosong and Zhang, Jian Jun},
  eprint = {2305.13137},
  archiveprefix = {arXiv},
  year = {2023}
}""",
    labels={
        label: label
        for label in ("Angry", "Disgust", "Excited", "Happy", "Neutral", "Sad", "Sarcastic", "Surprise")
    },
    utterances=1181,
    hours=1.912,
    speakers=1,
    read=read,
    folds=ReleasedLists(1),
    example="metadata.csv, cleaned_webm/recorded_audio_bqDJooz.webm",
    details={"text": "string", "level": "string", "description": "string"},
    notes="The raw label `Surprised` is called `Surprise` in the release, and here.",
    download=Source(
        publisher="openslr",
        record="136",
        files=(RemoteFile("cleaned_webm.tar.xz"), RemoteFile("metadata.csv")),
        found="download scripts on GitHub; none states a size or a checksum",
        checked="2026-11-28",
    ),
)
