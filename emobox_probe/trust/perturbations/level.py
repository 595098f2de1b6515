"""The level of a recording: gain, clipping, a constant beside the sound."""

import numpy as np


def with_gain(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """The waveform `(samples,)`, louder by so many dB; what exceeds full scale is not clipped (see `clipped`)."""
    louder: np.ndarray = waveform * 10 ** (decibels / 20)
    return louder


def clipped(waveform: np.ndarray, share: float) -> np.ndarray:
    """The waveform `(samples,)`, cut off at the magnitude that this share of its samples (0..1) reaches."""
    highest = np.quantile(np.abs(waveform), 1 - share)
    cut: np.ndarray = np.clip(waveform, -highest, highest)
    return cut


def with_offset(waveform: np.ndarray, offset: float) -> np.ndarray:
    """The waveform `(samples,)` and a constant, of full scale (1), as a faulty converter adds it."""
    return waveform + offset
