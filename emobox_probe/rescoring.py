"""Scores from kept predictions, without training: for groups of utterances, and to check a record."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_metric.ser_metric.intervals import bootstrap_interval
from emobox_metric.ser_metric.scores import Absent, confusion_matrix, scores_from_confusion
from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.results import ResultRecord, read_record

PREDICTIONS_FILE = "predictions.parquet"
COLUMNS = ("id", "speaker", "fold", "seed", "label", "prediction", "logits")
GROUPINGS = ("speaker", "gender", "language")
METRICS = ["ua", "wa", "f1"]
CONFIDENCE = 0.95
# Two ways of adding up the same counts agree to this.
TOLERANCE = 1e-9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox score`."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs (with result.json in them)")
    parser.add_argument(
        "--by", choices=GROUPINGS, help="score each group apart, and say how far they lie apart"
    )
    parser.add_argument("--format", choices=("text", "csv"), default="text", help="default: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    """Print the scores; the exit status."""
    try:
        for folder in arguments.runs:
            record = read_record(folder)
            predictions = read_predictions(folder, record)
            check_scores(folder, record, predictions)
            table = scores_by(predictions, record, arguments.by)
            if arguments.format == "csv":
                print(table.to_csv(index=False), end="")
            else:
                _print(table, record, arguments.by)
    except ProbeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def read_predictions(folder: str | Path, record: ResultRecord) -> pd.DataFrame:
    """The predictions of a run: id, speaker, fold, seed, label, prediction, logits, and gender and language.

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: there are none, columns are missing, a fold or a label is not one of the record, an utterance
            occurs twice in a fold and seed, or a fold has more or fewer utterances than the record says.
    """
    path = Path(folder) / PREDICTIONS_FILE
    predictions = read_table(path, COLUMNS)
    known = set(record.corpus.labels)
    if unknown := (set(predictions["label"]) | set(predictions["prediction"])) - known:
        raise ProbeError(
            f"Expected labels of {sorted(known)} in {path}, but got {sorted(map(str, unknown))[:5]}; "
            f"predictions and record are not of one run."
        )
    if (twice := predictions.duplicated(["fold", "seed", "id"])).any():
        raise ProbeError(
            f"Expected every utterance once in a fold and seed in {path}, but {predictions['id'][twice].iloc[0]} "
            f"is there twice; run the probe again."
        )
    counts = predictions.groupby(["fold", "seed"]).size().to_dict()
    expected = {(fold.name, fold.seed): fold.test for fold in record.folds}
    if counts != expected:
        raise ProbeError(
            f"Expected as many predictions by fold and seed as the record says ({expected}) in {path}, but got "
            f"{counts}; predictions and record are not of one run."
        )
    return predictions


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The predictions in a file, which has at least these columns.

    Raises:
        UnreadableError: the user has not the right to read it.
        ProbeError: there is no such file, it is no Parquet, or columns are missing.
    """
    try:
        predictions: pd.DataFrame = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise ProbeError(
            f"Expected the predictions of the run at {path}, but there are none; run it again."
        ) from error
    except PermissionError as error:
        raise UnreadableError(path) from error
    except (OSError, ValueError) as error:
        raise ProbeError(f"Expected a Parquet file at {path}, but got: {error}; run it again.") from error
    if missing := [column for column in columns if column not in predictions]:
        raise ProbeError(
            f"Expected columns {', '.join(columns)} in {path}, but {', '.join(missing)} are missing."
        )
    return predictions


def check_scores(folder: str | Path, record: ResultRecord, predictions: pd.DataFrame) -> None:
    """Compute every score of a record again, from the predictions.

    Raises:
        ProbeError: a score of the record is another one; says which.
    """
    absent = record.protocol["absent"]
    labels = record.corpus.labels
    parts = {key: confusion_of(part, labels) for key, part in predictions.groupby(["fold", "seed"])}
    folds = [scores_from_confusion(parts[fold.name, fold.seed], absent) for fold in record.folds]
    pooled = confusion_of(predictions, labels)
    claimed = {f"{fold.name}, seed {fold.seed}": fold.scores for fold in record.folds}
    found = dict(zip(claimed, folds, strict=True))
    claimed |= {"the mean": record.mean, "all together": record.pooled}
    found["the mean"] = {metric: float(np.mean([scores[metric] for scores in folds])) for metric in METRICS}
    found["all together"] = scores_from_confusion(pooled, absent)
    for name, scores in claimed.items():
        for metric in METRICS:
            if abs(getattr(scores, metric) - found[name][metric]) > TOLERANCE:
                raise ProbeError(
                    f"Expected scores that follow from the predictions in {folder}, but {metric.upper()} of {name} is "
                    f"{getattr(scores, metric):.6f} in the record and {found[name][metric]:.6f} by them; "
                    f"run the probe again."
                )
    if pooled.tolist() != record.confusion:
        raise ProbeError(
            f"Expected a confusion matrix that follows from the predictions in {folder}, but the record has another; "
            f"run the probe again."
        )


def scores_by(predictions: pd.DataFrame, record: ResultRecord, by: str | None) -> pd.DataFrame:
    """One row a group of utterances, each with UA, WA and F1 in percent and an interval of UA.

    Predictions of all folds and seeds of a group are scored together. Where a label has no utterance in a group,
    it counts as the protocol says, and `labels` tells how many have one.

    Raises:
        ProbeError: the predictions do not tell that property, or not of every utterance.
    """
    if by is None:
        groups = [("all", predictions)]
    elif by not in predictions:
        raise ProbeError(
            f"Expected predictions with {by}, but this run did not keep it (it is of an older version); "
            f"run the probe again, which takes the stored features."
        )
    else:
        unknown = predictions[by].isna()
        if unknown.all():
            raise ProbeError(
                f"Expected a corpus that tells {by}, but {record.corpus.name} does not; choose another."
            )
        groups = [(str(name), part) for name, part in predictions[~unknown].groupby(by)]
        if unknown.any():
            groups.append(("not known", predictions[unknown]))
    return pd.DataFrame([_row(name, part, record) for name, part in groups])


def _row(name: str, part: pd.DataFrame, record: ResultRecord) -> dict[str, Any]:
    labels, absent = record.corpus.labels, record.protocol["absent"]
    scores = scores_from_confusion(confusion_of(part, labels), absent)
    low, high = bootstrap_bounds(part, labels, absent)["ua"] if part["id"].nunique() > 1 else (np.nan, np.nan)
    return {
        "group": name,
        "utterances": part["id"].nunique(),
        "labels": part["label"].nunique(),
        **{metric: 100 * scores[metric] for metric in METRICS},
        "ua_low": 100 * low,
        "ua_high": 100 * high,
    }


def _print(table: pd.DataFrame, record: ResultRecord, by: str | None) -> None:
    title = f"{record.encoder.name} on {record.corpus.name}, protocol {record.protocol['name']} (percent)"
    shown = Table(
        by or "", "UA", "WA", "F1", f"{CONFIDENCE:.0%} interval of UA", "labels", "utterances", title=title
    )
    for row in table.itertuples():
        scores = [f"{value:.2f}" for value in (row.ua, row.wa, row.f1)]
        bounds = f"{row.ua_low:.1f} to {row.ua_high:.1f}"
        shown.add_row(row.group, *scores, bounds, str(row.labels), str(row.utterances))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(shown)
    known = table[table["group"] != "not known"]
    if len(known) > 1:
        best, worst = known.loc[known["ua"].idxmax()], known.loc[known["ua"].idxmin()]
        gap = best["ua"] - worst["ua"]
        console.print(
            f"Gap in UA: {gap:.2f} ({best['group']} {best['ua']:.2f}, {worst['group']} {worst['ua']:.2f})"
        )


def bootstrap_bounds(
    predictions: pd.DataFrame, labels: Sequence[str], absent: Absent
) -> dict[str, tuple[float, float]]:
    """95 % intervals of UA, WA and F1 of all predictions together, in 0..1; see `clusters_of`."""
    return bootstrap_interval(
        label_ids(predictions["label"], labels),
        label_ids(predictions["prediction"], labels),
        len(labels),
        clusters=predictions[clusters_of(predictions)],
        confidence=CONFIDENCE,
        absent=absent,
    )


def clusters_of(predictions: pd.DataFrame) -> str:
    """What a bootstrap resamples: speakers where several are known, else utterances.

    An utterance that several seeds tested is one utterance.
    """
    speakers = predictions["speaker"]
    return "speaker" if speakers.notna().all() and speakers.nunique() > 1 else "id"


def label_ids(names: pd.Series, labels: Sequence[str]) -> np.ndarray:
    """Positions in the list of labels, `(N,)`."""
    ids: np.ndarray = pd.Categorical(names, categories=list(labels)).codes.astype(np.int64)
    return ids


def confusion_of(predictions: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Confusion matrix `(C, C)` of a table with columns label and prediction."""
    truth, predicted = (label_ids(predictions[column], labels) for column in ("label", "prediction"))
    return confusion_matrix(truth, predicted, len(labels))
