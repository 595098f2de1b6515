"""Faster, slower, higher and lower voices."""

import numpy as np
import soxr

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.trust.perturbations.perturbation import of_length, samples_in

# Seconds: each piece holds two periods of the lowest voices, and may be moved by one to continue the piece before.
PIECE, TOLERANCE = 0.032, 0.012
SEMITONES_AN_OCTAVE = 12


def at_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """The waveform `(samples,)` played `factor` times as fast: shorter and higher by that factor.

    Resampled, as speech recognisers are trained (Ko et al., Audio augmentation for speech recognition, Interspeech
    2015).
    """
    played: np.ndarray = soxr.resample(waveform, factor * SAMPLING_RATE, SAMPLING_RATE)
    return played if len(played) else waveform[:1]


def at_pitch(waveform: np.ndarray, semitones: float) -> np.ndarray:
    """The waveform `(samples,)` with every frequency higher by so many semitones, formants too, and as long as it was.

    It is stretched without a change of pitch, and then played faster.
    """
    factor = 2 ** (semitones / SEMITONES_AN_OCTAVE)
    return of_length(at_speed(stretched(waveform, factor), factor), len(waveform))


def stretched(waveform: np.ndarray, factor: float) -> np.ndarray:
    """The waveform `(samples,)`, `factor` times as long and as high as it was.

    Waveform similarity overlap-add (Verhelst and Roelands, ICASSP 1993, https://doi.org/10.1109/ICASSP.1993.319366):
    pieces are taken a little earlier or later, where they best continue the piece before. Which do is told by the
    cross-correlation, divided by the norm of the piece.
    """
    hop, tolerance = samples_in(PIECE / 2), samples_in(TOLERANCE)
    piece = 2 * hop
    samples = max(round(len(waveform) * factor), 1)
    count = -(-samples // hop) + 1
    # Zeros, so that pieces at both ends are whole.
    padded = np.pad(waveform, (hop + tolerance, 2 * piece + 2 * tolerance))
    window = np.hanning(piece + 1)[:-1]
    made = np.zeros((count + 1) * hop)
    best = tolerance
    for number in range(count):
        if number:
            first = round(number * hop / factor)
            searched = padded[first : first + piece + 2 * tolerance]
            best = first + _best_continuation(searched, padded[best + hop : best + hop + piece])
        made[number * hop : number * hop + piece] += window * padded[best : best + piece]
    return made[hop : hop + samples]


def _best_continuation(searched: np.ndarray, continuation: np.ndarray) -> int:
    """Where in `searched` the piece begins that is most like the one that follows."""
    likeness = np.correlate(searched, continuation)
    energies = np.concatenate([[0.0], np.cumsum(searched**2)])
    norms = np.sqrt(np.maximum(energies[len(continuation) :] - energies[: -len(continuation)], 0)) + 1e-9
    return int(np.argmax(likeness / norms))
