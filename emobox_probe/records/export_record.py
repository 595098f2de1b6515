"""What an exported classifier says of itself, in a file beside it."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from emobox_datasets.files import inside
from emobox_probe.config import ExportForm
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.records.fit_record import Expected
from emobox_probe.records.heads_file import check_labels
from emobox_probe.records.record import Record, read_json

EXPORT_FILE = "emobox.json"


class CorpusTerms(Record):
    """A corpus that a classifier was trained on, and what its card says of its licence.

    `subset` says in words which part of it a smoke test asked for (`--limit`, `--folds`); empty: all of it.
    """

    name: str
    licence: str
    homepage: str
    subset: str = ""


class ExportRecord(Record):
    """A classifier in a form of others: what it is, what is to be expected of it, and the SHA-256 of its files."""

    kind: Literal["export"] = "export"
    schema_version: Literal[1] = 1
    to: ExportForm
    title: str
    way: str
    encoder: EncoderFacts
    labels: list[str] = Field(min_length=2)
    corpora: list[CorpusTerms]
    expected: Expected
    quantised: Literal["int8"] | None
    files: dict[str, str]

    @field_validator("labels")
    @classmethod
    def _safe(cls, labels: list[str]) -> list[str]:
        return check_labels(labels)

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            inside(".", name)
        return files

    def content(self) -> bytes:
        """The bytes of its file."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


def read_export(folder: str | Path) -> ExportRecord:
    """Read what an export says of itself.

    Raises:
        ProbeError: there is none, or it is no such record.
    """
    return read_json(
        Path(folder) / EXPORT_FILE, ExportRecord, "record of an export", run="run `emobox export`"
    )
