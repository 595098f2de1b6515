"""Which models of one table share a rank, because their scores cannot be told apart.

The rule. Models stand in the order of their score, best first. The best opens a group; each next model joins the
group if it cannot be told apart from *any* member of it, else it opens a new group. All of a group have one rank:
1 + the number of models above the group (1, 1, 1, 4, …). So two models of one rank cannot be told apart, and a model
that opens a group can be told apart from at least one above it. Being told apart is not transitive: neighbours on two
sides of a border may be too near to tell apart as well. No correction is made for the number of comparisons.

Told apart at 95 %: where both runs kept their predictions for the same utterances, folds and seeds, the interval of the
difference excludes zero (`compare_systems`: both scored on the same resamples of speakers, or of utterances where
speakers are not known); otherwise, their two intervals do not overlap, which is the more cautious test.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emobox_metric.ser_metric.comparison import compare_systems
from emobox_metric.ser_metric.scores import Absent
from emobox_probe.records.predictions import CONFIDENCE, clusters_of, label_ids
from emobox_probe.records.result import METRICS

Method = Literal["paired", "intervals"]


def shared_ranks(scores: Sequence[float], told_apart: Callable[[int, int], bool]) -> list[int]:
    """Ranks from 1, of the models in the order given; see the rule above.

    Args:
        scores: one score a model; higher is better.
        told_apart: whether the models at two positions can be told apart.

    >>> shared_ranks([0.5, 0.9, 0.8], lambda one, other: abs(one - other) > 1)
    [3, 1, 1]
    """
    order = sorted(range(len(scores)), key=lambda position: -scores[position])
    ranks = [0] * len(scores)
    group: list[int] = []
    for above, position in enumerate(order):
        if not group or any(told_apart(member, position) for member in group):
            group, rank = [], above + 1
        group.append(position)
        ranks[position] = rank
    return ranks


def apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two intervals do not overlap; touching ones do.

    >>> apart((0.1, 0.2), (0.3, 0.4)), apart((0.1, 0.2), (0.2, 0.4))
    (True, False)
    """
    return one[1] < other[0] or other[1] < one[0]


@dataclass(frozen=True)
class Predictions:
    """What one run said of every tested utterance, sorted by fold, seed and id.

    `tested` is a digest of folds, seeds, ids and labels: what two runs must share to be compared utterance by
    utterance; `truth` and `said` are label ids `(N,)`; `clusters` is what a bootstrap resamples, `(N,)`.
    """

    tested: str
    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    clusters: NDArray[np.object_]

    @classmethod
    def of(cls, table: pd.DataFrame, labels: Sequence[str]) -> "Predictions":
        """From a table of predictions as a run keeps it, and the names of the labels."""
        table = table.sort_values(["fold", "seed", "id"], ignore_index=True)
        rows = pd.util.hash_pandas_object(table[["fold", "seed", "id", "label"]], index=False)
        return cls(
            hashlib.sha256(rows.to_numpy().tobytes()).hexdigest(),
            label_ids(table["label"], labels),
            label_ids(table["prediction"], labels),
            table[clusters_of(table)].to_numpy(dtype=object),
        )


@dataclass(frozen=True)
class Contender:
    """One model on one corpus: pooled scores in 0..1, their intervals, and its predictions where they were kept."""

    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    predictions: Predictions | None


@dataclass(frozen=True)
class Ranking:
    """Ranks of the contenders by each of UA, WA and F1, and the ways in which they were compared."""

    ranks: dict[str, list[int]]
    methods: set[Method]


def rank(contenders: Sequence[Contender], num_labels: int, absent: Absent) -> Ranking:
    """Rank the models of one corpus and protocol by each score.

    Args:
        contenders: records on one copy of one corpus with one protocol.
        num_labels: length C of the corpus's label list.
        absent: how the protocol counts classes without a test utterance.
    """
    methods: set[Method] = set()
    compared: dict[tuple[int, int], dict[str, bool]] = {}

    def told_apart(name: str, one: int, other: int) -> bool:
        first, second = contenders[one].predictions, contenders[other].predictions
        if first is None or second is None or first.tested != second.tested:
            methods.add("intervals")
            return apart(contenders[one].intervals[name], contenders[other].intervals[name])
        methods.add("paired")
        pair = (min(one, other), max(one, other))
        if pair not in compared:
            compared[pair] = paired(first, second, num_labels, absent)
        return compared[pair][name]

    ranks = {
        name: shared_ranks([contender.scores[name] for contender in contenders], partial(told_apart, name))
        for name in METRICS
    }
    return Ranking(ranks, methods)


def paired(one: Predictions, other: Predictions, num_labels: int, absent: Absent) -> dict[str, bool]:
    """For UA, WA and F1: whether the 95 % interval of the difference excludes zero."""
    result = compare_systems(
        one.truth,
        one.said,
        other.said,
        num_labels,
        clusters=list(one.clusters),
        confidence=CONFIDENCE,
        absent=absent,
    )
    bounds = {name: result[name]["interval"] for name in METRICS}
    return {name: bool(low > 0 or high < 0) for name, (low, high) in bounds.items()}
