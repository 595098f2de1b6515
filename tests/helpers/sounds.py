"""Audio files that tests make: voices and noise, written by libsndfile or FFmpeg."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from emobox_datasets.audio_files.audio import SAMPLING_RATE

SECONDS = 1.5


def voice(rate: int, seconds: float = SECONDS) -> np.ndarray:
    """Harmonics of a gliding 140 Hz up to 4.5 kHz in syllables: float32 `(samples,)`, peak 0.5."""
    time = np.arange(round(rate * seconds)) / rate
    phase = 2 * np.pi * (140 * time + 10 * np.sin(2 * np.pi * time))
    sound = sum(np.sin(k * phase) / k for k in range(1, 30)) * (0.6 - 0.4 * np.cos(2 * np.pi * 4 * time))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def integers(count: int = 20_000) -> np.ndarray:
    """int16 noise that includes both ends of the scale."""
    noise = np.random.default_rng(1).integers(-32768, 32768, count).astype(np.int16)
    noise[:2] = -32768, 32767
    return noise


def encode(
    path: Path,
    channels: np.ndarray,
    rate: int,
    codec: str,
    layout: str,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write float32 `(channels, samples)` with FFmpeg into `container` (None: the one that the suffix names)."""
    with av.open(str(path), "w", format=container, options=dict(options or {})) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000 * len(channels)  # what AAC, MP3 and Opus lose then cannot be heard
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def wav(path: Path, samples: np.ndarray, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, SAMPLING_RATE, subtype=subtype)
    return path
