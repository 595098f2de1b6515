"""The tasks of heads that learn what raters said: those of the label, without utterances that nobody rated."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from emobox_probe.errors import ProbeError
from emobox_probe.tasks.ratings import NAMED, Ratings
from emobox_probe.tasks.tasks import Task


def rated_tasks(tasks: Sequence[Task], ratings: Ratings) -> list[Task]:
    """The tasks without utterances that have no raters; heads do not see what raters said of tested ones.

    The parts are those of the label, so that what is held out is the same for every target.

    Raises:
        ProbeError: nothing of a part is left.
    """
    return [_rated(task, ratings) for task in tasks]


def _rated(task: Task, ratings: Ratings) -> Task:
    group, known = task.group, ratings.known
    training, validation = (rows[known[rows]] for rows in (group.training, group.validation))
    targets = {name: rows[known[rows]] for name, rows in task.targets.items()}
    parts = {"train on": training, "choose on": validation, "test": torch.cat(list(targets.values()))}
    fewest = 2 if ratings.scales else 1
    if short := [part for part, rows in parts.items() if len(rows) < fewest]:
        raise ProbeError(
            f"Expected {'utterances' if fewest > 1 else 'an utterance'} with raters to {short[0]} in {task.fold} of "
            f"{task.source}, but got {len(parts[short[0]]) or 'none'}; complete the corpus and its tables."
        )
    hidden = ratings.values.float().index_fill(0, task.tested, torch.nan)
    rated = replace(group, training=training, validation=validation, ratings=hidden, watched=None)
    return replace(task, group=rated, targets=targets)


def unrated_rows(tasks: Sequence[Task], ratings: Ratings) -> list[int]:
    """Rows that these tasks would train, choose or test on, had they raters; sorted."""
    used = torch.cat(
        [rows for task in tasks for rows in (task.group.training, task.group.validation, task.tested)]
    )
    rows = used.unique()
    unrated: list[int] = rows[~ratings.known[rows]].tolist()
    return unrated


def unrated_remarks(ids: Sequence[str]) -> list[str]:
    """Which utterances were left out because nobody rated them, as a sentence; none where all were."""
    if not ids:
        return []
    return [
        f"{len(ids):,} utterances without raters (first {', '.join(ids[:NAMED])}) were left out of training, choice "
        f"and test."
    ]
