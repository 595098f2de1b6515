"""What a killed stress test leaves: the answers on every perturbation that was done, and features of the next one.

    <folder>/.parts/<key>/<perturbation>.parquet    gone with the record
    <folder>/.parts/<key>/features/                 of one perturbation at a time
    <folder>/.parts/lock                            held by the process that is at work on the folder

The key hashes everything that answers depend on.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from emobox_probe.features.shards import write_whole

PARTS, LOCK = ".parts", "lock"


class Parts:
    """The kept answers of one stress test, by perturbation."""

    def __init__(self, folder: Path, identity: Sequence[object]):
        key = hashlib.sha256(json.dumps([*identity, torch.__version__], sort_keys=True).encode())
        self._folder = folder / PARTS / key.hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        self.features = self._folder / "features"

    def read(self, name: str) -> pd.DataFrame | None:
        """The answers on a perturbation; None where there are none, or they are damaged."""
        try:
            answers: pd.DataFrame = pq.read_table(
                self._path(name), page_checksum_verification=True
            ).to_pandas()
            return answers
        except (OSError, pa.ArrowException):
            return None

    def keep(self, name: str, answers: pd.DataFrame) -> None:
        """Keep them for a later process."""
        table = pa.Table.from_pandas(answers, preserve_index=False)
        write_whole(self._path(name), lambda file: pq.write_table(table, file, write_page_checksum=True))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"

    def table(self, answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
        """All answers in one table, in the order of the perturbations; None of none."""
        tables = [part.assign(perturbation=name) for name, part in answers.items()]
        return pd.concat(tables, ignore_index=True) if tables else None


def forget(folder: Path) -> None:
    """Remove what was kept for a record, which is there now; of who holds the lock."""
    for kept in (folder / PARTS).iterdir():
        if kept.name != LOCK:
            shutil.rmtree(kept, ignore_errors=True)
    # Last: from here on another process may begin, and what it makes must stay.
    (folder / PARTS / LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        (folder / PARTS).rmdir()
