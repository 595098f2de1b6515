"""From stored audio to a feature store: decoding, the model and the disk at work at the same time.

    other processes   FLAC bytes -> waveforms -> padded batches, a few batches ahead of the model
    one thread        copies of them that a GPU can fetch without waiting
    main thread       the model
    two threads       checksum and disk

Decoding is left to other processes because Python runs one thread at a time, and a fast GPU waits for the Python that
feeds it.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from emobox_datasets.audio_files.audio import from_flac
from emobox_datasets.audio_files.processes import ignore_interruptions
from emobox_datasets.errors import AudioError
from emobox_probe.encoders.encoder import Encoder, Pending, in_order
from emobox_probe.encoders.matrix_products import matrix_products
from emobox_probe.errors import ProbeError, UtteranceError
from emobox_probe.features.store import FeatureStore

# More processes would only claim more shards ahead.
MOST_WORKERS = 8
# Batches travel through shared memory; containers often have next to none.
SHARED_MEMORY = 1 << 30

# The FLAC bytes of utterances at these positions.
Source = Callable[[Sequence[int]], Sequence[bytes]]
# From the position of an utterance and its waveform `(samples,)` to what the encoder hears instead.
Change = Callable[[int, np.ndarray], np.ndarray]


def extract(
    store: FeatureStore,
    encoder: Encoder,
    source: Source,
    dtype: torch.dtype,
    progress: Callable[[float], Any],
    processes: int = 1,
    change: Change | None = None,
) -> None:
    """Fill the store with features of the audio that `source` gives.

    Args:
        store: what is missing or damaged in it is made.
        encoder: makes the features.
        source: from positions in `store.ids` to FLAC bytes; other processes call it.
        dtype: what frames are stored as.
        progress: told seconds of audio as they are done.
        processes: how many share this machine's cores.
        change: what is done to each waveform before the encoder hears it; other processes do it.

    Raises:
        ProbeError: audio that is not finite, features that are not, an utterance that the device has no memory
            for, a full disk, or a process that was killed.
    """
    store.find_damage()
    if store.complete:
        return
    workers = number_of_workers(encoder, processes)

    def encode(shards: Iterator[range]) -> Iterator[Pending]:
        planned: deque[tuple[range, list[list[int]]]] = deque()
        loader = DataLoader(
            _Batches(store, encoder, source, change),
            batch_size=None,
            sampler=_Plan(store, encoder, shards, planned),
            collate_fn=_as_it_is,
            num_workers=workers,
            prefetch_factor=1 if workers else None,
            pin_memory=torch.cuda.is_available() and not encoder.needs_cores,
            worker_init_fn=_quiet,
        )
        running: list[Pending] = []
        for batch in loader:
            rows, batches = planned[0]
            if isinstance(batch, _Failure):
                raise ProbeError(batch.message)
            try:
                running.append(encoder.run(batch, dtype))
            except UtteranceError as error:
                utterance = store.ids[batches[len(running)][error.position]]
                raise ProbeError(f"Utterance {utterance}: {error}") from error
            progress(sum(store.durations[row] for row in batches[len(running) - 1]))
            if len(running) == len(batches):
                planned.popleft()
                yield partial(in_order, rows, batches, running)
                running = []

    try:
        with matrix_products("float32"):  # heads may have been trained in TF32 in this process
            store.fill(encode, dtype, progress, lambda: encoder.busy_seconds)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ProbeError(
            "Expected the processes that decode audio to stay, but one was killed, as happens where memory runs out; "
            "make room in memory. What was written before is whole, and the same command goes on from there."
        ) from error


def number_of_workers(encoder: Encoder, processes: int) -> int:
    """Processes that decode: none where they cannot be had, one beside a model that needs the cores itself."""
    if not sys.platform.startswith("linux"):
        return 0
    room = os.statvfs("/dev/shm")
    if room.f_bavail * room.f_frsize < SHARED_MEMORY:
        return 0
    cores = len(os.sched_getaffinity(0)) // processes
    return min(1 if encoder.needs_cores else MOST_WORKERS, max(cores - 1, 0))


@dataclass(frozen=True)
class _Failure:
    """An error of another process, in its words: the exception itself would come with that process's traceback."""

    message: str


@dataclass(frozen=True)
class _Batches(Dataset[Any]):
    """Batches by the positions of their utterances; what the other processes do."""

    store: FeatureStore
    encoder: Encoder
    source: Source
    change: Change | None

    def __getitem__(self, rows: Sequence[int]) -> Any:
        waveforms = []
        for row, flac in zip(rows, self.source(rows), strict=True):
            try:
                waveform = from_flac(flac)
                waveforms.append(waveform if self.change is None else self.change(row, waveform))
            except AudioError as error:
                return _Failure(str(AudioError(self.store.ids[row], error.reason, error.remedy)))
        try:
            return self.encoder.collate(waveforms)
        except ProbeError:
            return self._failure(rows, waveforms)

    def _failure(self, rows: Sequence[int], waveforms: Sequence[Any]) -> _Failure:
        for row, waveform in zip(rows, waveforms, strict=True):
            try:
                self.encoder.collate([waveform])
            except ProbeError as error:
                return _Failure(f"Utterance {self.store.ids[row]}: {error}")
        return _Failure(f"Expected utterances that fit into one batch, but {rows} do not.")


@dataclass(frozen=True)
class _Plan:
    """The batches of every shard, planned when the shard is claimed."""

    store: FeatureStore
    encoder: Encoder
    shards: Iterator[range]
    planned: deque[tuple[range, list[list[int]]]]

    def __iter__(self) -> Iterator[list[int]]:
        for rows in self.shards:
            seconds = [self.store.durations[row] for row in rows]
            batches = [[rows[place] for place in batch] for batch in self.encoder.plan(seconds)]
            self.planned.append((rows, batches))
            yield from batches


def _as_it_is(batch: Any) -> Any:
    return batch


def _quiet(_: int) -> None:
    """Leave an interruption to the main process, which says in one line what it means.

    The thread that hands over shared memory prints a traceback where the main process leaves while it takes some.
    """
    ignore_interruptions()
    sys.excepthook = _except_for_a_reader_that_left


def _except_for_a_reader_that_left(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
