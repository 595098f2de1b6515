"""How the tasks of a run become one result: the score of each, their mean and spread, and an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from emobox_datasets.partition import Item
from emobox_metric.ser_metric.intervals import bootstrap_interval
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion
from emobox_probe.folds import Task
from emobox_probe.protocol import Protocol
from emobox_probe.results import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    LayerScore,
    Provenance,
    ResultRecord,
    Scores,
)
from emobox_probe.training import Trained

CONFIDENCE = 0.95


@dataclass
class Outcome:
    """One task: its record, what was predicted for each tested utterance, UA on validation and test by layer."""

    fold: Fold
    predictions: pd.DataFrame
    layers: dict[str, tuple[float, float]]


def outcome(
    task: Task,
    items: Sequence[Item],
    candidates: Mapping[str, Trained],
    logits: Mapping[str, Tensor],
    runs: Sequence[Trained],
    labels: Sequence[str],
    protocol: Protocol,
) -> Outcome:
    """Choose the layer, then look at the test labels, once, and score.

    Args:
        task: fold, seed and tested rows.
        items: all utterances of the corpus.
        candidates: the best head of every layer.
        logits: what each of them says of the tested rows, (E, C).
        runs: every head whose predictions on test were watched, for `test_selected`.
        labels: the names of the C classes.
        protocol: how classes without a test utterance count.

    Returns:
        The record, the predictions of the chosen head (id, speaker, fold, seed, label and prediction as names,
        logits), and UA by layer where there are several.
    """
    layer, chosen = max(candidates.items(), key=lambda candidate: candidate[1].merit)
    tested = [items[row] for row in task.tested.tolist()]
    predictions = pd.DataFrame(
        {
            "id": [item.id for item in tested],
            "speaker": [item.speaker for item in tested],
            "fold": task.fold.name,
            "seed": task.group.seed,
            "label": [item.label for item in tested],
            "prediction": np.array(labels)[logits[layer].argmax(dim=1).cpu().numpy()],
            "logits": list(logits[layer].cpu().numpy()),
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
        layer=layer,
        learning_rate=chosen.configuration.learning_rate,
        hidden=chosen.configuration.hidden,
        epoch=chosen.epoch,
        validation_ua=chosen.merit[0],
        scores=scores_of(confusion_of(predictions, labels), protocol.absent),
        # What choosing configuration and epoch on test would have given; not a score of the model.
        test_selected=max(
            (scored(ids.numpy()) for run in runs for ids in run.watched),
            key=lambda scores: scores.ua,
            default=None,
        ),
    )
    by_layer = {
        name: (candidates[name].merit[0], scored(said.argmax(dim=1).cpu().numpy()).ua)
        for name, said in logits.items()
        if len(logits) > 1
    }
    return Outcome(record, predictions, by_layer)


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
    peeked = [fold.test_selected.model_dump() for fold in folds if fold.test_selected]
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
        test_selected=Scores(**pd.DataFrame(peeked).mean()) if peeked else None,
        layers=_layer_scores(outcomes),
        confusion=confusion.tolist(),
        provenance=provenance,
    )


METRICS = ["ua", "wa", "f1"]


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


def label_ids(names: pd.Series, labels: Sequence[str]) -> np.ndarray:
    """Positions in the list of labels, `(N,)`."""
    ids: np.ndarray = pd.Categorical(names, categories=list(labels)).codes.astype(np.int64)
    return ids


def confusion_of(predictions: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Confusion matrix `(C, C)` of a table with columns label and prediction."""
    truth, predicted = (label_ids(predictions[column], labels) for column in ("label", "prediction"))
    return confusion_matrix(truth, predicted, len(labels))


def scores_of(confusion: np.ndarray, absent: Any) -> Scores:
    """UA, WA and F1 of a confusion matrix `(C, C)`."""
    values = scores_from_confusion(confusion, absent)
    return Scores(ua=values["ua"], wa=values["wa"], f1=values["f1"])


def interval_of(predictions: pd.DataFrame, labels: Sequence[str], protocol: Protocol) -> Interval:
    """95 % interval of the pooled scores: speakers are resampled where several are known, else utterances.

    An utterance that several seeds tested is one utterance.
    """
    speakers = predictions["speaker"]
    known = bool(speakers.notna().all()) and speakers.nunique() > 1
    bounds: dict[str, Any] = bootstrap_interval(
        label_ids(predictions["label"], labels),
        label_ids(predictions["prediction"], labels),
        len(labels),
        clusters=speakers if known else predictions["id"],
        confidence=CONFIDENCE,
        absent=protocol.absent,
    )
    return Interval(confidence=CONFIDENCE, resampled="speakers" if known else "utterances", **bounds)
