"""Is one system better than another, given that both labelled the same items?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from .intervals import (
    FEWEST_CLUSTERS,
    SCORES,
    check_confidence,
    check_resampling,
    distinct_clusters,
    resampled_counts,
    scores_of_resamples,
    standard_error,
    t_quantile,
)
from .scores import Absent, check_label_ids, check_same_length, confusion_matrix, scores_from_confusion

# Below this many discordant items McNemar's chi-squared approximation is poor.
FEW_DISCORDANT = 25


def compare_systems(
    references: ArrayLike,
    predictions: ArrayLike,
    other_predictions: ArrayLike,
    num_labels: int,
    clusters: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> dict[str, dict[str, Any]]:
    """Compare two systems on the same items: the first minus the other.

    Both systems are scored on the same resamples (items, or whole speakers when `clusters` are given), so what makes
    an item hard for both cancels. The interval is the difference ± the t quantile with S - 1 degrees of freedom times
    the standard error, S being the number of clusters; the p value is that of the t test, so the interval excludes zero
    where the p value is below 1 - confidence. See `intervals` for why, and for sources.

    Args:
        references: true label ids, `(N,)`.
        predictions: label ids predicted by the first system, `(N,)`.
        other_predictions: label ids predicted by the other system, `(N,)`.
        num_labels: length C of the corpus's fixed label list.
        clusters: the speaker of each item, `(N,)`.
        confidence: coverage of the intervals.
        resamples: number of bootstrap resamples.
        seed: of the random generator.
        absent: as in `scores_from_confusion`.

    Returns:
        For each of `ua`, `wa`, `f1`: `difference`, `interval` (low, high), `p_value` and
        `minimum_detectable_difference` (alpha 0.05, power 0.8); and under `mcnemar` what `mcnemar` returns, which
        is about WA and takes items as independent, whatever the `clusters`. Where the difference is the same in all
        resamples, interval and minimum are None, and the p value is that of `p_value_without_spread`.

    Raises:
        TooFewClustersError: a ValueError, for fewer than four clusters.
        ValueError: as `bootstrap_interval`.

    Example:
        >>> references = [0, 1] * 40
        >>> result = compare_systems(references, [0, 1] * 36 + [0, 0] * 4, [0, 1] * 30 + [0, 0] * 10, num_labels=2)
        >>> round(result["ua"]["difference"], 3), result["ua"]["p_value"] < 0.05
        (0.075, True)
        >>> result["mcnemar"]["only_first_correct"], result["mcnemar"]["only_other_correct"]
        (6, 0)
    """
    check_confidence(confidence)
    check_resampling(resamples, seed)
    reference_ids = check_label_ids(references, num_labels, "references")
    first_ids = check_label_ids(predictions, num_labels, "predictions")
    other_ids = check_label_ids(other_predictions, num_labels, "other_predictions")
    check_same_length(
        {"references": len(reference_ids), "predictions": len(first_ids), "other_predictions": len(other_ids)}
    )
    first = confusion_matrix(reference_ids, first_ids, num_labels)
    other = confusion_matrix(reference_ids, other_ids, num_labels)
    first_scores, other_scores = scores_from_confusion(first, absent), scores_from_confusion(other, absent)
    # One cell per (reference, first, other): its marginals are the confusion matrices of the two systems.
    cells = (reference_ids * num_labels + first_ids) * num_labels + other_ids
    contents, copies = distinct_clusters(cells, num_labels**3, clusters, FEWEST_CLUSTERS)
    blocks = []
    for counts in resampled_counts(contents, copies, resamples, seed):
        joint = counts.reshape(-1, num_labels, num_labels, num_labels)  # (R, reference, first, other)
        resampled_first = scores_of_resamples(joint.sum(axis=3), first, absent)
        resampled_other = scores_of_resamples(joint.sum(axis=2), other, absent)
        blocks.append({name: resampled_first[name] - resampled_other[name] for name in SCORES})
    result = {}
    for name in SCORES:
        difference = first_scores[name] - other_scores[name]
        error = standard_error(np.concatenate([block[name] for block in blocks]), int(copies.sum()))
        result[name] = _summary(difference, error, int(copies.sum()), confidence)
    return result | {"mcnemar": _mcnemar_of(reference_ids, first_ids, other_ids)}


def differences_alone(
    references: ArrayLike,
    predictions: ArrayLike,
    other_predictions: ArrayLike,
    num_labels: int,
    absent: Absent = "zero",
) -> dict[str, dict[str, Any]]:
    """What `compare_systems` returns, whose arguments these are, where clusters are too few for more than differences.

    Raises:
        ValueError: as `compare_systems`.
    """
    reference_ids, first_ids, other_ids = (
        np.asarray(ids) for ids in (references, predictions, other_predictions)
    )
    first, other = (
        scores_from_confusion(confusion_matrix(reference_ids, ids, num_labels), absent)
        for ids in (first_ids, other_ids)
    )
    unknown = dict.fromkeys(("interval", "p_value", "minimum_detectable_difference"))
    result: dict[str, dict[str, Any]] = {
        name: {"difference": first[name] - other[name], **unknown} for name in SCORES
    }
    return result | {"mcnemar": _mcnemar_of(reference_ids, first_ids, other_ids)}


def _mcnemar_of(
    references: NDArray[np.int64], predictions: NDArray[np.int64], other_predictions: NDArray[np.int64]
) -> dict[str, Any]:
    first_right, other_right = predictions == references, other_predictions == references
    return mcnemar(int((first_right & ~other_right).sum()), int((other_right & ~first_right).sum()))


def _summary(difference: float, error: float, clusters: int, confidence: float) -> dict[str, Any]:
    half = t_quantile((1 + confidence) / 2, clusters) * error
    return {
        "difference": difference,
        "interval": (max(-1.0, difference - half), min(1.0, difference + half)) if error else None,
        "p_value": p_value(difference, error, clusters),
        "minimum_detectable_difference": (
            minimum_detectable_difference(error, clusters=clusters) if error else None
        ),
    }


def p_value(difference: float, standard_error: float, clusters: int) -> float:
    """Return the two-sided p value of the t test of no difference.

    Without spread, it is 1 for no difference. For another, it is `p_value_without_spread`.

    Example:
        >>> round(p_value(0.05, standard_error=0.02, clusters=10), 4)
        0.0339
    """
    if round(difference, 12) == 0:
        return 1.0
    if standard_error == 0:
        return p_value_without_spread(clusters)
    return float(2 * stdtr(clusters - 1, -abs(difference) / standard_error))


def p_value_without_spread(clusters: int) -> float:
    """Return the two-sided p value where all S clusters show one and the same difference, which t would call 0.

    If the systems were equal, each cluster could as well have shown it with the other sign, and 2 of the 2^S
    outcomes are as extreme (Fisher's randomisation test, The Design of Experiments, 1935, section 21).

    Example:
        >>> p_value_without_spread(4), p_value_without_spread(8)
        (0.125, 0.0078125)
    """
    return 2.0 ** (1 - clusters)


def minimum_detectable_difference(
    standard_error: float, alpha: float = 0.05, power: float = 0.8, clusters: int | None = None
) -> float:
    """Return the smallest true difference that a two-sided test at level `alpha` finds with probability `power`.

    It is `(q(1 - alpha/2) + q(power)) * standard_error` with quantiles of t, or of the normal distribution where no
    clusters are given: 2.80 standard errors then, 4.16 with 4 clusters (Bloom, Minimum Detectable Effects, Evaluation
    Review 19(5), 1995, https://doi.org/10.1177/0193841X9501900504). A test set of this size and makeup cannot settle
    smaller differences between systems that disagree as much as these two do. It does not depend on the difference
    that was seen, so it says what the test set can do, not what was found.

    Args:
        standard_error: of the difference; here from bootstrap resamples.
        alpha: probability of finding a difference where there is none.
        power: probability of finding the difference.
        clusters: how many the standard error is over; None for so many that their number does not matter.

    Example:
        >>> round(minimum_detectable_difference(0.01), 4), round(minimum_detectable_difference(0.01, clusters=4), 4)
        (0.028, 0.0416)
    """
    normal = NormalDist()
    quantiles = (
        normal.inv_cdf(probability) if clusters is None else t_quantile(probability, clusters)
        for probability in (1 - alpha / 2, power)
    )
    return sum(quantiles) * standard_error


def mcnemar(only_first_correct: int, only_other_correct: int) -> dict[str, Any]:
    """Test whether two systems have the same accuracy on independent items (McNemar, 1947).

    Only the items that one system gets right and the other wrong tell; under the hypothesis either is as likely.
    With fewer than 25 of them the test is the exact two-sided binomial one, otherwise chi-squared with one degree of
    freedom and Edwards' continuity correction (Psychometrika 13, 1948, https://doi.org/10.1007/BF02289261).

    Args:
        only_first_correct: items that only the first system has right.
        only_other_correct: items that only the other system has right.

    Returns:
        The two counts, `method` (`"exact binomial"` or `"chi-squared with continuity correction"`) and `p_value`.

    Example:
        >>> mcnemar(8, 1)["method"], round(mcnemar(8, 1)["p_value"], 4)
        ('exact binomial', 0.0391)
    """
    discordant = only_first_correct + only_other_correct
    if discordant < FEW_DISCORDANT:
        fewer = min(only_first_correct, only_other_correct)
        tail = sum(math.comb(discordant, successes) for successes in range(fewer + 1)) / 2**discordant
        method, p_value = "exact binomial", min(1.0, 2 * tail)
    else:
        # Equal counts would give a corrected difference of -1, whose square is not the 0 that is meant.
        excess = max(0, abs(only_first_correct - only_other_correct) - 1)
        method = "chi-squared with continuity correction"
        p_value = math.erfc(math.sqrt(excess**2 / discordant / 2))
    return {
        "only_first_correct": only_first_correct,
        "only_other_correct": only_other_correct,
        "method": method,
        "p_value": p_value,
    }
