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


class Rows(NamedTuple):
    """Utterances of G groups side by side: row numbers (G, B), then -1 where a group has fewer; twice.

    The host's copy tells how large a batch is without waiting for the device.
    """

    host: Tensor
    device: Tensor

    @classmethod
    def of(cls, members: Tensor, device: torch.device) -> "Rows":
        """One group with the utterances `members` (B,)."""
        return cls(members[None], members[None].to(device, non_blocking=True))


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

    def batch(self, rows: Rows) -> Batch:
        """The features of these utterances; at least one frame in all."""
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

    def batch(self, rows: Rows) -> Batch:
        lengths = lengths_of(rows.host, self.lengths)  # (G, B)
        longest = int(lengths.sum(1).max())
        starts = lengths.cumsum(1) - lengths
        frames = torch.zeros(len(lengths), longest, self.dimension)
        mean = torch.zeros(*lengths.shape, longest)
        for group, place in (rows.host >= 0).nonzero().tolist():
            row, start = int(rows.host[group, place]), int(starts[group, place])
            utterance = self._utterances[row]
            covered = slice(start, start + len(utterance))
            part = frames[group, covered].copy_(utterance)
            part.sub_(self._statistics.mean[row]).mul_(self._statistics.scale[row])
            mean[group, place, covered] = 1 / len(utterance)
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

    def batch(self, rows: Rows) -> Batch:
        groups, size = rows.host.shape
        longest = int(lengths_of(rows.host, self.lengths).sum(1).max())
        lengths = lengths_of(rows.device, self._lengths)  # (G, B)
        ends = lengths.cumsum(1)
        position = torch.arange(longest, device=self.device).expand(groups, -1).contiguous()
        owner = torch.searchsorted(ends, position, right=True)  # (G, T): which utterance a frame is of
        valid = owner < size
        owner = owner.clamp(max=size - 1)
        row = rows.device.gather(1, owner)
        source = self._first[row] + position - (ends - lengths).gather(1, owner)
        stored = self._packed[source.masked_fill(~valid, 0)]  # (G, T, D)
        scale = (self._scale[row] * valid)[..., None]
        # In one pass over the frames, which costs a GPU as much as the matrix products do.
        shift = -self._mean[row][..., None] * scale
        frames = torch.addcmul(shift, stored, scale, out=None if self._exact else stored)
        mean = torch.zeros(groups, size, longest, device=self.device)
        mean.scatter_(1, owner[:, None], (valid / lengths.gather(1, owner).clamp(min=1))[:, None])
        return Batch(frames, mean.to(frames.dtype))


def lengths_of(rows: Tensor, lengths: Tensor) -> Tensor:
    """(G, B) frames of each utterance, 0 where there is none."""
    return lengths[rows] * (rows >= 0)  # -1 takes the last, which does not count
