"""The features that heads are trained on: resident on the device, or mapped from disk where they do not fit.

Frames stay in the data type they are stored in; each utterance is normalised over its whole (frames x dimensions)
matrix and without affine parameters, as the paper does: where it is resident once, else when it is put into a batch.
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
    """Features packed on the device, (sum of T + 1, D): a batch is gathered there, without waiting for the CPU.

    They are normalised already, and the last row is zero, for what pads a batch. Batches stay in their data type: half
    of the traffic, which bounds a GPU here, where that is float16, which rounds as TF32 does.
    """

    def __init__(self, packed: Tensor, lengths: Tensor, views: int = 1):
        self.lengths, self.device, self.views = lengths.cpu(), packed.device, views
        self._packed = packed
        self._lengths = lengths.to(packed.device)
        self._first = self._lengths.cumsum(0) - self._lengths

    @classmethod
    def of(cls, utterances: Sequence[Tensor], device: torch.device) -> "ResidentFrames":
        """Of matrices (T, D) that are not normalised, one at a time: all of them are nowhere but on the device."""
        lengths = torch.tensor([len(frames) for frames in utterances])
        rows, dimension = int(lengths.sum()) + 1, utterances[0].shape[1]
        packed = torch.empty(rows, dimension, dtype=utterances[0].dtype, device=device)
        packed[-1] = 0
        for part, frames in zip(packed[:-1].split(lengths.tolist()), utterances, strict=True):
            stored = part.copy_(frames).float()
            variance, mean = torch.var_mean(stored, correction=0)
            scale = (variance + EPSILON).rsqrt()
            part.copy_(torch.addcmul(-mean * scale, stored, scale))
        return cls(packed, lengths)

    @property
    def dimension(self) -> int:
        return self._packed.shape[1]

    @property
    def vectors(self) -> Tensor | None:
        """(N + 1, D), the last one zero, where every utterance is one vector of float32."""
        single = self._packed.dtype == torch.float32 and bool((self.lengths == 1).all())
        return self._packed if single else None

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
        inside = owner.clamp(max=size - 1)
        starts = (
            self._first[rows] - lengths.cumsum(1) + lengths
        )  # of utterances here, less those in the batch
        position = torch.arange(frames, device=self.device)
        source = (position + starts.gather(1, inside)).masked_fill(owner == size, len(self._packed) - 1)
        return Batch(self._packed[source], owner, lengths)


def _owners(lengths: Tensor, frames: int) -> Tensor:
    """(G, T) which utterance each frame is of, from (G, B) lengths; B behind the last."""
    position = torch.arange(frames, device=lengths.device).expand(len(lengths), -1).contiguous()
    return torch.searchsorted(lengths.cumsum(1), position, right=True)


def lengths_of(rows: Tensor, lengths: Tensor) -> Tensor:
    """(G, B) frames of each utterance, 0 where there is none."""
    return lengths[rows] * (rows >= 0)  # -1 takes the last, which does not count
