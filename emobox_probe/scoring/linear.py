"""Every task of `linear`: heads on the statistics of every layer, the choice on validation, then the test part."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from emobox_probe.features.store import FeatureStore
from emobox_probe.heads.linear import Doubles, Fitted, fit_path, loss
from emobox_probe.heads.objectives import OBJECTIVES, unweighted_averages
from emobox_probe.protocol import Protocol
from emobox_probe.records.heads_file import LAST
from emobox_probe.scoring.scores import Answer, Outcome, outcome
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task


def layers_in(stores: Sequence[FeatureStore], every_layer: bool) -> list[str]:
    """The names of the layers that statistics are of."""
    return [str(layer) for layer in range(stores[0].layers())] if every_layer else [LAST]


def statistics_of(stores: Sequence[FeatureStore], layer: str) -> Doubles:
    """Mean and standard deviation over time of one layer, (N, 2 D); corpora stand one after another.

    Of the `last` one they are of its stored frames.
    """
    if layer != LAST:
        stored = torch.cat([store.statistics(int(layer)) for store in stores])
        return np.asarray(stored.numpy(), dtype=np.float64)
    return np.stack([moments(frames) for store in stores for _, frames in store.read()])


def moments(frames: torch.Tensor) -> Doubles:
    """Mean and standard deviation over time, (2 D,), of frames (T, D)."""
    values = frames.double().numpy()
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def fit_tasks(
    mine: Sequence[Task],
    pool: Pool,
    layers: Iterable[tuple[str, Doubles]],
    protocol: Protocol,
    progress: Callable[[int], Any] = lambda fits: None,
) -> list[Outcome]:
    """Fit the sweep on every layer, choose on validation, and only then look at the test part.

    Args:
        mine: what is trained, chosen and tested on what.
        pool: the utterances, as rows of the statistics.
        layers: the name of every layer and its statistics, (N, K), or of the `last` one alone.
        protocol: its strengths are the sweep.
        progress: told of every task and layer that is done.

    Raises:
        ProbeError: a class has no training utterance, there is no validation utterance, or a fit does not converge.
    """
    for task in mine:
        OBJECTIVES["label"].check(task.group, len(pool.labels))
    answers: list[list[Answer]] = [[] for _ in mine]
    with threadpool_limits(1), ThreadPoolExecutor(torch.get_num_threads()) as workers:
        for layer, statistics in layers:
            answer = partial(_answer, statistics, layer, len(pool.labels), protocol)
            for of_task, best in zip(answers, workers.map(answer, mine), strict=True):
                of_task.append(best)
                progress(1)
    return [
        outcome(task, pool, of_task, None, [], protocol) for task, of_task in zip(mine, answers, strict=True)
    ]


def _answer(statistics: Doubles, layer: str, classes: int, protocol: Protocol, task: Task) -> Answer:
    """The head of one layer that does best on validation."""
    group = task.group
    training, validation = (statistics[rows.numpy()] for rows in (group.training, group.validation))
    truth = group.labels[group.validation]
    candidates = []
    for head in fit_path(training, group.labels[group.training].numpy(), classes, protocol.strengths):
        logits = head.logits(validation)
        said = torch.from_numpy(logits.argmax(axis=1))
        ua = unweighted_averages(truth, said[None, :, None], classes)
        candidates.append(Fitted(head, float(ua), loss(logits, truth.numpy())))
    best = max(candidates, key=lambda fitted: fitted.merit)
    tested = best.head.logits(statistics[task.tested.numpy()])
    validated = torch.from_numpy(best.head.logits(validation))
    return Answer(layer, best, torch.from_numpy(tested).float(), True, layer != LAST, validated)
