"""The feature store: frames of a whole corpus on disk, packed, hashed and resumable.

    <root>/<key>/manifest.json            what the features are: encoder, corpus, data type
    <root>/<key>/shard-00000.safetensors  frames of consecutive utterances, and a checksum (shards.py)
    <root>/<key>/index.parquet            id, shard, offset, length; written last
    <root>/locks/, <root>/times/          who is at work on which shard; how long each took: can be lost

The key hashes the manifest, so another encoder or a changed corpus never meets old features. Which utterances are
in a shard depends on the corpus alone, and a shard is written whole and then renamed: a killed run continues at the
next shard, and any number of processes can fill one store.
"""

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import inf
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from emobox_probe.encoders.encoder import Encoded, Pending
from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.features.shards import all_finite, is_intact, open_shard, write_shard, write_whole

FORMAT = 4
# Audio in one shard: a sixth of the corpus, for processes to share the work; but enough for batches, in seconds or in
# utterances (to a model that pads them to 30 s, short ones are as much work as long ones); and never more than a slow
# machine would mind to lose when a run is killed.
SHARDS, SHORTEST_SHARD, FEWEST_UTTERANCES, LONGEST_SHARD = 6, 240.0, 48, 3600.0

# Shards that are checked, hashed and written at the same time, beside the model.
WRITERS = 2

# From shards (positions of utterances) to their features, in order; it may look ahead.
Encode = Callable[[Iterator[range]], Iterator[Pending]]


@dataclass(frozen=True)
class _Claim:
    """A shard that this process makes: no other does while it holds the lock."""

    number: int
    lock: FileLock
    started: float


@dataclass(frozen=True)
class FeatureStore:
    """Features of the utterances `ids` (with durations in seconds) that `identity` describes."""

    root: Path
    identity: dict[str, Any]
    ids: list[str]
    durations: list[float]
    _verified: set[int] = field(default_factory=set, repr=False, compare=False)

    @cached_property
    def key(self) -> str:
        return hashlib.sha256(self._manifest().encode()).hexdigest()[:32]

    @property
    def folder(self) -> Path:
        return self.root / self.key

    @cached_property
    def shards(self) -> list[range]:
        """Positions in `ids` of each shard."""
        ends = np.cumsum(self.durations)
        shard = np.floor((ends - self.durations) / self._shard_seconds).astype(int)
        starts = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(self.ids)]
        return [range(first, last) for first, last in pairwise(starts)]

    @property
    def _shard_seconds(self) -> float:
        total = sum(self.durations)
        shortest = min(SHORTEST_SHARD, FEWEST_UTTERANCES * total / len(self.ids))
        return min(max(total / SHARDS, shortest), LONGEST_SHARD)

    @property
    def complete(self) -> bool:
        """Whether all shards were written; raises UnreadableError where the user must not look into the store."""
        try:
            return (self.folder / "index.parquet").is_file()
        except PermissionError as error:
            raise UnreadableError(self.folder) from error

    def find_damage(self) -> list[int]:
        """Shards of a complete store whose bytes are not those that were written; `fill` makes them again."""
        if not self.complete:
            return []  # others may be at work on it, and `fill` looks at every shard that it finds
        damaged = [number for number in range(len(self.shards)) if not self._intact(number)]
        if damaged:
            (self.folder / "index.parquet").unlink(missing_ok=True)
        return damaged

    def fill(
        self,
        encode: Encode,
        dtype: torch.dtype,
        found: Callable[[float], Any],
        busy: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Make the shards that are missing, beside any other process that does the same.

        Args:
            encode: from shards to the features of their utterances.
            dtype: what the frames are stored as.
            found: told the seconds of audio of each shard that was there or that another process made.
            busy: for how many seconds the model has run, for the record.

        Raises:
            ProbeError: a feature is not finite in the stored data type, or the disk is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest = self._manifest().encode()
        write_whole(self.folder / "manifest.json", manifest)
        # First what nobody holds; then what others do: wait for them, and step in if one dies.
        waiting = self._fill(range(len(self.shards)), 0, encode, dtype, found, busy)
        if waiting:
            self._fill(waiting, -1, encode, dtype, found, busy)
        self._write_index()

    def _fill(
        self,
        numbers: Iterable[int],
        patience: float,
        encode: Encode,
        dtype: torch.dtype,
        found: Callable[[float], Any],
        busy: Callable[[], float],
    ) -> list[int]:
        """Make those of the shards that can be claimed; the others."""
        claims: deque[_Claim] = deque()
        writes: deque[Future[None]] = deque()
        waiting: list[int] = []

        def claimed() -> Iterator[range]:
            for number in numbers:
                claim = self._claim(number, patience)
                if claim is None:
                    waiting.append(number)
                elif self._intact(number):
                    claim.lock.release()
                    found(sum(self.durations[row] for row in self.shards[number]))
                else:
                    claims.append(claim)
                    yield self.shards[number]

        clock = _Clock(busy)
        with ThreadPoolExecutor(WRITERS) as writer:
            try:
                for pending in encode(claimed()):
                    writes.append(writer.submit(self._finish, claims.popleft(), pending, dtype, clock))
                    while len(writes) > WRITERS:  # or features would pile up in memory
                        writes.popleft().result()
                for write in writes:
                    write.result()
            finally:
                for claim in claims:
                    claim.lock.release()
        return waiting

    def _claim(self, number: int, patience: float) -> _Claim | None:
        lock = FileLock(
            self._beside("locks", f"{self.key}-{number:05d}"), timeout=patience, thread_local=False
        )
        try:
            lock.acquire()
        except Timeout:
            return None
        return _Claim(number, lock, time.perf_counter())

    def _finish(self, claim: _Claim, pending: Pending, dtype: torch.dtype, clock: "_Clock") -> None:
        """Wait for the features of a shard and write them."""
        path, rows = self._shard_path(claim.number), self.shards[claim.number]
        try:
            encoded = [utterance._replace(frames=utterance.frames.to(dtype)) for utterance in pending()]
            for row, utterance in zip(rows, encoded, strict=True):
                if not all_finite(utterance):
                    raise ProbeError(_not_finite(self.ids[row], utterance, dtype))
            write_shard(path, self._shard_name(claim.number), encoded)
            self._verified.add(claim.number)
            self._note_seconds(claim.number, *clock.since(claim.started))
        finally:
            claim.lock.release()

    def _intact(self, number: int) -> bool:
        """Whether a shard is there and whole; looked at once a process."""
        if number not in self._verified and is_intact(self._shard_path(number), self._shard_name(number)):
            self._verified.add(number)
        return number in self._verified

    def _note_seconds(self, number: int, seconds: float, busy: float) -> None:
        """Outside the store itself, whose bytes depend on nothing but what it is made from."""
        line = json.dumps({"shard": number, "seconds": round(seconds, 6), "busy": round(busy, 6)})
        with suppress(OSError), self._beside("times", f"{self.key}.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def seconds_spent(self) -> float | None:
        """What making the stored shards took, over all processes and runs; None where that is not known of all."""
        times = self._times()
        return None if times is None else sum(seconds for seconds, _ in times)

    def busy_share(self) -> float | None:
        """The part of that time in which the model was at work: how near extraction is to the bare model."""
        times, seconds = self._times(), self.seconds_spent()
        return sum(busy for _, busy in times) / seconds if times and seconds else None

    def _times(self) -> list[tuple[float, float]] | None:
        """(seconds, busy seconds) of every shard as last noted, None where a note is lost: the log only informs."""
        try:
            lines = (self.root / "times" / f"{self.key}.jsonl").read_bytes().splitlines()
        except OSError:
            return None
        noted = dict(filter(None, map(_noted, lines)))
        numbers = range(len(self.shards))
        return [noted[number] for number in numbers] if noted.keys() >= set(numbers) else None

    def _beside(self, folder: str, name: str) -> Path:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        return self.root / folder / name

    def _write_index(self) -> None:
        parts = []
        for number, rows in enumerate(self.shards):
            lengths = open_shard(self._shard_path(number))["lengths"].numpy()
            ids = [self.ids[row] for row in rows]
            offsets = np.cumsum(lengths) - lengths
            parts.append(pd.DataFrame({"id": ids, "shard": number, "offset": offsets, "length": lengths}))
        path = self.folder / "index.parquet"
        with FileLock(self._beside("locks", f"{self.key}-index")):
            write_whole(path, lambda file: pd.concat(parts).to_parquet(file, index=False))

    def read(self, rows: Iterable[int] | None = None) -> Iterator[tuple[str, torch.Tensor]]:
        """(id, frames (T, D)) of the utterances at `rows`, or of all in the order of `ids`.

        Frames are views of memory-mapped files: a corpus larger than memory is read as it is looked at.

        Raises:
            ProbeError: a shard is missing or is not what was written.
        """
        starts = np.array([shard.start for shard in self.shards])
        mapped: dict[int, tuple[torch.Tensor, list[int]]] = {}
        for row in range(len(self.ids)) if rows is None else rows:
            number = int(np.searchsorted(starts, row, side="right")) - 1
            if number not in mapped:
                shard = self._open(number)
                mapped[number] = shard["frames"], [0, *shard["lengths"].cumsum(0).tolist()]
            frames, ends = mapped[number]
            place = row - self.shards[number].start
            yield self.ids[row], frames[ends[place] : ends[place + 1]]

    def means(self) -> torch.Tensor:
        """Means over time of every layer of every utterance, float32 `(N, L+1, D)`.

        Raises:
            ProbeError: the store has frames of the last layer only, or a shard is not what was written.
        """
        return torch.cat([shard["means"] for shard in self._shards_with("means", "all")])

    def layers(self) -> int:
        """Of how many layers there are means and standard deviations.

        Raises:
            ProbeError: of none, or a shard is not what was written.
        """
        return self._shards_with("deviations", "statistics")[0]["deviations"].shape[1]

    def statistics(self, layer: int) -> torch.Tensor:
        """Means over time of one layer of every utterance, beside its standard deviations, float32 `(N, 2 D)`.

        Raises:
            ProbeError: the store has none, or a shard is not what was written.
        """
        shards = self._shards_with("deviations", "statistics")
        moments = ("means", "deviations")
        return torch.cat([torch.cat([shard[name][:, layer] for shard in shards]) for name in moments], dim=1)

    def _shards_with(self, part: str, layers: str) -> list[dict[str, torch.Tensor]]:
        shards = [self._open(number) for number in range(len(self.shards))]
        if part not in shards[0]:
            raise ProbeError(
                f"Expected features with {part} of all layers; extract them with --layers {layers}."
            )
        return shards

    def _open(self, number: int) -> dict[str, torch.Tensor]:
        path = self._shard_path(number)
        if not self._intact(number):
            raise ProbeError(
                f"Expected {path} as it was written, but it is missing or damaged; run the probe again, which "
                f"makes it anew."
            )
        return open_shard(path)

    def _shard_path(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.safetensors"

    def _shard_name(self, number: int) -> str:
        """What the shard is of; it is in its checksum, but not in the file."""
        return f"{self.key} {number}"

    def _manifest(self) -> str:
        utterances = hashlib.sha256("\n".join(self.ids).encode()).hexdigest()
        facts = {
            "format": FORMAT,
            "shard_seconds": self._shard_seconds,
            "utterances": utterances,
            **self.identity,
        }
        return json.dumps(facts, indent=2, sort_keys=True) + "\n"


def times_real_time(stores: Sequence[FeatureStore]) -> float | None:
    """How much faster than it is spoken audio became features; None where the time it took is not known."""
    seconds = seconds_spent(stores)
    return sum(sum(store.durations) for store in stores) / seconds if seconds else None


def seconds_spent(stores: Sequence[FeatureStore]) -> float | None:
    """What making the stores took; None where that is not known of all."""
    spent = [store.seconds_spent() for store in stores]
    known = [seconds for seconds in spent if seconds is not None]
    return sum(known) if len(known) == len(spent) else None


def _noted(line: bytes) -> tuple[int, tuple[float, float]] | None:
    """Shard, seconds and busy seconds of a line of the log; None for one that is torn."""
    try:
        note = json.loads(line)
        number, seconds, busy = int(note["shard"]), float(note["seconds"]), float(note["busy"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return (number, (seconds, busy)) if 0 <= seconds < inf and 0 <= busy < inf else None


class _Clock:
    """Shares out the time of overlapping shards: each gets what has passed since the one before was done."""

    def __init__(self, busy: Callable[[], float]):
        self._busy, self._last, self._busy_last = busy, float("-inf"), busy()
        self._lock = Lock()

    def since(self, started: float) -> tuple[float, float]:
        """Seconds, and seconds in which the model ran."""
        with self._lock:
            now, busy = time.perf_counter(), self._busy()
            passed = now - max(started, self._last), busy - self._busy_last
            self._last, self._busy_last = now, busy
            return passed


def _not_finite(id: str, utterance: Encoded, dtype: torch.dtype) -> str:
    """What to do about values that are none; what is too large for a data type becomes infinite, and not NaN."""
    if any(tensor is not None and tensor.isnan().any() for tensor in utterance):
        return (
            f"Expected finite features, but those of {id} are NaN; check its audio, and whether the encoder computes "
            f"what it should (its weights, its --dtype)."
        )
    return (
        f"Expected finite features, but those of {id} are not in {dtype}; check its audio, or store with "
        f"--store-dtype float32."
    )
