"""Is one system better than another, given that both labelled the same items?"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import SCORES, check_resampling, percentile_interval, resampled_counts, scores_of_resamples
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
    an item hard for both cancels. The p value inverts the interval: it is twice the smaller share of resamples on
    one side of zero, both counts raised by one (Davison and Hinkley, Bootstrap Methods and their Application, 1997,
    section 4.2), so it is never below 2 / (resamples + 1). Up to one resample, the interval excludes zero where the
    p value is below 1 - confidence.

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
        is about WA and takes items as independent, whatever the `clusters`.

    Raises:
        ValueError: as `bootstrap_interval`.

    Example:
        >>> references = [0, 1] * 40
        >>> result = compare_systems(references, [0, 1] * 36 + [0, 0] * 4, [0, 1] * 30 + [0, 0] * 10, num_labels=2)
        >>> round(result["ua"]["difference"], 3), result["ua"]["p_value"] < 0.05
        (0.075, True)
        >>> result["mcnemar"]["only_first_correct"], result["mcnemar"]["only_other_correct"]
        (6, 0)
    """
    check_resampling(confidence, resamples, seed)
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
    blocks = []
    for counts in resampled_counts(cells, num_labels**3, clusters, resamples, seed):
        joint = counts.reshape(-1, num_labels, num_labels, num_labels)  # (R, reference, first, other)
        resampled_first = scores_of_resamples(joint.sum(axis=3), first, absent)
        resampled_other = scores_of_resamples(joint.sum(axis=2), other, absent)
        blocks.append({name: resampled_first[name] - resampled_other[name] for name in SCORES})
    result = {
        name: {"difference": first_scores[name] - other_scores[name]}
        | _summary(np.concatenate([block[name] for block in blocks]), confidence)
        for name in SCORES
    }
    first_right, other_right = first_ids == reference_ids, other_ids == reference_ids
    return result | {
        "mcnemar": mcnemar(int((first_right & ~other_right).sum()), int((other_right & ~first_right).sum()))
    }


def _summary(differences: NDArray[np.float64], confidence: float) -> dict[str, Any]:
    """Summarise resampled `differences`, `(R,)`."""
    # Sums of the same recalls in another order differ in the last bits: that is no difference.
    differences = differences.round(12)
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return {
        "interval": percentile_interval(differences, confidence),
        "p_value": min(1.0, 2 * (int(tail) + 1) / (len(differences) + 1)),
        "minimum_detectable_difference": minimum_detectable_difference(float(differences.std())),
    }


def minimum_detectable_difference(standard_error: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference that a two-sided test at level `alpha` finds with probability `power`.

    It is `(z(1 - alpha/2) + z(power)) * standard_error`, 2.80 standard errors by default (Bloom, Minimum Detectable
    Effects, Evaluation Review 19(5), 1995, https://doi.org/10.1177/0193841X9501900504). A test set of this size and
    makeup cannot settle smaller differences between systems that disagree as much as these two do. It does not
    depend on the difference that was seen, so it says what the test set can do, not what was found.

    Args:
        standard_error: of the difference; here the standard deviation over bootstrap resamples.
        alpha: probability of finding a difference where there is none.
        power: probability of finding the difference.

    Example:
        >>> round(minimum_detectable_difference(0.01), 4)
        0.028
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * standard_error


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
