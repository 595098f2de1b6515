"""UA, WA, F1, their intervals, and the comparison of two systems: plain functions, arrays in, dictionaries out.

Labels are ids or names, each column on its own: lists, NumPy arrays, tensors or series, in the order of the utterances.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .comparison import compare_systems
from .inputs import as_column, check_labels, infer_labels, label_ids
from .intervals import bootstrap_interval
from .scores import Absent, check_same_length, confusion_matrix, scores_from_confusion


def scores(
    references: Any, predictions: Any, labels: Sequence[str] | None = None, absent: Absent = "zero"
) -> dict[str, Any]:
    """Score predictions.

    Args:
        references: true label ids or names, `(N,)`.
        predictions: predicted label ids or names, `(N,)`.
        labels: the corpus's full list of C label names, in the order of the ids. Without it, the labels that occur are
            taken, sorted, with a warning: UA and F1 are then means over another list than the corpus's.
        absent: what UA and F1 do with labels that no reference has: `"zero"`, `"skip"` or `"error"`; see
            `scores_from_confusion`.

    Returns:
        `ua` (mean recall over the labels), `wa` (accuracy), `f1` (macro-F1), `micro_f1`, each in 0..1; `per_class`
        (recall, precision, f1 and support of every label), `confusion` (a list of C rows, one a reference label),
        `labels` and `labels_inferred`.

    Raises:
        ValueError: with what was expected, what came, and what to do, for inputs that cannot be scored.

    Example:
        >>> found = scores([0, 0, 2], ["angry", "happy", "sad"], labels=["angry", "happy", "sad"])
        >>> found["ua"], round(found["wa"], 3), found["per_class"]["angry"]["recall"]
        (0.5, 0.667, 0.5)
    """
    ids, names = _ids({"references": references, "predictions": predictions}, labels)
    counts = confusion_matrix(ids["references"], ids["predictions"], len(names))
    return report(counts, names, absent) | {"labels": names, "labels_inferred": labels is None}


def intervals(
    references: Any,
    predictions: Any,
    labels: Sequence[str] | None = None,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> dict[str, tuple[float, float] | None]:
    """Return bootstrap intervals of UA, WA and F1: over speakers where they are given, else over utterances.

    Args:
        references, predictions, labels, absent: as for `scores`.
        speakers: who speaks, `(N,)`, any hashable names.
        confidence: coverage aimed at, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap; the same seed gives the same interval.

    Returns:
        `(low, high)` in 0..1 for each of `ua`, `wa` and `f1`; None for a score that is the same in all resamples.

    Raises:
        ValueError: as `scores`; or there are fewer than four speakers (utterances, without `speakers`).

    Example:
        >>> references, predictions = [0, 0, 0, 1, 1, 1] * 20, [0, 0, 1, 1, 1, 0] * 20
        >>> low, high = intervals(references, predictions, labels=["angry", "sad"])["ua"]
        >>> round(low, 2), round(high, 2)
        (0.58, 0.75)
    """
    ids, names = _ids({"references": references, "predictions": predictions}, labels)
    resampling = (speakers, confidence, resamples, seed, absent)
    return bootstrap_interval(ids["references"], ids["predictions"], len(names), *resampling)


def compare(
    references: Any,
    predictions: Any,
    other_predictions: Any,
    labels: Sequence[str] | None = None,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> dict[str, dict[str, Any]]:
    """Compare two systems on the same utterances: the first minus the other.

    Args:
        references, predictions, labels, absent: as for `scores`.
        other_predictions: label ids or names that the other system predicted, `(N,)`.
        speakers, confidence, resamples, seed: as for `intervals`.

    Returns:
        For each of `ua`, `wa` and `f1` the `difference`, its `interval`, `p_value` and `minimum_detectable_difference`;
        and `mcnemar`. See `compare_systems`.

    Raises:
        ValueError: as `intervals`.

    Example:
        >>> references = ["angry", "sad"] * 40
        >>> first, other = ["angry", "sad"] * 36 + ["angry"] * 8, ["angry", "sad"] * 30 + ["angry"] * 20
        >>> found = compare(references, first, other, labels=["angry", "sad"])
        >>> round(found["ua"]["difference"], 3), found["ua"]["p_value"] < 0.05
        (0.075, True)
    """
    columns = {
        "references": references,
        "predictions": predictions,
        "other_predictions": other_predictions,
    }
    ids, names = _ids(columns, labels)
    resampling = (speakers, confidence, resamples, seed, absent)
    return compare_systems(
        ids["references"], ids["predictions"], ids["other_predictions"], len(names), *resampling
    )


def _ids(
    columns: Mapping[str, Any], labels: Sequence[str] | None
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    lists = {name: as_column(values, name) for name, values in columns.items()}
    check_same_length({name: len(values) for name, values in lists.items()})
    ids, names = ids_of(lists, None if labels is None else check_labels(labels))
    if labels is None:
        warnings.warn(inferred(names), stacklevel=3)
    return ids, names


def ids_of(
    columns: Mapping[str, Sequence[int | str]], labels: list[str] | None
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """The ids, `(N,)`, of every column, and the label list: what occurs, where none is given.

    Raises:
        ValueError: a name is not in the list, or a list cannot be inferred.
    """
    if labels is None:
        labels = infer_labels(columns)
        columns = {name: [str(value) for value in column] for name, column in columns.items()}
    return {name: label_ids(column, labels, name) for name, column in columns.items()}, labels


def inferred(labels: Sequence[str]) -> str:
    """What to say of a list that was not given."""
    return (
        f"Expected the corpus's full list of `labels`, but got none, so UA and F1 are means over the {len(labels)} "
        f"labels seen, {list(labels)}; pass labels=[...], for instance dataset.features['label'].names, for scores "
        f"that can be compared with others."
    )


def report(confusion: NDArray[np.int64], labels: Sequence[str], absent: Absent) -> dict[str, Any]:
    """Return the scores of a confusion matrix, `(C, C)`, as plain Python values under label names."""
    found = scores_from_confusion(confusion, absent)
    columns = {"recall": "recall", "precision": "precision", "f1": "class_f1"}
    per_class = {
        label: {column: float(found[key][index]) for column, key in columns.items()}
        | {"support": int(found["support"][index])}
        for index, label in enumerate(labels)
    }
    means = {name: found[name] for name in ("ua", "wa", "f1", "micro_f1")}
    return means | {"per_class": per_class, "confusion": confusion.tolist()}
