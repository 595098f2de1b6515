"""Emotion dimensions: the concordance of predicted and rated numbers, with an interval by speaker."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import atanh, tanh

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.ser_metric.calibration import as_doubles
from emobox_metric.ser_metric.intervals import (
    FEWEST_CLUSTERS,
    check_confidence,
    check_resampling,
    cluster_contents,
    resampled_counts,
    standard_error,
    t_quantile,
)
from emobox_metric.ser_metric.scores import check_same_length


def ccc(references: ArrayLike, predictions: ArrayLike) -> float:
    """Return the concordance correlation coefficient (Lin, Biometrics 45(1), 1989, https://doi.org/10.2307/2532051).

    2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2), with variances over N: 1 where both are the same numbers,
    lower than Pearson's correlation where they differ in mean or in spread.

    Args:
        references: what raters said, `(N,)`.
        predictions: on the same scale, `(N,)`.

    Returns:
        The coefficient, in -1..1.

    Raises:
        ValueError: if these are not two equally long rows of at least two finite numbers, or all of both are one and
            the same number.

    Example:
        >>> round(ccc([0, 1, 2], [0, 1, 1]), 4)
        0.6667
    """
    truth, answers = _pair(references, predictions)
    x, y = truth - truth.mean(), answers - answers.mean()
    spread = x @ x + y @ y + len(x) * (truth.mean() - answers.mean()) ** 2
    if spread == 0:
        raise ValueError(
            f"Expected numbers that differ, but got {truth[0]:g} only, in references and predictions; there is no "
            f"concordance to tell."
        )
    return float(2 * (x @ y) / spread)


def ccc_interval(
    references: ArrayLike,
    predictions: ArrayLike,
    clusters: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return a bootstrap interval of `ccc`, as `ser_metric.intervals` makes them, symmetric on Fisher's z scale.

    Args:
        references, predictions: as in `ccc`.
        clusters: the speaker of each item, `(N,)`, of whom whole ones are drawn; None draws items.
        confidence: coverage of the interval.
        resamples: number of bootstrap resamples.
        seed: of the random generator.

    Returns:
        `(low, high)`, in -1..1; None where all resamples have one value.

    Raises:
        TooFewClustersError: a ValueError, for fewer than four clusters.
        ValueError: as `ccc`, or for options out of range.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> truth = generator.normal(size=200)
        >>> low, high = ccc_interval(truth, truth + generator.normal(size=200))
        >>> round(low, 1), round(high, 1)
        (0.5, 0.7)
    """
    check_confidence(confidence)
    check_resampling(resamples, seed)
    value = ccc(references, predictions)
    moments = _moments(*_pair(references, predictions))
    contents = cluster_contents(moments, clusters, FEWEST_CLUSTERS)
    copies = np.ones(len(contents), dtype=np.int64)
    blocks = [_ccc(sums) for sums in resampled_counts(contents, copies, resamples, seed)]
    resampled = np.concatenate(blocks)
    # A resample of one number drawn again and again tells nothing.
    known = resampled[np.isfinite(resampled) & (abs(resampled) < 1)]
    error = standard_error(np.arctanh(known), len(contents)) if known.size else 0
    if abs(value) == 1 or error == 0:
        return None
    half = t_quantile((1 + confidence) / 2, len(contents)) * error
    return tanh(atanh(value) - half), tanh(atanh(value) + half)


def _pair(references: ArrayLike, predictions: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = {"references": references, "predictions": predictions}
    truth, answers = (_as_row(values, name) for name, values in rows.items())
    check_same_length({"references": len(truth), "predictions": len(answers)})
    return truth, answers


def _as_row(values: ArrayLike, name: str) -> NDArray[np.float64]:
    row = as_doubles(values, name)
    if row.ndim != 1 or len(row) < 2:
        raise ValueError(
            f"Expected `{name}` to be two or more numbers, one an item, but got shape {row.shape}; pass one dimension "
            f"at a time."
        )
    broken = np.flatnonzero(~np.isfinite(row))
    if broken.size:
        raise ValueError(
            f"Expected finite `{name}`, but got {row[broken[0]]} at index {broken[0]} ({broken.size} such items); "
            f"leave out what was not rated."
        )
    return row


def _moments(truth: NDArray[np.float64], answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """What sums of items need to tell for `_ccc`, `(N, 6)`: 1, x, y, x², y², xy, of numbers near 0."""
    # Both shifted alike, which changes no concordance: squares of large numbers would lose the digits that count.
    shift = (truth.mean() + answers.mean()) / 2
    x, y = truth - shift, answers - shift
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _ccc(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The coefficient of sums of moments, `(..., 6)`; NaN where all numbers are one and the same."""
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    mean_x, mean_y = x / count, y / count
    spread = xx / count - mean_x**2 + yy / count - mean_y**2 + (mean_x - mean_y) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(spread > 0, 2 * (xy / count - mean_x * mean_y) / spread, np.nan))
