"""Reading a corpus's annotation files, so that every error names the file and the line."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: `row["column"]`, and where it stands."""

    file: Path
    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def origin(self) -> str:
        """`<file>, line <n>`: pass it on as the field `origin`, so that later errors name it too."""
        return f"{self.file}, line {self.line}"

    def number(self, column: str) -> float:
        """The value of a column that holds numbers.

        Raises:
            CorpusError: it is not a number.
        """
        try:
            return float(self[column])
        except ValueError:
            raise CorpusError(
                f"Expected a number in column {column} of {self.origin}, but got {self[column]!r}; "
                f"replace the file with the original."
            ) from None


def read_text(folder: CorpusFolder, tail: str, encoding: str = "utf-8-sig") -> tuple[Path, str]:
    """The one file whose last path parts are `tail`, and what it says.

    Raises:
        CorpusError: there is none, several that differ, or it is not text in this encoding.
    """
    file = folder.root / folder.find_one(tail)
    return file, text_of(file, encoding)


def text_of(file: Path, encoding: str = "utf-8-sig") -> str:
    """What an annotation file says.

    Raises:
        CorpusError: it cannot be opened, or is not text in this encoding.
    """
    try:
        return file.read_text(encoding=encoding)
    except OSError as error:
        raise CorpusError(
            f"Expected to read {file}, but got {error.strerror}; correct its permissions, or replace it with "
            f"the original."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"Expected {encoding} text in {file}, line {line}, but got byte {error.object[error.start]:#04x}; "
            f"replace the file with the original."
        ) from error


def read_table(
    folder: CorpusFolder, tail: str, columns: Sequence[str], delimiter: str = ",", encoding: str = "utf-8-sig"
) -> list[Row]:
    """The rows of a table with a header line, which must have these columns (and may have more).

    Raises:
        CorpusError: the file or a column is missing, or a line has too few fields; names file and line.
    """
    file, text = read_text(folder, tail, encoding)
    # Not splitlines(), which also cuts at characters that some corpora have inside a field.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
        raise CorpusError(
            f"Expected column {', '.join(missing)} in {file}, line 1, but got "
            f"{', '.join(reader.fieldnames or ['an empty file'])}; replace the file with the original."
        )
    rows = []
    for values in reader:
        row = Row(file, reader.line_num, values)
        if short := [column for column in columns if values[column] is None]:
            raise CorpusError(
                f"Expected a value for column {', '.join(short)} in {row.origin}, but the line ends before it; "
                f"replace the file with the original."
            )
        rows.append(row)
    return rows


def by_column(rows: Sequence[Row], column: str) -> dict[str, Row]:
    """The rows by their value in `column`.

    Raises:
        CorpusError: two rows have one value; names both lines.
    """
    index: dict[str, Row] = {}
    for row in rows:
        if (twin := index.setdefault(row[column], row)) is not row:
            raise CorpusError(
                f"Expected one row for {row[column]} in {row.file}, but got lines {twin.line} and {row.line}; "
                f"replace the file with the original."
            )
    return index


def pair(
    rows: Mapping[str, Row], audio: Mapping[str, str], file: str | Path
) -> Iterator[tuple[str | None, Row]]:
    """Join rows and audio files that share a key: (path, row) of every row, path None where the audio is absent.

    Only for corpora in which every audio file has a row.

    Raises:
        CorpusError: an audio file has no row in `file`.
    """
    if unlisted := sorted(audio.keys() - rows.keys()):
        raise CorpusError(
            f"Expected a row for every audio file in {file}, but got none for {len(unlisted)}: "
            f"{', '.join(audio[name] for name in unlisted[:5])}; replace the file with the original, or remove "
            f"the audio that is not the corpus's."
        )
    for name, row in rows.items():
        yield audio.get(name), row


def read_json(folder: CorpusFolder, tail: str) -> tuple[Path, Any]:
    """The one JSON file whose last path parts are `tail`, and what it holds.

    Raises:
        CorpusError: there is none, several that differ, or it is not JSON; names file and line.
    """
    file, text = read_text(folder, tail)
    try:
        return file, json.loads(text)
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"Expected JSON in {file}, line {error.lineno}, but got {error.msg}; replace the file with the "
            f"original."
        ) from error


def entry(file: Path, document: Any, *keys: str) -> Any:
    """What `document`, read from `file`, holds below these keys.

    Raises:
        CorpusError: a key is missing; names the file and the keys that lead there.
    """
    for depth, key in enumerate(keys):
        if not isinstance(document, Mapping) or key not in document:
            where = " > ".join(keys[:depth]) or "the top"
            raise CorpusError(
                f"Expected {key} below {where} in {file}, but it is missing; replace the file with the original."
            )
        document = document[key]
    return document
