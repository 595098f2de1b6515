"""Confidence intervals of the scores, by the percentile bootstrap over utterances or over speakers.

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; on resampling speakers rather than
utterances, whose outcomes are correlated within a speaker: Bisani and Ney, ICASSP 2004,
https://doi.org/10.1109/ICASSP.2004.1326009.

A score depends on the items only through how many of them fall in each cell of the confusion matrix. So no item is
ever resampled one by one: a resample is one multinomial draw over cells, or over speakers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .scores import (
    Absent,
    as_list,
    check_label_ids,
    check_same_length,
    check_whole,
    confusion_matrix,
    scores_from_confusion,
)

SCORES = ("ua", "wa", "f1")
# Doubles held by one block of resamples (32 MiB), however many speakers there are.
BLOCK = 2**22


def bootstrap_interval(
    references: ArrayLike,
    predictions: ArrayLike,
    num_labels: int,
    clusters: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals of UA, WA and F1.

    With `clusters` (speakers), whole clusters are drawn with replacement and the interval is about new speakers;
    without, items are drawn and the interval is about new utterances of these speakers. Percentile intervals over
    few clusters are too narrow: see the coverage measured in the README.

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

    Returns:
        `(low, high)` in 0..1 for each of `ua`, `wa`, `f1`.

    Raises:
        ValueError: for label ids that `confusion_matrix` rejects, fewer than two clusters or an unnamed one,
            lengths that differ, or options out of range.

    Example:
        >>> references, predictions = [0, 0, 0, 1, 1, 1] * 20, [0, 0, 1, 1, 1, 0] * 20
        >>> low, high = bootstrap_interval(references, predictions, num_labels=2)["ua"]
        >>> round(low, 2), round(high, 2)
        (0.58, 0.75)
    """
    check_resampling(confidence, resamples, seed)
    observed = confusion_matrix(references, predictions, num_labels)
    scores_from_confusion(observed, absent)  # raises for `absent="error"`
    cells = check_label_ids(references, num_labels, "references") * num_labels + check_label_ids(
        predictions, num_labels, "predictions"
    )
    blocks = [
        scores_of_resamples(counts.reshape(-1, num_labels, num_labels), observed, absent)
        for counts in resampled_counts(cells, num_labels**2, clusters, resamples, seed)
    ]
    return {
        name: percentile_interval(np.concatenate([b[name] for b in blocks]), confidence) for name in SCORES
    }


def resampled_counts(
    cells: NDArray[np.int64], num_cells: int, clusters: Iterable[Hashable] | None, resamples: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Yield blocks `(R, num_cells)` of counts per cell, one row per bootstrap resample.

    Args:
        cells: the cell of each item, `(N,)`, in `0..num_cells - 1`.
        num_cells: number of cells.
        clusters: the cluster of each item, `(N,)`; None draws items.
        resamples: rows over all blocks together.
        seed: of the random generator.
    """
    contents, copies = _distinct_clusters(cells, num_cells, clusters)
    generator = np.random.default_rng(seed)
    drawn = int(copies.sum())
    rows = max(1, BLOCK // (len(copies) + num_cells))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        # (R, G) @ (G, cells); in doubles, for BLAS, and exact up to 2**53 items.
        yield generator.multinomial(drawn, copies / drawn, size=size).astype(np.float64) @ contents


def _distinct_clusters(
    cells: NDArray[np.int64], num_cells: int, clusters: Iterable[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct cluster contents, `(G, num_cells)`, and how many clusters have each, `(G,)`.

    Clusters of equal content are interchangeable. Items are clusters of one, so G is at most the number of cells.
    """
    if clusters is None:
        copies = np.bincount(cells, minlength=num_cells)
        return np.eye(num_cells)[copies > 0], copies[copies > 0]
    codes, total = _cluster_codes(clusters, len(cells))
    contents = np.bincount(codes * num_cells + cells, minlength=total * num_cells).reshape(total, num_cells)
    distinct, copies = np.unique(contents, axis=0, return_counts=True)
    return distinct.astype(np.float64), copies


def _cluster_codes(clusters: Iterable[Hashable], items: int) -> tuple[NDArray[np.int64], int]:
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
    if len(code_of) < 2:
        raise ValueError(
            f"Expected at least 2 clusters (speakers), but got only {names[0]!r}, which says nothing about others; "
            f"leave the clusters out to resample items."
        )
    return np.fromiter(map(code_of.__getitem__, names), dtype=np.int64, count=items), len(code_of)


def _is_hashable(name: object) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    return True


def scores_of_resamples(
    confusions: NDArray[np.float64], observed: NDArray[np.int64], absent: Absent
) -> dict[str, NDArray[np.float64]]:
    """Score resampled confusion matrices `(R, C, C)` on the scale of the `observed` one, `(C, C)`.

    Returns:
        `ua`, `wa`, `f1` of shape `(R,)`. `bootstrap_interval` says how vanished and absent classes count.
    """
    scores = scores_from_confusion(confusions, absent="skip")
    present = observed.any(axis=1).mean() if absent == "zero" else 1.0
    return {"ua": scores["ua"] * present, "wa": scores["wa"], "f1": scores["f1"] * present}


def percentile_interval(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Return the central quantiles of `values`, `(R,)`, that hold the share `confidence` of them.

    Example:
        >>> percentile_interval(np.arange(101.0), confidence=0.5)
        (25.0, 75.0)
    """
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def check_resampling(confidence: float, resamples: int, seed: int | None) -> None:
    """Raise ValueError unless `confidence` is between 0 and 1, `resamples` at least 1 and `seed` at least 0."""
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(
            f"Expected `confidence` between 0 and 1, but got {confidence!r}; pass 0.95 for 95 percent."
        )
    check_whole(resamples, "resamples", 1, "2000 is usual")
    if seed is not None:
        check_whole(seed, "seed", 0, "0 is the default")
