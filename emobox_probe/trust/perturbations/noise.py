"""Noise at a ratio to the speech: white, pink, and the babble of other speakers.

The signal-to-noise ratio is that of mean powers over the whole utterance, pauses included, in dB; what exceeds full
scale is not clipped.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.trust.perturbations.perturbation import rms

# Hz: below, pink noise has most of its power in what nobody hears, the more the longer it is.
LOWEST_AUDIBLE = 20.0
# Voices in a babble: the fewest of those that MUSAN's recipe mixes (Snyder et al., X-vectors, ICASSP 2018, section 3.3:
# three to seven) in which no single one can be followed. So many in every corpus, so that babble is the same thing.
BABBLE_VOICES = 4


def with_noise(waveform: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """The waveform `(samples,)` and noise `(samples,)` at `snr` dB below it."""
    mixed: np.ndarray = waveform + noise * (rms(waveform) / rms(noise) * 10 ** (-snr / 20))
    return mixed


def white(samples: int, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise `(samples,)` of equal power at all frequencies."""
    return random.standard_normal(samples)


def pink(samples: int, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise `(samples,)` whose power falls by 3 dB an octave, from 20 Hz on.

    White noise, weighted in the frequency domain by 1 / sqrt(f) (Kasdin, Discrete simulation of colored noise,
    Proceedings of the IEEE 83(5), 1995, https://doi.org/10.1109/5.381848).
    """
    length = scipy.fft.next_fast_len(max(samples, SAMPLING_RATE), real=True)
    frequencies = scipy.fft.rfftfreq(length, 1 / SAMPLING_RATE)
    weights = np.zeros_like(frequencies)
    audible = frequencies >= LOWEST_AUDIBLE
    weights[audible] = 1 / np.sqrt(frequencies[audible])
    spectrum = scipy.fft.rfft(random.standard_normal(length)) * weights
    shaped: np.ndarray = scipy.fft.irfft(spectrum, length)[:samples]
    return shaped


def babble(samples: int, voices: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Voices at equal power, each repeated as often as needed from a random moment on: `(samples,)`.

    Args:
        samples: how many are made.
        voices: waveforms of several speakers, none of them silent.
        random: draws the moments.
    """
    mixed = np.zeros(samples)
    for voice in voices:
        start = int(random.integers(len(voice)))
        mixed += np.take(voice, np.arange(start, start + samples), mode="wrap") / rms(voice)
    return mixed
