"""What is trained on, what is chosen on, and how the folds become one result."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emobox_datasets.corpus import Corpus
from emobox_datasets.partition import Configuration, Item
from emobox_metric.ser_metric.intervals import bootstrap_interval
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion
from emobox_probe.heads import Trained
from emobox_probe.protocol import Protocol
from emobox_probe.results import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    Interval,
    Provenance,
    ResultRecord,
    Scores,
)

# Stands for the label of every tested utterance until configuration and epoch have been chosen.
HIDDEN = -1
CONFIDENCE = 0.95


@dataclass
class Outcome:
    """One fold: its record, and what was predicted for each tested utterance (columns: see `outcome`)."""

    fold: Fold
    predictions: pd.DataFrame


def held_out(rows: Mapping[str, list[int]], labels: Tensor, protocol: Protocol) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows to choose on: the release's validation part, else a share of every label."""
    device = labels.device
    training = torch.tensor(rows["train"], device=device)
    if "validation" in rows:
        return training, torch.tensor(rows["validation"], device=device)
    order = torch.Generator().manual_seed(protocol.seed)
    keep, hold = [], []
    for label in labels[training].unique().tolist():
        members = training[labels[training] == label]
        members = members[torch.randperm(len(members), generator=order).to(device)]
        count = round(protocol.validation_share * len(members))
        hold.append(members[:count])
        keep.append(members[count:])
    return torch.cat(keep).sort().values, torch.cat(hold).sort().values


def outcome(
    fold: Configuration,
    corpus: Corpus,
    tested: Sequence[Item],
    chosen: Trained,
    logits: Tensor,
    training: Tensor,
    validation: Tensor,
) -> Outcome:
    """Look at the test labels, once, and score the chosen head.

    `predictions` has a row per tested utterance: id, speaker, fold, label and prediction (names), logits.
    """
    names = np.array(corpus.label_list)
    predictions = pd.DataFrame(
        {
            "id": [item.id for item in tested],
            "speaker": [item.speaker for item in tested],
            "fold": fold.name,
            "label": [item.label for item in tested],
            "prediction": names[logits.argmax(dim=1).cpu().numpy()],
            "logits": list(logits.cpu().numpy()),
        }
    )
    record = Fold(
        name=fold.name,
        kind=fold.kind,
        training=len(training),
        validation=len(validation),
        test=len(tested),
        learning_rate=chosen.configuration.learning_rate,
        hidden=chosen.configuration.hidden,
        epoch=chosen.epoch,
        validation_ua=chosen.merit[0],
        scores=scores_of(confusion_of(predictions, corpus.label_list)),
    )
    return Outcome(record, predictions)


def score(
    outcomes: Sequence[Outcome],
    encoder: EncoderRecord,
    corpus: CorpusRecord,
    protocol: Protocol,
    provenance: Provenance,
) -> ResultRecord:
    """One record of all folds: mean and spread over folds, and the pooled test utterances with an interval."""
    pooled = pd.concat([outcome.predictions for outcome in outcomes])
    per_fold = pd.DataFrame([outcome.fold.scores.model_dump() for outcome in outcomes])
    confusion = confusion_of(pooled, corpus.labels)
    return ResultRecord(
        encoder=encoder,
        corpus=corpus,
        protocol=asdict(protocol),
        folds=[outcome.fold for outcome in outcomes],
        mean=Scores(**per_fold.mean()),
        spread=Scores(**per_fold.std()) if len(per_fold) > 1 else None,
        pooled=scores_of(confusion),
        interval=interval_of(pooled, corpus.labels),
        confusion=confusion.tolist(),
        provenance=provenance,
    )


def label_ids(names: pd.Series, labels: Sequence[str]) -> np.ndarray:
    """Positions in the corpus's fixed label list, `(N,)`."""
    ids: np.ndarray = pd.Categorical(names, categories=list(labels)).codes.astype(np.int64)
    return ids


def confusion_of(predictions: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Confusion matrix `(C, C)` of a table with columns label and prediction."""
    truth, predicted = (label_ids(predictions[column], labels) for column in ("label", "prediction"))
    return confusion_matrix(truth, predicted, len(labels))


def scores_of(confusion: np.ndarray) -> Scores:
    """UA, WA and F1 of a confusion matrix `(C, C)`."""
    values = scores_from_confusion(confusion)
    return Scores(ua=values["ua"], wa=values["wa"], f1=values["f1"])


def interval_of(predictions: pd.DataFrame, labels: Sequence[str]) -> Interval:
    """95 % interval of the pooled scores: speakers are resampled where all are known and several, else utterances."""
    speakers = predictions["speaker"]
    known = bool(speakers.notna().all()) and speakers.nunique() > 1
    bounds: dict[str, Any] = bootstrap_interval(
        label_ids(predictions["label"], labels),
        label_ids(predictions["prediction"], labels),
        len(labels),
        clusters=speakers if known else None,
        confidence=CONFIDENCE,
    )
    return Interval(confidence=CONFIDENCE, resampled="speakers" if known else "utterances", **bounds)
