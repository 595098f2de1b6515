"""What a killed process leaves of its training, so that the next one goes on from there.

    <run folder>/.training/<key>.pt    heads, moments and places in the data, every few seconds; gone with the record

The key hashes everything that the outcome depends on. Heads that go on are those of a process that was never killed, to
the last bit on one machine. A file is what `torch.save` writes and, behind that, the SHA-256 of the key and of these
bytes: a file that is damaged, or is another training's, is never gone on from.
"""

import hashlib
import io
import json
import pickle
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from emobox_probe.errors import ProbeError
from emobox_probe.features.shards import write_whole

FOLDER = ".training"
# Seconds between two saves, at least, and how many bytes a second saving may write: it must not hold up training.
PAUSE, BYTES_A_SECOND = 5.0, 2e7

# Tensors, numbers and strings in lists and dictionaries.
State = dict[str, Any]


class Checkpoint:
    """The state of the parts of one training, by name."""

    def __init__(self, folder: Path, identity: Sequence[object]):
        key = hashlib.sha256(json.dumps([*identity, torch.__version__]).encode()).hexdigest()[:16]
        self._path = folder / FOLDER / f"{key}.pt"
        kept = self._read()
        self.seconds_before: float = kept["seconds"]
        self._parts: dict[str, State] = kept["parts"]
        self._started = self._saved = time.perf_counter()
        self._pause = PAUSE

    def part(self, name: str) -> State | None:
        """What is kept of a part; None if it has not begun."""
        return self._parts.get(name)

    def keep(self, name: str, state: Callable[[], State], finished: bool = False) -> None:
        """Save what there is of a part if the last time was long enough ago; remember it if it is finished."""
        if finished:
            self._parts[name] = state()
        passed = time.perf_counter() - self._saved
        if passed < self._pause:
            return
        parts = self._parts if finished else {**self._parts, name: state()}
        self._pause = max(PAUSE, _size(parts) / BYTES_A_SECOND)
        if passed >= self._pause:
            self._write(parts)

    def _write(self, parts: dict[str, State]) -> None:
        spent = self.seconds_before + time.perf_counter() - self._started
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, lambda file: self._save({"seconds": spent, "parts": parts}, file))
        except (OSError, ProbeError) as error:
            self._pause = float("inf")
            warnings.warn(
                f"Expected to keep the state of training in {self._path}, but got: {error} Training goes on; if it is "
                f"killed, it begins anew.",
                stacklevel=2,
            )
        self._saved = time.perf_counter()

    def _save(self, state: State, file: BinaryIO) -> None:
        hashed = _Hashed(file, self._path.stem)
        torch.save(state, cast(BinaryIO, hashed))
        file.write(hashed.digest.digest())

    def _read(self) -> State:
        nothing = {"seconds": 0.0, "parts": {}}
        try:
            content = self._path.read_bytes()
        except OSError:
            return nothing
        digest = hashlib.sha256(self._path.stem.encode())
        saved, checksum = content[: -digest.digest_size], content[-digest.digest_size :]
        digest.update(saved)
        try:
            if digest.digest() == checksum:
                kept: State = torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
                return kept
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            pass
        warnings.warn(
            f"Expected the state of training in {self._path} as it was kept, but the file is damaged or another's; "
            f"training begins anew.",
            stacklevel=3,
        )
        return nothing


class _Hashed:
    """A file that is hashed while it is written: it is not read or held in memory for that."""

    def __init__(self, file: BinaryIO, key: str):
        self._file, self.digest = file, hashlib.sha256(key.encode())

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def forget(folder: Path) -> None:
    """Remove what was kept for a record, which is there now."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def digest(tensors: Iterable[Tensor | None]) -> str:
    """A hash of what tensors on the CPU hold."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(b"none" if tensor is None else tensor.contiguous().numpy().tobytes())
        found.update(b"end")
    return found.hexdigest()


def _size(state: Any) -> int:
    if isinstance(state, Tensor):
        return state.nbytes
    if isinstance(state, dict):
        return sum(map(_size, state.values()))
    return sum(map(_size, state)) if isinstance(state, list) else 0
