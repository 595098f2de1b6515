"""Which utterances run together: batches of similar lengths under a budget that out-of-memory errors cut down."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch

from emobox_probe.waveforms import Piece

# Padded seconds of audio in one batch at first. More is not faster: benchmarks/extract.py measured both.
CUDA_SECONDS, CPU_SECONDS = 512.0, 16.0


@dataclass
class Budget:
    """Padded seconds of audio that one batch may hold."""

    seconds: float

    @classmethod
    def of(cls, device: torch.device) -> "Budget":
        return cls(CUDA_SECONDS if device.type == "cuda" else CPU_SECONDS)

    def halve(self, used: float) -> None:
        """After a batch of `used` seconds was too large."""
        self.seconds = min(self.seconds, used) / 2


def plan(seconds: Sequence[float], groups: Sequence[Hashable], budget: Budget) -> list[list[int]]:
    """Cut pieces into batches, longest first; pieces of different groups never meet.

    The plan depends on its arguments alone, so that a shard made again is the same to the last bit.

    >>> plan([1.0, 4.0, 3.0, 1.5], [0, 0, 0, 0], Budget(8.0))
    [[1, 2], [3, 0]]
    """
    ranks = {group: rank for rank, group in enumerate(dict.fromkeys(groups))}
    order = sorted(range(len(seconds)), key=lambda piece: (ranks[groups[piece]], -seconds[piece], piece))
    batches: list[list[int]] = []
    for piece in order:
        if batches:
            longest = batches[-1][0]
            padded = seconds[longest] * (len(batches[-1]) + 1)
            if groups[longest] == groups[piece] and padded <= budget.seconds:
                batches[-1].append(piece)
                continue
        batches.append([piece])
    return batches


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
        return Batch(
            inputs, lengths, self.frames[rows], [1] * len(lengths), self.cost * len(lengths) / len(self)
        )

    def pin_memory(self) -> "Batch":
        """The same in memory that copies to a GPU without waiting."""
        inputs = {name: value.pin_memory() for name, value in self.inputs.items()}
        return Batch(inputs, self.lengths, self.frames, self.windows, self.cost)
