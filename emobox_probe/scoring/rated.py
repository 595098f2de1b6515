"""How heads that learned what raters said are scored: every number of such a record follows from its predictions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from emobox_metric.raters.dimensions import ccc, ccc_interval
from emobox_metric.raters.distribution_scores import distribution_scores
from emobox_metric.ser_metric.calibration import softmax
from emobox_metric.ser_metric.intervals import FEWEST_CLUSTERS
from emobox_probe.protocol import Protocol
from emobox_probe.records.predictions import CONFIDENCE, RESAMPLED, clusters_of
from emobox_probe.records.rated import RatedFold, RatedInterval, RatedRecord, Values, matrix_of
from emobox_probe.records.result import Choice
from emobox_probe.scoring.scores import Answer
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task
from emobox_probe.tasks.validation import HeldOut


@dataclass
class RatedOutcome:
    """One task: what was chosen, and what was predicted for each tested utterance beside what raters said of it.

    `constant` (C,) is the mean over what was trained on.
    """

    fold: str
    kind: str
    held_out: HeldOut
    choice: Choice
    validation_loss: float
    constant: list[float]
    predictions: pd.DataFrame


def rated_outcome(task: Task, pool: Pool, answers: Sequence[Answer]) -> RatedOutcome:
    """Choose the layer on validation, then look at what raters said of the tested utterances, once."""
    ratings = pool.ratings
    assert ratings is not None
    assert task.held_out != "mixed"
    chosen = max(answers, key=lambda answer: answer.head.merit)
    rows = task.tested.tolist()
    utterances = [pool.all_items[row] for row in rows]
    outputs = chosen.logits.cpu().double().numpy()
    predictions = pd.DataFrame(
        {
            "source": task.source,
            "target": task.source,
            "fold": task.fold,
            "id": [utterance.id for utterance in utterances],
            "speaker": [utterance.speaker for utterance in utterances],
            "seed": task.group.seed,
            "label": [utterance.label for utterance in utterances],
            "truth": list(ratings.as_given(ratings.values[task.tested].numpy())),
            "prediction": list(ratings.as_given(outputs) if ratings.scales else softmax(outputs)),
        }
    )
    trained = ratings.as_given(ratings.values[task.group.training].numpy())
    choice = Choice(
        seed=task.group.seed,
        training=len(task.group.training),
        validation=len(task.group.validation),
        layer=chosen.view,
        **chosen.head.selected,  # type: ignore[arg-type]  # numbers, as the record checks
    )
    loss = -chosen.head.merit[1]
    constant = trained.mean(axis=0).tolist()
    return RatedOutcome(task.fold, task.kind, task.held_out, choice, loss, constant, predictions)


def score_rated(
    outcomes: Sequence[RatedOutcome],
    protocol: Protocol,
    outputs: Sequence[str],
    **known: Any,
) -> tuple[RatedRecord, pd.DataFrame]:
    """The record of all folds of a corpus, and the predictions that it follows from.

    Args:
        outcomes: of every fold and seed.
        protocol: with its target.
        outputs: the names of what heads give.
        known: what else the record says.
    """
    predictions = pd.concat([outcome.predictions for outcome in outcomes], ignore_index=True)
    folds = [
        RatedFold(
            **outcome.choice.model_dump(),
            name=outcome.fold,
            kind=outcome.kind,
            held_out=outcome.held_out,
            test=len(outcome.predictions),
            validation_loss=outcome.validation_loss,
            constant=outcome.constant,
            scores=scores_of_fold(outcome.predictions, protocol.target, outputs),
        )
        for outcome in outcomes
    ]
    summary = rated_summary_of(folds, predictions, protocol.target, outputs)
    record = RatedRecord(protocol=asdict(protocol), outputs=list(outputs), folds=folds, **summary, **known)
    return with_beyond_scale(record, predictions), predictions


def with_beyond_scale(record: RatedRecord, predictions: pd.DataFrame) -> RatedRecord:
    """The record with how many predictions are of numbers that no rater could give; of shares, none can be."""
    answers = dict(zip(record.outputs, matrix_of(predictions["prediction"]).T, strict=True))
    counts = {
        name: int(((answers[name] < low) | (answers[name] > high)).sum())
        for name, (low, high) in record.scales.items()
    }
    return record.model_copy(update={"beyond_scale": counts or None})


def rated_summary_of(
    folds: Sequence[RatedFold], predictions: pd.DataFrame, target: str, outputs: Sequence[str]
) -> dict[str, Any]:
    """What of a record follows from its folds and predictions: scores, interval, means, spreads, the constant's."""
    table = pd.DataFrame([{"fold": fold.name, "seed": fold.seed, **fold.scores} for fold in folds])
    names = list(folds[0].scores)
    table[names] = table[names].astype(float)
    scores, interval = scored(predictions, target, outputs)
    constant = {(fold.name, fold.seed): fold.constant for fold in folds}
    said = [constant[key] for key in zip(predictions["fold"], predictions["seed"], strict=True)]
    always = predictions.assign(prediction=pd.Series(said, index=predictions.index, dtype=object))
    return {
        "scores": scores,
        "interval": interval,
        "mean": _values(table[names].mean()),
        "spread": _spread(table, "fold", names),
        "seed_spread": _spread(table, "seed", names),
        "constant": scores_of_fold(always, target, outputs),
    }


def scores_of_fold(predictions: pd.DataFrame, target: str, outputs: Sequence[str]) -> Values:
    """The scores of predictions of one kind, without an interval."""
    truth, answers = matrix_of(predictions["truth"]), matrix_of(predictions["prediction"])
    if target == "distribution":
        # One resample: only the scores are wanted.
        found = distribution_scores(answers, truth, _label_ids(predictions), resamples=1)
        return {name: value for name, value in found.items() if name != "intervals"}
    return {name: _ccc(truth[:, place], answers[:, place]) for place, name in enumerate(outputs)}


def scored(predictions: pd.DataFrame, target: str, outputs: Sequence[str]) -> tuple[Values, RatedInterval]:
    """The scores of predictions of one kind, and their interval by speaker."""
    scores = scores_of_fold(predictions, target, outputs)
    column = clusters_of(predictions)
    count = predictions[column].nunique()
    bounds: dict[str, tuple[float, float] | None] = dict.fromkeys(scores)
    reason = None
    if count < FEWEST_CLUSTERS:
        reason = f"{RESAMPLED[column]} tested: {count}, and at least {FEWEST_CLUSTERS} are needed"
    else:
        bounds |= _bounds(predictions, target, outputs, column)
    interval = RatedInterval(
        confidence=CONFIDENCE, resampled=RESAMPLED[column], clusters=count, bounds=bounds, reason=reason
    )
    return scores, interval


def _bounds(
    predictions: pd.DataFrame, target: str, outputs: Sequence[str], column: str
) -> dict[str, tuple[float, float] | None]:
    truth, answers = matrix_of(predictions["truth"]), matrix_of(predictions["prediction"])
    clusters = predictions[column].tolist()
    if target == "distribution":
        found = distribution_scores(answers, truth, _label_ids(predictions), clusters, CONFIDENCE)
        intervals: dict[str, tuple[float, float] | None] = found["intervals"]
        return intervals
    pairs = {name: (truth[:, place], answers[:, place]) for place, name in enumerate(outputs)}
    return {
        name: ccc_interval(*pair, clusters, CONFIDENCE) if _ccc(*pair) is not None else None
        for name, pair in pairs.items()
    }


def _ccc(truth: np.ndarray, answers: np.ndarray) -> float | None:
    """None of a single utterance, and where all numbers are one and the same."""
    try:
        return ccc(truth, answers)
    except ValueError:
        return None


def _label_ids(predictions: pd.DataFrame) -> np.ndarray:
    codes: np.ndarray = pd.factorize(predictions["label"], sort=True)[0]
    return codes


def _spread(table: pd.DataFrame, over: str, names: Sequence[str]) -> Values | None:
    """Sample standard deviation over folds of the mean over seeds, or the other way round."""
    means = table.groupby(over)[list(names)].mean()
    return _values(means.std()) if len(means) > 1 else None


def _values(row: pd.Series) -> Values:
    return {str(name): None if np.isnan(value) else float(value) for name, value in row.items()}
