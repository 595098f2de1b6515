"""Whether the probabilities of a run tell how often it is right, from its kept logits."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emobox_metric.ser_metric.calibration import (
    brier_score,
    classwise_calibration_error,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
    risk_coverage,
    softmax,
)
from emobox_probe.errors import ProbeError
from emobox_probe.records.calibration import Calibration, CalibrationScores, ReliabilityBin
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.predictions import label_ids, labels_of
from emobox_probe.records.result import ResultRecord, RunRecord

BINS = 15
# Of the most confident answers, in percent.
COVERAGES = range(5, 101, 5)

Doubles = NDArray[np.float64]


def calibration_of(predictions: pd.DataFrame, record: RunRecord) -> Calibration:
    """The calibration of all predictions together, which may be a part of a run's.

    Raises:
        ProbeError: the predictions have no logits of every label, or some that are no numbers.
    """
    labels = labels_of(record)
    logits = logits_of(predictions, len(labels))
    truth = label_ids(predictions["label"], labels)
    temperatures = temperatures_of(record, predictions)
    probabilities = softmax(logits)
    counts, confidence, accuracy = reliability(probabilities, truth, BINS)
    coverage, risk = risk_coverage(probabilities, truth)
    return Calibration(
        plain=_scores(logits, truth),
        scaled=None if temperatures is None else _scores(logits / temperatures[:, None], truth),
        reliability=[
            ReliabilityBin(
                answers=int(count),
                confidence=float(mean) if count else None,
                accuracy=float(right) if count else None,
            )
            for count, mean, right in zip(counts, confidence, accuracy, strict=True)
        ],
        risk=[float(np.interp(share / 100, coverage, risk)) for share in COVERAGES],
    )


def logits_of(predictions: pd.DataFrame, classes: int) -> Doubles:
    """The kept logits, (N, C).

    Raises:
        ProbeError: there are none of every label, or some that are no numbers.
    """
    rows = predictions["logits"].tolist()
    whole = all(row is not None and len(row) == classes for row in rows)
    logits = np.array(rows, dtype=np.float64) if whole else np.empty((0, classes))
    if not whole or not np.isfinite(logits).all():
        raise ProbeError(
            f"Expected {classes} finite logits of every utterance, one a label, but the predictions of this run lack "
            f"them; run it again with --overwrite: stored features are used again."
        )
    return logits


def temperatures_of(record: RunRecord, predictions: pd.DataFrame) -> Doubles | None:
    """The temperature (N,) that validation gave the head of each prediction; None where one has none."""
    known: Mapping[tuple[str, int], float | None] = {}
    column = "fold"
    if isinstance(record, ResultRecord):
        known = {(fold.name, fold.seed): fold.temperature for fold in record.folds}
    elif isinstance(record, CrossRecord):
        column = "source"
        known = {(source.name, source.seed): source.temperature for source in record.sources}
    heads = zip(predictions[column], predictions["seed"], strict=True)
    temperatures = [known.get(head) for head in heads]
    return None if None in temperatures else np.array(temperatures, dtype=np.float64)


def _scores(logits: Doubles, truth: NDArray[np.int64]) -> CalibrationScores:
    probabilities = softmax(logits)
    return CalibrationScores(
        nll=negative_log_likelihood(logits, truth),
        brier=brier_score(probabilities, truth),
        ece=expected_calibration_error(probabilities, truth, BINS),
        classwise_ece=classwise_calibration_error(probabilities, truth, BINS),
        aurc=float(risk_coverage(probabilities, truth)[1].mean()),
    )
