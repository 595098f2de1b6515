"""Do the probabilities that a system gives tell how often it is right?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

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
    matrix, reference_ids = _checked(probabilities, references, bins)
    confidence = matrix.max(axis=1)
    correct = matrix.argmax(axis=1) == reference_ids
    # |accuracy - mean confidence| times items is |sum of (correct - confidence)|, bin by bin.
    gaps = np.bincount(_bins_of(confidence, bins), weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def reliability(
    probabilities: ArrayLike, references: ArrayLike, bins: int = 15
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return how many items fall in each bin of confidence, and their mean confidence and accuracy, `(bins,)` each.

    Bins are those of `expected_calibration_error`; those without an item have NaN for both means.

    Raises:
        ValueError: as `expected_calibration_error`.

    Example:
        >>> counts, confidence, accuracy = reliability([[0.9, 0.1], [0.4, 0.6]], [0, 0], bins=2)
        >>> counts.tolist(), confidence[1].item(), accuracy[1].item()
        ([0, 2], 0.75, 0.5)
    """
    matrix, reference_ids = _checked(probabilities, references, bins)
    confidence, correct = matrix.max(axis=1), matrix.argmax(axis=1) == reference_ids
    bin_of = _bins_of(confidence, bins)
    counts = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(bin_of, weights=values, minlength=bins) / counts for values in (confidence, correct)
        ]
    return counts, means[0], means[1]


def classwise_calibration_error(probabilities: ArrayLike, references: ArrayLike, bins: int = 15) -> float:
    """Return the mean over classes of the gap between what a class is given and how often it is true.

    Every item counts in every class, by the probability that it gives that class (Kull et al., NeurIPS 2019,
    https://arxiv.org/abs/1910.12656, equation 4); bins as in `expected_calibration_error`.

    Returns:
        The error in 0..1.

    Raises:
        ValueError: as `expected_calibration_error`.

    Example:
        >>> round(classwise_calibration_error([[0.9, 0.1], [0.9, 0.1]], references=[0, 1]), 4)
        0.4
    """
    matrix, reference_ids = _checked(probabilities, references, bins)
    errors = []
    for label, given in enumerate(matrix.T):
        gaps = np.bincount(_bins_of(given, bins), weights=(reference_ids == label) - given, minlength=bins)
        errors.append(np.abs(gaps).sum() / len(given))
    return float(np.mean(errors))


def brier_score(probabilities: ArrayLike, references: ArrayLike) -> float:
    """Return the mean over items of the squared distance between probabilities and the truth, in 0..2.

    The sum over all classes, as first published (Brier, Monthly Weather Review 78(1), 1950,
    https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2): of two classes it is twice what is common today.

    Raises:
        ValueError: as `expected_calibration_error`.

    Example:
        >>> round(brier_score([[0.9, 0.1], [0.6, 0.4]], references=[0, 1]), 4)
        0.37
    """
    matrix, reference_ids = _checked(probabilities, references, 1)
    truth = np.eye(matrix.shape[1])[reference_ids]
    return float(((matrix - truth) ** 2).sum(axis=1).mean())


def negative_log_likelihood(logits: ArrayLike, references: ArrayLike) -> float:
    """Return the mean negative log of the probability of the truth, in nats.

    Args:
        logits: shape `(N, C)`; of probabilities, their logarithms.
        references: true label ids, `(N,)`.

    Raises:
        ValueError: for what is no array `(N, C)` of finite numbers, lengths that differ, or a reference that is none
            of `0..C - 1`.

    Example:
        >>> round(negative_log_likelihood([[0.0, 0.0]], references=[0]), 4)
        0.6931
    """
    scores, reference_ids = _checked_logits(logits, references)
    return float(-log_softmax(scores, axis=1)[np.arange(len(scores)), reference_ids].mean())


def risk_coverage(
    probabilities: ArrayLike, references: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the error rate among the n most confident items for n of 1 to N: coverages n / N, and risks, `(N,)` each.

    Items of equal confidence have no order: each counts with the mean error among them. The mean of the risks is the
    area under the curve, AURC (Geifman, Uziel and El-Yaniv, ICLR 2019, https://arxiv.org/abs/1805.08206).

    Raises:
        ValueError: as `expected_calibration_error`.

    Example:
        >>> coverage, risk = risk_coverage([[0.9, 0.1], [0.4, 0.6]], references=[0, 0])
        >>> coverage.tolist(), risk.tolist()
        ([0.5, 1.0], [0.0, 0.5])
    """
    matrix, reference_ids = _checked(probabilities, references, 1)
    confidence = matrix.max(axis=1)
    wrong = (matrix.argmax(axis=1) != reference_ids).astype(np.float64)
    _, tied = np.unique(confidence, return_inverse=True)
    shared = (np.bincount(tied, weights=wrong) / np.bincount(tied))[tied]
    counts = np.arange(1, len(wrong) + 1)
    risks = np.cumsum(shared[np.argsort(-confidence, kind="stable")]) / counts
    return counts / len(wrong), risks


def fit_temperature(logits: ArrayLike, references: ArrayLike) -> float:
    """Return the temperature that logits are divided by so that they are likeliest (Guo et al., ICML 2017).

    It lies between 1/20 and 20: of logits that are always right no temperature is low enough.

    Raises:
        ValueError: as `negative_log_likelihood`.

    Example:
        >>> round(fit_temperature([[4.0, 0.0]] * 4, references=[0, 0, 0, 1]), 2)  # 4 / T = log 3
        3.64
    """
    scores, reference_ids = _checked_logits(logits, references)
    rows = np.arange(len(scores))

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        return float(-log_softmax(scaled, axis=1)[rows, reference_ids].mean())

    bound = float(np.log(20.0))
    best = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(best.x))


def _bins_of(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Which of `bins` bins of equal width over 0..1, open below and closed above, each value is in."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], values, side="left")


def _checked(
    probabilities: ArrayLike, references: ArrayLike, bins: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    matrix = _as_matrix(probabilities, "probabilities")
    if not are_probabilities(matrix):
        raise ValueError(
            "Expected `probabilities` in 0..1 whose rows sum to 1, but got other rows; pass `logits`."
        )
    reference_ids = check_label_ids(references, matrix.shape[1], "references")
    check_same_length({"references": len(reference_ids), "probabilities": len(matrix)})
    check_whole(bins, "bins", 1, "15 is usual")
    return matrix, reference_ids


def _checked_logits(
    logits: ArrayLike, references: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    scores = _as_matrix(logits, "logits")
    reference_ids = check_label_ids(references, scores.shape[1], "references")
    check_same_length({"references": len(reference_ids), "logits": len(scores)})
    return scores, reference_ids


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
