"""Any audio container to 16 kHz mono FLAC, once; the stored bytes back to samples."""

import io
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from emobox_datasets.errors import CorpusError

SAMPLING_RATE = 16_000
_FULL_SCALE = 32_768  # 16-bit samples are x * 32768, so a 16-bit 16 kHz source is stored without loss


def read_waveform(
    path: str | Path, start: float | None = None, end: float | None = None, channel: int | None = None
) -> np.ndarray:
    """Decode a file, or its span from `start` to `end` seconds, to 16 kHz mono.

    Channels are averaged, so loudness does not depend on how many there are, unless `channel` (from 1) names
    one. Resampled by soxr in high quality.

    Returns:
        float32 array `(samples,)` in [-1, 1].

    Raises:
        CorpusError: the file cannot be decoded, has no such channel, no samples, or samples that are not finite.
    """
    try:
        samples, rate = _decode(str(path), start, end)
    except (soundfile.LibsndfileError, av.FFmpegError, OSError) as error:
        raise CorpusError(
            f"Expected audio in {path}, but it cannot be decoded ({error}); replace the file with the original."
        ) from error
    if not samples.size:
        raise CorpusError(f"Expected audio in {path}, but it holds no samples; replace it with the original.")
    if channel is not None and not 1 <= channel <= samples.shape[1]:
        raise CorpusError(
            f"Expected channel {channel} in {path}, but it has {samples.shape[1]}; replace it with the original."
        )
    mono = samples.mean(axis=1) if channel is None else samples[:, channel - 1]
    if not np.isfinite(mono).all():
        raise CorpusError(f"Expected finite samples in {path}, but got NaN or infinity; replace the file.")
    return resample(mono, rate, SAMPLING_RATE)


def resample(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    """`(samples,)` at `rate` Hz to float32 `(samples,)` at `target` Hz, at least one sample."""
    if rate == target:
        return waveform.astype(np.float32)
    resampled: np.ndarray = soxr.resample(waveform.astype(np.float64), rate, target)
    return (resampled if len(resampled) else waveform[:1]).astype(np.float32)


def to_flac(waveform: np.ndarray) -> bytes:
    """`(samples,)` at 16 kHz to the bytes of a 16-bit FLAC file; what exceeds full scale is clipped."""
    scaled = np.rint(waveform.astype(np.float64) * _FULL_SCALE)
    integers = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, integers, SAMPLING_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def from_flac(flac: bytes) -> np.ndarray:
    """The stored bytes of one utterance to float32 `(samples,)` at 16 kHz."""
    waveform: np.ndarray = soundfile.read(io.BytesIO(flac), dtype="float32")[0]
    return waveform


def flac_checksum(flac: bytes) -> str:
    """The MD5 of the samples that every FLAC file carries in its header: equal audio, equal checksum."""
    # Marker (4 bytes), block header (4), then STREAMINFO, whose last 16 of 34 bytes are the MD5 (RFC 9639).
    return flac[26:42].hex()


def _decode(path: str, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """(samples, channels) float32 and the sampling rate."""
    if Path(path).suffix[1:].upper() not in soundfile.available_formats():
        return _cut(*_decode_with_ffmpeg(path), start, end)
    with soundfile.SoundFile(path) as file:
        first = round((start or 0) * file.samplerate)
        last = file.frames if end is None else round(end * file.samplerate)
        file.seek(min(first, file.frames))
        return file.read(max(last - first, 0), dtype="float32", always_2d=True), file.samplerate


def _decode_with_ffmpeg(path: str) -> tuple[np.ndarray, int]:
    with av.open(path) as container:
        if not container.streams.audio:
            raise OSError("no audio stream")
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp")
        frames = [out for frame in container.decode(stream) for out in planar.resample(frame)]
        samples = [frame.to_ndarray() for frame in frames]
        if not samples:
            return np.zeros((0, 1), dtype=np.float32), SAMPLING_RATE
        return np.concatenate(samples, axis=1).T, frames[0].sample_rate


def _cut(samples: np.ndarray, rate: int, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    return samples[round((start or 0) * rate) : None if end is None else round(end * rate)], rate
