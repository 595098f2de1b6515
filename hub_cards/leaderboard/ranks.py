"""Which models of one table share a rank, because their scores cannot be told apart.

The rule. Models stand in the order of their score, best first. The best opens a group; each next model opens a new
group if *any* member of the group is better, else it joins. All of a group have one rank: 1 + the number of models
above the group (1, 1, 1, 4, …). Better is who has the higher score and can be told apart. So two models of one rank
cannot be told apart, and a model that opens a group can be told apart from at least one above it. Where models stand
in another order than that of the differences (`standing`), a group is open until no model behind is better than one
in front: two models of which one is better either have ranks that say so, or share one. Being told apart is not
transitive: neighbours on two sides of a border may be too near to tell apart as well. Where there are too few speakers
for an interval, nothing can be told apart, and there is no rank.

Told apart: a t test of the difference, with one degree of freedom less than there are speakers (utterances where
speakers are not known). Where both runs kept their predictions for the same utterances, folds and seeds, its standard
error is of the differences on the same resamples, as in `compare_systems`; otherwise sqrt(a² + b²) of the two standard
errors, which is the more cautious test. Without any spread the p value is that of a randomisation test. The tests of
all pairs of a table are corrected together, after Holm (A Simple Sequentially Rejective Multiple Test Procedure,
Scandinavian Journal of Statistics 6, 1979): of 100 tables of equal models, at most about 5 are split wrongly, however
many models they have. `benchmarks/ranks.py` measures that, beside Bonferroni's correction, which finds less, and
Tukey's, which with few speakers splits too often, because every pair has a spread of its own.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from emobox_metric.ser_metric.intervals import BLOCK, scores_of_resamples
from emobox_metric.ser_metric.scores import Absent, confusion_matrix
from emobox_probe.records.predictions import clusters_of, label_ids
from emobox_probe.records.result import METRICS

Method = Literal["paired", "intervals"]
Matrix = NDArray[np.float64]

ALPHA = 0.05
RESAMPLES = 2000
# Differences and variances of rounding alone.
ROUNDING = 1e-12


def shared_ranks(order: Sequence[int], better: NDArray[np.bool_]) -> list[int]:
    """Ranks from 1, of the models in the order given by the matrix; see the rule above.

    Args:
        order: positions of the models, best first, `(K,)`.
        better: whether the model of the row can be told apart from that of the column, and is better, `(K, K)`.

    >>> shared_ranks([1, 2, 0], np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=bool))
    [3, 1, 1]
    >>> shared_ranks([1, 2, 0], np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]], dtype=bool))
    [1, 1, 1]
    """
    ordered = better[np.ix_(order, order)]
    ranks = [0] * len(order)
    start = 0
    for above, position in enumerate(order):
        if ordered[start:above, above].any() and not ordered[above:, :above].any():
            start = above
        ranks[position] = start + 1
    return ranks


def told_apart(differences: Matrix, errors: Matrix, degrees: Matrix) -> NDArray[np.bool_]:
    """Whether two models differ, by t tests of all pairs with Holm's correction, `(K, K)`.

    Args:
        differences: of the scores, `(K, K)`.
        errors: their standard errors, `(K, K)`.
        degrees: degrees of freedom of their tests, `(K, K)`.

    >>> close = np.array([[0, 0.1], [-0.1, 0]])
    >>> told_apart(close, np.full((2, 2), 0.02), np.full((2, 2), 9.0)).any()
    np.True_
    """
    pairs = np.triu_indices(len(differences), 1)
    sizes, of_pairs = np.abs(differences[pairs]), errors[pairs]
    kinds, kind_of = np.unique(degrees[pairs], return_inverse=True)
    # Without spread t would be infinite, however few the speakers: half of `p_value_without_spread` (no underflow).
    most = -stdtrit(kinds, np.exp2(-np.minimum(kinds + 1, 1000)))
    statistics = np.where(of_pairs > 0, sizes / np.where(of_pairs > 0, of_pairs, 1), most[kind_of])
    statistics[sizes < ROUNDING] = 0
    apart = np.zeros(len(pairs[0]), dtype=bool)
    while not apart.all():
        # Holm's steps, all at once that one level allows: what is rejected already counts no longer.
        limits = -stdtrit(kinds, ALPHA / 2 / (len(apart) - apart.sum()))
        before, apart = apart, statistics > limits[kind_of]
        if (apart == before).all():
            break
    matrix = np.zeros(differences.shape, dtype=bool)
    matrix[pairs] = apart
    return matrix | matrix.T


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
    """One model on one corpus: its scores in 0..1 and their standard errors, and its predictions where they were kept.

    `clusters` is how many speakers or utterances the standard errors are over; without any (None), no interval can be
    given, and no rank.
    """

    scores: dict[str, float]
    standard_errors: dict[str, float] | None
    clusters: int
    predictions: Predictions | None


@dataclass(frozen=True)
class PairedErrors:
    """Contenders that kept predictions of the same utterances: their places, and `(K, K)` errors by score."""

    places: list[int]
    errors: dict[str, Matrix]


@dataclass(frozen=True)
class Ranking:
    """Ranks of the contenders by each of UA, WA and F1, None without one, and the ways in which they were compared."""

    ranks: dict[str, list[int | None]]
    methods: set[Method]
    paired: list[PairedErrors]


def rank(contenders: Sequence[Contender], num_labels: int, absent: Absent) -> Ranking:
    """Rank the models of one corpus and protocol by each score.

    Args:
        contenders: records on one copy of one corpus with one protocol.
        num_labels: length C of the corpus's label list.
        absent: how the protocol counts classes without a test utterance.
    """
    places = [place for place, contender in enumerate(contenders) if contender.standard_errors]
    ranked = [contenders[place] for place in places]
    errors, paired = _errors_of_differences(ranked, num_labels, absent)
    clusters = np.array([contender.clusters for contender in ranked], dtype=np.float64)
    degrees = np.minimum.outer(clusters, clusters) - 1
    ranks: dict[str, list[int | None]] = {name: [None] * len(contenders) for name in METRICS}
    for name in METRICS:
        scores = np.array([contender.scores[name] for contender in ranked])
        differences = np.subtract.outer(scores, scores)
        better = told_apart(differences, errors[name], degrees) & (differences > 0)
        order = np.argsort(-scores, kind="stable").tolist()
        for place, shared in zip(places, shared_ranks(order, better), strict=True):
            ranks[name][place] = shared
    known = [PairedErrors([places[place] for place in pairs.places], pairs.errors) for pairs in paired]
    return Ranking(ranks, _methods(len(ranked), paired), known)


def _methods(contenders: int, paired: Sequence[PairedErrors]) -> set[Method]:
    pairs, of_predictions = (
        sum(count * (count - 1) // 2 for count in counts)
        for counts in ([contenders], [len(group.places) for group in paired])
    )
    methods: set[Method] = {"paired"} if of_predictions else set()
    return methods | ({"intervals"} if of_predictions < pairs else set())


def _errors_of_differences(
    contenders: Sequence[Contender], num_labels: int, absent: Absent
) -> tuple[dict[str, Matrix], list[PairedErrors]]:
    """Standard errors of the differences by score, `(K, K)` each, and those of them that are of predictions."""
    errors = {}
    for name in METRICS:
        squares = np.array([(contender.standard_errors or {})[name] ** 2 for contender in contenders])
        errors[name] = np.sqrt(np.add.outer(squares, squares))
    groups: dict[str, list[int]] = {}
    for place, contender in enumerate(contenders):
        if contender.predictions is not None:
            groups.setdefault(contender.predictions.tested, []).append(place)
    paired = []
    for places in groups.values():
        if len(places) > 1:
            runs = [run for place in places if (run := contenders[place].predictions)]
            blocks = paired_errors(runs, num_labels, absent)
            for name, block in blocks.items():
                errors[name][np.ix_(places, places)] = block
            paired.append(PairedErrors(places, blocks))
    return errors, paired


def paired_errors(runs: Sequence[Predictions], num_labels: int, absent: Absent) -> dict[str, Matrix]:
    """Standard errors of the differences of runs on the same utterances, `(K, K)`, by score.

    All are scored on the same resamples, so those of all pairs follow from one covariance matrix a score.
    """
    names, codes = np.unique(runs[0].clusters.astype(str), return_inverse=True)
    resampled = _resampled(runs, codes, len(names), num_labels, absent)
    errors = {}
    for name, values in resampled.items():
        covariance = np.atleast_2d(np.cov(values, ddof=0)) * len(names) / (len(names) - 1)
        variances = np.diagonal(covariance)
        squares = np.add.outer(variances, variances) - 2 * covariance
        errors[name] = np.sqrt(np.where(squares > ROUNDING * variances.max(), squares, 0))
    return errors


def _resampled(
    runs: Sequence[Predictions], codes: NDArray[np.int64], clusters: int, num_labels: int, absent: Absent
) -> dict[str, Matrix]:
    """Scores of every run on the same resamples of clusters, `(K, R)`, by score."""
    cells = num_labels**2
    observed = [confusion_matrix(run.truth, run.said, num_labels) for run in runs]
    generator = np.random.default_rng(0)
    rows = max(1, BLOCK // (clusters + cells))
    values = {name: np.empty((len(runs), RESAMPLES)) for name in METRICS}
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        weights: Matrix = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=size).astype(
            np.float64
        )
        for place, run in enumerate(runs):
            of_items = codes * cells + run.truth * num_labels + run.said
            contents = np.bincount(of_items, minlength=clusters * cells).reshape(clusters, cells)
            confusions: Matrix = (weights @ contents).reshape(-1, num_labels, num_labels)
            for name, scores in scores_of_resamples(confusions, observed[place], absent).items():
                values[name][place, start : start + size] = scores
    return values
