"""What of a record follows from its predictions: headline, interval, means, spreads; made with it, and to check it."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.protocol import PAPER
from emobox_probe.records.cross_result import CrossRecord, Pair, Source
from emobox_probe.records.interval import TODAYS_METHOD
from emobox_probe.records.predictions import confusion_of, interval_of, labels_of
from emobox_probe.records.result import METRICS, Fold, ResultRecord, Scores
from emobox_probe.scoring.calibration import calibration_of
from emobox_probe.scoring.gaps import gaps_by_gender


def seed_0_of(folds: Sequence[Fold], protocol: Mapping[str, Any]) -> Scores | None:
    """Where `paper` was repeated with more seeds: the mean over folds of the one that it has by itself."""
    if protocol.get("name") != PAPER.name or not {*protocol.get("seeds", ())} > {*PAPER.seeds}:
        return None
    return mean_of([fold.scores for fold in folds if fold.seed in PAPER.seeds])


def summary_of(
    folds: Sequence[Fold],
    predictions: pd.DataFrame,
    labels: Sequence[str],
    absent: Any,
    method: str = TODAYS_METHOD,
) -> dict[str, Any]:
    """What of a record follows from its folds and predictions: headline, interval, mean over folds, spreads, optimism.

    `method` is that of the interval.
    """
    table = pd.DataFrame([{"fold": f.name, "seed": f.seed, **f.scores.model_dump()} for f in folds])
    confusion = confusion_of(predictions, labels)
    return {
        "mean": Scores(**table[METRICS].mean()),
        "spread": _spread(table, "fold"),
        "seed_spread": _spread(table, "seed"),
        "pooled": scores_of(confusion, absent),
        "interval": interval_of(predictions, labels, absent, method),
        "test_selected": mean_of([fold.test_selected for fold in folds if fold.test_selected]),
        "confusion": confusion.tolist(),
    }


def _spread(table: pd.DataFrame, over: str) -> Scores | None:
    """Sample standard deviation over folds of the mean over seeds, or the other way round."""
    means = table.groupby(over)[METRICS].mean()
    return Scores(**means.std()) if len(means) > 1 else None


def pair_summary_of(
    part: pd.DataFrame, labels: Sequence[str], absent: Any, method: str = TODAYS_METHOD
) -> dict[str, Any]:
    """What of a pair of corpora follows from its predictions; `method` is that of the interval."""
    seeds = [scores_of(confusion_of(one, labels), absent) for _, one in part.groupby("seed")]
    confusion = confusion_of(part, labels)
    # Records that have intervals of percentiles have means over seeds as scores.
    scores = mean_of(seeds) if method == "percentile" else scores_of(confusion, absent)
    return {
        "test": part["id"].nunique(),
        "scores": scores,
        "seed_spread": spread_of(seeds),
        "interval": interval_of(part, labels, absent, method),
        "confusion": confusion.tolist(),
    }


AnyRun = TypeVar("AnyRun", ResultRecord, CrossRecord)


def as_of_today(record: AnyRun, predictions: pd.DataFrame) -> AnyRun:
    """The record with intervals, gaps, and scores of pairs, as this version makes them from its predictions."""
    if isinstance(record, ResultRecord) and record.gaps and not record.gaps.of_today:
        record = record.model_copy(update={"gaps": gaps_by_gender(predictions, record.corpus.labels)})
    if all(interval.method == TODAYS_METHOD for interval in record.intervals):
        return record
    absent = record.protocol["absent"]
    if isinstance(record, ResultRecord):
        interval = interval_of(predictions, record.corpus.labels, absent)
        return record.model_copy(update={"interval": interval})
    by_pair = dict(list(predictions.groupby(["source", "target"])))
    pairs = [
        pair.model_copy(update=pair_summary_of(by_pair[pair.source, pair.target], record.labels, absent))
        for pair in record.pairs
    ]
    return record.model_copy(update={"pairs": pairs, "average": average_of(pairs, record.sources)})


def with_trust(record: AnyRun, predictions: pd.DataFrame) -> AnyRun:
    """The record, or each of its pairs, with its calibration and the gaps between genders.

    Args:
        record: of a run.
        predictions: that it follows from, with a column gender where corpora tell it.
    """
    if isinstance(record, ResultRecord):
        return record.model_copy(update=_trust(predictions, record))
    by_pair = dict(list(predictions.groupby(["source", "target"])))
    pairs = [
        pair.model_copy(update=_trust(by_pair[pair.source, pair.target], record)) for pair in record.pairs
    ]
    return record.model_copy(update={"pairs": pairs})


def _trust(predictions: pd.DataFrame, record: ResultRecord | CrossRecord) -> dict[str, Any]:
    return {
        "calibration": calibration_of(predictions, record),
        "gaps": gaps_by_gender(predictions, labels_of(record)),
    }


def average_of(pairs: Sequence[Pair], sources: Sequence[Source]) -> Scores | None:
    """Equation 1 of the paper: the mean over pairs of two different corpora."""
    single = {source.name for source in sources if source.corpora == [source.name]}
    return mean_of([pair.scores for pair in pairs if pair.source in single and pair.source != pair.target])


def scores_of(confusion: np.ndarray, absent: Any) -> Scores:
    """UA, WA and F1 of a confusion matrix `(C, C)`."""
    values = scores_from_confusion(confusion, absent)
    return Scores(ua=values["ua"], wa=values["wa"], f1=values["f1"])


def mean_of(scores: Sequence[Scores]) -> Scores | None:
    """The mean of every metric; None of none."""
    return Scores(**table_of(scores).mean()) if scores else None


def spread_of(scores: Sequence[Scores]) -> Scores | None:
    """The sample standard deviation of every metric; None of a single one."""
    return Scores(**table_of(scores).std()) if len(scores) > 1 else None


def table_of(scores: Sequence[Scores]) -> pd.DataFrame:
    """A row for each of the scores."""
    return pd.DataFrame([one.model_dump() for one in scores])
