"""What score is to be expected of a classifier: that of the protocol, and where it is lower."""

from pathlib import Path

import numpy as np
import pandas as pd

import emobox_datasets.corpora as corpora
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import are_speakers_new
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.fit_record import Expected, GroupScore
from emobox_probe.records.predictions import (
    PREDICTIONS_FILE,
    confusion_of,
    interval_of,
    labels_of,
    read_predictions,
)
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
        remarks=_remarks(record),
        new_speakers=_are_speakers_new(record),
    )


def _remarks(record: RunRecord) -> list[str]:
    """Those of the run; without a word on thirds, which are not shown."""
    people = record.humans if isinstance(record, ResultRecord) else None
    return [
        people.comparison if people and sentence == people.sentence else sentence
        for sentence in remarks(record)
    ]


def _are_speakers_new(record: RunRecord) -> bool | None:
    """Whether nobody who was tested had been trained on; None where that is not known."""
    if isinstance(record, CrossRecord):
        return None if any(pair.overlap for pair in record.pairs) else True
    assert isinstance(record, ResultRecord)
    try:
        corpus = corpora.load(record.corpus.name)
    except CorpusError:  # of others, who do not give it here
        return None
    answers = {are_speakers_new(corpus, fold.kind) for fold in record.folds}
    return answers.pop() if len(answers) == 1 else False


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
            interval=pair.interval,
        )
        for pair in record.pairs
    ]


def _groups(predictions: pd.DataFrame, labels: list[str], record: RunRecord) -> list[GroupScore]:
    """Where several groups are known: their scores, all folds and seeds together."""
    made, absent = [], record.protocol["absent"]
    for by in GROUPINGS:
        if by not in predictions or predictions[by].nunique() < 2:
            continue
        for name, part in predictions.groupby(by):
            made.append(
                GroupScore(
                    by=by,
                    group=str(name),
                    utterances=part["id"].nunique(),
                    scores=scores_of(confusion_of(part, labels), absent),
                    interval=interval_of(part, labels, absent),
                )
            )
    return made
