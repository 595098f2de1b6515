"""The feature store: frames of a whole corpus on disk, packed, hashed and resumable.

    <root>/<key>/manifest.json            what the features are: encoder, corpus, data type
    <root>/<key>/shard-00000.safetensors  `frames` (sum of T, D) and `lengths` (N,) of consecutive utterances
    <root>/<key>/index.parquet            id, shard, offset, length; written last
    <root>/locks/, <root>/times/          who is at work on which shard; how long each took

The key hashes the manifest, so another encoder or a changed corpus never meets old features. Which utterances are
in a shard depends on the corpus alone, and a shard is written whole and then renamed: a killed run continues at the
next shard, and any number of processes can fill one store.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout
from safetensors import safe_open
from safetensors.torch import save_file

from emobox_probe.errors import ProbeError

FORMAT = 1
# Audio in one shard: little is lost when a run is killed, and files stay in the tens of megabytes.
SHARD_SECONDS = 240.0

Encode = Callable[[Sequence[int]], Iterable[torch.Tensor]]


@dataclass(frozen=True)
class FeatureStore:
    """Features of the utterances `ids` (with durations in seconds) that `identity` describes."""

    root: Path
    identity: dict[str, Any]
    ids: list[str]
    durations: list[float]

    @property
    def key(self) -> str:
        return hashlib.sha256(self._manifest().encode()).hexdigest()[:32]

    @property
    def folder(self) -> Path:
        return self.root / self.key

    @property
    def shards(self) -> list[range]:
        """Positions in `ids` of each shard."""
        ends = np.cumsum(self.durations)
        shard = np.floor((ends - self.durations) / SHARD_SECONDS).astype(int)
        starts = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(self.ids)]
        return [range(first, last) for first, last in pairwise(starts)]

    @property
    def complete(self) -> bool:
        return (self.folder / "index.parquet").is_file()

    def fill(self, encode: Encode, dtype: torch.dtype, found: Callable[[float], Any]) -> None:
        """Make the shards that are missing, beside any other process that does the same.

        Args:
            encode: from positions in `ids` to their frames, each (T, D).
            dtype: what the frames are stored as.
            found: told the seconds of audio of each shard that was there or that another process made.

        Raises:
            ProbeError: a feature is not finite in the stored data type.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / "manifest.json", lambda path: path.write_text(self._manifest()))
        waiting = [
            shard for shard in range(len(self.shards)) if not self._make(shard, encode, dtype, found, 0)
        ]
        for shard in waiting:  # another process has these: wait for it, and step in if it dies
            self._make(shard, encode, dtype, found, -1)
        self._write_index()

    def _make(
        self, number: int, encode: Encode, dtype: torch.dtype, found: Callable[[float], Any], wait: float
    ) -> bool:
        """Make a shard unless it is there; False if another process holds it for longer than `wait` seconds."""
        path, rows = self._shard_path(number), self.shards[number]
        seconds = sum(self.durations[row] for row in rows)
        try:
            with FileLock(self._beside("locks", f"{self.key}-{number:05d}"), timeout=wait):
                if path.is_file():
                    found(seconds)
                    return True
                started = time.perf_counter()
                self._write_shard(path, rows, list(encode(rows)), dtype)
                self._note_seconds(number, time.perf_counter() - started)
        except Timeout:
            return False
        return True

    def _note_seconds(self, number: int, seconds: float) -> None:
        """Outside the store itself, whose bytes depend on nothing but what it is made from."""
        line = json.dumps({"shard": number, "seconds": round(seconds, 3)})
        with self._beside("times", f"{self.key}.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def seconds_spent(self) -> float:
        """What making the stored shards took, over all processes and runs."""
        lines = self._beside("times", f"{self.key}.jsonl").read_text(encoding="utf-8").splitlines()
        seconds: dict[int, float] = {entry["shard"]: entry["seconds"] for entry in map(json.loads, lines)}
        return sum(seconds.values())

    def _beside(self, folder: str, name: str) -> Path:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        return self.root / folder / name

    def _write_shard(self, path: Path, rows: range, frames: list[torch.Tensor], dtype: torch.dtype) -> None:
        stored = [utterance.to(dtype).cpu() for utterance in frames]
        for row, utterance in zip(rows, stored, strict=True):
            if not torch.isfinite(utterance).all():
                raise ProbeError(
                    f"Expected finite features, but those of {self.ids[row]} are not in {dtype}; check its audio, "
                    f"or store with --store-dtype float32."
                )
        tensors = {
            "frames": torch.cat(stored),
            "lengths": torch.tensor([len(utterance) for utterance in stored]),
        }
        _write(path, lambda unfinished: save_file(tensors, unfinished))

    def _write_index(self) -> None:
        parts = []
        for number, rows in enumerate(self.shards):
            with safe_open(self._shard_path(number), framework="pt") as shard:
                lengths = shard.get_tensor("lengths").numpy()
            ids = [self.ids[row] for row in rows]
            offsets = np.cumsum(lengths) - lengths
            parts.append(pd.DataFrame({"id": ids, "shard": number, "offset": offsets, "length": lengths}))
        _write(self.folder / "index.parquet", lambda path: pd.concat(parts).to_parquet(path, index=False))

    def read(self) -> Iterator[tuple[str, torch.Tensor]]:
        """(id, frames (T, D)) of every utterance in the order of `ids`, one shard in memory at a time."""
        for number, rows in enumerate(self.shards):
            with safe_open(self._shard_path(number), framework="pt") as shard:
                frames = shard.get_tensor("frames").split(shard.get_tensor("lengths").tolist())
            yield from zip((self.ids[row] for row in rows), frames, strict=True)

    def _shard_path(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.safetensors"

    def _manifest(self) -> str:
        utterances = hashlib.sha256("\n".join(self.ids).encode()).hexdigest()
        facts = {"format": FORMAT, "shard_seconds": SHARD_SECONDS, "utterances": utterances, **self.identity}
        return json.dumps(facts, indent=2, sort_keys=True) + "\n"


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the target and rename, so that no one ever reads half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
