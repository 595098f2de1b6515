"""How far raters agree, beyond what chance would do."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.raters.votes import check_counts
from emobox_metric.ser_metric.calibration import as_doubles

Level = Literal["nominal", "interval"]


def krippendorff_alpha(votes: ArrayLike, level: Level = "nominal", values: ArrayLike | None = None) -> float:
    """Return Krippendorff's alpha: 1 for perfect agreement, 0 for that of chance, below 0 for less.

    1 - (observed disagreement) / (disagreement of all votes paired at random), which any number of raters an utterance
    may give; utterances with one rater are left out (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011,
    https://repository.upenn.edu/asc_papers/43).

    Args:
        votes: how many raters gave each value, `(N, C)`; `counts_of` makes them of ratings.
        level: `"nominal"` for labels; `"interval"` for numbers, whose disagreement is their squared difference.
        values: the number that each column stands for, `(C,)`; needed for `"interval"`.

    Returns:
        alpha, at most 1.

    Raises:
        ValueError: if votes are not counts, no utterance has two raters, or all of them gave one value.

    Example:
        >>> krippendorff_alpha([[2, 0], [0, 2], [1, 1]])
        0.4444444444444444
    """
    counts = check_counts(votes)
    distances = _distances(level, values, counts.shape[1])
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        raise ValueError("Expected an utterance with two raters, but got none; agreement is between raters.")
    totals = counts.sum(axis=0)
    expected = totals @ distances @ totals / (totals.sum() - 1)
    if expected == 0:
        raise ValueError(
            "Expected votes that differ, but all raters gave one value; agreement beyond chance is not defined."
        )
    # A value is at no distance from itself, so what pairs a rater with himself adds nothing.
    pairs = np.einsum("uc,cd,ud->u", counts, distances, counts)
    observed = (pairs / (counts.sum(axis=1) - 1)).sum()
    return float(1 - observed / expected)


def fleiss_kappa(votes: ArrayLike) -> float:
    """Return Fleiss' kappa (Psychological Bulletin 76(5), 1971, https://doi.org/10.1037/h0031619).

    Args:
        votes: how many raters gave each label, `(N, C)`, of as many raters in every row.

    Returns:
        kappa, at most 1.

    Raises:
        ValueError: if votes are not counts, rows have different numbers of raters or fewer than two, or all votes are
            for one label.

    Example:
        >>> round(fleiss_kappa([[2, 0], [0, 2], [1, 1]]), 4)
        0.3333
    """
    counts = check_counts(votes)
    raters = counts.sum(axis=1)
    if raters.min() < 2 or raters.min() != raters.max():
        raise ValueError(
            f"Expected two or more raters, as many for every utterance, but got {raters.min():.0f} to "
            f"{raters.max():.0f}; use krippendorff_alpha, which takes any number."
        )
    by_chance = float(np.square(counts.sum(axis=0) / counts.sum()).sum())
    if by_chance == 1:
        raise ValueError(
            "Expected votes that differ, but all raters gave one label; agreement beyond chance is not defined."
        )
    agreeing = (np.square(counts).sum(axis=1) - raters) / (raters * (raters - 1))
    return float((agreeing.mean() - by_chance) / (1 - by_chance))


def counts_of(ratings: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return votes `(N, C)` and the values `(C,)` that they are for, of ratings `(N, R)`; NaN is no rating.

    Raises:
        ValueError: for another shape, or where an utterance has no rating.

    Example:
        >>> votes, values = counts_of([[1.0, 3.0], [3.0, np.nan]])
        >>> votes.tolist(), values.tolist()
        ([[1.0, 1.0], [0.0, 1.0]], [1.0, 3.0])
    """
    table = as_doubles(ratings, "ratings")
    if table.ndim != 2:
        raise ValueError(
            f"Expected `ratings` of shape (utterances, raters), but got {table.shape}; write NaN for no rating."
        )
    values = np.unique(table[~np.isnan(table)])
    return check_counts((table[:, :, None] == values).sum(axis=1), "ratings"), values


def _distances(level: Level, values: ArrayLike | None, columns: int) -> NDArray[np.float64]:
    """How much two values disagree, `(C, C)`."""
    if level not in get_args(Level):
        raise ValueError(f"Expected `level` to be one of {', '.join(get_args(Level))}, but got {level!r}.")
    if level == "nominal":
        return 1 - np.eye(columns)
    numbers = np.asarray([] if values is None else values, dtype=np.float64)
    if numbers.shape != (columns,):
        raise ValueError(
            f"Expected `values`, a number for each of the {columns} columns of votes, but got {numbers.size}; pass "
            f"the ratings that they stand for."
        )
    return np.asarray(np.square(numbers[:, None] - numbers))
