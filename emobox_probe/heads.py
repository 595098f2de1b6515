"""Probe heads: Linear -> ReLU per frame -> mean over valid frames -> Linear; whole sweeps trained as one.

Heads that see the same batches form a group (one fold, one seed): their hidden units stand side by side in one
matrix product. Groups stand behind each other in batched matrix products. Every head still takes exactly the steps
that it would take alone, so its result is that of a plain loop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_probe.frames import Batch
from emobox_probe.protocol import HeadConfiguration

# Keeps gradients of frames within float16, where frames are; a power of two, so float32 is not rounded by it.
LOSS_SCALE = 2.0**14
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8  # those of torch.optim.Adam


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

    def logits(self, frames: Tensor, mean: Tensor) -> Tensor:
        """(B, C) of utterances whose frames are (T, D), normalised, with `mean` (B, T) as in `Batch`."""
        if self.mixing is not None:
            vectors = torch.einsum("l,bld->bd", self.mixing, frames.view(len(mean), -1, frames.shape[1]))
            pooled = F.relu(F.linear(vectors, self.first, self.first_bias))
        else:
            pooled = mean @ F.relu(F.linear(frames, self.first, self.first_bias))
        return F.linear(pooled, self.second, self.second_bias)


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
        self.widths = [point.hidden for point in configurations]
        groups = [[_drawn(seed, dimension, width, classes) for width in self.widths] for seed in seeds]

        def stacked(part: str, along: int) -> Tensor:
            rows = [torch.cat([getattr(head, part) for head in heads], dim=along) for heads in groups]
            return torch.stack(rows).to(device).requires_grad_()

        self.first = stacked("first", 0)  # (G, W, D)
        self.first_bias = stacked("first_bias", 0)  # (G, W)
        self.second = stacked("second", 1)  # (G, C, W)
        self.second_bias = torch.stack([torch.stack([h.second_bias for h in heads]) for heads in groups])
        self.second_bias = self.second_bias.to(device).requires_grad_()  # (G, K, C)
        self.mixing: Tensor | None = None
        if layers is not None:
            shape = (len(seeds), len(configurations), layers)
            self.mixing = torch.zeros(shape, device=device, requires_grad=True)  # (G, K, L)
        rates = torch.tensor([point.learning_rate for point in configurations], device=device)
        self._rates = rates  # (K,)
        self._unit_rates = rates.repeat_interleave(torch.tensor(self.widths, device=device))  # (W,)
        self._moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]

    @property
    def parameters(self) -> list[Tensor]:
        weights = [self.first, self.first_bias, self.second, self.second_bias]
        return weights if self.mixing is None else [*weights, self.mixing]

    def logits(self, batch: Batch, group: int | None = None) -> Tensor:
        """(G, B, K, C) of a batch for all groups, or of a batch with one group for `group` alone."""
        first, first_bias, second, second_bias, *mixing = (
            parameter if group is None else parameter[group : group + 1] for parameter in self.parameters
        )
        if mixing:
            pooled = self._of_sums(batch, first, mixing[0]).add(first_bias[:, None]).relu()  # (G, B, W)
        else:
            first, first_bias = first.to(batch.frames.dtype), first_bias.to(batch.frames.dtype)
            hidden = torch.baddbmm(first_bias[:, None], batch.frames, first.transpose(1, 2))  # (G, T, W)
            pooled = torch.bmm(batch.mean, hidden.relu_()).float()
        parts = zip(pooled.split(self.widths, dim=2), second.split(self.widths, dim=2), strict=True)
        return torch.stack([p @ s.transpose(1, 2) for p, s in parts], dim=2) + second_bias[:, None]

    def _of_sums(self, batch: Batch, first: Tensor, mixing: Tensor) -> Tensor:
        """(G, B, W) hidden units, without bias, of each head's own sum of layers; `mixing` (G, K, L)."""
        utterances, layers = batch.mean.shape[1], mixing.shape[2]
        missing = utterances * layers - batch.frames.shape[1]  # where every group has fewer utterances
        vectors = F.pad(batch.frames.float(), (0, 0, 0, missing)).unflatten(1, (utterances, layers))
        sums = torch.einsum("gkl,gbld->kgbd", mixing.softmax(2), vectors)  # (K, G, B, D)
        weights = first.split(self.widths, dim=1)
        return torch.cat([x @ w.transpose(1, 2) for x, w in zip(sums, weights, strict=True)], dim=2)

    def step(self, loss: Tensor, number: int, shares: Tensor) -> None:
        """One step of Adam for every head; `shares` (G,) of the full rates, `number` counts steps from 1."""
        gradients = torch.autograd.grad(loss * LOSS_SCALE, self.parameters)
        unscale = 1 / LOSS_SCALE
        rates = [
            shares[:, None, None] * self._unit_rates[:, None],
            shares[:, None] * self._unit_rates,
            shares[:, None, None] * self._unit_rates,
            *[shares[:, None, None] * self._rates[:, None]] * (1 if self.mixing is None else 2),
        ]
        corrections = [1 - beta**number for beta in BETAS]
        factor = -(corrections[1] ** 0.5) / corrections[0]
        epsilon = ADAM_EPSILON * corrections[1] ** 0.5
        with torch.no_grad():
            for parameter, gradient, rate, (mean, square) in zip(
                self.parameters, gradients, rates, self._moments, strict=True
            ):
                # The usual update, with the bias corrections moved to where they cost no pass over the heads.
                mean.mul_(BETAS[0]).add_(gradient, alpha=(1 - BETAS[0]) * unscale)
                square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=(1 - BETAS[1]) * unscale**2)
                parameter.addcdiv_(mean * (rate * factor), square.sqrt().add_(epsilon))

    def head(self, group: int, index: int) -> Head:
        """A copy of one head as it is now."""
        start = sum(self.widths[:index])
        units = slice(start, start + self.widths[index])
        with torch.no_grad():
            return Head(
                self.first[group, units].clone(),
                self.first_bias[group, units].clone(),
                self.second[group, :, units].clone(),
                self.second_bias[group, index].clone(),
                None if self.mixing is None else self.mixing[group, index].softmax(0),
            )


def _drawn(seed: int, dimension: int, hidden: int, classes: int) -> Head:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nn.Linear(dimension, hidden), nn.Linear(hidden, classes)
    return Head(first.weight.data, first.bias.data, second.weight.data, second.bias.data)


def pieces(rows: Tensor, lengths: Tensor, frames: int) -> Iterator[Tensor]:
    """Consecutive rows of about `frames` frames together, at least one row each."""
    piece = lengths[rows].cumsum(0) // frames
    _, counts = piece.unique_consecutive(return_counts=True)
    yield from rows.split(counts.tolist())
