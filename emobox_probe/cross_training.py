"""Every source on every view of the features: train, choose on the source, then test on the targets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from emobox_probe.checkpoint import Checkpoint
from emobox_probe.cross_results import Source
from emobox_probe.cross_tasks import CrossTask, Pool
from emobox_probe.groups import Trained, select
from emobox_probe.protocol import Protocol
from emobox_probe.sweep import View, Views
from emobox_probe.training import predict, train_views


@dataclass
class CrossOutcome:
    """One source and seed: what was chosen, what was predicted, and what every head said of the targets on the way.

    `watched` (W, E): predicted ids after every epoch of every head, in the order of the predictions' rows.
    """

    source: Source
    predictions: pd.DataFrame
    watched: Tensor


def train_sources(
    mine: Sequence[CrossTask],
    pool: Pool,
    views: Views,
    protocol: Protocol,
    progress: Callable[[int], Any],
    checkpoint: Checkpoint | None = None,
) -> list[CrossOutcome]:
    """Train the sweep for all sources at once, choose on each source's validation part, and only then test."""
    groups = [task.group for task in mine]
    named = views.named(views.candidates)
    trained = train_views(
        views.candidates, groups, len(pool.labels), protocol, progress, checkpoint=checkpoint
    )
    return [
        _outcome(
            task,
            list(zip(named, map(select, by_view), strict=True)),
            [ids for runs in by_view for run in runs for ids in run.watched],
            pool,
        )
        for task, by_view in zip(mine, trained, strict=True)
    ]


def _outcome(
    task: CrossTask, candidates: Sequence[tuple[View, Trained]], watched: Sequence[Tensor], pool: Pool
) -> CrossOutcome:
    view, chosen = max(candidates, key=lambda candidate: candidate[1].merit)
    rows = torch.cat(list(task.tested.values()))
    logits = predict(chosen.head, view.frames, rows, view.place)
    items, speakers = pool.all_items, pool.speakers
    tested = [items[row] for row in rows.tolist()]
    predictions = pd.DataFrame(
        {
            "source": task.source,
            "target": [name for name, members in task.tested.items() for _ in members],
            "id": [item.id for item in tested],
            "speaker": [speakers[row] for row in rows.tolist()],
            "seed": task.group.seed,
            "label": [item.label for item in tested],
            "prediction": [pool.labels[place] for place in logits.argmax(dim=1).tolist()],
            "logits": list(logits.cpu().numpy()),
        }
    )
    source = Source(
        name=task.source,
        corpora=list(task.corpora),
        seed=task.group.seed,
        training=len(task.group.training),
        validation=len(task.group.validation),
        held_out=task.held_out,
        layer=view.name,
        learning_rate=chosen.configuration.learning_rate,
        hidden=chosen.configuration.hidden,
        epoch=chosen.epoch,
        validation_ua=chosen.merit[0],
    )
    return CrossOutcome(
        source, predictions, torch.stack(list(watched)) if watched else torch.empty(0, len(rows))
    )
