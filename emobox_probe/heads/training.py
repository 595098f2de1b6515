"""Training a whole sweep: data order, schedule, and the choice of epoch and configuration on validation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_probe.errors import ProbeError
from emobox_probe.heads.batches import Batch, Frames, ResidentFrames, Rows
from emobox_probe.heads.checkpoint import Checkpoint, State
from emobox_probe.heads.cuda_graph import Replayed
from emobox_probe.heads.groups import Group, Trained
from emobox_probe.heads.heads import Head, HeadBank, pieces
from emobox_probe.heads.objectives import OBJECTIVES, Objective
from emobox_probe.protocol import Protocol

# Frames in one matrix product when no gradient is needed: bounds memory, about 50 MB at 768 hidden units on a CPU.
EVALUATION_FRAMES, EVALUATION_FRAMES_ON_GPU = 16_384, 131_072
# Steps that are planned and sent to a GPU at a time.
STEPS_SENT = 64
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
    known, learn = objective.known(group)[None].to(frames.device), _learner(bank, frames, objective)
    finished = 0
    for step in _steps([group], protocol, frames.device, 0):
        learn(step.rows, objective.targets(known, step.rows.device), step.shares)
        finished += len(step.finished)
        if finished == epochs:
            break
    return bank.head(0, 0)


@dataclass(frozen=True)
class Part:
    """Groups that are trained together, and what is kept of them."""

    checkpoint: Checkpoint | None
    name: str

    def load(self, bank: HeadBank, trained: Sequence[Sequence[Sequence[Trained]]]) -> int:
        """Go on from what was kept; how many steps that was, -1 for all."""
        kept = self.checkpoint and self.checkpoint.part(self.name)
        if not kept:
            return 0
        for run, state in zip(_runs(trained), kept["trained"], strict=True):
            run.load(state, bank.first.device)
        if kept["steps"] >= 0:
            bank.load(kept["bank"])
        return int(kept["steps"])

    def keep(self, bank: HeadBank, trained: Sequence[Sequence[Sequence[Trained]]], steps: int) -> None:
        """Keep how it is after so many steps, -1 for all."""

        def state() -> State:
            heads = bank.state() if steps >= 0 else {}
            return {"steps": steps, "trained": [run.state() for run in _runs(trained)], "bank": heads}

        if self.checkpoint:
            self.checkpoint.keep(self.name, state, finished=steps < 0)


def _runs(trained: Sequence[Sequence[Sequence[Trained]]]) -> Iterator[Trained]:
    return (run for by_view in trained for runs in by_view for run in runs)


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
    trained = [[[Trained(point) for point in protocol.sweep] for _ in range(views)] for _ in groups]
    objective = OBJECTIVES[protocol.target]
    known = torch.stack([objective.known(group) for group in groups]).to(device)  # (G, N) or (G, N, C)
    learn = _learner(bank, frames, objective)
    done = part.load(bank, trained)
    progress(sum(len(by_view[0][0].validation_score) for by_view in trained) * views)
    for number, step in enumerate(_steps(groups, protocol, device, done), start=done + 1):
        targets = objective.targets(known, step.rows.device).repeat_interleave(views, dim=0)
        learn(step.rows.in_views(views), targets, step.shares.repeat_interleave(views))
        for index in step.finished:
            _choose(bank, frames, objective, groups[index], index * views, trained[index])
            progress(views)
        part.keep(bank, trained, number)
    for runs in (runs for by_view in trained for runs in by_view):
        if not any(run.epoch for run in runs):
            raise ProbeError("Expected finite losses, but got none in any epoch; check the features for NaN.")
    part.keep(bank, trained, -1)
    return trained


def _learner(bank: HeadBank, frames: Frames, objective: Objective) -> Callable[[Rows, Tensor, Tensor], None]:
    """One step of all heads, from rows (G, B), their targets, and shares (G,) of the full rates."""

    def learn(batch: Batch, targets: Tensor, shares: Tensor) -> None:
        bank.step(objective.loss(bank.logits(batch), targets), shares)

    if not isinstance(frames, ResidentFrames) or frames.device.type != "cuda":
        return lambda rows, *given: learn(frames.batch(rows), *given)
    replayed = Replayed(lambda size, rows, *given: learn(frames.padded(rows, size), *given))
    return lambda rows, *given: replayed(
        _rounded(frames.longest(rows), rows.host.shape[1]), rows.device, *given
    )


def _rounded(frames: int, utterances: int) -> int:
    """A little more frames, so that few different numbers of them occur."""
    step = max(utterances, 1 << max(frames.bit_length() - 4, 0))
    return -(-frames // step) * step


class _Step(NamedTuple):
    """One batch of every group; the shares (G,) of the full rates; the groups for which it ends an epoch."""

    rows: Rows
    shares: Tensor
    finished: list[int]


def _steps(groups: Sequence[Group], protocol: Protocol, device: torch.device, done: int) -> Iterator[_Step]:
    """The steps after those that are done, -1 for all, until the last group has finished.

    They are sent to the device many at a time, so that it need not wait for them.
    """
    if done < 0:
        return
    plans = [_plan(group, protocol) for group in groups]
    longest = max(-(-len(group.training) // protocol.batch_size) for group in groups) * protocol.epochs
    for plan in plans:
        next(islice(plan, done, done), None)
    for first in range(done, longest, STEPS_SENT):
        planned = [[next(plan) for plan in plans] for _ in range(min(STEPS_SENT, longest - first))]
        rows = torch.stack([torch.stack([one.rows for one in step]) for step in planned])  # (S, G, B)
        shares = torch.tensor([[one.share for one in step] for step in planned])  # (S, G)
        sent_rows, sent_shares = (_sent(table, device) for table in (rows, shares))
        for place, step in enumerate(planned):
            finished = [index for index, one in enumerate(step) if one.last]
            yield _Step(Rows(rows[place], sent_rows[place]), sent_shares[place], finished)


def _sent(table: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        table = table.pin_memory()
    return table.to(device, non_blocking=True)


class _Planned(NamedTuple):
    """One batch of a group: rows (B,), -1 behind them where it is short; the share of the full rate."""

    rows: Tensor
    share: float
    last: bool


def _plan(group: Group, protocol: Protocol) -> Iterator[_Planned]:
    """The batches of a group in order: every epoch is a new permutation from the group's seed.

    A group that has finished goes on with its last batch at rate zero: it changes nothing, for itself or others.
    """
    generator = torch.Generator().manual_seed(group.seed)
    for share in protocol.rates():
        shuffled = group.training[torch.randperm(len(group.training), generator=generator)]
        short = -len(shuffled) % protocol.batch_size
        batches = F.pad(shuffled, (0, short), value=-1).view(-1, protocol.batch_size)
        for number, rows in enumerate(batches, start=1):
            yield _Planned(rows, share, number == len(batches))
    while True:
        yield _Planned(rows, 0.0, False)


@torch.no_grad()
def _choose(
    bank: HeadBank,
    frames: Frames,
    objective: Objective,
    group: Group,
    first: int,
    by_view: Sequence[Sequence[Trained]],
) -> None:
    """Score every head of a group, whose views start at `first`, on validation; keep the best so far."""
    members = slice(first, first + len(by_view))

    def logits(rows: Tensor) -> Tensor:
        return torch.cat(
            [bank.logits(batch, members) for batch in _batches(frames, rows)], dim=1
        )  # (V, B, K, C)

    truth = objective.known(group)[group.validation]
    scores, losses = objective.judge(logits(group.validation), truth)  # (V, K)
    for view, runs in enumerate(by_view):
        for place, run in enumerate(runs):
            if run.note(float(scores[view, place]), losses[view][place]):
                run.head = bank.head(first + view, place)
    if group.watched is not None:
        watched = logits(group.watched).argmax(3).to("cpu", torch.int16)  # (V, E, K)
        for runs, ids in zip(by_view, watched, strict=True):
            for run, column in zip(runs, ids.T, strict=True):
                run.watched.append(column)


def _batches(frames: Frames, rows: Tensor, view: int | None = None) -> Iterator[Batch]:
    """Batches of bounded size of all views, or of one."""
    most = EVALUATION_FRAMES_ON_GPU if frames.device.type == "cuda" else EVALUATION_FRAMES
    for piece in pieces(rows, frames.lengths, max(most // frames.views, 1)):
        if view is None:
            yield frames.batch(Rows.of(piece, frames.device).in_views(frames.views))
        else:
            yield frames.batch(Rows.of(piece * frames.views + view, frames.device))


@torch.no_grad()
def predict(head: Head, frames: Frames, rows: Tensor, view: int = 0) -> Tensor:
    """Logits (len(rows), C) of one head on one view, computed in pieces of bounded size."""
    return torch.cat([head.logits(batch) for batch in _batches(frames, rows, view)])
