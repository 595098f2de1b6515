"""What is trained together, and what comes of it: groups of heads that see the same batches, and trained heads."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from emobox_probe.heads.checkpoint import State, digest
from emobox_probe.heads.heads import Head
from emobox_probe.protocol import HeadConfiguration


@dataclass(frozen=True)
class Group:
    """Heads that see the same batches.

    `labels` (N,) are label ids on the CPU, of which only those of `training` (A,) and `validation` (B,), the rows
    to train and to choose on, are read; `seed` fixes initial weights and data order; `watched` (E,) are rows
    whose predictions are noted after every epoch, without their labels.
    """

    labels: Tensor
    training: Tensor
    validation: Tensor
    seed: int
    watched: Tensor | None = None


_NOTED = ("epoch", "validation_ua", "validation_loss", "watched")


@dataclass
class Trained:
    """A head at its best epoch (0: none yet), with what was seen after every epoch.

    That is UA and loss on validation, and the predicted ids (E,) of the group's watched rows.
    """

    configuration: HeadConfiguration
    head: Head = field(init=False)
    epoch: int = 0
    validation_ua: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    watched: list[Tensor] = field(default_factory=list)

    @property
    def merit(self) -> tuple[float, float]:
        """What selection compares: UA on validation, then a lower loss where UA ties."""
        return self.validation_ua[self.epoch - 1], -self.validation_loss[self.epoch - 1]

    def state(self) -> State:
        """All of it but the configuration."""
        head = [getattr(self.head, part.name) for part in fields(Head)] if self.epoch else []
        return {**{name: getattr(self, name) for name in _NOTED}, "head": head}

    def load(self, state: State, device: torch.device) -> None:
        """Become what it was."""
        for name in _NOTED:
            setattr(self, name, state[name])
        if state["head"]:
            parts: list[Any] = [part if part is None else part.to(device) for part in state["head"]]
            self.head = Head(*parts)

    def note(self, ua: float, loss: float) -> bool:
        """Append an epoch; whether it is the best so far (never where the loss is not finite)."""
        self.validation_ua.append(ua)
        self.validation_loss.append(loss)
        better = not self.epoch or (ua, -loss) > self.merit
        if better and loss == loss:
            self.epoch = len(self.validation_ua)
        return better and loss == loss


def select(runs: Sequence[Trained]) -> Trained:
    """The run with the best validation scores; the earlier in the sweep where they tie."""
    return max((run for run in runs if run.epoch), key=lambda run: run.merit)


def identity(groups: Sequence[Group]) -> list[object]:
    """What the outcome of training groups depends on: seeds, rows, and the labels that are read."""
    return [
        [
            group.seed,
            digest([group.training, group.validation, group.watched]),
            digest([group.labels[group.training], group.labels[group.validation]]),
        ]
        for group in groups
    ]
