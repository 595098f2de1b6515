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
    """One trained head: weights `first` (H, D), `second` (C, H) and biases (H,), (C,)."""

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor

    def __call__(self, frames: Tensor) -> Tensor:
        """Logits (C,) of one utterance's frames (T, D)."""
        hidden = F.relu(F.linear(frames, self.first, self.first_bias))
        return F.linear(hidden.mean(0), self.second, self.second_bias)


class HeadBank:
    """Heads of G groups, each group with one head a configuration; W is the sum of their hidden sizes.

    Each head is drawn from its group's seed on the CPU, as `nn.Linear` draws it: the same whatever is trained
    beside it, and wherever.
    """

    def __init__(
        self,
        configurations: Sequence[HeadConfiguration],
        seeds: Sequence[int],
        dimension: int,
        classes: int,
        device: torch.device,
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
        rates = torch.tensor([point.learning_rate for point in configurations], device=device)
        self._rates = rates  # (K,)
        self._unit_rates = rates.repeat_interleave(torch.tensor(self.widths, device=device))  # (W,)
        self._moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]

    @property
    def parameters(self) -> list[Tensor]:
        return [self.first, self.first_bias, self.second, self.second_bias]

    def logits(self, batch: Batch, group: int | None = None) -> Tensor:
        """(G, B, K, C) of a batch for all groups, or of a batch with one group for `group` alone."""
        first, first_bias, second, second_bias = (
            parameter if group is None else parameter[group : group + 1] for parameter in self.parameters
        )
        first, first_bias = first.to(batch.frames.dtype), first_bias.to(batch.frames.dtype)
        hidden = torch.baddbmm(first_bias[:, None], batch.frames, first.transpose(1, 2))  # (G, T, W)
        pooled = torch.bmm(batch.mean, hidden.relu_()).float()  # (G, B, W)
        parts = zip(pooled.split(self.widths, dim=2), second.split(self.widths, dim=2), strict=True)
        return torch.stack([p @ s.transpose(1, 2) for p, s in parts], dim=2) + second_bias[:, None]

    def step(self, loss: Tensor, number: int, shares: Tensor) -> None:
        """One step of Adam for every head; `shares` (G,) of the full rates, `number` counts steps from 1."""
        gradients = torch.autograd.grad(loss * LOSS_SCALE, self.parameters)
        unscale = 1 / LOSS_SCALE
        rates = [
            shares[:, None, None] * self._unit_rates[:, None],
            shares[:, None] * self._unit_rates,
            shares[:, None, None] * self._unit_rates,
            shares[:, None, None] * self._rates[:, None],
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
