"""Votes: how many raters chose which label, one row an utterance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.ser_metric.calibration import as_doubles


def check_votes(votes: ArrayLike, name: str = "votes") -> NDArray[np.float64]:
    """Return `votes`, counts or shares of raters by label, as doubles `(N, C)`.

    Raises:
        ValueError: for another shape, for a negative, infinite or missing entry, or for an utterance without raters.
    """
    matrix = as_doubles(votes, name)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(
            f"Expected `{name}` of shape (utterances, labels), but got {matrix.shape}; pass one row an utterance."
        )
    broken = np.flatnonzero(~(np.isfinite(matrix) & (matrix >= 0)).all(axis=1))
    if broken.size:
        raise ValueError(
            f"Expected counts or shares of at least 0 in `{name}`, but got {matrix[broken[0]].tolist()} in row "
            f"{broken[0]} ({broken.size} such rows); count the raters that chose each label."
        )
    silent = np.flatnonzero(matrix.sum(axis=1) == 0)
    if silent.size:
        raise ValueError(
            f"Expected a rater for every utterance in `{name}`, but row {silent[0]} has none ({silent.size} such "
            f"rows); leave those utterances out, and say how many they are."
        )
    return matrix


def check_counts(votes: ArrayLike, name: str = "votes") -> NDArray[np.float64]:
    """Return `votes` as `check_votes` does, where they are whole numbers.

    Raises:
        ValueError: as `check_votes`, or for shares, which do not tell how many raters there were.
    """
    counts = check_votes(votes, name)
    parts = np.flatnonzero((counts != np.round(counts)).any(axis=1))
    if parts.size:
        raise ValueError(
            f"Expected `{name}` to be counts of raters, but got {counts[parts[0]].tolist()} in row {parts[0]} "
            f"({parts.size} such rows); pass counts, since shares do not tell how many raters there were."
        )
    return counts


def shares_of(votes: ArrayLike, name: str = "votes") -> NDArray[np.float64]:
    """Return the raters' distribution: `votes`, `(N, C)`, divided by the sums of the rows.

    Raises:
        ValueError: as `check_votes`.

    Example:
        >>> shares_of([[3, 1], [0, 5]])
        array([[0.75, 0.25],
               [0.  , 1.  ]])
    """
    matrix = check_votes(votes, name)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def majority_of(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the majority answers, `(..., C)`: 1 at the label with most votes, tied labels sharing it equally.

    Example:
        >>> majority_of(np.array([[3.0, 1.0, 0.0], [2.0, 0.0, 2.0]]))
        array([[1. , 0. , 0. ],
               [0.5, 0. , 0.5]])
    """
    most = votes == votes.max(axis=-1, keepdims=True)
    return np.asarray(most / most.sum(axis=-1, keepdims=True))
