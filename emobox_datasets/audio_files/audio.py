"""Any audio container to 16 kHz mono FLAC, once; the stored bytes back to samples."""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from av.codec.context import Flags2
from av.container import InputContainer

import emobox_datasets.copy.placeholders as placeholders
from emobox_datasets.audio_files.containers import counts_mp3_frames, is_chained, is_left_open, missing_bytes
from emobox_datasets.audio_files.statistics import is_in_integer_range
from emobox_datasets.copy.placeholders import REPLACE
from emobox_datasets.errors import AudioError

SAMPLING_RATE = 16_000
_FULL_SCALE = 32_768  # 16-bit samples are x * 32768, so a 16-bit 16 kHz source is stored without loss
FLAC_HEAD = 42  # bytes of a FLAC file that tell the number and the MD5 of its samples
_CONSTANT_FRAME = 32  # bytes of FLAC, at most
_NOT_TOLD = "0" * 32  # the MD5 in a FLAC file whose writer did not compute it
_STORED = "a stored utterance"
_AGAIN = "load the corpus once with download_mode='force_redownload', which converts it again"
# Annotated spans are rounded, so the last one may end a little after its file does.
_SPAN_TOLERANCE = 0.1
_UNTOLD_COUNT = 1 << 62  # frames: what libsndfile says where a FLAC file does not tell how many it has
_CUT = "it ends before its header says"
_JOIN = "join them into one with an audio editor, or replace it with the original"
# Seconds: each span of a file that cannot be cut by seeking costs the decoding of all of it, here some ten seconds.
_LONGEST_UNCUT = 1800


def read_waveform(
    path: str | Path, start: float | None = None, end: float | None = None, channel: int | None = None
) -> np.ndarray:
    """Decode a file, or its span from `start` to `end` seconds, to 16 kHz mono.

    Channels are averaged, so loudness does not depend on how many there are, unless `channel` (from 1) names
    one. Resampled by soxr in high quality.

    Returns:
        float32 array `(samples,)`; full scale is [-1, 1], which sources in floating point may exceed.

    Raises:
        AudioError: there is no audio file, it cannot be decoded, is shorter than its header or `end` says, has no
            such channel, no samples, samples that are not finite, or integers that were written as floats.
    """
    samples, rate = decode(path, start, end)
    return resample(to_mono(samples, channel, path), rate, SAMPLING_RATE)


def decode(path: str | Path, start: float | None = None, end: float | None = None) -> tuple[np.ndarray, int]:
    """Decode a file or a span of it as it is: float32 `(samples, channels)` and the sampling rate in Hz.

    What the file is decides how it is decoded, whatever its name says.

    Raises:
        AudioError: there is no audio file, it cannot be decoded, is shorter than its header or `end` says, or holds
            no samples.
    """
    check_readable(path)
    samples, rate = _decode(str(path), start, end)
    if end is not None and len(samples) / rate < end - (start or 0) - _SPAN_TOLERANCE:
        detail = f"only {len(samples) / rate:.2f} s of {start or 0} s to {end} s are there"
        raise AudioError(path, "it ends before the utterance does", REPLACE, detail)
    if not samples.size:
        raise AudioError(path, "it holds no samples", REPLACE)
    return samples, rate


def check_readable(path: str | Path) -> None:
    """What can be known of a file before it is decoded.

    Raises:
        AudioError: there is no audio file, it is shorter than its header says, or holds several recordings.
    """
    if fault := placeholders.recognise(path):
        raise AudioError(path, *fault)
    try:
        missing, chained = missing_bytes(path), is_chained(path)
    except OSError as error:  # the disk, or its network
        raise AudioError(path, "it cannot be read", REPLACE, error.strerror or str(error)) from error
    if missing:
        raise AudioError(path, _CUT, REPLACE, f"by {missing} bytes")
    if chained:
        raise AudioError(
            path, "it is several recordings behind each other, of which decoders play one", _JOIN
        )


def is_lossy(path: str | Path) -> bool:
    """Whether the codec of a file that can be decoded may change the number of samples, whatever its name says."""
    try:
        return not soundfile.info(os.fsencode(path)).subtype.startswith(_LOSSLESS)
    except UNDECODABLE:
        with open_with_ffmpeg(path) as container:
            return not container.streams.audio[0].codec_context.codec.lossless


def to_mono(samples: np.ndarray, channel: int | None, path: str | Path) -> np.ndarray:
    """`(samples, channels)` of the file `path` to `(samples,)`: channel `channel` (from 1), or all averaged.

    Raises:
        AudioError: there is no such channel, samples are not finite, or they are integers that were written as floats.
    """
    if channel is not None and not 1 <= channel <= samples.shape[1]:
        raise AudioError(path, f"it has no channel {channel}", REPLACE, f"of {samples.shape[1]}")
    mono: np.ndarray = samples.mean(axis=1) if channel is None else samples[:, channel - 1]
    if not np.isfinite(mono).all():
        raise AudioError(path, "some of its samples are NaN or infinite", REPLACE)
    if is_in_integer_range(mono):
        remedy = "divide its samples by full scale (32768 where they were 16 bits) and write it again"
        raise AudioError(path, "its samples are integers written as floats", remedy)
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


def as_stored(waveform: np.ndarray) -> np.ndarray:
    """`(samples,)` as it comes back from storage: float32 of 16 bits, clipped at full scale."""
    return to_integers(waveform).astype(np.float32) / _FULL_SCALE


def from_flac(flac: bytes) -> np.ndarray:
    """The stored bytes of one utterance to float32 `(samples,)` at 16 kHz.

    Raises:
        AudioError: they are not what was stored: they cannot be decoded, or not to samples of the MD5 that they carry.
    """
    try:
        samples: np.ndarray = soundfile.read(io.BytesIO(flac), dtype="int16")[0]
    except soundfile.LibsndfileError as error:
        reason = f"what is stored of it cannot be decoded ({error.error_string.rstrip('.')})"
        raise AudioError(_STORED, reason, _AGAIN) from error
    told = flac_checksum(flac)
    if told not in (_NOT_TOLD, hashlib.md5(samples.astype("<i2", copy=False).tobytes()).hexdigest()):
        raise AudioError(_STORED, "what is stored of it has changed since it was converted", _AGAIN)
    return samples.astype(np.float32) / _FULL_SCALE


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


# PyAV tells of streams whose layout changes half-way with ValueError; soundfile of the name `.raw` with TypeError.
UNDECODABLE = (soundfile.LibsndfileError, av.FFmpegError, OSError, ValueError, TypeError)
_NO_SAMPLES = "no samples"
# How the names of libsndfile's codecs begin that give back as many samples as they were given.
_LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC_", "DWVW_", "DPCM_")
# FFmpeg does not tell of missing frames of FLAC, and takes the samples of RIFX (big-endian WAV) for little-endian.
_BY_LIBSNDFILE = (b"fLaC", b"RIFX")
_LIBSNDFILE_NAMES = frozenset(soundfile.available_formats())
# FFmpeg knows containers of games by so little that it takes headerless samples for them, and playlists that name
# other files. These are the containers that people record, publish and exchange speech in.
_FFMPEG_FORMATS = (
    "3gp,aac,ac3,aiff,amr,ape,asf,au,avi,avr,caf,dss,dts,dv,eac3,epaf,flac,flv,g722,gsm,iff,ilbc,ircam,matroska,"
    "mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,ogg,pvf,qcp,rm,shn,sox,swf,tak,tta,voc,w64,wav,webm,wv"
)


def _decode(path: str, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Ask libsndfile and FFmpeg, which both look at the content, until one knows the file.

    Who is asked first matters for lossy codecs, which they start at different samples or round differently: there
    the name decides, as it always did, so that stored rows stay what they are. It also matters for `_BY_LIBSNDFILE`.
    """
    libsndfile, ffmpeg = ("libsndfile", _decode_with_libsndfile), ("FFmpeg", _decode_with_ffmpeg)
    refusals: list[str] = []
    for name, decode_with in (libsndfile, ffmpeg) if is_libsndfile_first(path) else (ffmpeg, libsndfile):
        try:
            return decode_with(path, start, end)
        except AudioError:
            raise
        except UNDECODABLE as error:
            refusals.append(f"{name}: {said(error)}")
        if refusals[0].endswith(_NO_SAMPLES) and not is_left_open(path):
            raise AudioError(path, "it holds no samples", REPLACE)
    if fault := placeholders.sniff(path):
        raise AudioError(path, *fault)
    raise AudioError(path, "it cannot be decoded", REPLACE, "; ".join(refusals))


def is_libsndfile_first(path: str) -> bool:
    """Whether libsndfile is asked before FFmpeg; see `_decode`."""
    if Path(path).suffix[1:].upper() in _LIBSNDFILE_NAMES:
        return True
    with open(path, "rb") as file:
        return file.read(4) in _BY_LIBSNDFILE


def said(error: Exception) -> str:
    """What a decoder says of a file, without the file's name."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).rstrip(".")
    return str(getattr(error, "strerror", None) or error)


def _decode_with_libsndfile(path: str, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Raises AudioError once libsndfile knows the format: no other decoder may then read what is left of a file."""
    # As bytes: a path that is not UTF-8 cannot be encoded otherwise.
    with soundfile.SoundFile(os.fsencode(path)) as file:
        if file.format == "RAW":
            raise OSError("no header")  # it would be read by its name
        if not file.frames:
            raise OSError(_NO_SAMPLES)
        if file.frames > _UNTOLD_COUNT:
            raise OSError("number of samples not told")
        if file.subtype.startswith("MPEG") and not counts_mp3_frames(path):
            _refuse_long(path, start, end, file.frames / file.samplerate)
            samples = _decode_uncounted_mp3(path, file)
            return samples[_span(start, end, file.samplerate, len(samples))], file.samplerate
        span = _span(start, end, file.samplerate, file.frames)
        try:
            return _read(file, span), file.samplerate
        except soundfile.LibsndfileError as error:
            raise AudioError(path, "it cannot be decoded", REPLACE, said(error)) from error
        except EOFError as error:
            raise AudioError(path, _CUT, REPLACE, str(error)) from error


def _read(file: soundfile.SoundFile, span: slice) -> np.ndarray:
    """The samples of a span: float32 `(samples, channels)`.

    Raises:
        EOFError: some of them are not there.
    """
    skipped = span.start
    if span.start and file.seekable():
        # Seeking decodes nothing before the span: PAVOQUE cuts thousands of utterances from hours of FLAC.
        file.seek(span.start)
        skipped = 0
    first = span.start - skipped
    samples: np.ndarray = file.read(span.stop - first, dtype="float32", always_2d=True)
    if first + len(samples) < span.stop:
        raise EOFError(f"with sample {first + len(samples)} of {file.frames}")
    return samples[skipped:]


def _decode_uncounted_mp3(path: str, file: soundfile.SoundFile) -> np.ndarray:
    """All of an MP3 file whose length libsndfile can only estimate, and beyond which it does not read."""
    try:
        samples: np.ndarray = file.read(file.frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:  # behind the frames is a tag that it does not know
        samples = np.empty((0, file.channels), dtype=np.float32)
    try:
        by_ffmpeg, _ = _decode_with_ffmpeg(path, None, None)
    except UNDECODABLE as error:
        if len(samples) < file.frames:  # what FFmpeg does not take for MP3, and libsndfile did by its name
            raise AudioError(path, "it cannot be decoded", REPLACE, f"FFmpeg: {said(error)}") from error
        return samples
    return by_ffmpeg if len(by_ffmpeg) > len(samples) else samples


def _span(start: float | None, end: float | None, rate: int, count: int) -> slice:
    """The samples from `start` to `end` seconds, as far as there are `count`."""
    last = count if end is None else round(min(end * rate, count))
    return slice(round(min((start or 0) * rate, last)), last)


def _refuse_long(path: str, start: float | None, end: float | None, seconds: float) -> None:
    if (start, end) != (None, None) and seconds > _LONGEST_UNCUT:
        reason = "it is a long recording in a container that cannot be cut quickly"
        raise AudioError(path, reason, "convert it to FLAC or WAV", f"{seconds / 60:.0f} minutes")


def _decode_with_ffmpeg(path: str, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    with open_with_ffmpeg(path) as container:
        stream = audio_stream(container, path)
        _refuse_long(path, start, end, (container.duration or 0) / av.time_base)
        if container.format.name == "caf" and stream.codec_context.codec.lossless:
            stream.codec_context.flags2 |= Flags2.skip_manual  # else the padding of ALAC is taken away twice
        planar = av.AudioResampler(format="fltp")
        frames = [out for frame in ffmpeg_frames(container, stream) for out in planar.resample(frame)]
    if not frames:
        raise OSError(_NO_SAMPLES)
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T
    rate = frames[0].sample_rate
    return samples[_span(start, end, rate, len(samples))], rate


def open_with_ffmpeg(path: str | Path) -> InputContainer:
    """The containers that people exchange speech in, and no others; nothing that names other files."""
    # `file:` because names such as `http:a.m4a` are addresses to FFmpeg.
    return av.open(f"file:{path}", options={"format_whitelist": _FFMPEG_FORMATS})


def audio_stream(container: InputContainer, path: str) -> av.AudioStream:
    """The first one.

    Raises:
        AudioError: there are pictures only.
        OSError: there is nothing to hear, nor to see.
    """
    if container.streams.audio:
        return container.streams.audio[0]
    if container.streams.video:
        raise AudioError(path, *placeholders.SILENT_VIDEO)
    raise OSError("no audio stream")


def ffmpeg_frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """The decoded frames of a stream, without what is no frame behind the last of an MP3 file, such as a tag."""
    refusal: av.InvalidDataError | None = None
    begun = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError as error:
            if not begun or container.format.name != "mp3" or _is_synchronised(bytes(packet)):
                raise
            refusal = error
            continue
        if refusal and frames:  # it was not the end
            raise refusal
        begun = begun or bool(frames)
        yield from frames


def _is_synchronised(packet: bytes) -> bool:
    """Whether a packet starts with the eleven bits that every frame of MPEG audio starts with."""
    return packet[:1] == b"\xff" and packet[1:2] >= b"\xe0"
