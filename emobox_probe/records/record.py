"""What all records share: a strict schema, where they are found, and how a damaged file is told."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from emobox_probe.errors import ProbeError, UnreadableError


class Record(BaseModel):
    """Nothing unknown, nothing changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def folders_with(name: str, folders: Iterable[Path]) -> list[Path]:
    """Every folder in or below these that holds a file of that name, each once, sorted.

    Raises:
        UnreadableError: a folder among them cannot be looked into.
    """
    return sorted(
        {
            Path(found)
            for folder in folders
            for found, _, files in os.walk(folder, onerror=_refuse)
            if name in files
        }
    )


def _refuse(error: OSError) -> None:
    if isinstance(error, PermissionError):  # else there is nothing: no folder, or a file
        raise UnreadableError(error.filename) from error


def read_json(
    path: Path,
    schema: type[AnyRecord],
    what: str,
    run: str,
    migrated: Callable[[Any], Any] = lambda content: content,
) -> AnyRecord:
    """Read one record.

    Args:
        path: of a JSON file.
        schema: of the record.
        what: the record in words.
        run: what makes such a record, in words, such as `run the probe`.
        migrated: turns the content of an older schema into today's.

    Raises:
        UnreadableError: the user has not the right to read it.
        ProbeError: there is no such file, it is not JSON, or not such a record.
    """
    try:
        content = migrated(json.loads(path.read_bytes()))
        return schema.model_validate_json(json.dumps(content))
    except FileNotFoundError as error:
        raise ProbeError(f"Expected a {what} at {path}, but there is none; {run} first.") from error
    except PermissionError as error:
        raise UnreadableError(path) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ProbeError(
            f"Expected a {what} in {path}, but {where} is wrong: {first['msg']}; {run} again, with --overwrite."
        ) from error
    except ValueError as error:
        raise ProbeError(
            f"Expected a {what} in {path}, but it is not JSON ({error}); {run} again, with --overwrite."
        ) from error
