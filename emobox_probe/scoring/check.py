"""Holding a record against the predictions beside it: every number that follows from them is computed again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from emobox_probe.errors import ProbeError
from emobox_probe.records.classified import ClassifiedRecord, read_answers
from emobox_probe.records.cross_result import CrossRecord, Pair
from emobox_probe.records.predictions import (
    PREDICTIONS_FILE,
    RESAMPLED,
    clusters_of,
    confusion_of,
    labels_of,
    read_predictions,
)
from emobox_probe.records.rated import RatedInterval, RatedRecord, read_rated_predictions
from emobox_probe.records.result import METRICS, Interval, ResultRecord, RunRecord, Scores
from emobox_probe.records.stress_record import Change, StressRecord, read_perturbed
from emobox_probe.scoring.calibration import calibration_of
from emobox_probe.scoring.classified import part_summary_of
from emobox_probe.scoring.gaps import gaps_by_gender
from emobox_probe.scoring.rated import rated_summary_of, scores_of_fold, with_beyond_scale
from emobox_probe.scoring.stress import clean_scores_of, perturbed_summary_of
from emobox_probe.scoring.summary import (
    as_of_today,
    average_of,
    pair_summary_of,
    scores_of,
    seed_0_of,
    summary_of,
)

# Two ways of adding up the same counts agree to this.
TOLERANCE = 1e-9
# What a record says of the whole, or of a pair of corpora, in words.
PARTS = {
    "mean": "the mean",
    "spread": "the spread over folds",
    "seed_spread": "the spread over seeds",
    "pooled": "all together",
    "interval": "the interval",
    "test_selected": "the best on test",
    "confusion": "the confusion matrix",
    "test": "the number of utterances",
    "folds": "the list of folds",
    "outside": "the share of answers outside",
    "scores": "all together",
    "constant": "the scores of the mean of training",
    "ua_change": "the change of UA",
    "unchanged": "the share of unchanged predictions",
}


Shown = TypeVar("Shown", ResultRecord, CrossRecord, ClassifiedRecord, RatedRecord, StressRecord)


def as_shown(folder: str | Path, record: Shown) -> Shown:
    """The record as others may see it: held against the predictions beside it, with intervals of today's method.

    Raises:
        ProbeError: a number does not follow from the predictions, or they cannot be read.
    """
    return with_predictions(folder, record)[0]


def with_predictions(folder: str | Path, record: Shown) -> tuple[Shown, pd.DataFrame | None]:
    """The same, and the predictions; the record as it is, and None, where there are no predictions.

    Raises:
        ProbeError: as for `as_shown`.
    """
    path = Path(folder) / PREDICTIONS_FILE
    if not path.exists():
        return record, None
    if isinstance(record, ClassifiedRecord):
        predictions = read_answers(path, record)
        check_scores(folder, record, predictions)
        return record, predictions
    if isinstance(record, RatedRecord):
        predictions = read_rated_predictions(path, record)
        check_scores(folder, record, predictions)
        return with_beyond_scale(record, predictions), predictions
    if isinstance(record, StressRecord):
        predictions = read_perturbed(path, record)
        check_scores(folder, record, predictions)
        return record, predictions
    predictions = read_predictions(folder, record)
    check_scores(folder, record, predictions)
    return as_of_today(record, predictions), predictions


def check_scores(
    folder: str | Path, record: RunRecord | ClassifiedRecord | StressRecord, predictions: pd.DataFrame
) -> None:
    """Compute every score, spread, interval and confusion matrix of a record again, from the predictions.

    An interval is computed by the method that the record names.

    Raises:
        ProbeError: one of them is another in the record; says which.
    """
    for part, recorded, computed in _parts(record, predictions):
        for name, ours, theirs in _numbers(part, recorded, computed):
            if not _equal(ours, theirs):
                raise ProbeError(
                    f"Expected scores that follow from the predictions in {folder}, but {name} is {_shown(ours)} in "
                    f"the record and {_shown(theirs)} by them; make it again, with --overwrite."
                )


def _parts(
    record: RunRecord | ClassifiedRecord | StressRecord, predictions: pd.DataFrame
) -> Iterator[tuple[str, Any, Any]]:
    """In words, as recorded, as computed."""
    if isinstance(record, ClassifiedRecord):
        by_kind = dict(list(predictions.groupby("kind")))
        for tested in record.parts:
            computed = part_summary_of(by_kind[tested.kind], record.corpus.labels)
            yield from _compared(tested, computed, f"the {tested.kind} folds")
        return
    if isinstance(record, RatedRecord):
        yield from _rated_parts(record, predictions)
        return
    absent = record.protocol["absent"]
    if isinstance(record, StressRecord):
        yield from _perturbed_parts(record, predictions, absent)
        return
    if isinstance(record, CrossRecord):
        by_pair = dict(list(predictions.groupby(["source", "target"])))
        for pair in record.pairs:
            part = by_pair[pair.source, pair.target]
            summary = pair_summary_of(part, record.labels, absent, pair.interval.method)
            yield from _compared(pair, summary, f"{pair.source} on {pair.target}")
            yield from _trust(pair, part, record, f" of {pair.source} on {pair.target}")
        yield "the average", record.average, average_of(record.pairs, record.sources)
        return
    assert isinstance(record, ResultRecord)
    labels = record.corpus.labels
    by_fold = dict(list(predictions.groupby(["fold", "seed"])))
    for fold in record.folds:
        scores = scores_of(confusion_of(by_fold[fold.name, fold.seed], labels), absent)
        yield f"{fold.name}, seed {fold.seed}", fold.scores, scores
        if fold.test_selected and fold.test_selected.ua < fold.scores.ua - TOLERANCE:
            yield f"the best on test of {fold.name}, seed {fold.seed}", fold.test_selected, fold.scores
    summary = summary_of(record.folds, predictions, labels, absent, record.interval.method)
    yield from _compared(record, summary)
    yield "seed 0", record.seed_0, seed_0_of(record.folds, record.protocol)
    yield from _trust(record, predictions, record)


def _trust(
    scored: ResultRecord | Pair, predictions: pd.DataFrame, record: RunRecord, where: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Calibration and gaps of a record or of a pair in it, which older ones have not."""
    if scored.calibration is not None:
        again = calibration_of(predictions, record)
        yield f"the calibration{where}", scored.calibration.numbers(), again.numbers()
    if scored.gaps is not None and scored.gaps.of_today:
        between = gaps_by_gender(predictions, labels_of(record))
        yield f"gaps{where}", scored.gaps.numbers(), between and between.numbers()
        yield f"what gaps{where} are between", scored.gaps.names(), between and between.names()


def _rated_parts(record: RatedRecord, predictions: pd.DataFrame) -> Iterator[tuple[str, Any, Any]]:
    by_fold = dict(list(predictions.groupby(["fold", "seed"])))
    for fold in record.folds:
        scores = scores_of_fold(by_fold[fold.name, fold.seed], record.target, record.outputs)
        yield f"{fold.name}, seed {fold.seed}", fold.scores, scores
    yield from _compared(record, rated_summary_of(record.folds, predictions, record.target, record.outputs))


def _perturbed_parts(
    record: StressRecord, predictions: pd.DataFrame, absent: Any
) -> Iterator[tuple[str, Any, Any]]:
    labels = record.corpus.labels
    by_perturbation = dict(list(predictions.groupby("perturbation")))
    for one in record.perturbations:
        computed = perturbed_summary_of(by_perturbation[one.name], labels, absent)
        yield from _compared(one, computed, one.name)
    if record.perturbations:
        yield "the score on clean audio", record.clean, clean_scores_of(predictions, labels, absent)
        clusters = clusters_of(predictions)
        computed_of = [RESAMPLED[clusters], predictions[clusters].nunique()]
        yield "what was resampled", [record.resampled, record.clusters], computed_of


def _compared(recorded: Any, computed: Mapping[str, Any], pair: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name, value in computed.items():
        part = PARTS.get(name, "")
        yield " of ".join(filter(None, (part, pair))), getattr(recorded, name), value


def _numbers(part: str, recorded: Any, computed: Any) -> Iterator[tuple[str, Any, Any]]:
    """The numbers of a part, each by its name; a part that is not on both sides is one by itself."""
    if isinstance(recorded, RatedInterval) and isinstance(computed, RatedInterval):
        recorded, computed = (
            interval.bounds | interval.model_dump(exclude={"bounds"}) for interval in (recorded, computed)
        )
    if isinstance(recorded, dict) and isinstance(computed, dict) and recorded.keys() == computed.keys():
        for name in recorded:
            yield f"{name} of {part}", recorded[name], computed[name]
        return
    if not isinstance(recorded, (Scores, Interval, Change)) or type(recorded) is not type(computed):
        yield part, recorded, computed
        return
    for name in type(recorded).model_fields:
        shown = name.upper() if name in METRICS else name
        yield f"{shown} of {part}", getattr(recorded, name), getattr(computed, name)


def _equal(recorded: Any, computed: Any) -> bool:
    if isinstance(recorded, Scores) and isinstance(computed, Scores):
        recorded, computed = (tuple(scores.model_dump().values()) for scores in (recorded, computed))
    if isinstance(recorded, (float, tuple)) and isinstance(computed, (float, tuple)):
        same_shape = np.shape(recorded) == np.shape(computed)
        return same_shape and np.allclose(recorded, computed, rtol=0, atol=TOLERANCE, equal_nan=True)
    return bool(recorded == computed)


def _shown(value: Any) -> str:
    """A number, bounds, or that there is something."""
    if isinstance(value, tuple):
        return " to ".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, (list, Scores, Interval, Change)):
        return "another"
    return "none" if value is None else str(value)
