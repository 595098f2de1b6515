"""Scores of groups of utterances, from kept predictions, without training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.records.calibration import NAMES, score_of
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.humans import count_text
from emobox_probe.records.predictions import (
    CONFIDENCE,
    SPEAKER_ONLY,
    confusion_of,
    guesses_by_speaker,
    interval_of,
    labels_of,
)
from emobox_probe.records.result import METRICS, ResultRecord, RunRecord
from emobox_probe.report.percent import DECIMALS, SHARE_DECIMALS, score_text
from emobox_probe.scoring.calibration import calibration_of
from emobox_probe.scoring.gaps import gaps_of, rows_of, show_gaps
from emobox_probe.scoring.grouping import group_names, ordered_names

# The name of the group of all utterances.
ALL = "all"
# Columns that are not in percent.
SHARES = {"p", "p_holm", *NAMES, *(f"{name}_with_temperature" for name in NAMES)}


def scores_by(
    predictions: pd.DataFrame, record: RunRecord, by: str | Sequence[str] = (), calibrated: bool = False
) -> pd.DataFrame:
    """One row a group of utterances, each with UA, WA and F1 in percent and an interval of UA.

    Predictions of all folds and seeds of a group are scored together; between corpora, every pair by itself, and
    `train` and `test` name it. Where a label has no utterance in a group, it counts as the protocol says, and `labels`
    tells how many have one. A group of fewer than four speakers has no interval (utterances, where speakers are not
    known). `ua_chance` is the UA of who always says the same of these labels; `ua_speaker` what who speaks would have
    scored, without audio: NaN between corpora, and in groups of runs of older versions, which did not keep it.
    Of several properties, groups are what they are together; between corpora, utterances of a target that does not tell
    them are one group, not known. With `calibrated`, columns say how far the probabilities
    of a group can be trusted.

    Raises:
        ProbeError: the predictions do not tell that property of any utterance.
    """
    groups_of(predictions, by)  # of a run that nowhere tells them, it says so
    return pd.DataFrame(
        [
            {**where, **_row(name, part, record, calibrated)}
            for where, pair in _pairs(predictions, record)
            for name, part in groups_of(pair, by, told=True)
        ]
    )


def groups_of(
    predictions: pd.DataFrame, by: str | Sequence[str], told: bool = False
) -> list[tuple[str, pd.DataFrame]]:
    """The predictions by properties, each group with its name, by value; those not known last; all where there is none.

    `told` as for `group_names`.

    Raises:
        ProbeError: the predictions do not tell a property.
    """
    if not by:
        return [(ALL, predictions)]
    properties = [by] if isinstance(by, str) else by
    groups = group_names(predictions, properties, told)
    parts = {str(name): part for name, part in predictions.groupby(groups.to_numpy())}
    return [(name, parts[name]) for name in ordered_names(predictions, groups, properties)]


def _row(name: str, part: pd.DataFrame, record: RunRecord, calibrated: bool) -> dict[str, Any]:
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
        **(_calibration(part, record) if calibrated else {}),
    }


def _calibration(part: pd.DataFrame, record: RunRecord) -> dict[str, float]:
    """Columns of the calibration of a group: as heads answer, and with their temperature (NaN without one)."""
    found = calibration_of(part, record)
    plain = found.plain.model_dump()
    scaled = found.scaled.model_dump() if found.scaled else dict.fromkeys(plain, np.nan)
    return plain | {f"{name}_with_temperature": value for name, value in scaled.items()}


def _by_speaker_alone(name: str, part: pd.DataFrame, record: RunRecord) -> float:
    """UA in percent of what who speaks tells of a group; of all utterances, the record knows it too."""
    if SPEAKER_ONLY in part:
        confusion = confusion_of(guesses_by_speaker(part), labels_of(record))
        return 100 * float(scores_from_confusion(confusion, record.protocol["absent"])["ua"])
    if name == ALL and isinstance(record, ResultRecord) and record.speaker_only:
        return 100 * record.speaker_only.ua
    return np.nan


def gap_rows(predictions: pd.DataFrame, record: RunRecord, by: Sequence[str]) -> pd.DataFrame:
    """One row for every pair of groups and UA or label; between corpora, within each pair that `train` and `test` say.

    Raises:
        ProbeError: as `scores_by`.
    """
    rows = []
    groups_of(predictions, by)  # of a run that nowhere tells them, it says so
    for where, part in _pairs(predictions, record):
        gaps = gaps_of(part, labels_of(record), by, told=True)
        rows += [{**where, **row} for row in (rows_of(gaps) if gaps else [])]
    return pd.DataFrame(rows)


def rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `scores_by` or `gap_rows` in as many decimals as other CSVs have."""
    columns = rows.select_dtypes("float").columns
    return rows.round({name: SHARE_DECIMALS if name in SHARES else DECIMALS for name in columns})


def _pairs(predictions: pd.DataFrame, record: RunRecord) -> list[tuple[dict[str, str], pd.DataFrame]]:
    """The predictions of every pair of corpora; within one, all."""
    if not isinstance(record, CrossRecord):
        return [({}, predictions)]
    return [
        ({"train": str(source), "test": str(target)}, part)
        for (source, target), part in predictions.groupby(["source", "target"], sort=False)
    ]


def show(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    record: RunRecord,
    by: Sequence[str],
    console: Console,
    raters: pd.DataFrame | None = None,
    sentences: Sequence[str] = (),
) -> None:
    """Print the scores of groups, what raters said where it is given, and how far groups lie apart.

    Between corpora, groups are those within each pair. What raters said is of all utterances, beside groups too.
    """
    pair = ("trained on", "tested on") if isinstance(record, CrossRecord) else ()
    group = (", ".join(by),) if by else () if pair else ("",)
    scores = ("UA", "WA", "F1", f"{100 * CONFIDENCE:.0f} % interval of UA", "chance", "speaker alone")
    shown = Table(*pair, *group, *scores, "labels", "utterances", title=f"{record.title} (percent)")
    if by and raters is not None:
        raters = raters.assign(group=f"{ALL}: " + raters["group"])
    for row in (table if raters is None else pd.concat([table, raters])).to_dict("records"):
        names = [*([row["train"], row["test"]] if pair else []), *([row["group"]] if group else [])]
        texts = [score_text(row[name]) for name in METRICS]
        beside = map(score_text, (row["ua_chance"], row["ua_speaker"]))
        shown.add_row(
            *names, *texts, row["interval"], *beside, str(row["labels"]), count_text(row["utterances"])
        )
    console.print(shown)
    for sentence in sentences:
        console.print(f"Of all utterances: {sentence[0].lower()}{sentence[1:]}" if by else sentence)
    for where, part in _pairs(predictions, record) if by else ():
        gaps = gaps_of(part, labels_of(record), by, told=True)
        if gaps:
            show_gaps(gaps, f", {where['train']} on {where['test']}" if where else "", console)


def show_calibration(table: pd.DataFrame, console: Console) -> None:
    """Print how far the probabilities of each group can be trusted, as `scores_by` with `calibrated` has it."""
    shown = Table("", *NAMES.values(), title="Calibration: as heads answer, and with temperature")
    for row in table.to_dict("records"):
        where = ", ".join(str(row[name]) for name in ("train", "test", "group") if name in row)
        cells = []
        for field in NAMES:
            scaled = row[f"{field}_with_temperature"]
            after = "" if np.isnan(scaled) else f" ({score_of(field, scaled)})"
            cells.append(score_of(field, row[field]) + after)
        shown.add_row(where, *cells)
    console.print(shown)
