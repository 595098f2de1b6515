"""Scores of groups of utterances, from kept predictions, without training."""

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.errors import ProbeError
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.predictions import CONFIDENCE, confusion_of, interval_of, labels_of
from emobox_probe.records.result import METRICS, RunRecord
from emobox_probe.report.percent import score_text


def scores_by(predictions: pd.DataFrame, record: RunRecord, by: str | None) -> pd.DataFrame:
    """One row a group of utterances, each with UA, WA and F1 in percent and an interval of UA.

    Predictions of all folds and seeds of a group are scored together; between corpora, every pair by itself. Where a
    label has no utterance in a group, it counts as the protocol says, and `labels` tells how many have one. A group of
    fewer than four speakers has no interval (utterances, where speakers are not known).

    Raises:
        ProbeError: the predictions do not tell that property, or not of every utterance.
    """
    if not isinstance(record, CrossRecord):
        return pd.DataFrame([_row(name, part, record) for name, part in _groups(predictions, by)])
    return pd.DataFrame(
        [
            _row(f"{source} on {target}" + (f", {name}" if by else ""), part, record)
            for (source, target), pair in predictions.groupby(["source", "target"], sort=False)
            for name, part in _groups(pair, by)
        ]
    )


def _groups(predictions: pd.DataFrame, by: str | None) -> list[tuple[str, pd.DataFrame]]:
    if by is None:
        return [("all", predictions)]
    if by not in predictions:
        raise ProbeError(
            f"Expected predictions with {by}, but this run did not keep it (it is of an older version); "
            f"run the probe again, which takes the stored features."
        )
    unknown = predictions[by].isna()
    if unknown.all():
        corpora = ", ".join(sorted(set(predictions["target"])))
        raise ProbeError(f"Expected a corpus that tells {by}, but {corpora} does not; choose another.")
    groups = [(str(name), part) for name, part in predictions[~unknown].groupby(by)]
    return [*groups, ("not known", predictions[unknown])] if unknown.any() else groups


def _row(name: str, part: pd.DataFrame, record: RunRecord) -> dict[str, Any]:
    labels, absent = labels_of(record), record.protocol["absent"]
    scores = scores_from_confusion(confusion_of(part, labels), absent)
    interval = interval_of(part, labels, absent)
    low, high = interval.percent("ua")
    return {
        "group": name,
        "utterances": part["id"].nunique(),
        "labels": part["label"].nunique(),
        **{metric: 100 * scores[metric] for metric in METRICS},
        "ua_low": np.nan if low is None else low,
        "ua_high": np.nan if high is None else high,
        "interval": interval.text("ua"),
    }


def show(table: pd.DataFrame, record: RunRecord, by: str | None, console: Console) -> None:
    """Print the scores of groups, and how far they lie apart."""
    title = f"{record.title} (percent)"
    shown = Table(
        by or "", "UA", "WA", "F1", f"{CONFIDENCE:.0%} interval of UA", "labels", "utterances", title=title
    )
    for row in table.to_dict("records"):
        scores = map(score_text, (row["ua"], row["wa"], row["f1"]))
        shown.add_row(row["group"], *scores, row["interval"], str(row["labels"]), str(row["utterances"]))
    console.print(shown)
    known = table[~table["group"].str.endswith("not known")].to_dict("records")
    if len(known) > 1 and by:
        best, worst = (choose(known, key=lambda row: row["ua"]) for choose in (max, min))
        gap = best["ua"] - worst["ua"]
        console.print(
            f"Gap in UA: {gap:.1f} ({best['group']} {best['ua']:.1f}, {worst['group']} {worst['ua']:.1f})"
        )
