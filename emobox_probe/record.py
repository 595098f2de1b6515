"""What all records share: a strict schema, and how a damaged file is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from emobox_probe.errors import ProbeError


class Record(BaseModel):
    """Nothing unknown, nothing changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyRecord = TypeVar("AnyRecord", bound=Record)


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
        ProbeError: there is no such file, it is not JSON, or not such a record.
    """
    try:
        content = migrated(json.loads(path.read_bytes()))
        return schema.model_validate_json(json.dumps(content))
    except FileNotFoundError as error:
        raise ProbeError(f"Expected a {what} at {path}, but there is none; {run} first.") from error
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
