"""What the release tells of every utterance: its label, its speaker, its length and its sampling rate.

`released/<corpus>/utterances.parquet` holds it for every corpus of the benchmark but MSP-Podcast's training part, whose
utterances were not published. `python -m emobox_datasets.released.utterances released_folds.parquet` makes the files
anew from a table of the release.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

RELEASED = Path(__file__).parent
_FILE = "utterances.parquet"
_COLUMNS = ("label", "speaker", "samples", "sampling_rate")


@dataclass(frozen=True, slots=True)
class ReleasedUtterance:
    """One utterance of the release; `samples` at `sampling_rate` Hz, that of the original recording."""

    label: str
    speaker: str | None
    samples: int
    sampling_rate: int

    @property
    def seconds(self) -> float:
        return self.samples / self.sampling_rate


def released_corpora() -> list[str]:
    """The names of the corpora that the release tells of, sorted: those of the benchmark."""
    return sorted(file.parent.name for file in RELEASED.glob(f"*/{_FILE}"))


def released_file(corpus: str) -> Path:
    """Where what the release tells of a corpus is."""
    return RELEASED / corpus / _FILE


def released_utterances(corpus: str) -> dict[str, ReleasedUtterance]:
    """Id to what the release tells of the utterance; empty for corpora that are no part of the release."""
    file = released_file(corpus)
    if not file.is_file():
        return {}
    table = pq.read_table(file).to_pydict()
    rows = zip(*(table[name] for name in _COLUMNS), strict=True)
    return {id: ReleasedUtterance(*row) for id, row in zip(table["id"], rows, strict=True)}


def write(released: pd.DataFrame, folder: Path = RELEASED) -> None:
    """Write the file of every corpus.

    Args:
        released: a row for every utterance, with `corpus`, `id`, `label`, `speaker`, `length` (s), `sample_rate` (Hz).
        folder: where the folders of the corpora are.
    """
    for corpus, rows in released.groupby("corpus"):
        rows = rows.sort_values("id")
        table = pa.table(
            {
                "id": pa.array(rows.id, pa.string()),
                "label": pa.array(rows.label, pa.string()),
                "speaker": pa.array(rows.speaker, pa.string(), from_pandas=True),
                "samples": pa.array((rows.length * rows.sample_rate).round(), pa.int32()),
                "sampling_rate": pa.array(rows.sample_rate, pa.int32()),
            }
        )
        (folder / str(corpus)).mkdir(exist_ok=True)
        # Sorted ids share most of their letters: stored as differences they take a byte each.
        pq.write_table(
            table,
            folder / str(corpus) / _FILE,
            compression="zstd",
            compression_level=22,
            use_dictionary=["label", "speaker", "samples", "sampling_rate"],
            column_encoding={"id": "DELTA_BYTE_ARRAY"},
            write_statistics=False,
            store_schema=False,
        )


if __name__ == "__main__":
    write(pd.read_parquet(sys.argv[1]))
