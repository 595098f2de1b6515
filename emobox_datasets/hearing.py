"""Decoding a whole corpus to see what is in it, without storing anything."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from emobox_datasets.audio import SAMPLING_RATE, checksum, decode, resample, to_mono
from emobox_datasets.corpus import Utterance
from emobox_datasets.errors import CorpusError
from emobox_datasets.statistics import is_clipped

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
