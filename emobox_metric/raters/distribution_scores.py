"""Answers in probabilities held against the raters' distribution, each label counting the same, with intervals."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.raters.distributions import (
    cross_entropies,
    divergences,
    is_above,
    macro_f1,
    paired_shares,
    squared_distances,
)
from emobox_metric.ser_metric.intervals import (
    FEWEST_CLUSTERS,
    TooFewClustersError,
    check_confidence,
    check_resampling,
    cluster_contents,
    logit_interval,
    resampled_counts,
    standard_error,
    t_quantile,
)
from emobox_metric.ser_metric.scores import check_label_ids, check_same_length

# The largest value that a score can have.
LARGEST = {"jensen_shannon": 1.0, "brier": 2.0, "multilabel_f1": 1.0}


def distribution_scores(
    probabilities: ArrayLike,
    votes: ArrayLike,
    labels: ArrayLike,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score probabilities against votes: the mean of each label's utterances, then the mean over labels, as UA is.

    Args:
        probabilities: shape `(N, C)`; rows sum to 1.
        votes: counts or shares of raters, `(N, C)`.
        labels: ids of the utterances' labels, `(N,)`, in 0..C - 1 or of any other list; those that none has do not
            count.
        speakers: the speaker of each utterance, `(N,)`; None resamples utterances.
        confidence, resamples, seed: as in `ser_metric.intervals.bootstrap_interval`.

    Returns:
        `jensen_shannon` (bits), `cross_entropy` (nats) and `brier`, macro-averaged; `multilabel_f1`, which is a mean
        over the C labels that raters could choose (`distributions.multilabel_f1` at its default threshold); and
        `intervals`, (low, high) by these names, each None without spread, or None with fewer than four speakers.

    Raises:
        ValueError: as `distributions.jensen_shannon_divergence`, or for label ids that are none.

    Example:
        >>> scores = distribution_scores([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]], [[1, 1], [1, 0], [0, 1]], [0, 1, 1])
        >>> scores["jensen_shannon"], scores["brier"]
        (0.25, 0.5)
    """
    check_confidence(confidence)
    check_resampling(resamples, seed)
    answers, truth = paired_shares(probabilities, votes)
    ids = np.asarray(labels)
    ids = check_label_ids(ids, int(ids.max(initial=0)) + 1, "labels")
    check_same_length({"probabilities": len(answers), "labels": len(ids)})
    weights = _weights(answers, truth, ids)
    values = {name: float(value) for name, value in _scores(weights.sum(axis=0), answers.shape[1]).items()}
    try:
        contents = cluster_contents(weights, speakers, FEWEST_CLUSTERS)
    except TooFewClustersError:
        return values | {"intervals": None}
    copies = np.ones(len(contents), dtype=np.int64)
    with np.errstate(invalid="ignore"):
        blocks = [
            _scores(sums, answers.shape[1]) for sums in resampled_counts(contents, copies, resamples, seed)
        ]
    errors = {
        name: standard_error(np.concatenate([block[name] for block in blocks]), len(contents))
        for name, value in values.items()
        if np.isfinite(value)
    }
    return values | {"intervals": _intervals(values, errors, len(contents), confidence)}


def _weights(
    answers: NDArray[np.float64], truth: NDArray[np.float64], ids: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What sums of utterances need to tell for `_scores`, `(N, 4 L + 2 C)` for L labels that occur."""
    of_label = np.eye(ids.max() + 1)[ids]
    of_label = of_label[:, of_label.any(axis=0)]
    terms = [measure(answers, truth) for measure in (divergences, cross_entropies, squared_distances)]
    given, chosen = (is_above(shares, 1 / truth.shape[1]) for shares in (answers, truth))
    # A cross-entropy may be infinite, and is then that of its own label only.
    sums = [of_label, *(np.where(of_label > 0, term[:, None], 0.0) for term in terms)]
    return np.concatenate([*sums, given & chosen, given.astype(float) + chosen], axis=1)


def _scores(sums: NDArray[np.float64], columns: int) -> Mapping[str, NDArray[np.float64]]:
    """Every score of sums `(..., 4 L + 2 C)`; a label that a resample lacks does not count in it."""
    hits, marks = sums[..., -2 * columns : -columns], sums[..., -columns:]
    counts, *totals = np.split(sums[..., : -2 * columns], 4, axis=-1)
    there = counts > 0
    means = [np.divide(total, counts, out=np.zeros_like(total), where=there) for total in totals]
    macro = [mean.sum(axis=-1) / there.sum(axis=-1) for mean in means]
    names = ("jensen_shannon", "cross_entropy", "brier")
    return dict(zip(names, macro, strict=True)) | {"multilabel_f1": macro_f1(hits, marks)}


def _intervals(
    values: Mapping[str, float], errors: Mapping[str, float], clusters: int, confidence: float
) -> dict[str, tuple[float, float] | None]:
    """Symmetric on the logit scale; of the cross-entropy, which has no largest value, on that of the logarithm."""
    bounds: dict[str, tuple[float, float] | None] = dict.fromkeys(values)
    for name, error in errors.items():
        value, largest = values[name], LARGEST.get(name)
        if largest is not None:
            share = logit_interval(value / largest, error / largest, clusters, confidence)
            bounds[name] = share and (largest * share[0], largest * share[1])
        elif error > 0 and value > 0:
            half = t_quantile((1 + confidence) / 2, clusters) * error / value
            bounds[name] = exp(log(value) - half), exp(log(value) + half)
    return bounds
