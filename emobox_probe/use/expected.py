"""What score is to be expected of a classifier: that of the protocol, and where it is lower."""

from pathlib import Path

import numpy as np
import pandas as pd

from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.fit_record import Expected, GroupScore
from emobox_probe.records.predictions import PREDICTIONS_FILE, confusion_of, labels_of, read_predictions
from emobox_probe.records.result import ResultRecord, RunRecord
from emobox_probe.report.report import remarks
from emobox_probe.scoring.summary import mean_of, scores_of

# What is known of utterances that scores may depend on.
GROUPINGS = ("gender", "language")


def expected_of(folder: Path, record: RunRecord) -> Expected:
    """What a run says of heads on utterances that they were not trained on.

    Raises:
        ProbeError: predictions are there, but not those of the record.
    """
    labels = labels_of(record)
    confusion = _confusion(record)
    counts = confusion.sum(axis=1)
    recall = {
        label: float(confusion[place, place] / counts[place]) if counts[place] else None
        for place, label in enumerate(labels)
    }
    groups = _pairs(record) if isinstance(record, CrossRecord) else []
    if (folder / PREDICTIONS_FILE).is_file():
        groups += _groups(read_predictions(folder, record), labels, record)
    scores = record.headline or mean_of([pair.scores for pair in getattr(record, "pairs", [])])
    assert scores is not None
    return Expected(
        of=record.title,
        protocol=record.protocol_id,
        scores=scores,
        interval=record.interval if isinstance(record, ResultRecord) else None,
        recall=recall,
        confusion=confusion.tolist(),
        groups=groups,
        remarks=remarks(record),
    )


def _confusion(record: RunRecord) -> np.ndarray:
    if isinstance(record, CrossRecord):
        return np.asarray(np.sum([pair.confusion for pair in record.pairs], axis=0))
    assert isinstance(record, ResultRecord)
    return np.array(record.confusion)


def _pairs(record: CrossRecord) -> list[GroupScore]:
    return [
        GroupScore(
            by="trained and tested on",
            group=f"{pair.source} and {pair.target}",
            utterances=pair.test,
            scores=pair.scores,
        )
        for pair in record.pairs
    ]


def _groups(predictions: pd.DataFrame, labels: list[str], record: RunRecord) -> list[GroupScore]:
    """Where several groups are known: their scores, all folds and seeds together."""
    made = []
    for by in GROUPINGS:
        if by not in predictions or predictions[by].nunique() < 2:
            continue
        for name, part in predictions.groupby(by):
            scores = scores_of(confusion_of(part, labels), record.protocol["absent"])
            made.append(GroupScore(by=by, group=str(name), utterances=part["id"].nunique(), scores=scores))
    return made
