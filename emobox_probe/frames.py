"""The features that heads are trained on: resident on the device, or mapped from disk where they do not fit.

Frames stay in the data type they are stored in; each utterance is normalised when it is put into a batch, over its
whole (frames x dimensions) matrix and without affine parameters, as the paper does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

EPSILON = 1e-5  # that of torch.nn.functional.layer_norm


class Batch(NamedTuple):
    """Utterances of G groups side by side, padded to the group with the most frames.

    `frames` (G, T, D), normalised, zero where padded; `mean` (G, B, T) averages the frames of utterance b: its row
    is 1/length on them and zero elsewhere.
    """

    frames: Tensor
    mean: Tensor


class Frames(Protocol):
    """Features of all utterances of a corpus. `lengths` (N,) is on the CPU."""

    lengths: Tensor
    device: torch.device

    @property
    def dimension(self) -> int: ...

    def batch(self, rows: Sequence[Tensor]) -> Batch:
        """Group g gets the utterances `rows[g]` (B_g,), CPU row numbers; at least one frame in all."""
        ...


@dataclass(frozen=True)
class Statistics:
    """Mean and inverse standard deviation of each utterance's matrix: (N,) float32 each."""

    mean: Tensor
    scale: Tensor

    @classmethod
    def of(cls, utterances: Sequence[Tensor]) -> "Statistics":
        """Of matrices (T, D), one at a time, in float32."""
        moments = [torch.var_mean(frames.float(), correction=0) for frames in utterances]
        variance, mean = (torch.stack(values) for values in zip(*moments, strict=True))
        return cls(mean, (variance + EPSILON).rsqrt())


class MappedFrames:
    """Features that stay where they are, in memory-mapped shards or in main memory: (T, D) an utterance.

    A batch copies its frames out, so no more than that is ever held beside them.
    """

    def __init__(
        self, utterances: Sequence[Tensor], device: torch.device, statistics: Statistics | None = None
    ):
        self._utterances = list(utterances)
        self.lengths = torch.tensor([len(frames) for frames in self._utterances])
        self.device = device
        self._statistics = statistics or Statistics.of(self._utterances)

    @property
    def dimension(self) -> int:
        return self._utterances[0].shape[1]

    def batch(self, rows: Sequence[Tensor]) -> Batch:
        owner, starts, longest = layout(self.lengths, rows)
        frames = torch.zeros(len(rows), longest, self.dimension)
        for group, members in enumerate(rows):
            for row, start in zip(members.tolist(), starts[group].tolist(), strict=False):
                part = frames[group, start : start + len(self._utterances[row])]
                part.copy_(self._utterances[row])
                part.sub_(self._statistics.mean[row]).mul_(self._statistics.scale[row])
        mean = mean_matrix(owner, self.lengths, rows)
        return Batch(frames.to(self.device, non_blocking=True), mean.to(self.device, non_blocking=True))


class ResidentFrames:
    """Features packed on the device, (sum of T, D): a batch is gathered there, without waiting for the CPU.

    Batches are float32; with `exact=False` they stay in the data type that is stored: half of the traffic, which
    bounds a GPU here, and float16 rounds as TF32 does.
    """

    def __init__(self, packed: Tensor, lengths: Tensor, statistics: Statistics, exact: bool = True):
        self.lengths, self.device = lengths.cpu(), packed.device
        self._packed, self._exact = packed, exact
        self._lengths = lengths.to(packed.device)
        self._first = self._lengths.cumsum(0) - self._lengths
        self._mean, self._scale = (x.to(packed.device) for x in (statistics.mean, statistics.scale))

    @property
    def dimension(self) -> int:
        return self._packed.shape[1]

    def batch(self, rows: Sequence[Tensor]) -> Batch:
        size = max(len(members) for members in rows)
        longest = max(int(self.lengths[members].sum()) for members in rows)
        table = torch.stack([_padded(members, size) for members in rows]).to(self.device, non_blocking=True)
        known = table >= 0  # (G, B)
        table = table.clamp(min=0)
        lengths = self._lengths[table] * known
        ends = lengths.cumsum(1)
        position = torch.arange(longest, device=self.device).expand(len(rows), -1).contiguous()
        owner = torch.searchsorted(ends, position, right=True)  # (G, T): which utterance a frame is of
        valid = owner < size
        owner = owner.clamp(max=size - 1)
        row = table.gather(1, owner)
        source = self._first[row] + position - (ends - lengths).gather(1, owner)
        stored = self._packed[source.masked_fill(~valid, 0)]  # (G, T, D)
        scale = (self._scale[row] * valid)[..., None]
        # In one pass over the frames, which costs a GPU as much as the matrix products do.
        shift = -self._mean[row][..., None] * scale
        frames = torch.addcmul(shift, stored, scale, out=None if self._exact else stored)
        mean = torch.zeros(len(rows), size, longest, device=self.device)
        mean.scatter_(1, owner[:, None], (valid / lengths.gather(1, owner).clamp(min=1))[:, None])
        return Batch(frames, mean.to(frames.dtype))


def layout(lengths: Tensor, rows: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], int]:
    """For each group: which utterance each frame is of, and where each utterance starts; and the most frames."""
    counts = [lengths[members] for members in rows]
    owner = [torch.arange(len(count)).repeat_interleave(count) for count in counts]
    starts = [count.cumsum(0) - count for count in counts]
    return owner, starts, max(len(group) for group in owner)


def mean_matrix(owner: Sequence[Tensor], lengths: Tensor, rows: Sequence[Tensor]) -> Tensor:
    """(G, B, T): row b of group g averages the frames of its b-th utterance."""
    size, longest = max(map(len, rows)), max(map(len, owner))
    matrix = torch.zeros(len(rows), size, longest)
    for group, (frame_owner, members) in enumerate(zip(owner, rows, strict=True)):
        matrix[group, frame_owner, torch.arange(len(frame_owner))] = 1.0 / lengths[members][frame_owner]
    return matrix


def _padded(members: Tensor, size: int) -> Tensor:
    return torch.nn.functional.pad(members, (0, size - len(members)), value=-1)
