"""The echo of a room, by the image method."""

from functools import cache

import numpy as np
import scipy.signal

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.trust.perturbations.perturbation import rms

SPEED_OF_SOUND = 343.0  # m/s, in air of 20 °C
# Metres: a living room with somebody two metres from the microphone.
ROOM = (5.3, 4.1, 2.7)
MOUTH, MICROPHONE = (1.3, 1.2, 1.5), (3.1, 2.1, 1.2)
# dB below the whole: between these, the slope of a decay is read (ISO 3382-1, T20), beyond the direct sound.
READ_FROM, READ_TO, REVERBERATION_DECAY = -5.0, -25.0, -60.0
_HALVINGS = 24


def in_room(waveform: np.ndarray, seconds: float) -> np.ndarray:
    """The waveform `(samples,)` as heard in a room with that reverberation time (RT60, in seconds).

    It begins with the direct sound, is as long and as loud (root mean square) as it was, and its last echo is cut off.
    """
    heard = scipy.signal.fftconvolve(waveform, response(seconds))[: len(waveform)]
    level = rms(heard)
    louder: np.ndarray = heard * (rms(waveform) / level if level else 1.0)
    return louder


@cache
def response(seconds: float) -> np.ndarray:
    """The impulse response of the room `(samples,)`, from the direct sound on, with that reverberation time.

    Every wall reflects the same share of the pressure, by which share the time is met: it is searched, because formulas
    for it are off by a fifth in such rooms.
    """
    delays, reflections, amplitudes = _images(1.5 * seconds)
    orders = np.arange(reflections.max() + 1)

    def with_share(share: float) -> np.ndarray:
        # With a negative share, echoes do not add up to one large swing of lowest frequencies (Lehmann and Johansson,
        # Journal of the Acoustical Society of America 124(1), 2008, https://doi.org/10.1121/1.2936367).
        heard: np.ndarray = np.bincount(delays, weights=amplitudes * ((-share) ** orders)[reflections])
        return heard

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if reverberation_time(with_share(middle)) < seconds else (low, middle)
    found = with_share((low + high) / 2)
    direct = int(np.flatnonzero(found)[0])
    begun: np.ndarray = found[direct:] / np.abs(found[direct])
    return begun


def reverberation_time(impulse_response: np.ndarray) -> float:
    """Seconds in which the sound of an impulse response `(samples,)` decays by 60 dB, by the slope from -5 to -25 dB.

    The decay is the energy that is still to come (Schroeder, Journal of the Acoustical Society of America 37, 1965).
    """
    to_come = np.cumsum(np.square(impulse_response)[::-1])[::-1]
    decay = 10 * np.log10(np.maximum(to_come / to_come[0], 1e-12))
    places = np.flatnonzero((decay <= READ_FROM) & (decay >= READ_TO))
    if len(places) < 2:
        return 0.0
    slope, _ = np.polyfit(places / SAMPLING_RATE, decay[places], 1)
    return float(REVERBERATION_DECAY / slope)


def _images(seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every image of the mouth that is heard within so many seconds: its delay in samples, how many walls its sound
    has met, and its amplitude if these reflected all (Allen and Berkley, Journal of the Acoustical Society of America
    65(4), 1979, https://doi.org/10.1121/1.382599)."""
    reach = SPEED_OF_SOUND * seconds
    places, walls = zip(*(_along(axis, reach) for axis in range(3)), strict=True)
    x, y, z = (place**2 for place in places)
    distances = np.sqrt(x[:, None, None] + y[None, :, None] + z[None, None, :])
    met = walls[0][:, None, None] + walls[1][None, :, None] + walls[2][None, None, :]
    near = distances <= reach
    delays = np.rint(distances[near] / SPEED_OF_SOUND * SAMPLING_RATE).astype(np.int64)
    return delays, met[near], 1 / (4 * np.pi * distances[near])


def _along(axis: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis of the room: how far each image is from the microphone, and how many walls it is behind."""
    length, mouth, microphone = ROOM[axis], MOUTH[axis], MICROPHONE[axis]
    rooms = np.arange(-int(reach / length) - 2, int(reach / length) + 3)
    # In every second room the mouth stands mirrored.
    mirrored = rooms % 2 != 0
    places = rooms * length + np.where(mirrored, length - mouth, mouth)
    return places - microphone, np.abs(rooms)
