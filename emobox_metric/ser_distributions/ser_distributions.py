"""Probabilities held against the raters' distribution, as a metric of the `evaluate` library.

It is found with the package `emobox` installed, whose functions it calls (`emobox_metric.raters`).
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from emobox_metric.raters.distributions import (
    brier_score,
    cross_entropy,
    jensen_shannon_divergence,
    multilabel_f1,
)

DESCRIPTION = """
Probabilities of emotion labels held against the votes of raters: Jensen-Shannon divergence, cross-entropy, Brier score,
and the macro-F1 of all labels above a threshold, as EMO-SUPERB scores.
"""

INPUTS_DESCRIPTION = """
Args:
    predictions: probabilities, one row an utterance, one column a label; rows sum to 1.
    references: votes in the same shape, counts or shares of raters. Leave out utterances without raters.
    threshold: the share above which a label counts as given; the default is 1 / (number of labels), as in EMO-SUPERB.

Returns:
    jensen_shannon: mean divergence in bits, 0..1, the lower the better.
    cross_entropy: mean, in nats; infinite where a label that a rater chose has probability 0.
    brier: mean squared distance, 0..2, the lower the better.
    multilabel_f1: macro-F1 of the labels above the threshold, 0..1.
    utterances: how many were scored.

Examples:
    >>> metric = evaluate.load("emobox/ser_distributions")
    >>> metric.compute(predictions=[[0.5, 0.5]], references=[[2, 2]])["jensen_shannon"]
    0.0
"""

CITATION = """
@article{wu2024emosuperb,
    title = {{EMO-SUPERB}: An In-depth Look at Speech Emotion Recognition},
    author = {Wu, Haibin and Chou, Huang-Cheng and Chang, Kai-Wei and Goncalves, Lucas and Du, Jiawei and
        Jang, Jyh-Shing Roger and Lee, Chi-Chun and Lee, Hung-yi},
    journal = {arXiv:2402.13018},
    year = {2024}
}
"""


class SerDistributions(evaluate.Metric):
    """Distances of probabilities and votes; INPUTS_DESCRIPTION says what it takes and gives."""

    def _info(self) -> evaluate.MetricInfo:
        row = datasets.Sequence(datasets.Value("float64"))
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS_DESCRIPTION,
            features=datasets.Features({"predictions": row, "references": row}),
            license="Apache-2.0",
            reference_urls=["https://arxiv.org/abs/2402.13018"],
        )

    def _compute(
        self, *, predictions: list[list[float]], references: list[list[float]], threshold: float | None = None
    ) -> dict[str, Any]:
        return {
            "jensen_shannon": jensen_shannon_divergence(predictions, references),
            "cross_entropy": cross_entropy(predictions, references),
            "brier": brier_score(predictions, references),
            "multilabel_f1": multilabel_f1(predictions, references, threshold),
            "utterances": len(references),
        }
