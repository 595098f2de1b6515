"""Decoding a whole corpus to see what is in it, without storing anything."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from emobox_datasets.audio import SAMPLING_RATE, checksum, decode, resample, to_mono
from emobox_datasets.corpus import Utterance
from emobox_datasets.errors import CorpusError

# This many samples in a row at full scale are a flat top; speech that only touches it has one or two.
_FLAT_TOP = 3
_FULL_SCALE = 1 - 2**-14  # 16-bit full scale, and one step below it
_UTTERANCES_A_TASK = 32


@dataclass(frozen=True)
class Heard:
    """What decoding one utterance tells; where it cannot be decoded, only `error`.

    `seconds`, `sampling_rate` and `channels` are those of the file (or span); `checksum` is that of the 16 kHz
    samples, as `flac_checksum` reads it from a stored corpus.
    """

    id: str
    path: str
    error: str = ""
    seconds: float = 0.0
    sampling_rate: int = 0
    channels: int = 0
    clipped: bool = False
    checksum: str = ""


def hear(utterance: Utterance) -> Heard:
    """Decode one utterance the way it would be stored."""
    try:
        samples, rate = decode(utterance.path, utterance.start, utterance.end)
        mono = to_mono(samples, utterance.channel, utterance.path)
    except CorpusError as error:
        return Heard(utterance.id, utterance.path, error=str(error))
    return Heard(
        id=utterance.id,
        path=utterance.path,
        seconds=len(samples) / rate,
        sampling_rate=rate,
        channels=samples.shape[1],
        clipped=is_clipped(samples),
        checksum=checksum(resample(mono, rate, SAMPLING_RATE)),
    )


def hear_all(utterances: Sequence[Utterance], jobs: int = 1) -> Iterator[Heard]:
    """Decode utterances in order, `jobs` at a time."""
    if jobs == 1:
        yield from map(hear, utterances)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(hear, utterances, chunksize=_UTTERANCES_A_TASK)


def is_clipped(samples: np.ndarray) -> bool:
    """Whether `(samples, channels)` has flat tops: some samples in a row, on one side, at full scale or beyond.

    >>> is_clipped(np.array([[0.5], [1.0], [1.0], [1.0]])), is_clipped(np.array([[1.0], [-1.0], [1.0]]))
    (True, False)
    """
    for full in (samples >= _FULL_SCALE, samples <= -_FULL_SCALE):
        if full.any():
            run = full[: max(len(full) - _FLAT_TOP + 1, 0)].copy()
            for shift in range(1, _FLAT_TOP):
                run &= full[shift : shift + len(run)]
            if run.any():
                return True
    return False
