"""From label ids to a confusion matrix, and from a confusion matrix to UA, WA and macro-F1.

The scores are those of the Interspeech 2009 Emotion Challenge (Schuller, Steidl and Batliner, 2009,
https://doi.org/10.21437/Interspeech.2009-103), whose "unweighted" means that classes count alike:

- UA, unweighted accuracy: the mean over classes of recall. Also called unweighted average recall, balanced accuracy.
- WA, weighted accuracy: correct items over all items. Also called accuracy; the mean recall weighted by class size.
- F1, macro-F1: the mean over classes of the harmonic mean of precision and recall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Absent = Literal["zero", "skip", "error"]


def check_label_ids(values: ArrayLike, num_labels: int, name: str) -> NDArray[np.int64]:
    """Return `values` as int64 label ids, `(N,)`.

    Raises:
        ValueError: if `values` is not one-dimensional, is empty, is not of an integer type, or holds an id
            outside `0..num_labels - 1`.
    """
    ids = np.asarray(values)
    if ids.ndim != 1:
        raise ValueError(
            f"Expected `{name}` to be one-dimensional, but got shape {ids.shape}; pass one id per item."
        )
    if ids.size == 0:
        raise ValueError(
            f"Expected at least one item in `{name}`, but got none; check what was filtered out."
        )
    if not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            f"Expected `{name}` to be integer label ids, but got {ids.dtype}; take the argmax or cast."
        )
    outside = np.flatnonzero((ids < 0) | (ids >= num_labels))
    if outside.size:
        raise ValueError(
            f"Expected `{name}` to be label ids in 0..{num_labels - 1}, but got {ids[outside[0]]} at index "
            f"{outside[0]} ({outside.size} such items); list every label of the corpus."
        )
    # Narrow types would overflow in `reference * num_labels + prediction`.
    return ids.astype(np.int64)


def as_list(values: Any, name: str) -> list[Any]:
    """Return the entries of `values` (list, array, tensor, series); an array or tensor of one number as that number.

    Raises:
        ValueError: for what is iterated over in another order than that of the items, or in letters, or not at all.
    """
    if hasattr(values, "columns"):  # would be iterated over by the names of its columns
        raise ValueError(
            f"Expected `{name}` to be a list, one entry per item, but got a table of {len(values.columns)} columns "
            f"({type(values).__name__}); pass one of them."
        )
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, (str, bytes, Set, Mapping)) or not isinstance(listed, Iterable):
        single = " of no dimension" if hasattr(values, "tolist") else ""
        raise ValueError(
            f"Expected `{name}` to be a list, one entry per item, but got a {type(values).__name__}{single}; pass a "
            f"list in the order of the items."
        )
    return [_plain(value) for value in listed]


def _plain(value: Any) -> Any:
    if hasattr(value, "as_py"):  # of pyarrow
        return value.as_py()
    # Tensors are equal and hash by identity: the same number twice would be two speakers.
    return value.item() if hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1 else value


def check_whole(value: Any, name: str, least: int, remedy: str) -> None:
    """Raise ValueError unless an option is a whole number, int or NumPy's, of at least `least`."""
    if not hasattr(value, "__index__") or value < least:
        raise ValueError(
            f"Expected `{name}` to be a whole number (int) of at least {least}, but got {value!r}; {remedy}."
        )


def check_same_length(lengths: dict[str, int]) -> None:
    """Raise ValueError unless all named `lengths` are the same."""
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(
            f"Expected one entry per item everywhere, but got {found}; align them by utterance id."
        )


def confusion_matrix(references: ArrayLike, predictions: ArrayLike, num_labels: int) -> NDArray[np.int64]:
    """Count items by reference and prediction.

    Args:
        references: true label ids, `(N,)`.
        predictions: predicted label ids, `(N,)`.
        num_labels: length C of the corpus's fixed label list.

    Returns:
        Counts of shape `(C, C)`, one row per reference, one column per prediction.

    Raises:
        ValueError: if there is no item, the lengths differ, or an id is not an integer in `0..C - 1`.

    Example:
        >>> confusion_matrix(references=[0, 0, 1, 2], predictions=[0, 1, 1, 0], num_labels=3)
        array([[1, 1, 0],
               [0, 1, 0],
               [1, 0, 0]])
    """
    reference_ids = check_label_ids(references, num_labels, "references")
    prediction_ids = check_label_ids(predictions, num_labels, "predictions")
    check_same_length({"references": len(reference_ids), "predictions": len(prediction_ids)})
    cells = np.bincount(reference_ids * num_labels + prediction_ids, minlength=num_labels**2)
    return cells.reshape(num_labels, num_labels)


def scores_from_confusion(confusion: ArrayLike, absent: Absent = "zero") -> dict[str, Any]:
    """Score confusion matrices.

    A label that no reference has makes recall 0/0. `absent` says what the means over classes do with it:

    - `"zero"`: it counts as 0 in UA and F1, so both divide by C. Equals scikit-learn's
      `recall_score` and `f1_score` with `average="macro", labels=range(C), zero_division=0`. Scores of one corpus
      stay on one scale whatever the fold, but a perfect system reaches only (present classes) / C.
    - `"skip"`: UA and F1 are means over the classes that occur in the references. UA equals
      `balanced_accuracy_score`; F1 equals `f1_score(average="macro", labels=np.unique(references), zero_division=0)`.
      This is not `f1_score` without `labels`, which also averages over classes that were only predicted: there the
      denominator depends on the system, and two systems on one test set are no longer on one scale. A wrong
      prediction of an absent class still costs recall in the class it was taken from.
    - `"error"`: raise.

    The first two differ by one factor, (present classes) / C, in UA and in F1. WA and micro-F1 do not depend on
    `absent`. The per-class arrays have 0 wherever scikit-learn's `zero_division=0` has it; `support` tells which.

    Args:
        confusion: counts of shape `(..., C, C)`, rows = reference; leading axes are a batch. Not only integers:
            weighted counts score alike.
        absent: `"zero"`, `"skip"` or `"error"`.

    Returns:
        `ua`, `wa`, `f1`, `micro_f1` in 0..1: floats, or arrays `(...)` for a batch; and the arrays
        `recall`, `precision`, `class_f1`, `support`, `(..., C)`.

    Raises:
        ValueError: if a matrix is not square, holds a negative count or no item at all, if `absent` is unknown,
            or if it is `"error"` and a label is absent.

    Example:
        >>> scores = scores_from_confusion([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
        >>> round(scores["ua"], 4), round(scores["wa"], 4), round(scores["f1"], 4)
        (0.5833, 0.8333, 0.5524)
        >>> round(scores_from_confusion([[3, 1, 0], [0, 2, 0], [0, 0, 0]], absent="skip")["ua"], 4)
        0.875
    """
    counts = np.asarray(confusion, dtype=np.float64)
    _check_confusion(counts, absent)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)  # (..., C)
    support = counts.sum(axis=-1)
    predicted = counts.sum(axis=-2)
    if absent == "error" and (missing := np.argwhere(support == 0)).size:
        raise ValueError(
            f"Expected every label to occur in the references, but got no item of label ids "
            f"{sorted(set(missing[:, -1].tolist()))}; pass absent='zero' or absent='skip' to say how they count."
        )
    recall = _divide(hits, support)
    precision = _divide(hits, predicted)
    class_f1 = _divide(2 * hits, support + predicted)
    # An absent class has no hits, hence recall and F1 of 0 in the sums: the rules differ in the divisor alone.
    classes = (support > 0).sum(axis=-1) if absent == "skip" else counts.shape[-1]
    accuracy = hits.sum(axis=-1) / counts.sum(axis=(-2, -1))
    means = {
        "ua": recall.sum(axis=-1) / classes,
        "wa": accuracy,
        "f1": class_f1.sum(axis=-1) / classes,
        # With one label per item and all labels counted, each miss is one false positive and one false negative.
        "micro_f1": accuracy,
    }
    if counts.ndim == 2:
        means = {name: float(value) for name, value in means.items()}
    return means | {"recall": recall, "precision": precision, "class_f1": class_f1, "support": support}


def _check_confusion(counts: NDArray[np.float64], absent: str) -> None:
    if absent not in get_args(Absent):
        raise ValueError(f"Expected `absent` to be one of {', '.join(get_args(Absent))}, but got {absent!r}.")
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2]:
        raise ValueError(f"Expected confusion matrices of shape (..., C, C), but got {counts.shape}.")
    if not (counts >= 0).all():
        raise ValueError(
            "Expected counts of at least 0 in the confusion matrix, but got a negative or NaN one."
        )
    if not counts.any(axis=(-2, -1)).all():
        raise ValueError(
            "Expected at least one item in every confusion matrix, but got none; nothing can be scored."
        )


def _divide(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, with 0 for 0/0."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)
