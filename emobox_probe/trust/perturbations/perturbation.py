"""What one perturbation is, and the random numbers that an utterance has of its own."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emobox_datasets.audio_files.audio import SAMPLING_RATE


@dataclass(frozen=True)
class Surroundings:
    """What a perturbation may use beside the waveform.

    Attributes:
        random: numbers that depend on the utterance's id and on the kind of perturbation, and on nothing else.
        voices: float32 waveforms `(samples,)` at 16 kHz of other speakers; empty unless the perturbation asks for some.
    """

    random: np.random.Generator
    voices: Sequence[np.ndarray] = ()


# From a float32 waveform `(samples,)` at 16 kHz to another one.
Change = Callable[[np.ndarray, Surroundings], np.ndarray]


@dataclass(frozen=True)
class Perturbation:
    """One change of audio in one strength.

    Attributes:
        name: what tables, files and options call it.
        kind: what its strengths have in common; they draw the same random numbers, so that only the strength differs.
        description: what is done, in words, with units.
        change: does it.
        seconds: from the duration of an utterance to that of the changed one.
        voices: how many other speakers it needs.
        needs_level: nothing can be done to silence, which has no level to be measured against.
        missing: says in words what it needs that is not there; empty where nothing is missing.
    """

    name: str
    kind: str
    description: str
    change: Change
    seconds: Callable[[float], float] = lambda seconds: seconds
    voices: int = 0
    needs_level: bool = False
    missing: Callable[[], str] = lambda: ""

    def __call__(self, waveform: np.ndarray, surroundings: Surroundings) -> np.ndarray:
        """The changed waveform, float32 `(samples,)`, at least one sample.

        Raises:
            AudioError: a codec does not take it.
        """
        if self.needs_level and not waveform.any():
            return waveform
        return self.change(waveform.astype(np.float64), surroundings).astype(np.float32)


def random_numbers(kind: str, id: str) -> np.random.Generator:
    """Those of an utterance for a kind of perturbation: the same in every run, on every machine.

    >>> int(random_numbers("white", "a").integers(1000)) == int(random_numbers("white", "a").integers(1000))
    True
    """
    digest = hashlib.sha256(f"{kind}\n{id}".encode(errors="surrogateescape")).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def of_length(waveform: np.ndarray, samples: int) -> np.ndarray:
    """The waveform `(N,)` cut, or with zeros behind it, to so many samples."""
    return np.pad(waveform[:samples], (0, max(samples - len(waveform), 0)))


def rms(waveform: np.ndarray) -> float:
    """Root mean square over all samples, silence included; 1 is full scale."""
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def samples_in(seconds: float) -> int:
    """How many samples last so long, at 16 kHz."""
    return round(seconds * SAMPLING_RATE)
