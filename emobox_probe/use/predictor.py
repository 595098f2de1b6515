"""From waveforms to logits: an encoder and heads, or an exported graph in ONNX Runtime."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.encoders.batching import Budget, plan
from emobox_probe.encoders.encoder import DTYPES, Encoded, Encoder, encoded
from emobox_probe.heads.batches import MappedFrames
from emobox_probe.heads.heads import Head, combined
from emobox_probe.heads.training import predict
from emobox_probe.records.heads_file import LAST, KeptHead

CPU = torch.device("cpu")


class Predictor(Protocol):
    """What tells labels apart.

    Attributes:
        labels: the names of the C classes.
        identity: what its answers depend on, for JSON.
        shortest_samples: what is shorter is lengthened with zeros to that.
    """

    labels: list[str]
    shortest_samples: int

    @property
    def identity(self) -> list[Any]: ...

    def logits(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """float32 waveforms `(samples,)` at 16 kHz to logits `(N, C)`, each as if it were alone.

        Raises:
            ProbeError: a waveform is not finite, or the device has no memory for one.
        """
        ...


class EncoderAndHeads:
    """Heads on the frames of an encoder, as they were trained: rounded to the data type that features are stored in."""

    def __init__(self, encoder: Encoder, heads: Sequence[KeptHead], labels: Sequence[str], store_dtype: str):
        self.labels = list(labels)
        self._encoder, self._heads, self._dtype = encoder, list(heads), DTYPES[store_dtype]
        self.shortest_samples = encoder.facts.shortest_samples

    @property
    def identity(self) -> list[Any]:
        heads = [[kept.layer, kept.head.sha256] for kept in self._heads]
        return [self._encoder.facts.identity, heads, str(self._dtype), self.labels]

    def logits(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        utterances = encoded(self._encoder, waveforms, SAMPLING_RATE)
        frames = MappedFrames([utterance.frames.to(self._dtype) for utterance in utterances], CPU)
        rows = torch.arange(len(utterances))
        answers = [
            predict(kept.head, frames, rows)
            if kept.layer == LAST
            else _of_mean(kept.head, utterances, int(kept.layer))
            for kept in self._heads
        ]
        together: np.ndarray = combined(torch.stack(answers, dim=1)).numpy()
        return together


class OnnxGraph:
    """An exported graph in ONNX Runtime; utterances of like lengths share a batch."""

    def __init__(
        self, session: Any, labels: Sequence[str], sha256: str, budget: Budget, shortest_samples: int
    ):
        self.labels, self.shortest_samples = list(labels), shortest_samples
        self._session, self._sha256, self._budget = session, sha256, budget

    @property
    def identity(self) -> list[Any]:
        return [self._sha256, self.labels]

    def logits(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        seconds = [len(waveform) / SAMPLING_RATE for waveform in waveforms]
        logits = np.empty((len(waveforms), len(self.labels)), dtype=np.float32)
        for rows in plan(seconds, [0] * len(seconds), self._budget):
            lengths = [len(waveforms[row]) for row in rows]
            padded = np.zeros((len(rows), max(lengths)), dtype=np.float32)
            for place, row in enumerate(rows):
                padded[place, : lengths[place]] = waveforms[row]
            given = {"waveform": padded, "length": np.array(lengths, dtype=np.int64)}
            logits[rows] = self._session.run(["logits"], given)[0]
        return logits


def _of_mean(head: Head, utterances: Sequence[Encoded], layer: int) -> Tensor:
    """Logits (N, C) of a head on the means over time of a layer."""
    means = torch.stack([utterance.means[layer] for utterance in utterances if utterance.means is not None])
    normalised = F.layer_norm(means.float(), means.shape[1:])
    hidden = F.relu(F.linear(normalised, head.first, head.first_bias))
    return F.linear(hidden, head.second, head.second_bias)
