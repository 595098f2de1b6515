"""Scores of classifiers that were used as they are."""

from typing import Any

from hub_cards.leaderboard.percent import percent
from hub_cards.leaderboard.rows.scores import bounds_row, scores_row, seen_row
from hub_cards.runs.collection import ClassifiedResult


def classified_rows(one: ClassifiedResult) -> list[dict[str, Any]]:
    """One row a kind of folds; it has no rank: what such classifiers were trained on differs."""
    record = one.record
    return [
        {
            "name": one.model.name,
            "corpus": record.corpus.name,
            "kind": part.kind,
            "training": record.training,
            **scores_row(part.scores),
            **bounds_row(part.interval),
            "interval_note": part.interval.note,
            "outside": percent(part.outside),
            "tested": part.test,
            "remark": record.corpus.incomplete,
            **seen_row(one.model.name, record.corpus.name),
        }
        for part in record.parts
    ]
