"""Parts of a long recording: windows of one length, or what lies between silences; read piece by piece."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from emobox_datasets.audio_files.audio import SAMPLING_RATE

# Seconds over which a level is measured.
STEP = 0.02
# Decibels below the loud parts of a recording, and below full scale, under which it is silent.
BELOW_LOUD, BELOW_FULL_SCALE = 30.0, 60.0
LOUD_PERCENTILE = 95
# Seconds: shorter silence parts nothing, shorter sound is none; speech keeps a margin; longer speech is cut.
SHORTEST_SILENCE, SHORTEST_SOUND, MARGIN, LONGEST = 0.3, 0.2, 0.1, 15.0


class Segment(NamedTuple):
    """Seconds from the start of a recording, and its samples at 16 kHz."""

    start: float
    end: float
    waveform: np.ndarray


def windows(pieces: Iterable[np.ndarray], seconds: float) -> Iterator[Segment]:
    """Windows of so many seconds, one after another; the last one may be shorter."""
    size = round(seconds * SAMPLING_RATE)
    first, waiting = 0, np.empty(0, dtype=np.float32)
    for piece in pieces:
        waiting = np.concatenate([waiting, piece])
        while len(waiting) >= size:
            yield _segment(first, waiting[:size])
            first, waiting = first + size, waiting[size:]
    if len(waiting):
        yield _segment(first, waiting)


def between_silences(pieces: Iterable[np.ndarray]) -> list[tuple[int, int]]:
    """First and last sample of every part with sound, in the order of time; none where all is silent.

    A step is silent that is `BELOW_LOUD` decibels quieter than the loud steps of this recording, or `BELOW_FULL_SCALE`
    quieter than full scale. All of it must be heard once before the first part is known; only levels are kept.
    """
    levels, length = _levels(pieces)
    if not len(levels):
        return []
    threshold = max(np.percentile(levels, LOUD_PERCENTILE) - BELOW_LOUD, -BELOW_FULL_SCALE)
    sound = _without_short(levels > threshold, round(SHORTEST_SILENCE / STEP), False)
    sound = _without_short(sound, round(SHORTEST_SOUND / STEP), True)
    size, margin = round(STEP * SAMPLING_RATE), round(MARGIN * SAMPLING_RATE)
    parts = [
        (max(first * size - margin, 0), min(last * size + margin, length))
        for first, last in _runs(sound, True)
    ]
    return [shorter for first, last in parts for shorter in _cut(first, last)]


def parts_of(pieces: Iterable[np.ndarray], parts: Iterable[tuple[int, int]]) -> Iterator[Segment]:
    """The parts of a recording from first to last sample, which are in order and may overlap by their margins."""
    source, start = iter(pieces), 0  # where what is at hand starts
    at_hand = np.empty(0, dtype=np.float32)
    for first, last in parts:
        while start + len(at_hand) < last and (piece := next(source, None)) is not None:
            kept = max(first - start, 0)
            at_hand, start = np.concatenate([at_hand[kept:], piece]), start + min(kept, len(at_hand))
        yield _segment(first, at_hand[first - start : last - start])


def _segment(first: int, waveform: np.ndarray) -> Segment:
    return Segment(first / SAMPLING_RATE, (first + len(waveform)) / SAMPLING_RATE, waveform)


def _levels(pieces: Iterable[np.ndarray]) -> tuple[np.ndarray, int]:
    """Decibels below full scale of every whole step, and how many samples there are."""
    size = round(STEP * SAMPLING_RATE)
    powers: list[np.ndarray] = []
    waiting, length = np.empty(0, dtype=np.float32), 0
    for piece in pieces:
        length += len(piece)
        waiting = np.concatenate([waiting, piece])
        whole = len(waiting) // size * size
        powers.append(np.square(waiting[:whole].reshape(-1, size)).mean(1))
        waiting = waiting[whole:]
    if len(waiting):
        powers.append(np.square(waiting).mean(keepdims=True))
    joined = np.concatenate(powers) if powers else np.empty(0)
    return 10 * np.log10(np.maximum(joined, 1e-12)), length


def _runs(states: np.ndarray, wanted: bool) -> list[tuple[int, int]]:
    """Where runs of a state begin, and where they have ended."""
    edges = np.flatnonzero(np.diff(np.concatenate([[not wanted], states, [not wanted]]) == wanted))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _without_short(states: np.ndarray, shortest: int, wanted: bool) -> np.ndarray:
    """Runs of a state that are shorter become the other state; silence before the first and after the last stays."""
    states = states.copy()
    for first, last in _runs(states, wanted):
        inside = wanted or (first > 0 and last < len(states))
        if last - first < shortest and inside:
            states[first:last] = not wanted
    return states


def _cut(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Equal parts of what is too long."""
    count = -(-(last - first) // round(LONGEST * SAMPLING_RATE))
    edges = np.linspace(first, last, count + 1).round().astype(int).tolist()
    yield from pairwise(edges)
