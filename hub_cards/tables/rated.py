"""Scores of heads that learned what raters said, as a table of their own: one row a run and score."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.table import Table

from emobox_probe.encoders.names import model_name
from emobox_probe.records.rated import CONSTANT, RatedRecord
from hub_cards.runs.find_and_check import remark_on

# Of the table for people.
HEADS = ("model", "corpus", "protocol", "score", "value", "95 % interval", CONSTANT)


def tabulate_rated(records: Sequence[RatedRecord]) -> pd.DataFrame:
    """One row a record and score, in the units of the score, with its interval.

    `score` is the name that the record has for it, `measure` what it is in words, `better` which way; scores of a run
    are in the order of its record. `interval_note` says why there is no interval. `constant` is what always giving the
    mean over what was trained on would have scored; `remark` says what of the corpus is missing, or that it is made up.
    """
    rows = [
        {
            "model": model_name(record.encoder.name),
            "corpus": record.corpus.name,
            "protocol": record.protocol_id,
            "place": place,
            "score": score,
            "measure": record.measure(score).name,
            "unit": record.measure(score).unit,
            "better": record.measure(score).better,
            "value": value,
            **dict(zip(("low", "high"), record.interval.bounds[score] or (None, None), strict=True)),
            "interval_note": record.interval.note_of(score),
            "constant": record.constant[score],
            "remark": remark_on(record.corpus),
        }
        for record in records
        for place, (score, value) in enumerate(record.scores.items())
    ]
    numbers = dict.fromkeys(("value", "low", "high", "constant"), float)
    table = pd.DataFrame(rows).astype(numbers)
    return table.sort_values(["corpus", "protocol", "place", "model"], ignore_index=True).drop(
        columns="place"
    )


def rated_cells(row: Any, mark: str) -> list[str]:
    """A row of `tabulate_rated` under `HEADS`; `mark` stands behind a corpus with a remark."""
    value, low, high, constant = (
        "" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("value", "low", "high", "constant")
    )
    words = ", ".join(filter(None, (row["unit"], f"{row['better']} is better")))
    return [
        row["model"],
        f"{row['corpus']} {mark}" if row["remark"] else row["corpus"],
        row["protocol"],
        f"{row['measure']} ({words})",
        value,
        f"{low} to {high}" if low else row["interval_note"],
        constant,
    ]


def drawn_rated(table: pd.DataFrame, mark: str) -> Table:
    """The table for people."""
    shown = Table(*HEADS, title="heads on what raters said: not UA, in the units of each score")
    for row in table.to_dict("records"):
        shown.add_row(*rated_cells(row, mark))
    return shown
