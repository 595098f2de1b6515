"""Probe heads: Linear -> ReLU per frame -> mean over valid frames -> Linear, many trained at once.

Heads that see the same batches stand side by side: their first layers are one wide matrix product, so a sweep
over learning rates and widths reads the features once. Each head's result is that of training it alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import HeadConfiguration, Protocol

# Frames in one matrix product when no gradient is needed: bounds memory, about 50 MB at 768 hidden units.
EVALUATION_FRAMES = 16_384


@dataclass(frozen=True)
class Frames:
    """Features of many utterances without padding: `packed` (sum of T, D) and the length T of each (N,)."""

    packed: Tensor
    lengths: Tensor

    @property
    def starts(self) -> Tensor:
        return self.lengths.cumsum(0) - self.lengths

    def select(self, rows: Tensor) -> "Frames":
        """The utterances in `rows` (B,), in that order."""
        lengths = self.lengths[rows]
        first = lengths.cumsum(0) - lengths
        # Position of every frame within its utterance, added to where the utterance starts.
        shift = (self.starts[rows] - first).repeat_interleave(lengths)
        return Frames(self.packed[torch.arange(len(shift), device=shift.device) + shift], lengths)


class Head(nn.Module):
    """The probe head of the paper; `forward` takes one utterance's or many utterances' `Frames`."""

    def __init__(self, dimension: int, hidden: int, classes: int):
        super().__init__()
        self.first = nn.Linear(dimension, hidden)
        self.second = nn.Linear(hidden, classes)

    def forward(self, frames: Frames) -> Tensor:
        """Logits (N, classes)."""
        return side_by_side([self], frames)[0]


def side_by_side(heads: Sequence[Head], frames: Frames) -> list[Tensor]:
    """Logits (N, classes) of every head on the same utterances."""
    weight = torch.cat([head.first.weight for head in heads])  # (sum of H, D)
    bias = torch.cat([head.first.bias for head in heads])
    hidden = F.relu(F.linear(frames.packed, weight, bias))  # (sum of T, sum of H)
    pooled = mean_matrix(frames.lengths) @ hidden  # (N, sum of H)
    parts = pooled.split([head.first.out_features for head in heads], dim=1)
    return [head.second(part) for head, part in zip(heads, parts, strict=True)]


def mean_matrix(lengths: Tensor) -> Tensor:
    """(N, sum of T): row n averages the frames of utterance n."""
    rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    matrix = torch.zeros(len(lengths), len(rows), device=lengths.device)
    matrix[rows, torch.arange(len(rows), device=lengths.device)] = 1.0 / lengths[rows]
    return matrix


@dataclass
class Trained:
    """A head at its best epoch, with the validation scores (UA and loss) of every epoch."""

    configuration: HeadConfiguration
    head: Head
    epoch: int
    validation_ua: list[float]
    validation_loss: list[float]

    @property
    def merit(self) -> tuple[float, float]:
        """What selection compares: UA on validation, then a lower loss where UA ties."""
        return self.validation_ua[self.epoch - 1], -self.validation_loss[self.epoch - 1]


def train(
    frames: Frames,
    labels: Tensor,
    training: Tensor,
    validation: Tensor,
    classes: int,
    protocol: Protocol,
    progress: Callable[[int], Any] = lambda epochs: None,
) -> list[Trained]:
    """Train the whole sweep of a protocol on one fold.

    Args:
        frames: features of the corpus, normalised, on the device to train on.
        labels: (N,) label ids; only those of the rows to train and to choose on are read.
        training: (A,) rows to train on.
        validation: (B,) rows to choose the epoch on.
        classes: length of the corpus's label list.
        progress: told of every finished epoch.

    Raises:
        ProbeError: a class has no training utterance, or there is no validation utterance.
    """
    _check(labels, training, validation, classes)
    heads = [_initialised(frames, point, classes, protocol.seed) for point in protocol.sweep]
    runs = [Trained(point, head, 0, [], []) for point, head in zip(protocol.sweep, heads, strict=True)]
    best = [head.state_dict() for head in heads]
    optimiser = torch.optim.Adam(
        [{"params": run.head.parameters(), "lr": run.configuration.learning_rate} for run in runs]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, [*protocol.rates(), 0.0].__getitem__)
    order = torch.Generator().manual_seed(protocol.seed)
    for epoch in range(1, protocol.epochs + 1):
        for batch in _batches(training, protocol.batch_size, order):
            optimiser.zero_grad()
            loss = sum(F.cross_entropy(x, labels[batch]) for x in side_by_side(heads, frames.select(batch)))
            assert isinstance(loss, Tensor)
            loss.backward()
            optimiser.step()
        schedule.step()
        for index, (run, logits) in enumerate(zip(runs, predict(heads, frames, validation), strict=True)):
            if _note(run, logits, labels[validation], epoch):
                best[index] = {name: value.clone() for name, value in run.head.state_dict().items()}
        progress(1)
    for run, state in zip(runs, best, strict=True):
        run.head.load_state_dict(state)
    return runs


def _note(run: Trained, logits: Tensor, labels: Tensor, epoch: int) -> bool:
    """Append the epoch's validation scores; whether the epoch is the best so far."""
    run.validation_ua.append(unweighted_average(labels, logits))
    run.validation_loss.append(F.cross_entropy(logits, labels).item())
    now = (run.validation_ua[-1], -run.validation_loss[-1])
    if run.epoch and now <= run.merit:
        return False
    run.epoch = epoch
    return True


def unweighted_average(labels: Tensor, logits: Tensor) -> float:
    """UA of logits (N, classes) against label ids (N,)."""
    confusion = confusion_matrix(labels.cpu().numpy(), logits.argmax(1).cpu().numpy(), logits.shape[1])
    return float(scores_from_confusion(confusion)["ua"])


def select(runs: Sequence[Trained]) -> Trained:
    """The run with the best validation scores; the earlier in the sweep where they tie."""
    return max(runs, key=lambda run: run.merit)


@torch.no_grad()
def predict(heads: Sequence[Head], frames: Frames, rows: Tensor) -> list[Tensor]:
    """Logits (len(rows), classes) of every head, computed in pieces of bounded size."""
    pieces = [side_by_side(heads, frames.select(piece)) for piece in _pieces(rows, frames.lengths)]
    return [torch.cat(parts) for parts in zip(*pieces, strict=True)]


def _pieces(rows: Tensor, lengths: Tensor) -> Iterator[Tensor]:
    """Consecutive rows of about EVALUATION_FRAMES frames together, at least one row each."""
    piece = lengths[rows].cumsum(0) // EVALUATION_FRAMES
    _, counts = piece.unique_consecutive(return_counts=True)
    yield from rows.split(counts.tolist())


def _batches(rows: Tensor, size: int, order: torch.Generator) -> Iterator[Tensor]:
    shuffled = rows[torch.randperm(len(rows), generator=order).to(rows.device)]
    yield from shuffled.split(size)


def _initialised(frames: Frames, point: HeadConfiguration, classes: int, seed: int) -> Head:
    """A head drawn from its own seed on the CPU: the same whatever is trained beside it, and wherever."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = Head(frames.packed.shape[1], point.hidden, classes)
    return head.to(frames.packed.device)


def _check(labels: Tensor, training: Tensor, validation: Tensor, classes: int) -> None:
    counts = torch.bincount(labels[training], minlength=classes)
    if absent := (counts == 0).nonzero().flatten().tolist():
        raise ProbeError(
            f"Expected every class to have a training utterance, but classes {absent} have none; "
            f"complete the corpus or choose another fold."
        )
    if not len(validation):
        raise ProbeError("Expected at least one validation utterance, but got none; complete the corpus.")
