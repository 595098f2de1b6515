"""What an encoder is: audio in, frames out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.errors import ProbeError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Encoded(NamedTuple):
    """One utterance: frames `(T, D)`; with all layers asked for, their means over time `(L+1, D)`.

    With statistics asked for, their standard deviations over time too, of the same shape, divided by T.
    """

    frames: torch.Tensor
    means: torch.Tensor | None = None
    deviations: torch.Tensor | None = None


# Features that a device may still be at work on; calling waits for them.
Pending = Callable[[], list[Encoded]]


class Encoder(Protocol):
    """A frozen model that turns 16 kHz mono waveforms into frames.

    `encode` does all of it. Extraction does it in three steps: `plan`, then for each batch `collate`, which other
    processes can do, and `run`.

    Attributes:
        busy_seconds: for how long the model has been at work.
        needs_cores: the model runs on the CPU, so that little of it is left for anything beside.
    """

    facts: EncoderFacts
    busy_seconds: float
    needs_cores: bool

    def plan(self, seconds: Sequence[float]) -> list[list[int]]:
        """From the durations of utterances to batches of their positions."""
        ...

    def collate(self, waveforms: Sequence[np.ndarray]) -> Any:
        """One batch of float32 waveforms `(samples,)` to what `run` takes, on the CPU."""
        ...

    def run(self, batch: Any, dtype: torch.dtype | None = None) -> Pending:
        """A batch to features in its order, each as if it were alone, frames cast to `dtype`."""
        ...

    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """float32 waveforms `(samples,)` to frames `(T, D)`, each as if it were alone."""
        ...


def lengthened(waveform: np.ndarray, shortest: int) -> np.ndarray:
    """The waveform, with zeros behind it up to `shortest` samples.

    Raises:
        ProbeError: samples are not finite.
    """
    if not np.isfinite(waveform).all():
        raise ProbeError("Expected finite samples, but got NaN or infinity; replace the file.")
    return np.pad(waveform, (0, max(shortest - len(waveform), 0)))


def encoded(
    encoder: Encoder, waveforms: Sequence[np.ndarray], rate: int, dtype: torch.dtype | None = None
) -> list[Encoded]:
    """All three steps, in the order of `waveforms`, frames cast to `dtype`."""
    batches = encoder.plan([len(waveform) / rate for waveform in waveforms])
    pending = [encoder.run(encoder.collate([waveforms[row] for row in batch]), dtype) for batch in batches]
    return in_order(range(len(waveforms)), batches, pending)


def in_order(rows: Sequence[int], batches: Sequence[list[int]], pending: Sequence[Pending]) -> list[Encoded]:
    """The features of utterances `rows`, from batches of them that may still be at work."""
    features: dict[int, Encoded] = {}
    for batch, wait in zip(batches, pending, strict=True):
        features.update(zip(batch, wait(), strict=True))
    return [features[row] for row in rows]
