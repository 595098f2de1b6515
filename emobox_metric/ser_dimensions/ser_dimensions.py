"""Concordance with rated emotion dimensions, as a metric of the `evaluate` library.

It is found with the package `emobox` installed, whose functions it calls (`emobox_metric.raters`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from emobox_metric.raters.dimensions import ccc, ccc_interval
from emobox_metric.ser_metric.intervals import TooFewClustersError

DESCRIPTION = """
The concordance correlation coefficient (CCC) of predicted and rated emotion dimensions such as arousal, valence and
dominance, each by itself and their mean, with bootstrap intervals over speakers.
"""

INPUTS_DESCRIPTION = """
Args:
    predictions: a number an utterance, or a row of numbers, one a dimension, on the scale of the ratings.
    references: ratings, in the same shape.
    dimensions: the names of the columns, for instance ["arousal", "valence", "dominance"]; the default numbers them.
    speakers: the speaker of each utterance; adds `intervals`, which are None with fewer than four speakers.
    confidence, resamples, seed: of the intervals; 0.95, 2000 and 0 by default.

Returns:
    ccc: the mean over dimensions, in -1..1.
    per_dimension: the CCC of each by name.
    intervals: (low, high) of each by name, None without spread, if `speakers` are given.

Examples:
    >>> metric = evaluate.load("emobox/ser_dimensions")
    >>> round(metric.compute(predictions=[0.0, 1.0, 1.0], references=[0.0, 1.0, 2.0])["ccc"], 4)
    0.6667
"""

CITATION = """
@article{lin1989concordance,
    title = {A Concordance Correlation Coefficient to Evaluate Reproducibility},
    author = {Lin, Lawrence I-Kuei},
    journal = {Biometrics},
    volume = {45},
    number = {1},
    pages = {255--268},
    year = {1989},
    doi = {10.2307/2532051}
}
"""


class SerDimensions(evaluate.Metric):
    """CCC by dimension; INPUTS_DESCRIPTION says what it takes and gives."""

    def _info(self) -> evaluate.MetricInfo:
        number = datasets.Value("float64")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS_DESCRIPTION,
            features=[
                datasets.Features({"predictions": feature, "references": feature})
                for feature in (datasets.Sequence(number), number)
            ],
            license="Apache-2.0",
            reference_urls=["https://doi.org/10.2307/2532051"],
        )

    def _compute(
        self,
        *,
        predictions: list[Any],
        references: list[Any],
        dimensions: Sequence[str] | None = None,
        speakers: Sequence[Hashable] | None = None,
        confidence: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
    ) -> dict[str, Any]:
        answers, truth = _columns(predictions, "predictions"), _columns(references, "references")
        names = [str(number) for number in range(len(truth))] if dimensions is None else list(dimensions)
        if not len(answers) == len(truth) == len(set(names)) == len(names):
            raise ValueError(
                f"Expected as many predicted as rated dimensions, each with a name of its own, but got {len(answers)}, "
                f"{len(truth)} and {names}; pass dimensions=[...] in the order of the columns."
            )
        pairs = {name: (truth[place], answers[place]) for place, name in enumerate(names)}
        values = {name: ccc(*pair) for name, pair in pairs.items()}
        result = {"ccc": float(np.mean(list(values.values()))), "per_dimension": values}
        if speakers is None:
            return result
        try:
            bounds = {
                name: ccc_interval(*pair, speakers, confidence, resamples, seed)
                for name, pair in pairs.items()
            }
        except TooFewClustersError:
            return result | {"intervals": None}
        return result | {"intervals": bounds}


def _columns(values: list[Any], name: str) -> np.ndarray:
    """The numbers of every dimension, `(D, N)`."""
    lengths = {len(value) if isinstance(value, Sequence) else 1 for value in values}
    if len(lengths) != 1:
        raise ValueError(
            f"Expected as many dimensions for every utterance in `{name}`, but got {sorted(lengths)}; pass rows of "
            f"equal length."
        )
    return np.asarray(values, dtype=np.float64).reshape(len(values), -1).T
