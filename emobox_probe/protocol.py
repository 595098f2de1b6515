"""Protocols as data: everything that fixes a score, given an encoder and a corpus."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class HeadConfiguration:
    """One point of the sweep: Adam's full learning rate, and the width of the hidden layer."""

    learning_rate: float
    hidden: int


@dataclass(frozen=True)
class Protocol:
    """How a score is made. `folds` is a kind of fold: `released` or `strict`."""

    name: str
    description: str
    folds: str
    learning_rates: tuple[float, ...]
    hidden_sizes: tuple[int, ...]
    batch_size: int
    epochs: int
    warm_up_epochs: int
    validation_share: float
    seed: int

    @property
    def sweep(self) -> list[HeadConfiguration]:
        """Every configuration that is trained; one is chosen on the validation part."""
        return [HeadConfiguration(*point) for point in product(self.learning_rates, self.hidden_sizes)]

    def rates(self) -> list[float]:
        """The learning rate of each epoch, as a share of the full rate.

        The published code steps its schedule by epochs and starts it after the first one, so epoch 1 runs at
        the full rate, epoch 2 at zero; ten epochs of linear warm-up and a linear decay to 2/90 follow.
        """
        start = 2  # the epoch at which the schedule starts from zero
        decay = self.epochs - self.warm_up_epochs
        rates = [1.0]
        for epoch in range(start, self.epochs + 1):
            warm_up = (epoch - start) / self.warm_up_epochs
            cool_down = (self.epochs + start - epoch) / decay
            rates.append(min(warm_up, cool_down))
        return rates[: self.epochs]


PAPER = Protocol(
    name="paper",
    description=(
        "The recipe of the EmoBox paper (Section 3.1) on its released folds: last layer, layer normalisation over "
        "the whole utterance, Linear-ReLU-mean-Linear head, Adam. Unlike the paper, which may have chosen on test, "
        "configuration and epoch are chosen by UA on a validation part: the release's own, else 20 % of the "
        "training part of every label."
    ),
    folds="released",
    learning_rates=(1e-3, 1e-4),
    hidden_sizes=(128, 256),
    batch_size=32,
    epochs=100,
    warm_up_epochs=10,
    validation_share=0.2,
    seed=0,
)

PROTOCOLS = {protocol.name: protocol for protocol in (PAPER,)}
