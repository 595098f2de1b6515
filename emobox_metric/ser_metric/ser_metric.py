"""UA, WA and macro-F1 of speech emotion recognition, as a metric of the `evaluate` library.

`evaluate` reads this file line by line: it copies the sibling files that are imported here, and only here, next to
it; and takes what follows a `#` on an import line for a download address. Hence every sibling is imported below,
without comments, and the base class is not imported by name, or it would be taken for the metric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .calibration import are_probabilities, expected_calibration_error, softmax
from .comparison import compare_systems
from .intervals import bootstrap_interval
from .scores import Absent, check_same_length, confusion_matrix, scores_from_confusion

DESCRIPTION = """
Scores of speech emotion recognition: UA (mean recall over a fixed list of labels), WA (accuracy) and macro-F1, with
per-class scores, the confusion matrix, bootstrap intervals over speakers, the paired comparison of two systems, and
the expected calibration error.
"""

INPUTS_DESCRIPTION = """
Args:
    predictions: predicted label ids (int) or label names (str), one per utterance.
    references: true label ids or label names, one per utterance. One side may be ids and the other names.
    labels: the corpus's full list of label names, in the order of the ids, for instance
        `dataset.features["label"].names`. Needed here or in `evaluate.load(..., labels=...)`.
    absent: what UA and F1 do with labels that no reference has: "zero" (count as 0, the default), "skip" or "error".
    interval: True adds bootstrap intervals. The default is to add them when `speakers` are given.
    speakers: the speaker of each utterance. Whole speakers are then resampled instead of utterances.
    confidence: coverage of the intervals, 0.95 by default.
    resamples: number of bootstrap resamples, 2000 by default.
    seed: of the bootstrap, 0 by default.
    logits: scores of shape (utterances, labels); adds `ece`. Their largest entry must be the prediction.
    probabilities: the same, but already in 0..1.
    bins: number of bins of the expected calibration error, 15 by default.
    other_predictions: predictions of another system for the same utterances; adds `comparison`.

    With `num_process` > 1, `speakers`, `logits`, `probabilities` and `other_predictions` are read on process 0 only
    and must cover the utterances of all processes, in order of process id.

Returns:
    ua, wa, f1, micro_f1: scores in 0..1.
    per_class: for each label its recall, precision, f1 and support.
    confusion: list of rows, one per reference label, of counts per predicted label.
    intervals: (low, high) for ua, wa and f1, if asked for.
    comparison: for ua, wa and f1 the difference, its interval, p_value and minimum_detectable_difference; and
        mcnemar; if `other_predictions` are given.
    ece: the expected calibration error in 0..1, if `logits` or `probabilities` are given.

Examples:
    >>> metric = evaluate.load("emobox/ser_metric", labels=["angry", "happy", "sad"])
    >>> metric.compute(references=["angry", "angry", "sad"], predictions=["angry", "happy", "sad"])["wa"]
    0.6666666666666666
"""

CITATION = """
@inproceedings{ma2024emobox,
    title = {{EmoBox}: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark},
    author = {Ma, Ziyang and Chen, Mingjie and Zhang, Hezhao and Zheng, Zhisheng and Chen, Wenxi and Li, Xiquan and
        Ye, Jiaxin and Chen, Xie and Hain, Thomas},
    booktitle = {Interspeech},
    year = {2024},
    doi = {10.21437/Interspeech.2024-788}
}
"""


class SerMetric(evaluate.Metric):
    """UA, WA and macro-F1 over a fixed list of labels.

    INPUTS_DESCRIPTION above, which `evaluate` appends to the help of `compute`, says what it takes and gives.

    Args:
        labels: the corpus's full list of label names, in the order of the ids; may be left to `compute`.
        args, kwargs: those of `evaluate.EvaluationModule`, for instance `cache_dir`, `num_process`, `keep_in_memory`.

    Raises:
        ValueError: with what was expected, what came, and what to do, for inputs that cannot be scored.

    Example:
        >>> metric = SerMetric(labels=["angry", "happy", "sad"], keep_in_memory=True)
        >>> metric.add_batch(references=[0, 0, 2], predictions=["angry", "happy", "sad"])
        >>> metric.compute()["per_class"]["angry"]
        {'recall': 0.5, 'precision': 1.0, 'f1': 0.6666666666666666, 'support': 2}
    """

    data: Any

    def __init__(self, *args: Any, labels: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.labels = None if labels is None else check_labels(labels)

    def _info(self) -> evaluate.MetricInfo:
        # "string" comes first, because `evaluate` takes the first that fits and int("3") would fit names like "3".
        kinds = ("string", "int64")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS_DESCRIPTION,
            features=[
                datasets.Features({"predictions": datasets.Value(one), "references": datasets.Value(other)})
                for one in kinds
                for other in kinds
            ],
            license="Apache-2.0",
            reference_urls=[
                "https://doi.org/10.21437/Interspeech.2024-788",
                "https://doi.org/10.21437/Interspeech.2009-103",
            ],
        )

    def add(self, *, prediction: Any = None, reference: Any = None, **kwargs: Any) -> None:
        """Add one prediction and one reference."""
        # `evaluate.combine` calls this with the plural names.
        prediction, reference = kwargs.pop("predictions", prediction), kwargs.pop("references", reference)
        predictions, references = as_column([prediction], "prediction"), as_column([reference], "reference")
        super().add(prediction=predictions[0], reference=references[0], **kwargs)

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Add one prediction and one reference per utterance of a batch."""
        # `evaluate` would turn 0.9 into label 0, fail on an empty list with IndexError, and after an input it cannot
        # write keep expecting its type.
        predictions, references = as_column(predictions, "predictions"), as_column(references, "references")
        check_same_length({"predictions": len(predictions), "references": len(references)})
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def compute(
        self, *, predictions: Any = None, references: Any = None, **options: Any
    ) -> dict[str, Any] | None:
        """Score what was added, or `predictions` and `references`; None on all processes but the first."""
        if predictions is None and references is None and self.writer is None:
            raise ValueError(
                "Expected predictions and references, but got none; pass them to `compute`, or call `add_batch` first."
            )
        labels = options.pop("labels", None)
        # Before the data are closed: a forgotten list must not cost an evaluation that ran for hours.
        names = check_labels(self.labels if labels is None else labels)
        try:
            result: dict[str, Any] | None = super().compute(
                predictions=predictions, references=references, labels=names, **options
            )
        finally:
            self._discard()
        return result

    def _compute(
        self,
        *,
        predictions: Sequence[int | str],
        references: Sequence[int | str],
        labels: list[str],
        absent: Absent = "zero",
        interval: bool | None = None,
        speakers: Sequence[Hashable] | None = None,
        confidence: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
        logits: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        bins: int = 15,
        other_predictions: Any = None,
    ) -> dict[str, Any]:
        reference_ids = label_ids(references, labels, "references")
        prediction_ids = label_ids(predictions, labels, "predictions")
        result = report(confusion_matrix(reference_ids, prediction_ids, len(labels)), labels, absent)
        resampling: dict[str, Any] = {
            "clusters": speakers,
            "confidence": confidence,
            "resamples": resamples,
            "seed": seed,
            "absent": absent,
        }
        if interval or (interval is None and speakers is not None):
            result["intervals"] = bootstrap_interval(reference_ids, prediction_ids, len(labels), **resampling)
        if other_predictions is not None:
            other_ids = label_ids(
                as_column(other_predictions, "other_predictions"), labels, "other_predictions"
            )
            result["comparison"] = compare_systems(
                reference_ids, prediction_ids, other_ids, len(labels), **resampling
            )
        if logits is not None or probabilities is not None:
            given = as_probabilities(logits, probabilities, prediction_ids, len(labels))
            result["ece"] = expected_calibration_error(given, reference_ids, bins)
        return result

    def _discard(self) -> None:
        """Forget data whose scoring failed: `evaluate` would keep its files, locked, and avoid them ever after."""
        if self.data is None:  # scored, or not yet closed
            return
        self.data = self.buf_writer = None
        for path, lock in zip(self.file_paths or (), self.filelocks or (), strict=True):
            Path(path).unlink(missing_ok=True)
            lock.release()


def report(confusion: NDArray[np.int64], labels: Sequence[str], absent: Absent) -> dict[str, Any]:
    """Return the scores of a confusion matrix, `(C, C)`, as plain Python values under label names."""
    scores = scores_from_confusion(confusion, absent)
    columns = {"recall": "recall", "precision": "precision", "f1": "class_f1"}
    per_class = {
        label: {column: float(scores[key][index]) for column, key in columns.items()}
        | {"support": int(scores["support"][index])}
        for index, label in enumerate(labels)
    }
    means = {name: scores[name] for name in ("ua", "wa", "f1", "micro_f1")}
    return means | {"per_class": per_class, "confusion": confusion.tolist()}


def as_column(values: Any, name: str) -> list[int] | list[str]:
    """Return `values` (list, array, tensor, series) as a list of Python int, or of str."""
    if values is None:
        raise ValueError(
            f"Expected both predictions and references, but got no `{name}`; pass them together."
        )
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    column = [value.item() if hasattr(value, "item") else value for value in listed]
    kinds = Counter(type(value).__name__ for value in column)
    if not column or set(kinds) not in ({"int"}, {"str"}):
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "nothing"
        raise ValueError(
            f"Expected `{name}` to be label ids (int) or label names (str), but got {found}; "
            f"turn scores into ids by argmax and fill in what is missing."
        )
    return column


def check_labels(labels: Sequence[str] | None) -> list[str]:
    """Return the label list as a list, or raise if it is missing, not of names, or not of distinct ones."""
    if labels is None or isinstance(labels, str) or not len(labels):
        raise ValueError(
            f"Expected `labels` to be the corpus's full list of label names, but got {labels!r}; pass labels=[...] "
            f"to `compute` or to `evaluate.load`, for instance dataset.features['label'].names."
        )
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ValueError(
            f"Expected `labels` to be distinct strings, but got {list(labels)}; name each label once."
        )
    return list(labels)


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
    scores = np.asarray(given, dtype=np.float64)
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
