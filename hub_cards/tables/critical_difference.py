"""Do several models differ over several corpora, and which of them? Friedman's test and Nemenyi's.

After J. Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), section 3.2.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from emobox_probe.errors import ProbeError

ALPHA = 0.05
FEWEST_MODELS, FEWEST_CORPORA = 3, 2


@dataclass(frozen=True)
class CriticalDifference:
    """Average ranks `(K,)` of K models, 1 being best; what two must lie apart to differ; Friedman's p value.

    `groups` are the positions of models, by average rank, that lie within the critical difference: the largest ones.
    """

    models: list[str]
    ranks: NDArray[np.float64]
    difference: float
    p_value: float
    corpora: int
    groups: list[list[int]]


def critical_difference(models: Sequence[str], scores: NDArray[np.float64]) -> CriticalDifference:
    """Compare models by their ranks on corpora that all of them have.

    Args:
        models: K names.
        scores: one row a corpus, one column a model, `(N, K)`; higher is better; ties share their mean rank.

    Raises:
        ProbeError: there are fewer than three models or two corpora.
    """
    corpora, count = scores.shape
    if count < FEWEST_MODELS or corpora < FEWEST_CORPORA:
        got = "1 model, which has" if count == 1 else f"{count} models that share"
        raise ProbeError(
            f"Expected at least {FEWEST_MODELS} models that share at least {FEWEST_CORPORA} corpora for a "
            f"critical-difference diagram, but got {got} {corpora}."
        )
    ranks = rankdata(-scores, axis=1).mean(axis=0)
    # All of one rank on every corpus: the test has nothing to divide by, and nothing differs.
    alike = bool((scores == scores[:, :1]).all())
    p_value = 1.0 if alike else float(friedmanchisquare(*scores.T).pvalue)
    quantile = float(studentized_range.ppf(1 - ALPHA, count, np.inf)) / np.sqrt(2)
    difference = float(quantile * np.sqrt(count * (count + 1) / (6 * corpora)))
    return CriticalDifference(list(models), ranks, difference, p_value, corpora, _groups(ranks, difference))


def _groups(ranks: NDArray[np.float64], difference: float) -> list[list[int]]:
    """Runs of models by average rank that lie within the difference, none of them part of another.

    >>> _groups(np.array([1.0, 3.0, 1.5, 3.2]), 1.6)
    [[0, 2], [2, 1], [1, 3]]
    """
    order = np.argsort(ranks, kind="stable")
    runs: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = max(
            place
            for place in range(first, len(order))
            if ranks[order[place]] - ranks[order[first]] <= difference
        )
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return [[int(position) for position in order[first : last + 1]] for first, last in runs]
