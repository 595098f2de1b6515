"""The predictions that a record follows from: one table for runs within a corpus and between corpora.

source, target   corpora (or `all but <corpus>`); one and the same within a corpus
fold             fold of the corpus, or the configuration that is tested between corpora
id, speaker, gender, language, seed, label, prediction, logits
speaker_only     within a corpus: what the fold's training part says of who speaks, without audio (not in older tables)
"""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emobox_metric.ser_metric.intervals import (
    FEWEST_CLUSTERS,
    SCORES,
    Bootstrap,
    TooFewClustersError,
    bootstrap,
)
from emobox_metric.ser_metric.scores import Absent, confusion_matrix
from emobox_probe.errors import ProbeError
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.interval import TODAYS_METHOD, Interval, Resampled, Scores
from emobox_probe.records.result import ResultRecord, RunRecord
from emobox_probe.records.table_file import check_columns, reading

PREDICTIONS_FILE = "predictions.parquet"
COLUMNS = ("source", "target", "fold", "id", "speaker", "seed", "label", "prediction", "logits")
SPEAKER_ONLY = "speaker_only"
# What tells a tested utterance from every other one.
KEY = ["source", "target", "fold", "seed", "id"]
CONFIDENCE = 0.95
# What the column of clusters holds.
RESAMPLED: dict[str, Resampled] = {"speaker": "speakers", "id": "utterances"}


def read_predictions(folder: str | Path, record: RunRecord) -> pd.DataFrame:
    """The predictions of a run: `COLUMNS`, and gender, language and `SPEAKER_ONLY` where the run kept them.

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: there are none, columns are missing, a label is not one of the record, an utterance occurs twice
            in a fold and seed, or a part has more or fewer utterances than the record says.
    """
    path = Path(folder) / PREDICTIONS_FILE
    with reading(path):
        try:
            predictions = _in_one_schema(pd.read_parquet(path), record)
        except FileNotFoundError as error:
            raise ProbeError(
                f"Expected the predictions of the run at {path}, but there are none; run the probe again."
            ) from error
    check_columns(predictions, COLUMNS, path)
    known = set(labels_of(record))
    if unknown := (set(predictions["label"]) | set(predictions["prediction"])) - known:
        raise ProbeError(
            f"Expected labels of {sorted(known)} in {path}, but got {sorted(map(str, unknown))[:5]}; "
            f"predictions and record are not of one run."
        )
    if (twice := predictions.duplicated(KEY)).any():
        raise ProbeError(
            f"Expected every utterance once in a fold and seed in {path}, but {predictions['id'][twice].iloc[0]} "
            f"is there twice; run the probe again, with --overwrite."
        )
    counts, expected = _counts(predictions, record), _expected_counts(record)
    if counts != expected:
        raise ProbeError(
            f"Expected as many predictions by part and seed as the record says ({expected}) in {path}, but got "
            f"{counts}; predictions and record are not of one run."
        )
    return predictions


def labels_of(record: RunRecord) -> list[str]:
    """The labels that a record tells apart."""
    if isinstance(record, CrossRecord):
        return record.labels
    assert isinstance(record, ResultRecord)
    return record.corpus.labels


def _in_one_schema(predictions: pd.DataFrame, record: RunRecord) -> pd.DataFrame:
    """Tables of earlier versions say nothing of what is the same in every row."""
    if isinstance(record, CrossRecord):
        return predictions if "fold" in predictions else predictions.assign(fold=record.test)
    assert isinstance(record, ResultRecord)
    name = record.corpus.name
    return predictions if "source" in predictions else predictions.assign(source=name, target=name)


def _counts(predictions: pd.DataFrame, record: RunRecord) -> dict[Hashable, int]:
    if isinstance(record, CrossRecord):
        return predictions.groupby(["source", "target"])["id"].nunique().to_dict()
    return predictions.groupby(["fold", "seed"]).size().to_dict()


def _expected_counts(record: RunRecord) -> dict[Hashable, int]:
    if isinstance(record, CrossRecord):
        return {(pair.source, pair.target): pair.test for pair in record.pairs}
    assert isinstance(record, ResultRecord)
    return {(fold.name, fold.seed): fold.test for fold in record.folds}


def interval_of(
    predictions: pd.DataFrame, labels: Sequence[str], absent: Absent, method: str = TODAYS_METHOD
) -> Interval:
    """The 95 % interval of UA, WA and F1 of all predictions together; see `clusters_of`.

    Args:
        predictions: a table with columns label, prediction, speaker and id.
        labels: the names of the C classes.
        absent: how classes without an utterance count.
        method: `percentile` for what records of earlier versions say; such an interval names nothing but its bounds.
    """
    if method == "percentile":
        return _interval_of_percentiles(predictions, labels, absent)
    column = clusters_of(predictions)
    count = predictions[column].nunique()
    try:
        drawn = _drawn(predictions, column, labels, absent, FEWEST_CLUSTERS)
    except TooFewClustersError:
        reason = f"{RESAMPLED[column]} tested: {count}, and at least {FEWEST_CLUSTERS} are needed"
        bounds: dict[str, Any] = {"ua": None, "wa": None, "f1": None, "reason": reason}
    else:
        bounds = {name: drawn.interval(name, CONFIDENCE) for name in SCORES}
        bounds["standard_errors"] = Scores(**{name: drawn.standard_error(name) for name in SCORES})
    return Interval(
        confidence=CONFIDENCE, resampled=RESAMPLED[column], method=TODAYS_METHOD, clusters=count, **bounds
    )


def _interval_of_percentiles(predictions: pd.DataFrame, labels: Sequence[str], absent: Absent) -> Interval:
    column = clusters_of(predictions)
    if predictions[column].nunique() < 2:
        column = "id"  # as it was then
    drawn = _drawn(predictions, column, labels, absent, fewest=2)
    bounds: dict[str, Any] = {name: drawn.percentile_interval(name, CONFIDENCE) for name in SCORES}
    return Interval(confidence=CONFIDENCE, resampled=RESAMPLED[column], **bounds)


def _drawn(
    predictions: pd.DataFrame, column: str, labels: Sequence[str], absent: Absent, fewest: int
) -> Bootstrap:
    truth, predicted = (label_ids(predictions[name], labels) for name in ("label", "prediction"))
    return bootstrap(
        truth, predicted, len(labels), clusters=predictions[column], absent=absent, fewest=fewest
    )


def clusters_of(predictions: pd.DataFrame) -> str:
    """What a bootstrap resamples: speakers where all are known, else utterances.

    An utterance that several seeds tested is one utterance.
    """
    return "speaker" if predictions["speaker"].notna().all() else "id"


def guesses_by_speaker(predictions: pd.DataFrame) -> pd.DataFrame:
    """The table with what who speaks tells as predictions; seeds tell the same, so each utterance of a fold once."""
    once = predictions.drop_duplicates(["fold", "id"])
    return once.assign(prediction=once[SPEAKER_ONLY])


def label_ids(names: pd.Series, labels: Sequence[str]) -> np.ndarray:
    """Positions in the list of labels, `(N,)`."""
    ids: np.ndarray = pd.Categorical(names, categories=list(labels)).codes.astype(np.int64)
    return ids


def confusion_of(predictions: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Confusion matrix `(C, C)` of a table with columns label and prediction."""
    truth, predicted = (label_ids(predictions[column], labels) for column in ("label", "prediction"))
    return confusion_matrix(truth, predicted, len(labels))
