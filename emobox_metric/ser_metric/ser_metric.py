"""UA, WA and macro-F1 of speech emotion recognition, as a metric of the `evaluate` library.

`evaluate` reads this file line by line: it copies the sibling files that are imported here, and only here, next to
it; and takes what follows a `#` on an import line for a download address. Hence every sibling is imported below,
without comments, and the base class is not imported by name, or it would be taken for the metric.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import datasets
import evaluate
from numpy.typing import ArrayLike

from .calibration import expected_calibration_error
from .comparison import compare_systems, differences_alone
from .functions import ids_of, inferred, report
from .inputs import as_column, as_probabilities, check_labels, labels_needed
from .intervals import TooFewClustersError, bootstrap_interval
from .processes import (
    NO_UTTERANCES,
    features_of_all,
    file_of,
    handed_over,
    is_empty,
    is_locked,
    missing_after,
    waited_in_vain,
)
from .scores import Absent, check_same_length, confusion_matrix

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
        `dataset.features["label"].names`. Pass it here or in `evaluate.load(..., labels=...)`. Without it, the labels
        that occur are taken, sorted, with a warning: UA and F1 are then means over another list than the corpus's.
    absent: what UA and F1 do with labels that no reference has: "zero" (count as 0, the default), "skip" or "error".
    interval: True adds bootstrap intervals. The default is to add them when `speakers` are given.
    speakers: the speaker of each utterance. Whole speakers are then resampled instead of utterances; with fewer than
        four, no interval can be given.
    confidence: coverage of the intervals, 0.95 by default.
    resamples: number of bootstrap resamples, 2000 by default.
    seed: of the bootstrap, 0 by default.
    logits: scores of shape (utterances, labels); adds `ece`. Their largest entry must be the prediction.
    probabilities: the same, but already in 0..1.
    bins: number of bins of the expected calibration error, 15 by default.
    other_predictions: predictions of another system for the same utterances; adds `comparison`.

    With `num_process` > 1, `speakers`, `logits`, `probabilities` and `other_predictions` are read on process 0 only
    and must cover the utterances of all processes, in order of process id. Every process calls `compute`, also one
    without utterances; `evaluate.load(..., timeout=100)` says for how many seconds they wait for each other.

Returns:
    ua, wa, f1, micro_f1: scores in 0..1.
    per_class: for each label its recall, precision, f1 and support.
    confusion: list of rows, one per reference label, of counts per predicted label.
    labels: the label list that was used, in the order of the ids.
    labels_inferred: whether it is only what occurs in the inputs, because no list was given.
    intervals: (low, high) for ua, wa and f1, if asked for; None, with a warning, where there are fewer than four
        speakers (utterances, without `speakers`). A score without spread, because all is right or all answers are the
        same, has None in place of its bounds.
    comparison: for ua, wa and f1 the difference, its interval, p_value and minimum_detectable_difference; and
        mcnemar; if `other_predictions` are given. With fewer than four speakers all but the difference are None, and
        without spread interval and minimum_detectable_difference.
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
        labels: the corpus's full list of label names, in the order of the ids; may be left to `compute`, and there to
            be inferred from what occurs.
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
    writer: Any
    filelock: Any
    cache_file_name: Any
    file_paths: Any
    filelocks: Any

    def __init__(self, *args: Any, labels: Sequence[str] | None = None, **kwargs: Any) -> None:
        # `evaluate` takes any option in silence, also one that only `compute` heeds.
        if unknown := kwargs.keys() - signature(evaluate.EvaluationModule.__init__).parameters.keys():
            raise ValueError(
                f"Expected options of evaluate.load, but got {', '.join(sorted(unknown))}; pass options of scoring, "
                f"such as absent= and interval=, to `compute`."
            )
        super().__init__(*args, **kwargs)
        self.labels = None if labels is None else check_labels(labels)
        self._warned = False
        self._warned_of_few = False

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
        if self.num_process > 1 and is_empty(predictions) and is_empty(references):
            return
        # `evaluate` would turn 0.9 into label 0, fail on an empty list with IndexError, and after an input it cannot
        # write keep expecting its type.
        predictions, references = as_column(predictions, "predictions"), as_column(references, "references")
        check_same_length({"predictions": len(predictions), "references": len(references)})
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def compute(
        self, *, predictions: Any = None, references: Any = None, **options: Any
    ) -> dict[str, Any] | None:
        """Score what was added, or `predictions` and `references`; None on all processes but the first."""
        if self.num_process > 1 and is_empty(predictions) and is_empty(references):
            predictions = references = None
        labels = options.pop("labels", None)
        labels = self.labels if labels is None else labels
        # Before the data are closed: a bad list must not cost an evaluation that ran for hours.
        names = None if labels is None else check_labels(labels)
        if names is None:
            self._check_inferable(options)
        if predictions is None and references is None and self.writer is None:
            self._join_without_utterances()
        try:
            result: dict[str, Any] | None = super().compute(
                predictions=predictions, references=references, labels=names, **options
            )
        except BaseException:
            self._discard()
            raise
        self.file_paths = self.filelocks = None
        if result is not None and result["labels_inferred"]:
            self._warn_of_inferred(result["labels"])
        return result

    def _check_inferable(self, options: dict[str, Any]) -> None:
        """Raise if there must be a label list, as far as can be told before all data are collected."""
        if options.get("logits") is not None or options.get("probabilities") is not None:
            raise labels_needed("with logits or probabilities, whose columns they name")
        if self.writer is not None:
            kinds = self.selected_feature_format
            if kinds["predictions"] != kinds["references"]:
                raise labels_needed("where ids are compared with names")

    def _warn_of_inferred(self, labels: list[str]) -> None:
        if self._warned:
            return
        self._warned = True
        warnings.warn(inferred(labels), stacklevel=3)

    def _compute(
        self,
        *,
        predictions: Sequence[int | str],
        references: Sequence[int | str],
        labels: list[str] | None,
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
        columns: dict[str, Sequence[int | str]] = {"references": references, "predictions": predictions}
        if other_predictions is not None:
            columns["other_predictions"] = as_column(other_predictions, "other_predictions")
        ids, names = ids_of(columns, labels)
        reference_ids, prediction_ids = ids["references"], ids["predictions"]
        result = report(confusion_matrix(reference_ids, prediction_ids, len(names)), names, absent)
        result |= {"labels": names, "labels_inferred": labels is None}
        resampling: dict[str, Any] = {
            "clusters": speakers,
            "confidence": confidence,
            "resamples": resamples,
            "seed": seed,
            "absent": absent,
        }
        if interval or (interval is None and speakers is not None):
            try:
                bounds = bootstrap_interval(reference_ids, prediction_ids, len(names), **resampling)
            except TooFewClustersError as error:
                bounds = None
                self._warn_of_few(error)
            result["intervals"] = bounds
        if other_predictions is not None:
            systems = reference_ids, prediction_ids, ids["other_predictions"], len(names)
            try:
                result["comparison"] = compare_systems(*systems, **resampling)
            except TooFewClustersError as error:
                result["comparison"] = differences_alone(*systems, absent)
                self._warn_of_few(error)
        if logits is not None or probabilities is not None:
            given = as_probabilities(logits, probabilities, prediction_ids, len(names))
            result["ece"] = expected_calibration_error(given, reference_ids, bins)
        return result

    def _warn_of_few(self, error: TooFewClustersError) -> None:
        if not self._warned_of_few:
            self._warned_of_few = True
            warnings.warn(f"No interval can be given. {error}", stacklevel=2)

    def _join_without_utterances(self) -> None:
        """Take part with an empty file: the last process of an epoch may have nothing to score."""
        if self.num_process == 1:
            raise ValueError(
                "Expected predictions and references, but got none; pass them to `compute`, or call `add_batch` first."
            )
        self.selected_feature_format = NO_UTTERANCES
        self._init_writer()

    def _init_writer(self, timeout: float = 1) -> None:
        own = file_of(self, self.process_id)
        # This process may be one evaluation ahead of process 0, which must read the last file before it is overwritten.
        if own in handed_over and missing_after(self.timeout, [0], lambda _: not Path(own).exists()):
            raise waited_in_vain(self, "to end", [0])
        handed_over.discard(own)
        try:
            super()._init_writer(timeout)
        except BaseException:
            # Else the next `add` would write without waiting for the others.
            self.writer = None
            self._discard()
            if self.rendez_vous_lock is not None:
                self.rendez_vous_lock.release()
            raise

    def _check_all_processes_locks(self) -> None:
        """Wait until all others have begun."""
        others = range(1, self.num_process)
        if missing := missing_after(self.timeout, others, lambda other: is_locked(self, other)):
            raise waited_in_vain(self, "to begin", missing)

    def _check_rendez_vous(self) -> None:
        """Wait until process 0 has begun, and has seen that all others have."""
        if missing_after(self.timeout, [0], lambda other: is_locked(self, other)):
            raise waited_in_vain(self, "to begin", [0])
        try:
            super()._check_rendez_vous()
        except ValueError as error:
            missing = [other for other in range(self.num_process) if not is_locked(self, other)]
            raise waited_in_vain(self, "to begin", missing or [0]) from error

    def _get_all_cache_files(self) -> tuple[Any, Any]:
        """The files and locks of all processes, all of them complete, and of one type."""
        try:
            self.file_paths, self.filelocks = super()._get_all_cache_files()
        except ValueError as error:
            if self.num_process == 1:
                raise
            others = range(1, self.num_process)
            missing = [other for other in others if is_locked(self, other)]
            raise waited_in_vain(self, "to end", missing or list(others)) from error
        if self.num_process > 1:
            self.selected_feature_format = features_of_all(self.file_paths)
        return self.file_paths, self.filelocks

    def _finalize(self) -> None:
        super()._finalize()
        if self.process_id > 0:
            handed_over.add(file_of(self, self.process_id))
        elif self.file_paths is not None:
            # They are deleted and unlocked from the last to the first. Who sees that its file is gone begins anew, and
            # must not take the lock of process 0 for that of the next evaluation: it goes first.
            self.file_paths = [*self.file_paths[1:], self.file_paths[0]]
            self.filelocks = [*self.filelocks[1:], self.filelocks[0]]

    def _discard(self) -> None:
        """Forget data that cannot be scored: `evaluate` would keep its files, locked, and avoid them ever after."""
        if self.writer is not None:  # not closed, so still to be scored
            return
        own = [] if self.filelock is None else [(self.cache_file_name, self.filelock)]
        for path, lock in reversed([*zip(self.file_paths or (), self.filelocks or (), strict=True), *own]):
            Path(path).unlink(missing_ok=True)
            lock.release()
        self.data = self.buf_writer = self.file_paths = self.filelocks = None
        self.cache_file_name = self.filelock = None
