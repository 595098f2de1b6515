"""Reading the table of predictions beside a record, of whatever kind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from emobox_probe.errors import ProbeError, UnreadableError

# How it is made again.
PROBE_AGAIN = "run the probe again, with --overwrite"


@contextmanager
def reading(path: Path, again: str = PROBE_AGAIN, what: str = "a Parquet file") -> Iterator[None]:
    """Say what is wrong with the file that is read within.

    Raises:
        UnreadableError: the user has not the right to read it.
        ProbeError: it is damaged, or not there.
    """
    try:
        yield
    except ProbeError:
        raise
    except PermissionError as error:
        raise UnreadableError(path) from error
    except (OSError, ValueError) as error:
        raise ProbeError(f"Expected {what} at {path}, but got: {error}; {again}.") from error


def check_columns(table: pd.DataFrame, columns: Sequence[str], path: Path, again: str = PROBE_AGAIN) -> None:
    """Refuse a table that lacks a column.

    Raises:
        ProbeError: it does.
    """
    if missing := [column for column in columns if column not in table]:
        raise ProbeError(
            f"Expected columns {', '.join(columns)} in {path}, but {', '.join(missing)} are missing; {again}."
        )
