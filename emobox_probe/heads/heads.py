"""Probe heads: Linear -> ReLU per frame -> mean over valid frames -> Linear; whole sweeps trained as one.

Heads that see the same batches form a group (one fold, one seed): their hidden units stand side by side in one
matrix product. Groups stand behind each other in batched matrix products. Every head still takes exactly the steps
that it would take alone, so its result is that of a plain loop.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_probe.heads.adam import ADAM_BETAS, ADAM_EPSILON
from emobox_probe.heads.batches import Batch
from emobox_probe.heads.kernels import adam_steps, kernels_work, pooled_relu
from emobox_probe.protocol import HeadConfiguration

# Keeps gradients of frames within float16, where frames are; a power of two, so float32 is not rounded by it.
LOSS_SCALE = 2.0**14


@dataclass(frozen=True)
class Head:
    """One trained head: weights `first` (H, D), `second` (C, H) and biases (H,), (C,).

    With `mixing` (L,), which sums to 1, frames are vectors of L layers, and hidden units see their weighted sum.
    """

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    mixing: Tensor | None = None

    @property
    def sha256(self) -> str:
        """Of all its weights."""
        digest = hashlib.sha256()
        for name, part in vars(self).items():
            if part is not None:
                digest.update(f"{name}{tuple(part.shape)}".encode())
                digest.update(part.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def cpu(self) -> "Head":
        """The same in main memory."""
        mixing = None if self.mixing is None else self.mixing.cpu()
        return Head(
            self.first.cpu(), self.first_bias.cpu(), self.second.cpu(), self.second_bias.cpu(), mixing
        )

    def logits(self, batch: Batch) -> Tensor:
        """(B, C) of a batch of one group, in float32."""
        frames = batch.frames.float()
        if self.mixing is not None:
            vectors = frames.unflatten(1, (-1, len(self.mixing)))  # (1, B, L, D)
            pooled = F.relu(
                F.linear(torch.einsum("l,gbld->gbd", self.mixing, vectors), self.first, self.first_bias)
            )
        else:
            pooled = batch.averaged(F.relu(F.linear(frames, self.first, self.first_bias)))
        return F.linear(pooled[0], self.second, self.second_bias)


class HeadBank:
    """Heads of G groups, each group with one head a configuration; W is the sum of their hidden sizes.

    Each head is drawn from its group's seed on the CPU, as `nn.Linear` draws it: the same whatever is trained
    beside it, and wherever. With `layers` L, the frames of an utterance are vectors of L layers, and each head
    also learns, from equal shares on, the softmax weights of their sum.
    """

    def __init__(
        self,
        configurations: Sequence[HeadConfiguration],
        seeds: Sequence[int],
        dimension: int,
        classes: int,
        device: torch.device,
        layers: int | None = None,
    ):
        kernels_work(device)  # found out here, not while a step is recorded
        self.widths = [point.hidden for point in configurations]
        known = list(dict.fromkeys(seeds))
        drawn = [[_drawn(seed, dimension, width, classes) for width in self.widths] for seed in known]
        places = torch.tensor([known.index(seed) for seed in seeds], device=device)

        def stacked(join: Callable[[list[Head]], Tensor]) -> Tensor:
            return torch.stack([join(heads) for heads in drawn]).to(device)[places].requires_grad_()

        # Inputs before outputs: the order in which matrix products make gradients.
        self.first = stacked(lambda heads: torch.cat([head.first for head in heads]).T)  # (G, D, W)
        self.first_bias = stacked(lambda heads: torch.cat([head.first_bias for head in heads]))  # (G, W)
        self.second = stacked(lambda heads: torch.cat([head.second for head in heads], dim=1))  # (G, C, W)
        self.second_bias = stacked(
            lambda heads: torch.stack([head.second_bias for head in heads])
        )  # (G, K, C)
        self.mixing: Tensor | None = None
        if layers is not None:
            shape = (len(seeds), len(configurations), layers)
            self.mixing = torch.zeros(shape, device=device, requires_grad=True)  # (G, K, L)
        heads = torch.arange(len(self.widths), device=device)
        self._head_of_unit = heads.repeat_interleave(torch.tensor(self.widths, device=device))  # (W,)
        rates = torch.tensor([point.learning_rate for point in configurations], device=device)
        self.rates = rates  # (K,)
        self.unit_rates = rates[self._head_of_unit]  # (W,)
        # Heads differ in their rates, an optimiser has one: it steps from zero at rate 1, and each head goes its share
        # of that way. The scale of the loss cancels in such a step.
        self._directions = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._adam = torch.optim.Adam(
            self._directions,
            lr=1.0,
            betas=ADAM_BETAS,
            eps=ADAM_EPSILON * LOSS_SCALE,
            fused=True,
            capturable=device.type == "cuda",
        )

    @property
    def parameters(self) -> list[Tensor]:
        weights = [self.first, self.first_bias, self.second, self.second_bias]
        return weights if self.mixing is None else [*weights, self.mixing]

    def logits(self, batch: Batch, groups: slice | None = None) -> Tensor:
        """(G, B, K, C) of a batch for these groups, or for all."""
        # The gradient of a slice, of all groups too, would be zeros with a copy of what a product has made.
        parameters = self.parameters if groups is None else [part[groups] for part in self.parameters]
        first, first_bias, second, second_bias, *mixing = parameters
        if mixing:
            pooled = self._of_sums(batch, first, mixing[0]).add(first_bias[:, None]).relu()  # (G, B, W)
        elif kernels_work(batch.frames.device):
            hidden = batch.frames @ first.to(batch.frames.dtype)  # (G, T, W)
            pooled = pooled_relu(hidden, first_bias, batch.owner, batch.lengths)
        else:
            first, first_bias = first.to(batch.frames.dtype), first_bias.to(batch.frames.dtype)
            hidden = torch.baddbmm(first_bias[:, None], batch.frames, first)  # (G, T, W)
            pooled = batch.averaged(hidden.relu_()).float()
        parts = zip(pooled.split(self.widths, dim=2), second.split(self.widths, dim=2), strict=True)
        return torch.stack([p @ s.transpose(1, 2) for p, s in parts], dim=2) + second_bias[:, None]

    def _of_sums(self, batch: Batch, first: Tensor, mixing: Tensor) -> Tensor:
        """(G, B, W) hidden units, without bias, of each head's own sum of layers; `mixing` (G, K, L)."""
        utterances, layers = batch.lengths.shape[1], mixing.shape[2]
        missing = utterances * layers - batch.frames.shape[1]  # where every group has fewer utterances
        vectors = F.pad(batch.frames.float(), (0, 0, 0, missing)).unflatten(1, (utterances, layers))
        sums = torch.einsum("gkl,gbld->kgbd", mixing.softmax(2), vectors)  # (K, G, B, D)
        weights = first.split(self.widths, dim=2)
        return torch.cat([x @ w for x, w in zip(sums, weights, strict=True)], dim=2)

    def step(self, loss: Tensor, shares: Tensor) -> None:
        """One step of Adam for every head; `shares` (G,) of the full rates."""
        gradients = torch.autograd.grad(loss * LOSS_SCALE, self.parameters)
        of_units = shares[:, None, None] * self.unit_rates  # (G, 1, W)
        of_heads = shares[:, None, None] * self.rates[:, None]  # (G, K, 1)
        rates = [of_units, of_units[:, 0], of_units, of_heads, *([] if self.mixing is None else [of_heads])]
        # The first step of torch's own makes the moments.
        if self.moments and kernels_work(self.first.device):
            adam_steps(self.parameters, gradients, self.moments, rates, ADAM_EPSILON * LOSS_SCALE)
            return
        with torch.no_grad():
            for direction, gradient in zip(self._directions, gradients, strict=True):
                direction.grad = gradient.contiguous()
                direction.zero_()
            self._adam.step()
            for parameter, rate, direction in zip(self.parameters, rates, self._directions, strict=True):
                parameter.addcmul_(rate, direction)

    @property
    def moments(self) -> list[dict[str, Tensor]]:
        """What Adam keeps of each parameter, by torch's names; nothing before the first step."""
        state = self._adam.state
        return [state[direction] for direction in self._directions if direction in state]

    def state(self) -> dict[str, Any]:
        """The heads and the moments of their gradients as they are now, without a copy."""
        return {"heads": [p.detach() for p in self.parameters], "adam": self._adam.state_dict()["state"]}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same heads."""
        with torch.no_grad():
            for parameter, kept in zip(self.parameters, state["heads"], strict=True):
                parameter.copy_(kept)
        self._adam.load_state_dict({**self._adam.state_dict(), "state": state["adam"]})

    def copy_heads(self, into: Sequence[Tensor], chosen: Tensor, groups: slice) -> None:
        """Copy the heads of groups that are `chosen` (G, K) into tensors like `parameters`."""
        if not chosen.is_cuda:
            for group, index in chosen.nonzero().tolist():
                places = self._places(groups.start + group, index)
                for mine, other, place in zip(self.parameters, into, places, strict=True):
                    other[place] = mine[place]
            return
        # A GPU is sooner done with all of them than with a launch a head, and need not be asked which.
        of_units = chosen[:, self._head_of_unit]  # (G, W)
        of_heads = [chosen[..., None]] * (len(into) - 3)
        masks = [of_units[:, None], of_units, of_units[:, None], *of_heads]
        for mine, other, mask in zip(self.parameters, into, masks, strict=True):
            torch.where(mask, mine[groups], other[groups], out=other[groups])

    def head(self, group: int, index: int, parameters: Sequence[Tensor] | None = None) -> Head:
        """A copy of one head as it is now, or as it is in tensors like `parameters`."""
        with torch.no_grad():
            places = zip(parameters or self.parameters, self._places(group, index), strict=True)
            first, first_bias, second, second_bias, *mixing = (part[place].clone() for part, place in places)
            return Head(
                first.T.contiguous(), first_bias, second, second_bias, *(m.softmax(0) for m in mixing)
            )

    def _places(self, group: int, index: int) -> list[tuple[Any, ...]]:
        """Where a head is in each of the parameters: at its hidden units, or at its number."""
        start = sum(self.widths[:index])
        units, number = (group, ..., slice(start, start + self.widths[index])), (group, index)
        return [units, units, units, number, *([] if self.mixing is None else [number])]


def _drawn(seed: int, dimension: int, hidden: int, classes: int) -> Head:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nn.Linear(dimension, hidden), nn.Linear(hidden, classes)
    return Head(first.weight.data, first.bias.data, second.weight.data, second.bias.data)


def combined(logits: Tensor) -> Tensor:
    """Logits `(B, K, C)` of K heads as one answer `(B, C)`: of one its own, of several those of the mean probabilities.

    >>> combined(torch.tensor([[[0.0, 0.0], [2.0, 2.0]]])).softmax(-1)
    tensor([[0.5000, 0.5000]])
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    return logits.softmax(-1).mean(1).log()


def pieces(rows: Tensor, lengths: Tensor, frames: int) -> Iterator[Tensor]:
    """Consecutive rows of about `frames` frames together, at least one row each."""
    piece = lengths[rows].cumsum(0) // frames
    _, counts = piece.unique_consecutive(return_counts=True)
    yield from rows.split(counts.tolist())
