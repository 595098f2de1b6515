"""Scores of groups of utterances on what raters said of them, from kept predictions, without training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.rated import RatedRecord, read_rated_predictions
from emobox_probe.scoring.by_group import groups_of
from emobox_probe.scoring.rated import scored


def rated_scores_by(
    folder: Path, record: RatedRecord, by: str | Sequence[str] = (), data_dir: Path | None = None
) -> pd.DataFrame:
    """One row a group of utterances and score: group, utterances, score, value, low, high, interval in words.

    Bounds are NaN where there are none, and the words say why, as of groups of fewer than four speakers.

    Raises:
        ProbeError: the predictions cannot be read, do not tell that property, or raters are to stand beside what
            raters said.
    """
    if data_dir is not None:
        raise ProbeError(
            f"Expected a run on labels to put raters beside, but the heads of {record.title} learned what raters said; "
            f"leave --data-dir out."
        )
    predictions = read_rated_predictions(folder / PREDICTIONS_FILE, record)
    return pd.DataFrame(
        [row for name, part in groups_of(predictions, by) for row in _rows(name, part, record)]
    )


def _rows(name: str, part: pd.DataFrame, record: RatedRecord) -> list[dict[str, Any]]:
    scores, interval = scored(part, record.target, record.outputs)
    return [
        {
            "group": name,
            "utterances": part["id"].nunique(),
            "score": score,
            "value": np.nan if value is None else value,
            **dict(zip(("low", "high"), interval.bounds[score] or (np.nan, np.nan), strict=True)),
            "interval": interval.text(score),
        }
        for score, value in scores.items()
    ]


def show(table: pd.DataFrame, record: RatedRecord, console: Console) -> None:
    """Print the scores of groups."""
    shown = Table(
        "", "score", "value", "95 % interval", "utterances", title=f"{record.title}\nof {record.learned}"
    )
    for row in table.to_dict("records"):
        value = "" if np.isnan(row["value"]) else f"{row['value']:.{record.DECIMALS}f}"
        shown.add_row(
            row["group"], record.heading(row["score"]), value, row["interval"], str(row["utterances"])
        )
    console.print(shown)
