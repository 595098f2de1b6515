"""Confidence intervals of the scores: spread by a bootstrap over speakers or utterances, width by Student's t.

A percentile bootstrap over few speakers is too narrow twice: its spread divides by S, not S - 1, and it takes the
spread of so few for known (Cameron, Gelbach and Miller, Review of Economics and Statistics 90(3), 2008,
https://doi.org/10.1162/rest.90.3.414; MacKinnon and Webb, Journal of Applied Econometrics 32(2), 2017,
https://doi.org/10.1002/jae.2508). So the spread of the resampled scores is multiplied by sqrt(S / (S - 1)), and by a
quantile of t with S - 1 degrees of freedom (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 12
and 13). A score near 1 has its long tail below: the interval is symmetric on the logit scale and turned back, as it is
done with shares in surveys (Korn and Graubard, Analysis of Health Surveys, 1999, section 3.2), which keeps it within
0..1. Of the intervals that `benchmarks/intervals.py` compares, this one holds its level best.

Where all resamples have one score (everything right; the same answer to everything), they say nothing of how far other
speakers would differ, and a width of zero would claim certainty: there is no interval of that score.

On resampling speakers rather than utterances, whose outcomes are correlated within a speaker: Bisani and Ney, ICASSP
2004, https://doi.org/10.1109/ICASSP.2004.1326009.

A score depends on the items only through how many of them fall in each cell of the confusion matrix. So no item is
ever resampled one by one: a resample is one multinomial draw over cells, or over speakers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from numbers import Real
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, stdtrit

from .scores import (
    Absent,
    as_list,
    check_label_ids,
    check_same_length,
    check_whole,
    scores_from_confusion,
)

Method = Literal["logit-t", "percentile"]

SCORES = ("ua", "wa", "f1")
# The spread over fewer says next to nothing: with three, two degrees are left, and intervals span most of 0..1.
FEWEST_CLUSTERS = 4
# Doubles held by one block of resamples (32 MiB), however many speakers there are.
BLOCK = 2**22
# Sums of the same recalls in another order differ in the last bits: that is no spread.
ROUNDING = 1e-12


class TooFewClustersError(ValueError):
    """No interval can be given: there are fewer than four clusters (speakers, or items where none are named)."""


def bootstrap_interval(
    references: ArrayLike,
    predictions: ArrayLike,
    num_labels: int,
    clusters: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
    method: Method = "logit-t",
) -> dict[str, tuple[float, float] | None]:
    """Return bootstrap intervals of UA, WA and F1.

    With `clusters` (speakers), whole clusters are drawn with replacement and the interval is about new speakers;
    without, items are drawn and the interval is about new utterances of these speakers.

    A class can vanish from a resample though the references have it. It is left out of that resample's means,
    since counting it as 0 would read "not drawn" as "never recognised". Classes absent from the references
    themselves follow `absent` in every resample, so that the interval is on the scale of the score.

    Args:
        references: true label ids, `(N,)`.
        predictions: predicted label ids, `(N,)`.
        num_labels: length C of the corpus's fixed label list.
        clusters: the speaker of each item, `(N,)`, any hashable names.
        confidence: coverage aimed at, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the random generator; the same seed gives the same interval.
        absent: as in `scores_from_confusion`.
        method: `"logit-t"`, as above; or `"percentile"`, the quantiles of the resampled scores, which is too narrow
            with few clusters and kept to check results that were made with it.

    Returns:
        `(low, high)` in 0..1 for each of `ua`, `wa`, `f1`; None for a score that is the same in all resamples.

    Raises:
        TooFewClustersError: a ValueError, for fewer than four clusters (two with `"percentile"`).
        ValueError: for label ids that `confusion_matrix` rejects, a cluster without a name, lengths that differ, or
            options out of range.

    Example:
        >>> references, predictions = [0, 0, 0, 1, 1, 1] * 20, [0, 0, 1, 1, 1, 0] * 20
        >>> low, high = bootstrap_interval(references, predictions, num_labels=2)["ua"]
        >>> round(low, 2), round(high, 2)
        (0.58, 0.75)
    """
    check_confidence(confidence)
    if method not in get_args(Method):
        raise ValueError(f"Expected `method` to be one of {', '.join(get_args(Method))}, but got {method!r}.")
    fewest = 2 if method == "percentile" else FEWEST_CLUSTERS
    drawn = bootstrap(references, predictions, num_labels, clusters, resamples, seed, absent, fewest)
    interval = drawn.percentile_interval if method == "percentile" else drawn.interval
    return {name: interval(name, confidence) for name in SCORES}


@dataclass(frozen=True)
class Bootstrap:
    """Scores, and what resampling says of their spread; all by the names ua, wa, f1.

    `scores` in 0..1; `resampled` scores of shape `(R,)`; `clusters` is how many were drawn from; `ceilings` are what a
    perfect system reaches.
    """

    scores: dict[str, float]
    resampled: dict[str, NDArray[np.float64]]
    clusters: int
    ceilings: dict[str, float]

    def standard_error(self, name: str) -> float:
        """The standard error of a score, in 0..1."""
        return standard_error(self.resampled[name], self.clusters)

    def interval(self, name: str, confidence: float) -> tuple[float, float] | None:
        """The t interval of a score on the logit scale, `(low, high)` in 0..1; None without spread."""
        ceiling = self.ceilings[name]
        share, error = self.scores[name] / ceiling, self.standard_error(name) / ceiling
        bounds = logit_interval(share, error, self.clusters, confidence)
        return bounds and (ceiling * bounds[0], ceiling * bounds[1])

    def percentile_interval(self, name: str, confidence: float) -> tuple[float, float] | None:
        """The quantiles of the resampled scores that hold the share `confidence` of them; None without spread."""
        if self.standard_error(name) == 0:
            return None
        low, high = np.quantile(self.resampled[name], [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)


def bootstrap(
    references: ArrayLike,
    predictions: ArrayLike,
    num_labels: int,
    clusters: Iterable[Hashable] | None = None,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
    fewest: int = FEWEST_CLUSTERS,
) -> Bootstrap:
    """Return the scores and what `bootstrap_interval`, whose arguments these are, makes its interval of.

    Raises:
        TooFewClustersError: for fewer clusters than `fewest`.
        ValueError: as `bootstrap_interval`.
    """
    check_resampling(resamples, seed)
    reference_ids = check_label_ids(references, num_labels, "references")
    prediction_ids = check_label_ids(predictions, num_labels, "predictions")
    check_same_length({"references": len(reference_ids), "predictions": len(prediction_ids)})
    cells = reference_ids * num_labels + prediction_ids
    contents, copies = distinct_clusters(cells, num_labels**2, clusters, fewest)
    return bootstrap_of_contents(contents, copies, num_labels, resamples, seed, absent)


def bootstrap_of_contents(
    contents: NDArray[np.float64],
    copies: NDArray[np.int64],
    num_labels: int,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> Bootstrap:
    """As `bootstrap`, of clusters whose confusion matrices are known, which may be of weighted counts.

    Args:
        contents: the confusion matrices of the distinct clusters, laid flat, `(G, C * C)`.
        copies: how many clusters have each, `(G,)`.
        num_labels, resamples, seed, absent: as in `bootstrap_interval`.
    """
    check_resampling(resamples, seed)
    observed = (copies @ contents).reshape(num_labels, num_labels)
    scores = scores_from_confusion(observed, absent)
    blocks = [
        scores_of_resamples(counts.reshape(-1, num_labels, num_labels), observed, absent)
        for counts in resampled_counts(contents, copies, resamples, seed)
    ]
    present = _ceiling(observed, absent)
    return Bootstrap(
        scores={name: scores[name] for name in SCORES},
        resampled={name: np.concatenate([block[name] for block in blocks]) for name in SCORES},
        clusters=int(copies.sum()),
        ceilings={"ua": present, "wa": 1.0, "f1": present},
    )


def standard_error(resampled: NDArray[np.float64], clusters: int) -> float:
    """The standard deviation of resampled values `(R,)`, times sqrt(S / (S - 1)) for S clusters."""
    spread = float(resampled.std()) * sqrt(clusters / (clusters - 1))
    return spread if spread > ROUNDING else 0.0


def t_quantile(probability: float, clusters: int) -> float:
    """The quantile of Student's t with one degree of freedom less than there are clusters.

    Example:
        >>> round(t_quantile(0.975, clusters=4), 3)
        3.182
    """
    return float(stdtrit(clusters - 1, probability))


def logit_interval(
    share: float, standard_error: float, clusters: int, confidence: float
) -> tuple[float, float] | None:
    """Return the interval of a share in 0..1 that is symmetric on the logit scale; None without spread.

    Example:
        >>> low, high = logit_interval(0.9, standard_error=0.03, clusters=8, confidence=0.95)
        >>> round(low, 3), round(high, 3)
        (0.804, 0.952)
    """
    if standard_error == 0 or not 0 < share < 1:
        return None
    # The standard error of logit(x) is that of x times the slope of the logit there, 1 / (x (1 - x)).
    half = t_quantile((1 + confidence) / 2, clusters) * standard_error / (share * (1 - share))
    return float(expit(logit(share) - half)), float(expit(logit(share) + half))


def resampled_counts(
    contents: NDArray[np.float64], copies: NDArray[np.int64], resamples: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Yield blocks `(R, num_cells)` of counts per cell, one row per bootstrap resample.

    Args:
        contents: the distinct cluster contents, `(G, num_cells)`.
        copies: how many clusters have each, `(G,)`.
        resamples: rows over all blocks together.
        seed: of the random generator.
    """
    generator = np.random.default_rng(seed)
    drawn = int(copies.sum())
    rows = max(1, BLOCK // sum(contents.shape))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        # (R, G) @ (G, cells); in doubles, for BLAS, and exact up to 2**53 items.
        yield generator.multinomial(drawn, copies / drawn, size=size).astype(np.float64) @ contents


def distinct_clusters(
    cells: NDArray[np.int64], num_cells: int, clusters: Iterable[Hashable] | None, fewest: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct cluster contents, `(G, num_cells)`, and how many clusters have each, `(G,)`.

    Clusters of equal content are interchangeable. Items are clusters of one, so G is at most the number of cells.

    Args:
        cells: the cell of each item, `(N,)`, in `0..num_cells - 1`.
        num_cells: number of cells.
        clusters: the cluster of each item, `(N,)`; None draws items.
        fewest: how many clusters there must be.

    Raises:
        TooFewClustersError: there are fewer.
    """
    if clusters is None:
        _check_enough_items(len(cells), fewest)
        copies = np.bincount(cells, minlength=num_cells)
        return np.eye(num_cells)[copies > 0], copies[copies > 0]
    codes, total = _cluster_codes(clusters, len(cells), fewest)
    contents = np.bincount(codes * num_cells + cells, minlength=total * num_cells).reshape(total, num_cells)
    distinct, copies = np.unique(contents, axis=0, return_counts=True)
    return distinct.astype(np.float64), copies


def cluster_contents(
    weights: NDArray[np.float64], clusters: Iterable[Hashable] | None, fewest: int
) -> NDArray[np.float64]:
    """Return the sums over the items of each cluster, `(S, K)`, of what each item weighs, `(N, K)`.

    Without clusters, every item is one.

    Raises:
        TooFewClustersError: there are fewer clusters than `fewest`.
        ValueError: the lengths differ, or an item has no cluster.
    """
    if clusters is None:
        _check_enough_items(len(weights), fewest)
        return weights
    codes, total = _cluster_codes(clusters, len(weights), fewest)
    contents = np.zeros((total, weights.shape[1]))
    np.add.at(contents, codes, weights)
    return contents


def _check_enough_items(items: int, fewest: int) -> None:
    if items < fewest:
        raise TooFewClustersError(
            f"Expected at least {fewest} items for an interval, but got {items}; score more, or none."
        )


def _cluster_codes(clusters: Iterable[Hashable], items: int, fewest: int) -> tuple[NDArray[np.int64], int]:
    """Number the clusters in order of first appearance: codes `(N,)` and how many there are."""
    names = as_list(clusters, "clusters (speakers)")
    check_same_length({"items": items, "clusters (speakers)": len(names)})
    for index, name in enumerate(names):
        if hasattr(name, "shape") or not _is_hashable(name):
            raise ValueError(
                f"Expected one name or number per cluster (speaker), but got {name!r} at index {index}; name every "
                f"item's by one string or int."
            )
    # NaN differs from itself, and whether pandas.NA does is NA.
    unnamed = [index for index, name in enumerate(names) if name is None or (name != name) is not False]
    if unnamed:
        raise ValueError(
            f"Expected a cluster (speaker) for every item, but got {names[unnamed[0]]} at index {unnamed[0]} "
            f"({len(unnamed)} such items); name them, or leave the clusters out to resample items."
        )
    code_of = {name: code for code, name in enumerate(dict.fromkeys(names))}
    if len(code_of) < fewest:
        raise TooFewClustersError(
            f"Expected at least {fewest} clusters (speakers), but got {len(code_of)} "
            f"({', '.join(map(repr, code_of))}), which say too little about others; give the score without an "
            f"interval, or leave the clusters out for one about new items of the same speakers."
        )
    return np.fromiter(map(code_of.__getitem__, names), dtype=np.int64, count=items), len(code_of)


def _is_hashable(name: object) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    return True


def scores_of_resamples(
    confusions: NDArray[np.float64], observed: NDArray[np.float64] | NDArray[np.int64], absent: Absent
) -> dict[str, NDArray[np.float64]]:
    """Score resampled confusion matrices `(R, C, C)` on the scale of the `observed` one, `(C, C)`.

    Returns:
        `ua`, `wa`, `f1` of shape `(R,)`. `bootstrap_interval` says how vanished and absent classes count.
    """
    scores = scores_from_confusion(confusions, absent="skip")
    present = _ceiling(observed, absent)
    return {"ua": scores["ua"] * present, "wa": scores["wa"], "f1": scores["f1"] * present}


def _ceiling(observed: NDArray[np.float64] | NDArray[np.int64], absent: Absent) -> float:
    """UA and F1 of a perfect system on references with that confusion matrix, `(C, C)`."""
    return float(observed.any(axis=1).mean()) if absent == "zero" else 1.0


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless `confidence` is between 0 and 1."""
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(
            f"Expected `confidence` between 0 and 1, but got {confidence!r}; pass 0.95 for 95 percent."
        )


def check_resampling(resamples: int, seed: int) -> None:
    """Raise ValueError unless `resamples` is at least 1 and `seed` at least 0."""
    check_whole(resamples, "resamples", 1, "2000 is usual")
    check_whole(seed, "seed", 0, "0 is the default")
