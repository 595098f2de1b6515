"""What the samples of a recording tell about it, before anyone trains on them."""

import logging

import numpy as np

logger = logging.getLogger(__name__)

# This many samples in a row at full scale are a flat top; speech that only touches it has one or two.
_FLAT_TOP = 3
_FULL_SCALE = 1 - 2**-14  # 16-bit full scale, and one step below it
# Floating-point audio may exceed full scale a little; integers that were written as floats do so by far.
_INTEGER_PEAK = 16.0
_ROUNDED_TO_ZERO = 0.5 / 32_768  # half a step of 16 bits
# Of the quietest of 2,375 recordings of EmoDB, URDU and RAVDESS the peak is at 0.0045: 149 steps of 16 bits; this is 8.
_FAINTEST = 8 / 32_768
# Bins of a spectrum between what microphones and what resamplers take away, at 16 kHz: 125 Hz to 6.8 kHz.
_FRAME, _BAND = 512, slice(4, 218)
# Those up to 3.5 kHz and from 4.4 kHz on: between them resamplers from 8 kHz have their edge.
_BELOW, _ABOVE, _NOTHING, _GLANCE = 113, 141, 1e-30, 24
_WINDOW = np.hanning(_FRAME).astype(np.float32)
_FEWEST_FRAMES = 16  # the spectrum of fewer is too rough to call it flat
# Neighbouring samples of white noise are hardly alike, those of speech are: a glance that spares the spectrum.
_UNLIKE = 0.3
# The flattest of 2,375 recordings of EmoDB, URDU and RAVDESS has 0.56; half a second of white noise has 0.97.
_FLAT = 0.9


def is_silent(waveform: np.ndarray) -> bool:
    """Whether `(samples,)`, full scale [-1, 1], is stored as nothing but zeros.

    >>> is_silent(np.zeros(4)), is_silent(np.array([0.0, 1e-6])), is_silent(np.array([0.0, 0.1]))
    (True, True, False)
    """
    return bool(np.abs(waveform).max(initial=0.0) <= _ROUNDED_TO_ZERO)


def is_faint(mono: np.ndarray) -> bool:
    """Whether `(samples,)`, as in the file, move by next to nothing: a constant, or speech made inaudible.

    >>> is_faint(np.full(4, 0.25)), is_faint(np.array([0.25, 0.251]))
    (True, False)
    """
    return len(mono) > 0 and bool(mono.max() - mono.min() < 2 * _FAINTEST)


def warn_of_silence(waveform: np.ndarray, utterance: str) -> None:
    """Log a warning if `(samples,)` of the utterance of that id is silent; it is kept."""
    if is_silent(waveform):
        logger.warning(f"Utterance {utterance} is digital silence: every sample is zero. It is kept.")


def is_in_integer_range(samples: np.ndarray) -> bool:
    """Whether floats `(samples, channels)` were meant as integers: full scale would clip nearly all of them.

    >>> is_in_integer_range(np.array([[1200.0], [-31000.0]])), is_in_integer_range(np.array([[1.2]]))
    (True, False)
    """
    return bool(np.abs(samples).max(initial=0.0) > _INTEGER_PEAK)


def is_clipped(samples: np.ndarray) -> bool:
    """Whether `(samples, channels)` has flat tops: some samples in a row, on one side, at full scale or beyond.

    >>> is_clipped(np.array([[0.5], [1.0], [1.0], [1.0]])), is_clipped(np.array([[1.0], [-1.0], [1.0]]))
    (True, False)
    """
    for full in (samples >= _FULL_SCALE, samples <= -_FULL_SCALE):
        if full.any():
            run = full[: max(len(full) - _FLAT_TOP + 1, 0)].copy()
            for shift in range(1, _FLAT_TOP):
                run &= full[shift : shift + len(run)]
            if run.any():
                return True
    return False


def is_white_noise(waveform: np.ndarray) -> bool:
    """Whether `(samples,)` at 16 kHz sounds equally loud at all frequencies: nothing that was spoken does.

    Judged by the spectral flatness (geometric over arithmetic mean of the power spectrum) of half a second or more.

    >>> noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> is_white_noise(noise), is_white_noise(np.convolve(noise, [1, 0.5])), is_white_noise(np.zeros(16_000))
    (True, False, False)
    """
    if len(waveform) // _FRAME < _FEWEST_FRAMES:
        return False
    centred = waveform - waveform.mean()
    if abs(np.dot(centred[1:], centred[:-1])) > _UNLIKE * np.dot(centred, centred):
        return False
    power = _power(waveform)[_BAND]
    if not power.all():
        return False
    return bool(np.exp(np.log(power).mean()) > _FLAT * power.mean())


def upper_band(waveform: np.ndarray) -> float:
    """How much of `(samples,)` at 16 kHz is above 4.4 kHz, in dB of what is below 3.5 kHz; NaN under half a second.

    A recording that once had a sampling rate of 8 kHz holds nothing there but rounding. A few dozen frames tell.
    """
    if len(waveform) // _FRAME < _FEWEST_FRAMES:
        return float("nan")
    power = _power(waveform, most=_GLANCE)
    below, above = power[_BAND.start : _BELOW].sum(), power[_ABOVE : _BAND.stop].sum()
    return float(10 * np.log10(max(above, _NOTHING) / max(below, _NOTHING)))


def _power(waveform: np.ndarray, most: int | None = None) -> np.ndarray:
    """The mean power spectrum of `(samples,)`, `(257,)`; of about `most` frames, evenly chosen."""
    frames = waveform[: len(waveform) // _FRAME * _FRAME].reshape(-1, _FRAME)
    step = 1 if most is None else max(1, len(frames) // most)
    spectrum = np.fft.rfft(frames[::step].astype(np.float32) * _WINDOW, axis=1)
    power: np.ndarray = (np.square(spectrum.real) + np.square(spectrum.imag)).mean(axis=0)
    return power
