"""Do the probabilities that a system gives tell how often it is right?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .scores import check_label_ids, check_same_length, check_whole

# Rows of a softmax taken in bfloat16 miss 1 by this much.
SUM_TOLERANCE = 0.01


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Turn logits into probabilities, in double precision and without overflow.

    Args:
        logits: scores of shape `(N, C)`, finite.

    Returns:
        Probabilities of shape `(N, C)`; every row sums to 1.

    Raises:
        ValueError: if the shape is not `(N, C)` or an entry is NaN or infinite.

    Example:
        >>> softmax([[1000.0, 1000.0], [0.0, -1000.0]])
        array([[0.5, 0.5],
               [1. , 0. ]])
    """
    scores = _as_matrix(logits, "logits")
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def expected_calibration_error(probabilities: ArrayLike, references: ArrayLike, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy (Guo et al., ICML 2017, https://arxiv.org/abs/1706.04599).

    The confidence of an item is the largest of its probabilities; it is right if that one is its reference's. Items
    are sorted into `bins` of equal width over 0..1, each open below and closed above, and
    `ECE = sum over bins of (items in bin / N) * |accuracy of bin - mean confidence of bin|`.

    Args:
        probabilities: shape `(N, C)`, rows sum to 1.
        references: true label ids, `(N,)`.
        bins: number of bins.

    Returns:
        The expected calibration error, in 0..1.

    Raises:
        ValueError: if the rows are not probabilities, the lengths differ, a reference is not a label id in
            `0..C - 1`, or `bins` is below 1.

    Example:
        >>> probabilities = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
        >>> round(expected_calibration_error(probabilities, references=[0, 1, 1, 1]), 4)
        0.4
    """
    matrix = _as_matrix(probabilities, "probabilities")
    if not are_probabilities(matrix):
        raise ValueError(
            "Expected `probabilities` in 0..1 whose rows sum to 1, but got other rows; pass `logits`."
        )
    reference_ids = check_label_ids(references, matrix.shape[1], "references")
    check_same_length({"references": len(reference_ids), "probabilities": len(matrix)})
    check_whole(bins, "bins", 1, "15 is usual")
    confidence = matrix.max(axis=1)
    correct = matrix.argmax(axis=1) == reference_ids
    bin_of = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
    # |accuracy - mean confidence| times items is |sum of (correct - confidence)|, bin by bin.
    gaps = np.bincount(bin_of, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def are_probabilities(values: ArrayLike) -> bool:
    """Tell whether all rows of `values`, `(N, C)`, are in 0..1 and sum to 1, as far as half precision goes."""
    matrix = np.asarray(values, dtype=np.float64)
    in_range = (matrix >= 0).all() and (matrix <= 1 + SUM_TOLERANCE).all()
    return bool(in_range and (np.abs(matrix.sum(axis=1) - 1) <= SUM_TOLERANCE).all())


def as_doubles(values: Any, name: str) -> NDArray[np.float64]:
    """Return an array, a tensor (of any type, on any device, with a gradient or not) or a list of them in doubles.

    Raises:
        ValueError: for what is not of numbers, or in rows of several lengths.
    """
    try:
        rows = [_detached(row) for row in values] if isinstance(values, (list, tuple)) else _detached(values)
        return np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(
            f"Expected `{name}` of shape (items, labels), but got what is no array of numbers ({error}); pass a row "
            f"of as many numbers for every item."
        ) from error


def _detached(values: Any) -> Any:
    # By its methods: torch, whose bfloat16 NumPy does not know, need not be there.
    return values.detach().cpu().double() if hasattr(values, "detach") else values


def _as_matrix(values: ArrayLike, name: str) -> NDArray[np.float64]:
    matrix = as_doubles(values, name)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(
            f"Expected `{name}` of shape (items, labels), but got {matrix.shape}; stack them by item."
        )
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if broken.size:
        raise ValueError(
            f"Expected finite `{name}`, but got NaN or infinity in row {broken[0]} ({broken.size} such rows); "
            f"look for overflow in half precision or an utterance without frames."
        )
    return matrix
