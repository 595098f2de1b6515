"""How far apart a run scores groups of utterances, how sure that is, and how far they would be by chance."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from emobox_metric.ser_metric.gaps import Gap, compare_groups, holm, largest_gap, range_by_chance
from emobox_metric.ser_metric.intervals import FEWEST_CLUSTERS
from emobox_probe.records.gaps import GapRecord, Gaps
from emobox_probe.records.predictions import RESAMPLED, clusters_of, label_ids
from emobox_probe.scoring.grouping import NOT_KNOWN, group_names, ordered_names

# Pairs of more groups than these are too many to be read, or tested, one by one: only the largest gap is told.
MOST_GROUPS = 12

Doubles = NDArray[np.float64]


def gaps_of(
    predictions: pd.DataFrame, labels: Sequence[str], by: Sequence[str], told: bool = False
) -> Gaps | None:
    """All gaps between groups, of predictions of one corpus or pair; None where there are fewer than two groups.

    `told` as for `group_names`.

    Raises:
        ProbeError: the predictions do not tell a property.
    """
    groups = group_names(predictions, by, told)
    known = groups != NOT_KNOWN
    predictions, groups = predictions[known], groups[known]
    names = ordered_names(predictions, groups, by)
    if len(names) < 2:
        return None
    clusters = clusters_of(predictions)
    counts = _counts(predictions, groups, names, clusters, labels)  # (G, S, C, C)
    pairs = list(combinations(range(len(names)), 2)) if len(names) <= MOST_GROUPS else []
    compared = [compare_groups(counts[first], counts[second]) for first, second in pairs]
    largest = largest_gap(counts.sum(axis=1))
    return Gaps(
        by=", ".join(by),
        resampled=RESAMPLED[clusters],
        groups={name: int(of.any(axis=(1, 2)).sum()) for name, of in zip(names, counts, strict=True)},
        largest=None if np.isnan(largest) else largest,
        by_chance=None if np.isnan(largest) else _by_chance(predictions, groups, names, labels),
        gaps=_records(names, pairs, compared, counts, labels, RESAMPLED[clusters]),
        without_common_labels=[
            f"{names[first]} and {names[second]}"
            for (first, second), (ua, *_) in zip(pairs, compared, strict=True)
            if np.isnan(ua.difference)
        ],
        speakers_of="label",
    )


def gaps_by_gender(predictions: pd.DataFrame, labels: Sequence[str]) -> Gaps | None:
    """What a record says of gaps, within a corpus or a pair; None where the predictions tell no two genders."""
    if "gender" not in predictions or predictions["gender"].isna().all():
        return None
    return gaps_of(predictions, labels, ["gender"])


def _counts(
    predictions: pd.DataFrame,
    groups: pd.Series,
    names: Sequence[str],
    clusters: str,
    labels: Sequence[str],
) -> Doubles:
    """Confusion counts of every speaker in every group, (G, S, C, C)."""
    speakers = sorted(set(predictions[clusters]))
    counts = np.zeros((len(names), len(speakers), len(labels), len(labels)))
    places = (
        pd.Categorical(groups, categories=list(names)).codes,
        pd.Categorical(predictions[clusters], categories=speakers).codes,
        label_ids(predictions["label"], labels),
        label_ids(predictions["prediction"], labels),
    )
    np.add.at(counts, places, 1)
    return counts


def _by_chance(
    predictions: pd.DataFrame, groups: pd.Series, names: Sequence[str], labels: Sequence[str]
) -> float:
    """Of utterances, each with the answers of all seeds."""
    utterances, first = np.unique(predictions["id"].to_numpy(dtype=str), return_index=True)
    answers = np.zeros((len(utterances), len(labels)))
    places = np.searchsorted(utterances, predictions["id"].to_numpy(dtype=str))
    np.add.at(answers, (places, label_ids(predictions["prediction"], labels)), 1)
    once = predictions.iloc[first]
    codes = pd.Categorical(groups.iloc[first], categories=list(names)).codes.astype(np.int64)
    return range_by_chance(label_ids(once["label"], labels), answers, codes)


def _records(
    names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    compared: Sequence[Sequence[Gap]],
    counts: Doubles,
    labels: Sequence[str],
    resampled: str,
) -> list[GapRecord]:
    """UA of every pair, then the recall of every label of every pair, as far as both groups have it."""
    confusions = counts.sum(axis=1)
    rows = []
    for scores in ([0], range(1, 1 + len(labels))):
        some = [
            (pair, score, gaps[score])
            for pair, gaps in zip(pairs, compared, strict=True)
            for score in scores
            if not np.isnan(gaps[score].difference)
        ]
        adjusted = holm([gap.p_value for _, _, gap in some])
        for ((first, second), score, gap), p_holm in zip(some, adjusted, strict=True):
            shared = (confusions[first].sum(axis=1) > 0) & (confusions[second].sum(axis=1) > 0)
            rows.append(
                GapRecord(
                    first=names[first],
                    second=names[second],
                    of="UA" if score == 0 else labels[score - 1],
                    first_score=_score(confusions[first], score, shared),
                    second_score=_score(confusions[second], score, shared),
                    difference=gap.difference,
                    interval=gap.interval,
                    p=gap.p_value,
                    p_holm=p_holm,
                    detectable=gap.detectable,
                    reason=gap.reason and gap.reason.replace("speakers", resampled),
                )
            )
    return rows


def _score(confusion: Doubles, score: int, shared: NDArray[np.bool_]) -> float:
    recalls = np.diag(confusion)[shared] / confusion.sum(axis=1)[shared]
    if score == 0:
        return float(recalls.mean())
    return float(recalls[int(shared[: score - 1].sum())])


def rows_of(gaps: Gaps) -> list[dict[str, object]]:
    """A row for every gap, in percent, for programs."""
    beside = {"by": gaps.by, "largest": _percent(gaps.largest), "by_chance": _percent(gaps.by_chance)}
    rows = []
    for gap in gaps.gaps:
        low, high = gap.interval or (None, None)
        percent = {
            "first_score": gap.first_score,
            "second_score": gap.second_score,
            "gap": gap.difference,
            "low": low,
            "high": high,
            "detectable": gap.detectable,
        }
        rows.append(
            {
                **beside,
                **gap.model_dump(include={"first", "second", "of", "p", "p_holm", "reason"}),
                **{name: _percent(value) for name, value in percent.items()},
            }
        )
    return rows or [beside]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def show_gaps(gaps: Gaps, where: str, console: Console) -> None:
    """Print every gap, with what it takes to read it."""
    if gaps.gaps:
        console.print(_table(gaps, where))
    if gaps.largest is not None and gaps.by_chance is not None:
        counted = ", ".join(f"{name}: {count}" for name, count in gaps.groups.items())
        of_groups = f" ({gaps.resampled}: {counted})" if len(gaps.groups) <= MOST_GROUPS else ""
        console.print(
            f"Largest gap in UA by {gaps.by}{where}: {100 * gaps.largest:.1f}; a model with the same confusion matrix "
            f"whose errors know nothing of {gaps.by} stays below {100 * gaps.by_chance:.1f} in 95 of 100 "
            f"draws{of_groups}.",
            soft_wrap=True,
        )
    if gaps.without_common_labels:
        names = "; ".join(gaps.without_common_labels)
        console.print(f"Not compared, because they have no label in common: {names}.", soft_wrap=True)
    if any(gap.reason for gap in gaps.gaps):
        console.print(
            f"No interval where fewer than {FEWEST_CLUSTERS} {gaps.resampled} of a group have the label (of UA: any "
            f"label that both groups have); the table says how many.",
            soft_wrap=True,
        )


def _table(gaps: Gaps, where: str) -> Table:
    columns = (
        "first",
        "second",
        "of",
        "first",
        "second",
        "gap",
        "95 % interval",
        "p",
        "p (Holm)",
        "detectable",
    )
    table = Table(*columns, title=f"Gaps by {gaps.by}{where} (percent)")
    for column in table.columns[3:]:
        column.justify = "right"
    for gap in gaps.gaps:
        table.add_row(
            gap.first,
            gap.second,
            gap.of,
            f"{100 * gap.first_score:.1f}",
            f"{100 * gap.second_score:.1f}",
            f"{100 * gap.difference:+.1f}",
            _interval(gap),
            *("–" if p is None else f"{p:.3f}" for p in (gap.p, gap.p_holm)),
            "–" if gap.detectable is None else f"{100 * gap.detectable:.1f}",
        )
    return table


def _interval(gap: GapRecord) -> str:
    if gap.interval:
        return f"{100 * gap.interval[0]:+.1f} to {100 * gap.interval[1]:+.1f}"
    return f"none ({gap.reason.partition(',')[0] if gap.reason else 'no spread'})"
