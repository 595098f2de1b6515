"""Decoding a whole corpus to see what is in it, without storing anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan

from emobox_datasets.audio_files.audio import SAMPLING_RATE, checksum, decode, is_lossy, resample, to_mono
from emobox_datasets.audio_files.processes import pool
from emobox_datasets.audio_files.statistics import is_clipped, is_faint, is_silent, is_white_noise, upper_band
from emobox_datasets.corpus import Utterance
from emobox_datasets.errors import AudioError

_UTTERANCES_A_TASK = 32


@dataclass(frozen=True)
class Heard:
    """What decoding one utterance tells; where it cannot be used, only `reason` and `remedy` (see `AudioError`).

    `seconds`, `sampling_rate`, `channels`, `lossy` (see `is_lossy`) and `faint` are those of the file (or span);
    `silent`, `white_noise`, `upper_band` (dB) and `checksum` are told by the 16 kHz samples, the last as
    `flac_checksum` reads it from a stored corpus.
    """

    id: str
    path: str
    reason: str = ""
    remedy: str = ""
    seconds: float = 0.0
    sampling_rate: int = 0
    channels: int = 0
    lossy: bool = False
    clipped: bool = False
    silent: bool = False
    faint: bool = False
    white_noise: bool = False
    upper_band: float = nan
    checksum: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason


def hear(utterance: Utterance) -> Heard:
    """Decode one utterance the way it would be stored."""
    try:
        samples, rate = decode(utterance.path, utterance.start, utterance.end)
        mono = to_mono(samples, utterance.channel, utterance.path)
        waveform = resample(mono, rate, SAMPLING_RATE)
    except AudioError as error:
        return Heard(utterance.id, utterance.path, error.reason, error.remedy)
    return Heard(
        id=utterance.id,
        path=utterance.path,
        seconds=len(samples) / rate,
        sampling_rate=rate,
        channels=samples.shape[1],
        lossy=is_lossy(utterance.path),
        clipped=is_clipped(samples),
        silent=is_silent(waveform),
        faint=is_faint(mono),
        white_noise=is_white_noise(waveform),
        upper_band=upper_band(waveform),
        checksum=checksum(waveform),
    )


def hear_all(utterances: Sequence[Utterance], jobs: int = 1) -> Iterator[Heard]:
    """Decode utterances in order, `jobs` at a time."""
    if jobs == 1:
        yield from map(hear, utterances)
        return
    with pool(jobs) as executor:
        yield from executor.map(hear, utterances, chunksize=_UTTERANCES_A_TASK)
