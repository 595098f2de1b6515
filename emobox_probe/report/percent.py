"""Scores in percent as every table shows them, rounded once: what is rounded before may change its last digit."""

from math import isnan

# In CSVs: of percent, and of numbers that are none.
DECIMALS = 2
SHARE_DECIMALS = 4


def score_text(percent: float | None) -> str:
    """One decimal; empty where there is no score. Over seeds and folds, scores differ by points: more would be noise.

    >>> score_text(70.9486), score_text(None)
    ('70.9', '')
    """
    return "" if percent is None or isnan(percent) else f"{percent:.1f}"


def interval_text(low: float | None, high: float | None, between: str = " to ") -> str:
    """One decimal; empty where there is no interval.

    >>> interval_text(60.0508, 70.9486)
    '60.1 to 70.9'
    """
    if low is None or high is None or isnan(low) or isnan(high):
        return ""
    return f"{low:.1f}{between}{high:.1f}"
