"""Every task of a protocol on every view of the features: train, choose, test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F

from emobox_datasets.partition import Item
from emobox_probe.features import FeatureStore
from emobox_probe.folds import Task
from emobox_probe.frames import Frames, MappedFrames, ResidentFrames, Statistics
from emobox_probe.protocol import Protocol
from emobox_probe.scoring import Answer, Outcome, outcome
from emobox_probe.training import Trained, predict, select, train

# The share of free device memory that features may take; the rest is for batches and heads.
RESIDENT_SHARE = 0.6


@dataclass(frozen=True)
class Views:
    """What heads are trained on.

    `candidates`: what the score is chosen among; `curve`: every layer, where the means of layers are stored;
    `layers`: all layers' vectors as the frames of an utterance, for a learned weighted sum.
    """

    candidates: dict[str, Frames]
    curve: dict[str, Frames]
    layers: Frames | None

    @property
    def count(self) -> int:
        """How many times a sweep is trained."""
        return len({**self.candidates, **self.curve}) + (self.layers is not None)


def views_of(
    stores: Sequence[FeatureStore], protocol: Protocol, device: torch.device, every_layer: bool
) -> Views:
    """What a protocol chooses among: the frames of the last layer, or the means over time of every layer.

    The utterances of several corpora stand one after another.

    Without `every_layer`, means that the store happens to have are left alone: a record does not depend on them.
    """
    curve: dict[str, Frames] = {}
    together = None
    if every_layer:
        means = torch.cat([store.means() for store in stores])  # (N, L+1, D)
        normalised = F.layer_norm(means.float(), means.shape[2:])
        neutral = Statistics(torch.zeros(len(means)), torch.ones(len(means)))
        count = means.shape[1]

        def resident(vectors: torch.Tensor, length: int) -> Frames:
            lengths = torch.full((len(means),), length)
            return ResidentFrames(vectors.contiguous().to(device), lengths, neutral)

        curve = {str(layer): resident(normalised[:, layer], 1) for layer in range(count)}
        together = resident(normalised.flatten(0, 1), count)
    chosen_among = curve if protocol.layers == "every" and curve else {"last": load_frames(stores, device)}
    return Views(chosen_among, curve, together)


def load_frames(stores: Sequence[FeatureStore], device: torch.device) -> Frames:
    """All utterances: on the device if they fit there, else mapped from disk."""
    utterances = [frames for store in stores for _, frames in store.read()]
    if device.type != "cuda":
        return MappedFrames(utterances, device)
    size = sum(frames.nbytes for frames in utterances)
    free, _ = torch.cuda.mem_get_info(device)
    if size > RESIDENT_SHARE * free:
        return MappedFrames(utterances, device)
    lengths = torch.tensor([len(frames) for frames in utterances])
    statistics = Statistics.of(utterances)
    return ResidentFrames(torch.cat(utterances).to(device), lengths, statistics, exact=False)


def train_tasks(
    mine: Sequence[Task],
    items: Sequence[Item],
    views: Views,
    labels: Sequence[str],
    protocol: Protocol,
    progress: Callable[[int], Any],
) -> list[Outcome]:
    """Train the sweep on every view of the features, choose on validation, and only then look at the test part."""
    groups = [task.group for task in mine]
    unwatched = [replace(group, watched=None) for group in groups]
    best: list[dict[str, Trained]] = [{} for _ in mine]
    seen: list[list[Trained]] = [[] for _ in mine]
    for name, frames in {**views.candidates, **views.curve}.items():
        counts = name in views.candidates
        for number, runs in enumerate(
            train(frames, groups if counts else unwatched, len(labels), protocol, progress)
        ):
            best[number][name] = select(runs)
            if counts and protocol.peek:
                seen[number] += runs
    mixed: list[list[Trained]] = [[] for _ in mine]
    if views.layers is not None and mine:
        mixed = train(views.layers, unwatched, len(labels), protocol, progress, layers=len(views.curve))
    return [
        outcome(
            task,
            items,
            _answers(task, chosen, views),
            _sum_answer(task, runs, views),
            watched,
            labels,
            protocol,
        )
        for task, chosen, runs, watched in zip(mine, best, mixed, seen, strict=True)
    ]


def _answers(task: Task, best: Mapping[str, Trained], views: Views) -> list[Answer]:
    known = {**views.candidates, **views.curve}
    return [
        Answer(
            name,
            run,
            predict(run.head, known[name], task.tested),
            name in views.candidates,
            name in views.curve,
        )
        for name, run in best.items()
    ]


def _sum_answer(task: Task, runs: Sequence[Trained], views: Views) -> Answer | None:
    if views.layers is None:
        return None
    run = select(runs)
    return Answer("weighted sum", run, predict(run.head, views.layers, task.tested), False, False)
