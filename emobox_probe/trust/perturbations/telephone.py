"""What narrow bands leave of a voice: 8 kHz, and the telephone."""

import numpy as np
import scipy.signal

from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample
from emobox_probe.trust.perturbations.codecs import through_libsndfile
from emobox_probe.trust.perturbations.perturbation import of_length

NARROW_RATE = 8_000
# Hz: what an analogue line lets through (ITU-T G.712).
LOWEST, HIGHEST = 300.0, 3_400.0
_ORDER = 4


def at_8_khz(waveform: np.ndarray) -> np.ndarray:
    """The waveform `(samples,)` at 16 kHz, resampled to 8 kHz and back: nothing above 4 kHz is left."""
    return _wide(resample(waveform, SAMPLING_RATE, NARROW_RATE), len(waveform))


def on_the_telephone(waveform: np.ndarray, codec: str) -> np.ndarray:
    """The waveform `(samples,)` at 16 kHz through a telephone's band, 300 to 3400 Hz, and a codec at 8 kHz.

    The band is that of a Butterworth filter of fourth order that goes over the sound in both directions, so that
    nothing is delayed.

    Args:
        waveform: clipped at full scale.
        codec: `ULAW` or `GSM610`, as `through_libsndfile` has them.
    """
    band = scipy.signal.butter(_ORDER, (LOWEST, HIGHEST), "bandpass", fs=NARROW_RATE, output="sos")
    narrow = resample(waveform, SAMPLING_RATE, NARROW_RATE).astype(np.float64)
    # The padding at both ends has to be shorter than the sound.
    filtered = scipy.signal.sosfiltfilt(band, narrow, padlen=min(3 * (2 * len(band) + 1), len(narrow) - 1))
    return _wide(through_libsndfile(filtered, codec, NARROW_RATE), len(waveform))


def _wide(narrow: np.ndarray, samples: int) -> np.ndarray:
    return of_length(resample(narrow, NARROW_RATE, SAMPLING_RATE), samples)
