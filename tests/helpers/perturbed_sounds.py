"""Sounds to perturb, what may stand beside them, and how their levels are told."""

import numpy as np

from emobox_datasets.audio_files.synthesis import STYLES, VOICES, utter
from emobox_probe.trust.perturbations.perturbation import Surroundings, random_numbers

RATE = 16_000
# Levels and ratios are as asked to this.
DECIBELS = 0.1


def speech(number: int = 0) -> np.ndarray:
    """A second or two of one of the demo corpus's voices."""
    voices, styles = list(VOICES.values()), list(STYLES.values())
    voice, style = voices[number % len(voices)], styles[number % len(styles)]
    words = [utter(voice, style, f"{number} {word}") for word in range(4)]
    return np.concatenate(words).astype(np.float32)


VOICES_BESIDE = [speech(number) for number in range(1, 5)]


def around(kind: str, id: str = "an utterance") -> Surroundings:
    return Surroundings(random_numbers(kind, id), VOICES_BESIDE)


def decibels(ratio: float) -> float:
    return 20 * np.log10(ratio)
