"""A recording of any length piece by piece, 16 kHz mono: what `read_waveform` gives, in memory that does not grow."""

import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from emobox_datasets.audio_files.audio import (
    SAMPLING_RATE,
    UNDECODABLE,
    audio_stream,
    check_readable,
    ffmpeg_frames,
    is_libsndfile_first,
    open_with_ffmpeg,
    said,
    to_mono,
)
from emobox_datasets.copy.placeholders import REPLACE
from emobox_datasets.errors import AudioError

# Of a file, decoded at a time.
SECONDS = 10

# float32 samples (n, channels) and their rate.
Block = tuple[np.ndarray, int]


def stream(path: str | Path) -> Iterator[np.ndarray]:
    """Pieces of a recording one after another: float32 `(samples,)` at 16 kHz, channels averaged.

    Raises:
        AudioError: as `read_waveform`; what is wrong in the middle of a file shows when it is reached.
    """
    check_readable(path)
    resampler: soxr.ResampleStream | None = None
    given = False
    for samples, rate in _blocks(str(path)):
        mono = to_mono(samples, None, path)
        given = given or bool(len(mono))
        if rate == SAMPLING_RATE:
            yield mono
            continue
        resampler = resampler or soxr.ResampleStream(rate, SAMPLING_RATE, 1, dtype="float64")
        yield resampler.resample_chunk(mono.astype(np.float64)).astype(np.float32)
    if not given:
        raise AudioError(path, "it holds no samples", REPLACE)
    if resampler is not None:
        yield resampler.resample_chunk(np.empty(0), last=True).astype(np.float32)


def _blocks(path: str) -> Iterator[Block]:
    """Of the first decoder that knows the file; another may not read what is left where that one fails."""
    decoders = (_libsndfile_blocks, _ffmpeg_blocks)
    refusals = []
    for decode_with in decoders if is_libsndfile_first(path) else decoders[::-1]:
        blocks = decode_with(path)
        try:
            first = next(blocks)
        except StopIteration:
            continue
        except UNDECODABLE as error:
            if isinstance(error, AudioError):
                raise
            refusals.append(said(error))
            continue
        yield first
        yield from _rest(blocks, path)
        return
    reason = "it cannot be decoded" if refusals else "it holds no samples"
    raise AudioError(path, reason, REPLACE, "; ".join(refusals))


def _rest(blocks: Iterator[Block], path: str) -> Iterator[Block]:
    try:
        yield from blocks
    except UNDECODABLE as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(path, "it cannot be decoded", REPLACE, said(error)) from error


def _libsndfile_blocks(path: str) -> Iterator[Block]:
    # As bytes: a path that is not UTF-8 cannot be encoded otherwise.
    with soundfile.SoundFile(os.fsencode(path)) as file:
        if file.format == "RAW" or file.subtype.startswith("MPEG"):
            raise OSError("no header that tells its length")  # FFmpeg reads such files to their end
        while len(samples := file.read(SECONDS * file.samplerate, dtype="float32", always_2d=True)):
            yield samples, file.samplerate


def _ffmpeg_blocks(path: str) -> Iterator[Block]:
    with open_with_ffmpeg(path) as container:
        audio = audio_stream(container, path)
        planar = av.AudioResampler(format="fltp")
        for frame in ffmpeg_frames(container, audio):
            for out in planar.resample(frame):
                yield out.to_ndarray().T, out.sample_rate
