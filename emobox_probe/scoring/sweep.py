"""Every task of a protocol on every view of the features: train, choose, test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_probe.features.store import FeatureStore
from emobox_probe.heads.batches import Frames, MappedFrames, ResidentFrames
from emobox_probe.heads.checkpoint import Checkpoint
from emobox_probe.heads.groups import Group, Trained, select
from emobox_probe.heads.training import predict, train_views
from emobox_probe.protocol import Protocol
from emobox_probe.scoring.rated import RatedOutcome, rated_outcome
from emobox_probe.scoring.scores import Answer, Outcome, outcome
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task

# The share of free device memory that features may take; the rest is for batches and heads.
RESIDENT_SHARE = 0.6

AnyOutcome = Outcome | RatedOutcome


@dataclass(frozen=True)
class View:
    """One of the views that some frames have of an utterance."""

    name: str
    frames: Frames
    place: int


@dataclass(frozen=True)
class Views:
    """What heads are trained on.

    `last`: frames of the last layer, where the score comes from them; `curve`: the means over time of every layer,
    where they are stored; `layers`: the same as the frames of an utterance, for a learned weighted sum.
    """

    last: Frames | None
    curve: Frames | None
    layers: Frames | None

    @property
    def candidates(self) -> Frames:
        """What the score is chosen among."""
        frames = self.curve if self.last is None else self.last
        assert frames is not None
        return frames

    @property
    def all(self) -> list[Frames]:
        """Candidates first."""
        return [self.candidates, *([self.curve] if self.last is not None and self.curve is not None else [])]

    @property
    def count(self) -> int:
        """How many times a sweep is trained."""
        return sum(frames.views for frames in self.all) + (self.layers is not None)

    def named(self, frames: Frames) -> list[View]:
        """The views that `frames` has, by the name of their layer."""
        if frames is self.last:
            return [View("last", frames, 0)]
        return [View(str(layer), frames, layer) for layer in range(frames.views)]


def views_of(
    stores: Sequence[FeatureStore], protocol: Protocol, device: torch.device, every_layer: bool
) -> Views:
    """What a protocol chooses among: the frames of the last layer, or the means over time of every layer.

    The utterances of several corpora stand one after another.

    Without `every_layer`, means that the store happens to have are left alone: a record does not depend on them. Heads
    that learn what raters said are trained on what their score is chosen among, and on nothing else.
    """
    curve = together = None
    if every_layer and (protocol.layers == "every" or protocol.target == "label"):
        means = torch.cat([store.means() for store in stores])  # (N, L+1, D)
        normalised = F.layer_norm(means.float(), means.shape[2:])
        utterances, layers = normalised.shape[:2]
        packed = F.pad(normalised.flatten(0, 1), (0, 0, 0, 1)).to(device)
        curve = ResidentFrames(packed, torch.ones(utterances * layers, dtype=torch.long), layers)
        if protocol.target == "label":
            together = ResidentFrames(packed, torch.full((utterances,), layers))
    last = None if protocol.layers == "every" and curve is not None else load_frames(stores, device)
    return Views(last, curve, together)


def load_frames(stores: Sequence[FeatureStore], device: torch.device) -> Frames:
    """All utterances: on the device if they fit there, else mapped from disk."""
    utterances = [frames for store in stores for _, frames in store.read()]
    if device.type != "cuda":
        return MappedFrames(utterances, device)
    size = sum(frames.nbytes for frames in utterances)
    free, _ = torch.cuda.mem_get_info(device)
    if size > RESIDENT_SHARE * free:
        return MappedFrames(utterances, device)
    return ResidentFrames.of(utterances, device)


def train_tasks(
    mine: Sequence[Task],
    pool: Pool,
    views: Views,
    protocol: Protocol,
    progress: Callable[[int], Any],
    checkpoint: Checkpoint | None = None,
) -> list[AnyOutcome]:
    """Train the sweep on every view of the features, choose on validation, and only then look at the test part."""
    groups = [task.group for task in mine]
    unwatched = [replace(group, watched=None) for group in groups]
    best: list[list[tuple[View, Trained]]] = [[] for _ in mine]
    watched: list[list[Tensor]] = [[] for _ in mine]
    classes = pool.outputs
    for frames in views.all:
        counts = frames is views.candidates
        trained = train_views(
            frames,
            groups if counts else unwatched,
            classes,
            protocol,
            progress,
            checkpoint=checkpoint,
            name="last layer" if frames is views.last else "every layer",
        )
        for number, by_view in enumerate(trained):
            best[number] += zip(views.named(frames), map(select, by_view), strict=True)
            watched[number] += [ids for runs in by_view for run in runs for ids in run.watched]
    if pool.ratings is not None:
        return [
            rated_outcome(task, pool, _answers(task, chosen, views))
            for task, chosen in zip(mine, best, strict=True)
        ]
    sums = _train_sums(unwatched, classes, views, protocol, progress, checkpoint)
    return [
        outcome(task, pool, _answers(task, chosen, views), _sum_answer(task, runs, views), ids, protocol)
        for task, chosen, runs, ids in zip(mine, best, sums, watched, strict=True)
    ]


def _train_sums(
    groups: Sequence[Group],
    classes: int,
    views: Views,
    protocol: Protocol,
    progress: Callable[[int], Any],
    checkpoint: Checkpoint | None,
) -> list[list[Trained]]:
    """Heads on a learned sum of the layers, by group; none where the layers are not stored."""
    if views.layers is None or views.curve is None or not groups:
        return [[] for _ in groups]
    layers = views.curve.views
    trained = train_views(
        views.layers, groups, classes, protocol, progress, layers, checkpoint, "weighted sum"
    )
    return [runs for (runs,) in trained]


def _answers(task: Task, best: Sequence[tuple[View, Trained]], views: Views) -> list[Answer]:
    return [
        Answer(
            view.name,
            run,
            predict(run.head, view.frames, task.tested, view.place),
            view.frames is views.candidates,
            view.frames is views.curve,
            predict(run.head, view.frames, task.group.validation, view.place),
        )
        for view, run in best
    ]


def _sum_answer(task: Task, runs: Sequence[Trained], views: Views) -> Answer | None:
    if views.layers is None or not runs:
        return None
    run = select(runs)
    return Answer("weighted sum", run, predict(run.head, views.layers, task.tested), False, False)
