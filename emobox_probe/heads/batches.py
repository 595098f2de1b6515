"""The features that heads are trained on: resident on the device, or mapped from disk where they do not fit.

Frames stay in the data type they are stored in; each utterance is normalised when it is put into a batch, over its
whole (frames x dimensions) matrix and without affine parameters, as the paper does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
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

    def in_views(self, count: int) -> "Rows":
        """Every group `count` times, once for each view: row r of view v is row r x count + v."""
        return self if count == 1 else Rows(_in_views(self.host, count), _in_views(self.device, count))


def _in_views(rows: Tensor, count: int) -> Tensor:
    views = torch.arange(count, device=rows.device)[:, None]  # (V, 1)
    return torch.where(rows[:, None] < 0, -1, rows[:, None] * count + views).flatten(0, 1)  # (G * V, B)


class Batch(NamedTuple):
    """Utterances of G groups side by side, padded to the group with the most frames.

    `frames` (G, T, D), normalised, zero where padded; `owner` (G, T) tells which of its group's B utterances a frame
    is of, B where it is padding; `lengths` (G, B) are frames of each utterance, 0 where there is none.
    """

    frames: Tensor
    owner: Tensor
    lengths: Tensor

    def averaged(self, hidden: Tensor) -> Tensor:
        """(G, B, W) means over each utterance's frames of (G, T, W), zero where there is no utterance."""
        groups, utterances = self.lengths.shape
        if hidden.is_cuda:  # a matrix product: sums by index have no fixed order there
            share = F.pad(1 / self.lengths.clamp(min=1), (0, 1)).gather(1, self.owner)  # (G, T)
            mean = share.new_zeros(groups, utterances + 1, hidden.shape[1]).scatter_(
                1, self.owner[:, None], share[:, None]
            )
            return torch.bmm(mean[:, :utterances].to(hidden.dtype), hidden)
        sums = hidden.new_zeros(groups * (utterances + 1), hidden.shape[2])
        slots = self.owner + torch.arange(groups)[:, None] * (utterances + 1)
        sums = sums.index_add(0, slots.flatten(), hidden.flatten(0, 1)).view(groups, utterances + 1, -1)
        return sums[:, :utterances] / self.lengths[..., None].clamp(min=1)


class Frames(Protocol):
    """Features of all utterances of a corpus.

    There may be several views of an utterance, such as the means of layers; each is trained on by itself. Row n of view
    v is row n x views + v of what is held. `lengths` is on the CPU.
    """

    lengths: Tensor
    device: torch.device
    views: int

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
        variance, mean = torch.empty(2, len(utterances))
        for row, frames in enumerate(utterances):
            # Nothing small may be kept from one utterance to the next: it would take its place in the memory that the
            # next one's copy needs, and the process would grow by a copy of every utterance.
            variance[row], mean[row] = torch.var_mean(frames.float(), correction=0)
        return cls(mean, (variance + EPSILON).rsqrt())


class MappedFrames:
    """Features that stay where they are, in memory-mapped shards or in main memory: (T, D) an utterance.

    A batch copies its frames out, so no more than that is ever held beside them.
    """

    views = 1

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
        frames = torch.empty(len(lengths), longest, self.dimension)
        for part, members in zip(frames, rows.host, strict=True):
            end = 0
            for row in members[members >= 0].tolist():
                start, end = end, end + len(self._utterances[row])
                utterance = part[start:end].copy_(self._utterances[row])
                utterance.sub_(self._statistics.mean[row]).mul_(self._statistics.scale[row])
            part[end:] = 0
        batch = Batch(frames, _owners(lengths, longest), lengths)
        return Batch(*(part.to(self.device, non_blocking=True) for part in batch))


class ResidentFrames:
    """Features packed on the device, (sum of T, D): a batch is gathered there, without waiting for the CPU.

    Batches are float32; with `exact=False` they stay in the data type that is stored: half of the traffic, which
    bounds a GPU here, and float16 rounds as TF32 does.
    """

    def __init__(
        self, packed: Tensor, lengths: Tensor, statistics: Statistics, exact: bool = True, views: int = 1
    ):
        self.lengths, self.device, self.views = lengths.cpu(), packed.device, views
        self._packed, self._exact = packed, exact
        self._lengths = lengths.to(packed.device)
        self._first = self._lengths.cumsum(0) - self._lengths
        self._mean, self._scale = (x.to(packed.device) for x in (statistics.mean, statistics.scale))

    @property
    def dimension(self) -> int:
        return self._packed.shape[1]

    def batch(self, rows: Rows) -> Batch:
        return self.padded(rows.device, self.longest(rows))

    def longest(self, rows: Rows) -> int:
        """Frames of the group with the most."""
        return int(lengths_of(rows.host, self.lengths).sum(1).max())

    def padded(self, rows: Tensor, frames: int) -> Batch:
        """A batch of `rows` (G, B) on the device, padded to so many frames, which are enough."""
        size = rows.shape[1]
        lengths = lengths_of(rows, self._lengths)  # (G, B)
        owner = _owners(lengths, frames)  # (G, T)
        valid = owner < size
        inside = owner.clamp(max=size - 1)
        row = rows.gather(1, inside)
        starts = lengths.cumsum(1) - lengths
        position = torch.arange(frames, device=self.device)
        source = self._first[row] + position - starts.gather(1, inside)
        stored = self._packed[source.masked_fill(~valid, 0)]  # (G, T, D)
        scale = (self._scale[row] * valid)[..., None]
        # In one pass over the frames, which costs a GPU as much as the matrix products do.
        shift = -self._mean[row][..., None] * scale
        return Batch(torch.addcmul(shift, stored, scale, out=None if self._exact else stored), owner, lengths)


def _owners(lengths: Tensor, frames: int) -> Tensor:
    """(G, T) which utterance each frame is of, from (G, B) lengths; B behind the last."""
    position = torch.arange(frames, device=lengths.device).expand(len(lengths), -1).contiguous()
    return torch.searchsorted(lengths.cumsum(1), position, right=True)


def lengths_of(rows: Tensor, lengths: Tensor) -> Tensor:
    """(G, B) frames of each utterance, 0 where there is none."""
    return lengths[rows] * (rows >= 0)  # -1 takes the last, which does not count
