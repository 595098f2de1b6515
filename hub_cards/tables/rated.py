"""Scores of heads that learned what raters said, as a table of their own: one row a run and score."""

from collections.abc import Sequence

import pandas as pd
from rich.table import Table

from emobox_probe.encoders.names import model_name
from emobox_probe.records.rated import RatedRecord


def tabulate_rated(records: Sequence[RatedRecord]) -> pd.DataFrame:
    """One row a record and score, in the units of the score, with its interval.

    `constant` is what always giving the mean over what was trained on would have scored; `remark` says what of the
    corpus is missing.
    """
    rows = [
        {
            "model": model_name(record.encoder.name),
            "corpus": record.corpus.name,
            "protocol": record.protocol_id,
            "score": score,
            "value": value,
            **dict(zip(("low", "high"), record.interval.bounds[score] or (None, None), strict=True)),
            "constant": record.constant[score],
            "remark": record.corpus.incomplete,
        }
        for record in records
        for score, value in record.scores.items()
    ]
    numbers = dict.fromkeys(("value", "low", "high", "constant"), float)
    table = pd.DataFrame(rows).astype(numbers)
    return table.sort_values(["corpus", "protocol", "score", "model"], ignore_index=True)


def drawn_rated(table: pd.DataFrame, mark: str) -> Table:
    """The table for people; `mark` stands behind a corpus that is incomplete."""
    columns = ("corpus", "protocol", "score", "value", "interval", "constant")
    shown = Table("model", *columns, title="heads on what raters said: not UA, in the units of each score")
    for row in table.to_dict("records"):
        value, low, high, constant = (
            "" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("value", "low", "high", "constant")
        )
        corpus = f"{row['corpus']} {mark}" if row["remark"] else row["corpus"]
        bounds = f"{low} to {high}" if low else "none"
        shown.add_row(row["model"], corpus, row["protocol"], row["score"], value, bounds, constant)
    return shown
