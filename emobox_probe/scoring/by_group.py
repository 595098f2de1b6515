"""Scores of groups of utterances, from kept predictions, without training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.errors import ProbeError
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.predictions import (
    CONFIDENCE,
    SPEAKER_ONLY,
    confusion_of,
    guesses_by_speaker,
    interval_of,
    labels_of,
)
from emobox_probe.records.result import METRICS, ResultRecord, RunRecord
from emobox_probe.report.percent import score_text

# Names of groups: of all utterances, and of those that the property is not known of.
ALL, NOT_KNOWN = "all", "not known"


def scores_by(predictions: pd.DataFrame, record: RunRecord, by: str | None) -> pd.DataFrame:
    """One row a group of utterances, each with UA, WA and F1 in percent and an interval of UA.

    Predictions of all folds and seeds of a group are scored together; between corpora, every pair by itself, and
    `train` and `test` name it. Where a label has no utterance in a group, it counts as the protocol says, and `labels`
    tells how many have one. A group of fewer than four speakers has no interval (utterances, where speakers are not
    known). `ua_chance` is the UA of who always says the same of these labels; `ua_speaker` what who speaks would have
    scored, without audio: NaN between corpora, and in groups of runs of older versions, which did not keep it.

    Raises:
        ProbeError: the predictions do not tell that property, or not of every utterance.
    """
    if not isinstance(record, CrossRecord):
        return pd.DataFrame([_row(name, part, record) for name, part in groups_of(predictions, by)])
    return pd.DataFrame(
        [
            {"train": source, "test": target, **_row(name, part, record)}
            for (source, target), pair in predictions.groupby(["source", "target"], sort=False)
            for name, part in groups_of(pair, by)
        ]
    )


def groups_of(predictions: pd.DataFrame, by: str | None) -> list[tuple[str, pd.DataFrame]]:
    """The predictions by a property, each group with its name; all together where there is none.

    Raises:
        ProbeError: the predictions do not tell that property.
    """
    if by is None:
        return [(ALL, predictions)]
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
    return [*groups, (NOT_KNOWN, predictions[unknown])] if unknown.any() else groups


def _row(name: str, part: pd.DataFrame, record: RunRecord) -> dict[str, Any]:
    labels, absent = labels_of(record), record.protocol["absent"]
    scores = scores_from_confusion(confusion_of(part, labels), absent)
    interval = interval_of(part, labels, absent)
    low, high = interval.percent("ua")
    present = part["label"].nunique()
    return {
        "group": name,
        "utterances": part["id"].nunique(),
        "labels": present,
        **{metric: 100 * scores[metric] for metric in METRICS},
        "ua_low": np.nan if low is None else low,
        "ua_high": np.nan if high is None else high,
        "interval": interval.text("ua"),
        "ua_chance": 100 / (present if absent == "skip" else len(labels)),
        "ua_speaker": _by_speaker_alone(name, part, record),
    }


def _by_speaker_alone(name: str, part: pd.DataFrame, record: RunRecord) -> float:
    """UA in percent of what who speaks tells of a group; of all utterances, the record knows it too."""
    if SPEAKER_ONLY in part:
        confusion = confusion_of(guesses_by_speaker(part), labels_of(record))
        return 100 * float(scores_from_confusion(confusion, record.protocol["absent"])["ua"])
    if name == ALL and isinstance(record, ResultRecord) and record.speaker_only:
        return 100 * record.speaker_only.ua
    return np.nan


def show(
    table: pd.DataFrame,
    record: RunRecord,
    by: str | None,
    console: Console,
    raters: pd.DataFrame | None = None,
    sentences: Sequence[str] = (),
) -> None:
    """Print the scores of groups, what raters said where it is given, and how far groups lie apart.

    Between corpora, groups are those within each pair.
    """
    pair = ("trained on", "tested on") if isinstance(record, CrossRecord) else ()
    group = (by,) if by else () if pair else ("",)
    scores = ("UA", "WA", "F1", f"{100 * CONFIDENCE:.0f} % interval of UA", "chance", "speaker alone")
    shown = Table(*pair, *group, *scores, "labels", "utterances", title=f"{record.title} (percent)")
    for row in (table if raters is None else pd.concat([table, raters])).to_dict("records"):
        names = [*([row["train"], row["test"]] if pair else []), *([row["group"]] if group else [])]
        texts = [score_text(row[name]) for name in METRICS]
        beside = map(score_text, (row["ua_chance"], row["ua_speaker"]))
        shown.add_row(*names, *texts, row["interval"], *beside, str(row["labels"]), str(row["utterances"]))
    console.print(shown)
    for sentence in sentences:
        console.print(sentence)
    if not by:
        return
    if not pair:
        _show_gap(table, "", console)
        return
    for (source, target), part in table.groupby(["train", "test"], sort=False):
        _show_gap(part, f", {source} on {target}", console)


def _show_gap(part: pd.DataFrame, where: str, console: Console) -> None:
    known = part[part["group"] != NOT_KNOWN].to_dict("records")
    if len(known) < 2:
        return
    worst, *_, best = sorted(known, key=lambda row: row["ua"])
    console.print(
        f"Gap in UA{where}: {best['ua'] - worst['ua']:.1f} ({best['group']} {best['ua']:.1f}, {worst['group']} "
        f"{worst['ua']:.1f})",
        soft_wrap=True,
    )
