"""Any audio container to 16 kHz mono FLAC, once; the stored bytes back to samples."""

import hashlib
import io
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from emobox_datasets.containers import missing_bytes
from emobox_datasets.errors import CorpusError

SAMPLING_RATE = 16_000
_FULL_SCALE = 32_768  # 16-bit samples are x * 32768, so a 16-bit 16 kHz source is stored without loss
FLAC_HEAD = 42  # bytes of a FLAC file that tell the number and the MD5 of its samples
_CONSTANT_FRAME = 32  # bytes of FLAC, at most
# Annotated spans are rounded, so the last one may end a little after its file does.
_SPAN_TOLERANCE = 0.1


def read_waveform(
    path: str | Path, start: float | None = None, end: float | None = None, channel: int | None = None
) -> np.ndarray:
    """Decode a file, or its span from `start` to `end` seconds, to 16 kHz mono.

    Channels are averaged, so loudness does not depend on how many there are, unless `channel` (from 1) names
    one. Resampled by soxr in high quality.

    Returns:
        float32 array `(samples,)`; full scale is [-1, 1], which sources in floating point may exceed.

    Raises:
        CorpusError: the file cannot be decoded, is shorter than its header or `end` says, has no such channel,
            no samples, or samples that are not finite.
    """
    samples, rate = decode(path, start, end)
    return resample(to_mono(samples, channel, path), rate, SAMPLING_RATE)


def decode(path: str | Path, start: float | None = None, end: float | None = None) -> tuple[np.ndarray, int]:
    """Decode a file or a span of it as it is: float32 `(samples, channels)` and the sampling rate in Hz.

    Raises:
        CorpusError: the file cannot be decoded, is shorter than its header or `end` says, or holds no samples.
    """
    try:
        if missing := missing_bytes(path):
            raise OSError(f"the file ends {missing} bytes before its header says")
        samples, rate = _decode(str(path), start, end)
    except _UNDECODABLE as error:
        raise CorpusError(
            f"Expected audio in {path}, but it cannot be decoded ({error}); replace the file with the original."
        ) from error
    if end is not None and len(samples) / rate < end - (start or 0) - _SPAN_TOLERANCE:
        raise CorpusError(
            f"Expected audio from {start or 0} s to {end} s in {path}, but only {len(samples) / rate:.2f} s of it "
            f"are there; replace the file with the original."
        )
    if not samples.size:
        raise CorpusError(f"Expected audio in {path}, but it holds no samples; replace it with the original.")
    return samples, rate


def to_mono(samples: np.ndarray, channel: int | None, path: str | Path) -> np.ndarray:
    """`(samples, channels)` of the file `path` to `(samples,)`: channel `channel` (from 1), or all averaged.

    Raises:
        CorpusError: there is no such channel, or samples are not finite.
    """
    if channel is not None and not 1 <= channel <= samples.shape[1]:
        raise CorpusError(
            f"Expected channel {channel} in {path}, but it has {samples.shape[1]}; replace it with the original."
        )
    mono: np.ndarray = samples.mean(axis=1) if channel is None else samples[:, channel - 1]
    if not np.isfinite(mono).all():
        raise CorpusError(f"Expected finite samples in {path}, but got NaN or infinity; replace the file.")
    return mono


def resample(waveform: np.ndarray, rate: int, target: int) -> np.ndarray:
    """`(samples,)` at `rate` Hz to float32 `(samples,)` at `target` Hz, at least one sample."""
    if rate == target:
        return waveform.astype(np.float32)
    resampled: np.ndarray = soxr.resample(waveform.astype(np.float64), rate, target)
    return (resampled if len(resampled) else waveform[:1]).astype(np.float32)


def to_flac(waveform: np.ndarray) -> bytes:
    """`(samples,)` at 16 kHz to the bytes of a 16-bit FLAC file; what exceeds full scale is clipped."""
    buffer = io.BytesIO()
    soundfile.write(buffer, to_integers(waveform), SAMPLING_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def to_integers(waveform: np.ndarray) -> np.ndarray:
    """`(samples,)` to int16 `(samples,)`, rounded; what exceeds full scale is clipped."""
    scaled = np.rint(waveform.astype(np.float64) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def from_flac(flac: bytes) -> np.ndarray:
    """The stored bytes of one utterance to float32 `(samples,)` at 16 kHz."""
    waveform: np.ndarray = soundfile.read(io.BytesIO(flac), dtype="float32")[0]
    return waveform


def flac_checksum(flac: bytes) -> str:
    """The MD5 of the samples that every FLAC file carries in its header: equal audio, equal checksum."""
    # Marker (4 bytes), block header (4), then STREAMINFO, whose last 16 of 34 bytes are the MD5 (RFC 9639).
    return flac[26:42].hex()


def is_silent_flac(flac: bytes) -> bool:
    """Whether all samples of a file of `to_flac` are zero, told from its first `FLAC_HEAD` bytes."""
    # STREAMINFO again: the size of the largest frame (3 bytes), and the number of samples (36 bits), before the MD5.
    # A frame of equal samples is a constant of some 13 bytes; others need not be hashed.
    if int.from_bytes(flac[15:18], "big") > _CONSTANT_FRAME:
        return False
    samples = int.from_bytes(flac[18:26], "big") & ((1 << 36) - 1)
    return flac_checksum(flac) == hashlib.md5(bytes(2 * samples)).hexdigest()


def checksum(waveform: np.ndarray) -> str:
    """What `flac_checksum(to_flac(waveform))` is, without making the FLAC file."""
    return hashlib.md5(to_integers(waveform).astype("<i2").tobytes()).hexdigest()


# PyAV tells of streams whose layout changes half-way with ValueError.
_UNDECODABLE = (soundfile.LibsndfileError, av.FFmpegError, OSError, ValueError)


def _decode(path: str, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    if Path(path).suffix[1:].upper() not in soundfile.available_formats():
        samples, rate = _decode_with_ffmpeg(path)
        return samples[_span(start, end, rate, len(samples))], rate
    with soundfile.SoundFile(path) as file:
        # Seeking decodes nothing before the span: PAVOQUE cuts thousands of utterances from hours of FLAC.
        span = _span(start, end, file.samplerate, file.frames)
        file.seek(span.start)
        samples = file.read(span.stop - span.start, dtype="float32", always_2d=True)
        if (found := span.start + len(samples)) < span.stop:
            raise OSError(f"its header promises {file.frames} samples, but only {found} are there")
        return samples, file.samplerate


def _span(start: float | None, end: float | None, rate: int, count: int) -> slice:
    """The samples from `start` to `end` seconds, as far as there are `count`."""
    last = count if end is None else min(round(end * rate), count)
    return slice(min(round((start or 0) * rate), last), last)


def _decode_with_ffmpeg(path: str) -> tuple[np.ndarray, int]:
    with av.open(path) as container:
        if not container.streams.audio:
            raise OSError("no audio stream")
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp")
        frames = [out for frame in container.decode(stream) for out in planar.resample(frame)]
        if not frames:
            return np.zeros((0, 1), dtype=np.float32), SAMPLING_RATE
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T, frames[0].sample_rate
