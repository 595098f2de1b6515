"""How the tasks of a run become one result: the score of each, their mean and spread, and an interval."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from emobox_datasets.partition import Item
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion
from emobox_probe.folds import Task
from emobox_probe.groups import Trained
from emobox_probe.protocol import Protocol
from emobox_probe.rescoring import CONFIDENCE, METRICS, bootstrap_bounds, clusters_of, confusion_of, label_ids
from emobox_probe.results import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    LayerScore,
    Provenance,
    Resampled,
    ResultRecord,
    Scores,
    WeightedSum,
)


@dataclass
class Answer:
    """The best head on one view of the features, and its logits (E, C) for the tested rows.

    `candidate`: the score may be chosen from it; `in_curve`: it is a point of the layer curve.
    """

    view: str
    head: Trained
    logits: Tensor
    candidate: bool
    in_curve: bool

    @property
    def ids(self) -> np.ndarray:
        """Predicted label ids (E,)."""
        ids: np.ndarray = self.logits.argmax(dim=1).cpu().numpy()
        return ids


@dataclass
class Outcome:
    """One task: its record, what was predicted for each tested utterance, and what the layers are worth.

    `layers`: UA on validation and test by layer. `weighted_sum`: of the learned sum of layers.
    """

    fold: Fold
    predictions: pd.DataFrame
    layers: dict[str, tuple[float, float]]
    weighted_sum: WeightedSum | None


def outcome(
    task: Task,
    items: Sequence[Item],
    answers: Sequence[Answer],
    weighted_sum: Answer | None,
    runs: Sequence[Trained],
    labels: Sequence[str],
    protocol: Protocol,
) -> Outcome:
    """Choose the layer, then look at the test labels, once, and score.

    Args:
        task: fold, seed and tested rows.
        items: all utterances of the corpus.
        answers: the best head of every view, and what it says of the tested rows.
        weighted_sum: the same of the learned sum of all layers.
        runs: every head whose predictions on test were watched, for `test_selected`.
        labels: the names of the C classes.
        protocol: how classes without a test utterance count.

    Returns:
        The record, the predictions of the chosen head (id, speaker, fold, seed, label and prediction as names,
        logits), and UA by layer where there are several.
    """
    chosen = max((answer for answer in answers if answer.candidate), key=lambda answer: answer.head.merit)
    tested = [items[row] for row in task.tested.tolist()]
    predictions = pd.DataFrame(
        {
            "id": [item.id for item in tested],
            "speaker": [item.speaker for item in tested],
            "fold": task.fold.name,
            "seed": task.group.seed,
            "label": [item.label for item in tested],
            "prediction": np.array(labels)[chosen.ids],
            "logits": list(chosen.logits.cpu().numpy()),
        }
    )
    truth = label_ids(predictions["label"], labels)

    def scored(ids: np.ndarray) -> Scores:
        return scores_of(confusion_matrix(truth, ids, len(labels)), protocol.absent)

    record = Fold(
        name=task.fold.name,
        kind=task.fold.kind,
        seed=task.group.seed,
        training=len(task.group.training),
        validation=len(task.group.validation),
        test=len(tested),
        layer=chosen.view,
        learning_rate=chosen.head.configuration.learning_rate,
        hidden=chosen.head.configuration.hidden,
        epoch=chosen.head.epoch,
        validation_ua=chosen.head.merit[0],
        scores=scores_of(confusion_of(predictions, labels), protocol.absent),
        # What choosing configuration and epoch on test would have given; not a score of the model.
        test_selected=max(
            (scored(ids.numpy()) for run in runs for ids in run.watched),
            key=lambda scores: scores.ua,
            default=None,
        ),
    )
    by_layer = {
        answer.view: (answer.head.merit[0], scored(answer.ids).ua) for answer in answers if answer.in_curve
    }
    learned = None
    if weighted_sum is not None and weighted_sum.head.head.mixing is not None:
        learned = WeightedSum(
            validation_ua=weighted_sum.head.merit[0],
            scores=scored(weighted_sum.ids),
            weights=weighted_sum.head.head.mixing.tolist(),
        )
    return Outcome(record, predictions, by_layer, learned)


def score(
    outcomes: Sequence[Outcome],
    encoder: EncoderRecord,
    corpus: CorpusRecord,
    protocol: Protocol,
    provenance: Provenance,
) -> ResultRecord:
    """One record of all tasks: mean over folds and seeds, spreads, and all tested utterances with an interval."""
    folds = [outcome.fold for outcome in outcomes]
    pooled = pd.concat([outcome.predictions for outcome in outcomes])
    table = pd.DataFrame([{"fold": f.name, "seed": f.seed, **f.scores.model_dump()} for f in folds])
    confusion = confusion_of(pooled, corpus.labels)
    peeked = [fold.test_selected for fold in folds if fold.test_selected]
    return ResultRecord(
        encoder=encoder,
        corpus=corpus,
        protocol=asdict(protocol),
        folds=folds,
        mean=Scores(**table[METRICS].mean()),
        spread=_spread(table, "fold"),
        seed_spread=_spread(table, "seed"),
        pooled=scores_of(confusion, protocol.absent),
        interval=interval_of(pooled, corpus.labels, protocol),
        test_selected=mean_of(peeked) if peeked else None,
        layers=_layer_scores(outcomes),
        weighted_sum=_mean_weighted_sum([o.weighted_sum for o in outcomes if o.weighted_sum]),
        confusion=confusion.tolist(),
        provenance=provenance,
    )


def _spread(table: pd.DataFrame, over: str) -> Scores | None:
    """Sample standard deviation over folds of the mean over seeds, or the other way round."""
    means = table.groupby(over)[METRICS].mean()
    return Scores(**means.std()) if len(means) > 1 else None


def _layer_scores(outcomes: Sequence[Outcome]) -> list[LayerScore]:
    """UA of every layer, mean over folds and seeds, each with its own best configuration and epoch."""
    rows = [
        {"layer": layer, "validation_ua": validation, "ua": test}
        for outcome in outcomes
        for layer, (validation, test) in outcome.layers.items()
    ]
    if not rows:
        return []
    means = pd.DataFrame(rows).groupby("layer", sort=False).mean()
    return [LayerScore(layer=str(layer), **row) for layer, row in means.to_dict("index").items()]


def _mean_weighted_sum(sums: Sequence[WeightedSum]) -> WeightedSum | None:
    if not sums:
        return None
    return WeightedSum(
        validation_ua=float(np.mean([one.validation_ua for one in sums])),
        scores=mean_of([one.scores for one in sums]),
        weights=np.mean([one.weights for one in sums], axis=0).tolist(),
    )


def scores_of(confusion: np.ndarray, absent: Any) -> Scores:
    """UA, WA and F1 of a confusion matrix `(C, C)`."""
    values = scores_from_confusion(confusion, absent)
    return Scores(ua=values["ua"], wa=values["wa"], f1=values["f1"])


def mean_of(scores: Sequence[Scores]) -> Scores:
    """The mean of every metric."""
    return Scores(**_table(scores).mean())


def spread_of(scores: Sequence[Scores]) -> Scores | None:
    """The sample standard deviation of every metric; None of a single one."""
    return Scores(**_table(scores).std()) if len(scores) > 1 else None


def _table(scores: Sequence[Scores]) -> pd.DataFrame:
    return pd.DataFrame([one.model_dump() for one in scores])


def interval_of(predictions: pd.DataFrame, labels: Sequence[str], protocol: Protocol) -> Interval:
    """95 % interval of the pooled scores; speakers are resampled where several are known, else utterances."""
    bounds = bootstrap_bounds(predictions, labels, protocol.absent)
    resampled: Resampled = "speakers" if clusters_of(predictions) == "speaker" else "utterances"
    return Interval(confidence=CONFIDENCE, resampled=resampled, **bounds)
