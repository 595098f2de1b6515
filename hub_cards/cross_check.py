"""Scores between corpora, computed again from the predictions beside them."""

from pathlib import Path

import numpy as np
import pandas as pd

from emobox_metric.ser_metric.scores import Absent, scores_from_confusion
from emobox_probe.cross_results import CrossRecord, Pair
from emobox_probe.errors import ProbeError
from emobox_probe.rescoring import METRICS, PREDICTIONS_FILE, TOLERANCE, confusion_of, read_table
from emobox_probe.results import Scores
from hub_cards.runs import CrossRun, check_protocol

COLUMNS = ["source", "target", "id", "seed", "label", "prediction"]


def check_cross(run: CrossRun) -> None:
    """Hold a record against its protocol, and every pair and their average against the predictions.

    Raises:
        ProbeError: the protocol is not the one of that name, a corpus is not complete, predictions are missing or of
            other pairs, or a score does not follow from them.
    """
    record = run.record
    check_protocol(run.folder, record.protocol)
    for corpus in record.corpora:
        if corpus.missing:
            raise ProbeError(
                f"Expected complete corpora in {run.folder}, but {corpus.incomplete}; complete the copy (emobox doctor "
                f"{corpus.name}) and run it again."
            )
    predictions = _read(run.folder / PREDICTIONS_FILE, record)
    pairs = {(pair.source, pair.target): pair for pair in record.pairs}
    parts = dict(list(predictions.groupby(["source", "target"])))
    if set(pairs) != set(parts) or len(pairs) != len(record.pairs):
        raise ProbeError(
            f"Expected predictions of the pairs in the record in {run.folder}, but these differ: "
            f"{sorted(map(str, set(pairs) ^ set(parts)))[:3]}; predictions and record are not of one run."
        )
    for which, pair in pairs.items():
        _check_pair(run.folder, pair, parts[which], record)
    between = [
        pair.scores for pair in record.pairs if pair.source != pair.target and _is_corpus(pair, record)
    ]
    average = (
        {metric: float(np.mean([getattr(scores, metric) for scores in between])) for metric in METRICS}
        if between
        else {}
    )
    _compare(run.folder, "the average", record.average, average)


def _read(path: Path, record: CrossRecord) -> pd.DataFrame:
    predictions = read_table(path, COLUMNS)
    if unknown := (set(predictions["label"]) | set(predictions["prediction"])) - set(record.labels):
        raise ProbeError(
            f"Expected labels of {record.labels} in {path}, but got {sorted(map(str, unknown))[:5]}."
        )
    if predictions.duplicated(["source", "target", "seed", "id"]).any():
        raise ProbeError(
            f"Expected every utterance once in a pair and seed in {path}, but one is there twice."
        )
    return predictions


def _check_pair(folder: Path, pair: Pair, part: pd.DataFrame, record: CrossRecord) -> None:
    absent: Absent = record.protocol["absent"]
    name = f"{pair.source} on {pair.target}"
    seeds = [
        scores_from_confusion(confusion_of(one, record.labels), absent) for _, one in part.groupby("seed")
    ]
    found = {metric: float(np.mean([scores[metric] for scores in seeds])) for metric in METRICS}
    _compare(folder, name, pair.scores, found)
    if confusion_of(part, record.labels).tolist() != pair.confusion:
        raise ProbeError(
            f"Expected a confusion matrix that follows from the predictions in {folder}, but {name} has another; run "
            f"it again."
        )


def _compare(folder: Path, name: str, told: Scores | None, found: dict[str, float]) -> None:
    if (told is None) != (not found):
        raise ProbeError(
            f"Expected {name} where there are scores for it in {folder}, and only there; run it again."
        )
    for metric, value in found.items():
        if abs(getattr(told, metric) - value) > TOLERANCE:
            raise ProbeError(
                f"Expected scores that follow from the predictions in {folder}, but {metric.upper()} of {name} is "
                f"{getattr(told, metric):.6f} in the record and {value:.6f} by them; run it again."
            )


def _is_corpus(pair: Pair, record: CrossRecord) -> bool:
    return pair.source in {corpus.name for corpus in record.corpora}
