"""Scores, bounds and what a model has seen, as a page keeps them."""

from typing import Any

from emobox_probe.records.interval import METRICS, Interval, Scores
from emobox_probe.seen.seen import seen
from hub_cards.leaderboard.percent import percent

Json = dict[str, Any]


def scores_row(scores: Scores) -> Json:
    """UA, WA and F1 in percent."""
    return {name: percent(getattr(scores, name)) for name in METRICS}


def bounds_row(interval: Interval) -> Json:
    """`ua_low`, `ua_high` and so on in percent, of the scores that have an interval."""
    return {
        f"{name}_{end}": percent(bound)
        for name in METRICS
        for end, bound in zip(("low", "high"), interval.bounds(name) or (), strict=False)
    }


def seen_row(model: str, corpus: str) -> Json:
    """What a source says of the model's training on the corpus: a state, and the source; None where none does."""
    state = seen(model, corpus)
    return {"seen": state.state if state else None, "seen_source": state.source if state else None}
