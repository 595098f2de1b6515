"""What is trained together, and what comes of it: groups of heads that see the same batches, and trained heads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from emobox_probe.heads.checkpoint import digest
from emobox_probe.heads.heads import Head
from emobox_probe.protocol import HeadConfiguration


@dataclass(frozen=True)
class Group:
    """Heads that see the same batches.

    `labels` (N,) are label ids on the CPU, of which only those of `training` (A,) and `validation` (B,), the rows
    to train and to choose on, are read; `seed` fixes initial weights and data order; `watched` (E,) are rows
    whose predictions are noted after every epoch, without their labels. `ratings` (N, C), where heads learn what raters
    said, are shares of C labels or ratings on C scales, each from 0 (lowest) to 1, NaN where they are not to be seen.
    """

    labels: Tensor
    training: Tensor
    validation: Tensor
    seed: int
    watched: Tensor | None = None
    ratings: Tensor | None = None


@dataclass
class Trained:
    """A head at its best epoch (0: none, for no loss was finite), with what was seen after every epoch.

    That is the score on validation (UA, or what else the objective chooses by), the loss there, and the predicted ids
    (E,) of the group's watched rows.
    """

    configuration: HeadConfiguration
    head: Head = field(init=False)
    epoch: int = 0
    validation_score: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    watched: list[Tensor] = field(default_factory=list)

    @property
    def merit(self) -> tuple[float, float]:
        """What selection compares: the score on validation, then a lower loss where it ties."""
        return self.validation_score[self.epoch - 1], -self.validation_loss[self.epoch - 1]

    @property
    def selected(self) -> dict[str, float]:
        """What was chosen, as a record says it."""
        return {
            "learning_rate": self.configuration.learning_rate,
            "hidden": self.configuration.hidden,
            "epoch": self.epoch,
        }


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
            *([] if group.ratings is None else [_digest_of_ratings(group)]),
        ]
        for group in groups
    ]


def _digest_of_ratings(group: Group) -> str:
    assert group.ratings is not None
    return digest([group.ratings[group.training], group.ratings[group.validation]])
