"""The built-in demo corpus: a small source-filter synthesiser that acts four emotions with four voices.

It sounds like a toy and is meant to: enough for a probe to learn something, obviously not speech data. Every
utterance depends only on its own name, so the corpus is the same on every machine.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from emobox_datasets.audio_files.audio import SAMPLING_RATE, to_flac

TAKES = 20


@dataclass(frozen=True)
class Voice:
    """A speaker: median pitch in Hz, and vocal tract length relative to an adult male's."""

    gender: str
    pitch: float
    tract: float


@dataclass(frozen=True)
class Style:
    """An emotion: pitch factor, pitch excursion, syllables a second, loudness, spectral tilt, breathiness."""

    pitch: float
    excursion: float
    rate: float
    loudness: float
    tilt: float
    breath: float


VOICES = {
    "ada": Voice("female", 205.0, 0.85),
    "ben": Voice("male", 115.0, 1.00),
    "cleo": Voice("female", 180.0, 0.90),
    "dan": Voice("male", 135.0, 0.96),
}
STYLES = {
    "angry": Style(1.25, 0.18, 5.5, 0.30, 0.80, 0.02),
    "happy": Style(1.30, 0.30, 5.0, 0.22, 0.88, 0.03),
    "neutral": Style(1.00, 0.08, 4.5, 0.15, 0.93, 0.03),
    "sad": Style(0.90, 0.05, 3.2, 0.08, 0.96, 0.08),
}
# First three formants of five vowels of an adult male, in Hz (after Peterson and Barney, 1952).
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
BANDWIDTHS = (80, 110, 160)
# How far one take strays from its style: without it any probe would score 100 %.
SPREAD = 0.16


def synthesise(root: Path) -> None:
    """Write the corpus into the folder `root` as `<voice>/<voice>_<emotion>_<take>.flac`."""
    for voice, emotion, take in demo_names():
        folder = root / voice
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{voice}_{emotion}_{take:02d}"
        waveform = utter(VOICES[voice], STYLES[emotion], name)
        (folder / f"{name}.flac").write_bytes(to_flac(waveform))


def demo_names() -> Iterator[tuple[str, str, int]]:
    """(voice, emotion, take) of every utterance."""
    for voice in VOICES:
        for emotion in STYLES:
            for take in range(1, TAKES + 1):
                yield voice, emotion, take


def utter(voice: Voice, style: Style, name: str) -> np.ndarray:
    """One utterance of two to four syllables: float32 `(samples,)` at 16 kHz."""
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    stray = np.exp(SPREAD * random.standard_normal(6))
    samples = int(SAMPLING_RATE / (style.rate * stray[0]))
    syllables = [_syllable(voice, style, samples, stray, random) for _ in range(random.integers(2, 5))]
    waveform = np.concatenate(syllables)
    waveform *= style.loudness * stray[1] / max(np.abs(waveform).max(), 1e-9)
    return (waveform + 0.002 * random.standard_normal(len(waveform))).astype(np.float32)


def _syllable(
    voice: Voice, style: Style, samples: int, stray: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """A glottal pulse train with breath noise, filtered by the formants of one vowel."""
    contour = style.excursion * stray[2] * random.standard_normal() * np.sin(np.linspace(0, np.pi, samples))
    pitch = voice.pitch * style.pitch * stray[3] * np.exp(contour)
    cycles = np.cumsum(pitch / SAMPLING_RATE)
    source = np.diff(np.floor(cycles), prepend=0.0)
    source += style.breath * stray[4] * random.standard_normal(samples)
    tilt = min(style.tilt * stray[5] ** 0.1, 0.99)
    sound = lfilter([1.0], [1.0, -tilt], source)
    for formant, bandwidth in zip(VOWELS[random.integers(len(VOWELS))], BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLING_RATE)
        angle = 2 * np.pi * formant / voice.tract / SAMPLING_RATE
        sound = lfilter([1 - radius], [1.0, -2 * radius * np.cos(angle), radius**2], sound)
    shaped: np.ndarray = sound * np.hanning(samples) ** 0.3
    return shaped
