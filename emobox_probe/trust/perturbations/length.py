"""More silence than speech, or less speech than was said."""

import numpy as np

from emobox_probe.trust.perturbations.perturbation import samples_in


def after_silence(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """The waveform `(samples,)` behind so many seconds of zeros."""
    return np.pad(waveform, (samples_in(seconds), 0))


def before_silence(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """The waveform `(samples,)` before so many seconds of zeros."""
    return np.pad(waveform, (0, samples_in(seconds)))


def beginning(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """The first so many seconds of the waveform `(samples,)`; all of one that is shorter."""
    return waveform[: samples_in(seconds)]
