"""Training a whole sweep: data order, schedule, and the choice of epoch and configuration on validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from emobox_probe.errors import ProbeError
from emobox_probe.heads.batches import Frames, Rows
from emobox_probe.heads.best import Best, batches_of
from emobox_probe.heads.checkpoint import Checkpoint, State
from emobox_probe.heads.groups import Group, Trained
from emobox_probe.heads.heads import Head, HeadBank
from emobox_probe.heads.learner import learner
from emobox_probe.heads.objectives import OBJECTIVES
from emobox_probe.heads.steps import steps
from emobox_probe.protocol import Protocol

# Groups in one batched matrix product. On a GPU: as many as fit into a share of the free memory, at so many bytes for a
# weight with moments, gradient and best copy, and for a number of a batch and what is made of it. On a CPU: as many as
# its caches like, and one where that is enough to do, which it need not pad.
HEADS_SHARE, WEIGHT_BYTES, BATCH_BYTES = 0.25, 28, 12
MANY_GROUPS_ON_CPU = 24
ENOUGH_FRAMES = 512


def train(
    frames: Frames,
    groups: Sequence[Group],
    classes: int,
    protocol: Protocol,
    progress: Callable[[int], Any] = lambda epochs: None,
    layers: int | None = None,
) -> list[list[Trained]]:
    """Train the sweep of a protocol for every group; the trained heads by group and configuration.

    Args:
        frames: features of the corpus, of which there is one view.
        groups: what each group trains and chooses on.
        classes: length of the corpus's label list; of what raters said, how many shares or dimensions.
        protocol: what is learned, sweep, batch size, epochs and rates.
        progress: told of every finished epoch of every group.
        layers: the frames of an utterance are not moments but vectors of so many layers, of which a head learns a
            weighted sum.

    Raises:
        ProbeError: a class has no training utterance, there is no validation utterance, or no head of a group
            ever had a finite loss.
    """
    return [runs for (runs,) in train_views(frames, groups, classes, protocol, progress, layers)]


def train_views(
    frames: Frames,
    groups: Sequence[Group],
    classes: int,
    protocol: Protocol,
    progress: Callable[[int], Any] = lambda epochs: None,
    layers: int | None = None,
    checkpoint: Checkpoint | None = None,
    name: str = "",
) -> list[list[list[Trained]]]:
    """The same where utterances have several views: the trained heads by group, view and configuration.

    With a `checkpoint`, in which this training has a `name`, what an earlier process has kept there is gone on from.
    """
    for group in groups:
        OBJECTIVES[protocol.target].check(group, classes)
    at_once = groups_at_once(frames, protocol)
    trained: list[list[list[Trained]]] = []
    for start in range(0, len(groups), at_once):
        some = groups[start : start + at_once]
        # How many fit side by side may differ from what it was for the process that was killed.
        part = Part(checkpoint, f"{name} {start} {len(some)}")
        trained += _train_together(frames, some, classes, protocol, progress, layers, part)
    return trained


def train_for(frames: Frames, group: Group, classes: int, protocol: Protocol, epochs: int) -> Head:
    """One head trained for so many epochs of a protocol whose sweep is one configuration; nothing is validated.

    Args:
        frames: features, of which there is one view.
        group: what is trained on; its validation part is not looked at.
        classes: length of the label list.
        protocol: configuration, batch size and rates; its schedule is that of all of its epochs.
        epochs: after which training ends.
    """
    bank = HeadBank(protocol.sweep, [group.seed], frames.dimension, classes, frames.device)
    objective = OBJECTIVES[protocol.target]
    known, learn = objective.known(group)[None].to(frames.device), learner(bank, frames, objective)
    finished = 0
    for step in steps([group], protocol, frames.device, 0):
        learn(step.rows, objective.targets(known, step.rows.device), step.shares, step.following)
        finished += len(step.finished)
        if finished == epochs:
            break
    return bank.head(0, 0)


@dataclass(frozen=True)
class Part:
    """Groups that are trained together, and what is kept of them."""

    checkpoint: Checkpoint | None
    name: str

    def load(self, bank: HeadBank, best: Best) -> int:
        """Go on from what was kept; how many steps that was, -1 for all."""
        kept = self.checkpoint and self.checkpoint.part(self.name)
        if not kept:
            return 0
        best.load(kept["best"])
        if kept["steps"] >= 0:
            bank.load(kept["bank"])
        return int(kept["steps"])

    def keep(self, bank: HeadBank, best: Best, steps: int) -> None:
        """Keep how it is after so many steps, -1 for all."""

        def state() -> State:
            return {"steps": steps, "best": best.state(), "bank": bank.state() if steps >= 0 else {}}

        if self.checkpoint:
            self.checkpoint.keep(self.name, state, finished=steps < 0)


def groups_at_once(frames: Frames, protocol: Protocol) -> int:
    """How many groups are trained side by side on this device."""
    frames_in_batch = float(frames.lengths.float().mean()) * protocol.batch_size
    if frames.device.type != "cuda":
        return 1 if frames_in_batch > ENOUGH_FRAMES else max(MANY_GROUPS_ON_CPU // frames.views, 1)
    width, dimension = sum(point.hidden for point in protocol.sweep), frames.dimension
    size = WEIGHT_BYTES * dimension * width + BATCH_BYTES * frames_in_batch * (dimension + width)
    free, _ = torch.cuda.mem_get_info(frames.device)
    free += torch.cuda.memory_reserved(frames.device) - torch.cuda.memory_allocated(frames.device)
    return max(int(HEADS_SHARE * free / size) // frames.views, 1)


def _train_together(
    frames: Frames,
    groups: Sequence[Group],
    classes: int,
    protocol: Protocol,
    progress: Callable[[int], Any],
    layers: int | None,
    part: Part,
) -> list[list[list[Trained]]]:
    device, views = frames.device, frames.views
    seeds = [group.seed for group in groups for _ in range(views)]
    bank = HeadBank(protocol.sweep, seeds, frames.dimension, classes, device, layers)
    objective = OBJECTIVES[protocol.target]
    known = torch.stack([objective.known(group) for group in groups]).to(device)  # (G, N) or (G, N, C)
    learn, best = learner(bank, frames, objective), Best(bank, frames, groups, objective)
    done = part.load(bank, best)
    progress(best.epochs_seen() * views)
    rows: Rows | None = None
    for number, step in enumerate(steps(groups, protocol, device, done), start=done + 1):
        targets = objective.targets(known, step.rows.device).repeat_interleave(views, dim=0)
        shares = step.shares.repeat_interleave(views)
        # The batch of a step is the one that followed the step before.
        rows = step.rows.in_views(views) if rows is None else rows
        following = step.following.in_views(views)
        learn(rows, targets, shares, following)
        rows = following
        for index in step.finished:
            best.choose(index)
            progress(views)
        part.keep(bank, best, number)
    trained = best.trained(protocol.sweep)
    for runs in (runs for by_view in trained for runs in by_view):
        if not any(run.epoch for run in runs):
            raise ProbeError("Expected finite losses, but got none in any epoch; check the features for NaN.")
    part.keep(bank, best, -1)
    return trained


@torch.no_grad()
def predict(head: Head, frames: Frames, rows: Tensor, view: int = 0) -> Tensor:
    """Logits (len(rows), C) of one head on one view, computed in pieces of bounded size."""
    return torch.cat([head.logits(batch) for batch in batches_of(frames, rows, view)])
