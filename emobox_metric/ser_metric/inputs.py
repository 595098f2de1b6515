"""Predictions, references and label lists as users have them, brought into one form, or refused in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .calibration import are_probabilities, as_doubles, softmax
from .scores import as_list

# Of the 64 bits that ids are kept in.
ID_LIMIT = 2**63


def as_column(values: Any, name: str) -> list[int] | list[str]:
    """Return `values` (list, array, tensor, series) as a list of Python int, or of str."""
    if values is None:
        raise ValueError(
            f"Expected both predictions and references, but got no `{name}`; pass them together."
        )
    column = as_list(values, name)
    kinds = Counter(type(value).__name__ for value in column)
    if not column or set(kinds) not in ({"int"}, {"str"}):
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "nothing"
        raise ValueError(
            f"Expected `{name}` to be label ids (int) or label names (str), but got {found}; "
            f"turn scores into ids by argmax and fill in what is missing."
        )
    if "int" in kinds and not -ID_LIMIT <= min(column) <= max(column) < ID_LIMIT:
        largest = max(column, key=abs)
        raise ValueError(
            f"Expected `{name}` to be label ids, which are positions in the list of labels, but got {largest}; look "
            f"for what overflowed."
        )
    return column


def check_labels(labels: Any) -> list[str]:
    """Return the label list (list, tuple, array, series, index) as a list.

    Raises:
        ValueError: if it has no order of its own, could be read only once, or is not of distinct names.
    """
    listed = labels.tolist() if hasattr(labels, "tolist") else labels
    # The position of a label is its id: a set would give another id in every process.
    if isinstance(listed, (str, bytes)) or not isinstance(listed, Sequence) or not listed:
        raise ValueError(
            f"Expected `labels` to be the corpus's full list of label names in the order of their ids, but got "
            f"{labels!r} ({type(labels).__name__}); pass a list, for instance dataset.features['label'].names."
        )
    if not all(isinstance(label, str) for label in listed) or len(set(listed)) < len(listed):
        raise ValueError(
            f"Expected `labels` to be distinct strings, but got {list(listed)}; name each label once."
        )
    return [str(label) for label in listed]


def infer_labels(columns: Mapping[str, Sequence[int | str]]) -> list[str]:
    """Return the labels that occur in `columns`, sorted; ids are named by their digits.

    Raises:
        ValueError: if some columns are ids and others are names, or if an id is negative.
    """
    if len({type(column[0]) for column in columns.values()}) > 1:
        raise labels_needed("where ids are compared with names")
    occurring = sorted({value for column in columns.values() for value in column})
    if isinstance(occurring[0], int) and occurring[0] < 0:
        raise ValueError(
            f"Expected label ids from 0, but got {occurring[0]}; fill in the labels that are missing."
        )
    return [str(value) for value in occurring]


def labels_needed(where: str) -> ValueError:
    """The error for a list that cannot be inferred."""
    return ValueError(
        f"Expected `labels` {where}, but got none; pass labels=[...], the corpus's full list of label names in the "
        f"order of their ids, for instance dataset.features['label'].names."
    )


def label_ids(values: Sequence[int | str], labels: Sequence[str], name: str) -> NDArray[np.int64]:
    """Return the ids, `(N,)`, of label names; ids are returned as they are, to be checked where they are used."""
    if not isinstance(values[0], str):
        return np.asarray(values)
    id_of: dict[int | str, int] = {label: index for index, label in enumerate(labels)}
    unknown = Counter(value for value in values if value not in id_of)
    if unknown:
        found = ", ".join(f"{value!r} ({count} times)" for value, count in unknown.most_common(5))
        raise ValueError(
            f"Expected `{name}` to be among the labels {list(labels)}, but got {found}; map them to the labels, or "
            f"add them to `labels`."
        )
    return np.asarray([id_of[value] for value in values], dtype=np.int64)


def as_probabilities(
    logits: ArrayLike | None, probabilities: ArrayLike | None, predictions: NDArray[np.int64], num_labels: int
) -> ArrayLike:
    """Return whichever of the two is given as probabilities `(N, C)`, having checked that they give `predictions`."""
    if logits is not None and probabilities is not None:
        raise ValueError(
            "Expected `logits` or `probabilities`, but got both; pass the one that your system gives."
        )
    name, given = ("probabilities", probabilities) if logits is None else ("logits", logits)
    scores = as_doubles(given, name)
    if scores.shape != (len(predictions), num_labels):
        raise ValueError(
            f"Expected `{name}` of shape ({len(predictions)}, {num_labels}), one row per utterance and one column "
            f"per label, but got {scores.shape}; with several processes, gather them in order of process id."
        )
    if name == "logits" and are_probabilities(scores):
        raise ValueError(
            "Expected `logits`, but got rows that are probabilities already; pass `probabilities`."
        )
    normalised = softmax(scores) if name == "logits" else scores
    differing = np.flatnonzero(scores[np.arange(len(scores)), predictions] < scores.max(axis=1))
    if differing.size:
        raise ValueError(
            f"Expected the predictions to be the largest `{name}` of their rows, but {differing.size} are not, the "
            f"first at index {differing[0]}; check that both are in the same order, for items and for labels."
        )
    return normalised
