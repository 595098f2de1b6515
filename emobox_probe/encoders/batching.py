"""Which utterances run together: batches of similar lengths under a budget that out-of-memory errors cut down."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from emobox_probe.encoders.inputs import Piece

# Padded seconds of audio in one batch at first, and how many more would take as long as one batch more: what
# benchmarks/extract.py found fastest.
CUDA_SECONDS, CPU_SECONDS = 512.0, 16.0
CUDA_OVERHEAD, CPU_OVERHEAD = 32.0, 0.25


@dataclass
class Budget:
    """Padded seconds of audio that one batch may hold, and what a batch costs beside them, in the same unit."""

    seconds: float
    overhead: float = 0.0

    @classmethod
    def of(cls, device: torch.device) -> "Budget":
        if device.type == "cuda":
            return cls(CUDA_SECONDS, CUDA_OVERHEAD)
        return cls(CPU_SECONDS, CPU_OVERHEAD)

    def halve(self, used: float) -> None:
        """After a batch of `used` seconds was too large."""
        self.seconds = min(self.seconds, used) / 2


def plan(seconds: Sequence[float], groups: Sequence[Hashable], budget: Budget) -> list[list[int]]:
    """Cut pieces into batches, longest first, so that the model runs as briefly as it can.

    A batch costs its padded seconds and a constant. Pieces of different groups never meet. The plan depends on its
    arguments alone, so that a shard made again is the same to the last bit.

    >>> plan([1.0, 4.0, 3.0, 1.5], [0, 0, 0, 0], Budget(8.0, 2.0))
    [[1, 2], [3, 0]]
    """
    members: dict[Hashable, list[int]] = {}
    for piece, group in enumerate(groups):
        members.setdefault(group, []).append(piece)
    return [batch for pieces in members.values() for batch in _cheapest(pieces, seconds, budget)]


def _cheapest(pieces: Sequence[int], seconds: Sequence[float], budget: Budget) -> list[list[int]]:
    """The cheapest cut of the pieces, sorted by length: shortest paths over the places to cut."""
    order = sorted(pieces, key=lambda piece: (-seconds[piece], piece))
    longest = np.array([seconds[piece] for piece in order])
    costs = np.zeros(len(order) + 1)  # of the first pieces, batched the cheapest way
    cuts = [0]  # where the last of those batches starts
    first = 0
    for end in range(1, len(order) + 1):
        while first < end - 1 and longest[first] * (end - first) > budget.seconds:
            first += 1
        starts = np.arange(end - 1, first - 1, -1)
        ways = costs[starts] + longest[starts] * (end - starts) + budget.overhead
        best = int(ways.argmin())
        costs[end] = ways[best]
        cuts.append(int(starts[best]))
    batches = []
    end = len(order)
    while end:
        batches.append(order[cuts[end] : end])
        end = cuts[end]
    return batches[::-1]


@dataclass(frozen=True)
class Batch:
    """Utterances as a model takes them, put together on the CPU.

    Attributes:
        inputs: zero-padded tensors with a batch dimension `(B, ...)`, of windows where utterances have several.
        lengths: valid steps of each window.
        frames: how many frames of each window cover audio; None for all.
        windows: how many windows each utterance has.
        cost: seconds that the model runs on.
    """

    inputs: dict[str, torch.Tensor]
    lengths: list[int]
    frames: list[int | None]
    windows: list[int]
    cost: float

    @classmethod
    def of(cls, utterances: Sequence[Sequence[Piece]], cost: float) -> "Batch":
        pieces = [piece for utterance in utterances for piece in utterance]
        lengths = [piece.length for piece in pieces]
        inputs = {"length": torch.tensor(lengths)}
        for name, first in pieces[0].inputs.items():
            values = [piece.inputs[name] for piece in pieces]
            shape = [max(sizes) for sizes in zip(*(value.shape for value in values), strict=True)]
            padded = torch.zeros((len(values), *shape), dtype=first.dtype)
            for row, value in zip(padded, values, strict=True):
                row[tuple(map(slice, value.shape))] = value
            inputs[name] = padded
        frames = [piece.frames for piece in pieces]
        return cls(inputs, lengths, frames, [len(utterance) for utterance in utterances], cost)

    def __len__(self) -> int:
        return len(self.lengths)

    def halves(self) -> list["Batch"]:
        """Two batches of windows; utterances are put together again by who has the whole."""
        middle = len(self) // 2
        return [self._part(slice(None, middle)), self._part(slice(middle, None))]

    def _part(self, rows: slice) -> "Batch":
        inputs = {name: value[rows] for name, value in self.inputs.items()}
        lengths = self.lengths[rows]
        cost = self.cost * len(lengths) / len(self)
        return Batch(inputs, lengths, self.frames[rows], [1] * len(lengths), cost)

    def pin_memory(self) -> "Batch":
        """The same in memory that copies to a GPU without waiting."""
        return replace(self, inputs={name: value.pin_memory() for name, value in self.inputs.items()})
