"""Every task of a protocol on every view of the features: train, choose, test."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from emobox_datasets.partition import Item
from emobox_probe.features import FeatureStore
from emobox_probe.folds import Task
from emobox_probe.frames import Frames, MappedFrames, ResidentFrames, Statistics
from emobox_probe.protocol import Protocol
from emobox_probe.scoring import Outcome, outcome
from emobox_probe.training import Trained, predict, select, train

# The share of free device memory that features may take; the rest is for batches and heads.
RESIDENT_SHARE = 0.6


def views_of(
    store: FeatureStore, protocol: Protocol, device: torch.device, has_layers: bool
) -> dict[str, Frames]:
    """What a protocol chooses among: the frames of the last layer, or the means over time of every layer.

    An encoder without layers has its frames only.
    """
    if protocol.layers == "last" or not has_layers:
        return {"last": load_frames(store, device)}
    means = store.means()  # (N, L+1, D)
    lengths = torch.ones(len(means), dtype=torch.long)
    views: dict[str, Frames] = {}
    for layer in range(means.shape[1]):
        vectors = means[:, layer]
        statistics = Statistics.of([vector[None] for vector in vectors])
        views[str(layer)] = ResidentFrames(vectors.to(device), lengths, statistics)
    return views


def load_frames(store: FeatureStore, device: torch.device) -> Frames:
    """The whole corpus: on the device if it fits there, else mapped from disk."""
    utterances = [frames for _, frames in store.read()]
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
    views: Mapping[str, Frames],
    labels: Sequence[str],
    protocol: Protocol,
    progress: Callable[[int], Any],
) -> list[Outcome]:
    """Train the sweep on every view of the features, choose on validation, and only then look at the test part."""
    groups = [task.group for task in mine]
    best: list[dict[str, Trained]] = [{} for _ in mine]
    seen: list[list[Trained]] = [[] for _ in mine]
    for layer, frames in views.items():
        for number, runs in enumerate(train(frames, groups, len(labels), protocol, progress)):
            best[number][layer] = select(runs)
            if protocol.peek:
                seen[number] += runs
    outcomes = []
    for task, candidates, runs in zip(mine, best, seen, strict=True):
        logits = {layer: predict(run.head, views[layer], task.tested) for layer, run in candidates.items()}
        outcomes.append(outcome(task, items, candidates, logits, runs, labels, protocol))
    return outcomes
