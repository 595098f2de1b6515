"""Scores on what raters said, as a leaderboard shows them: a view of their own, in the units of each score."""

from typing import Any

from hub_cards.leaderboard.rows.scores import seen_row
from hub_cards.runs.collection import RatedResult
from hub_cards.runs.find_and_check import remark_on

DECIMALS = 6


def rated_rows(one: RatedResult) -> list[dict[str, Any]]:
    """One row a score of a run; `better` says which way it is the better."""
    record = one.record
    return [
        {
            "name": one.model.name,
            "corpus": record.corpus.name,
            "protocol": one.protocol,
            "score": record.named(score),
            "better": record.measure(score).better,
            "value": None if value is None else round(value, DECIMALS),
            **{
                end: round(bound, DECIMALS)
                for end, bound in zip(("low", "high"), record.interval.bounds[score] or (), strict=False)
            },
            "constant": None if (constant := record.constant[score]) is None else round(constant, DECIMALS),
            "resampled": record.interval.basis,
            "unrated": record.unrated,
            "remark": remark_on(record.corpus),
            **seen_row(one.model.name, record.corpus.name),
        }
        for score, value in record.scores.items()
    ]
