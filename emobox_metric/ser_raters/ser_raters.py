"""The raters' agreement, the scores that people reach, and whether a model beats one, for the `evaluate` library.

It is found with the package `emobox` installed, whose functions it calls (`emobox_metric.raters`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from emobox_metric.raters.agreement import krippendorff_alpha
from emobox_metric.raters.ceiling import beats_single_rater, held_out_rater_scores, human_scores

DESCRIPTION = """
The human line: what a single rater and the majority of raters score, how far raters agree (Krippendorff's alpha), and
the probability that a model does better than a rater.
"""

INPUTS_DESCRIPTION = """
Args:
    predictions: label ids that a model says, one an utterance.
    references: votes, one row an utterance, one column a label. Leave out utterances without raters.
    labels: true label ids, where they are not the raters' own, such as acted ones. Without them a rater is held against
        the other raters.
    speakers: the speaker of each utterance, whom intervals resample; None with fewer than four.
    confidence, resamples, seed: of the intervals; 0.95, 2000 and 0 by default.

Returns:
    alpha: Krippendorff's alpha of the votes; None where no utterance has two raters, votes are shares, or all votes are
        for one label.
    single_rater, majority: with `labels`; held_out_rater: without. Each ua, wa, f1, confusion, intervals.
    beats_single_rater: probability (ties count half), wins, ties, losses, interval, utterances.

Examples:
    >>> metric = evaluate.load("emobox/ser_raters")
    >>> metric.compute(predictions=[0, 1], references=[[3, 1], [0, 4]], labels=[0, 1])["single_rater"]["wa"]
    0.875
"""

CITATION = """
@techreport{krippendorff2011computing,
    title = {Computing {Krippendorff's} Alpha-Reliability},
    author = {Krippendorff, Klaus},
    institution = {University of Pennsylvania},
    year = {2011}
}
"""


class SerRaters(evaluate.Metric):
    """The human line; INPUTS_DESCRIPTION says what it takes and gives."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS_DESCRIPTION,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("int64"),
                    "references": datasets.Sequence(datasets.Value("float64")),
                }
            ),
            license="Apache-2.0",
            reference_urls=["https://repository.upenn.edu/asc_papers/43"],
        )

    def _compute(
        self,
        *,
        predictions: list[int],
        references: list[list[float]],
        labels: Sequence[int] | None = None,
        speakers: Sequence[Hashable] | None = None,
        confidence: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
    ) -> dict[str, Any]:
        resampling: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
        if labels is None:
            lines = {"held_out_rater": held_out_rater_scores(references, speakers, **resampling)}
        else:
            lines = human_scores(labels, references, speakers, **resampling)
        plain = {
            name: line | {"confusion": np.asarray(line["confusion"]).tolist()} for name, line in lines.items()
        }
        beaten = beats_single_rater(predictions, references, labels, speakers, **resampling)
        return {"alpha": _alpha(references), **plain, "beats_single_rater": beaten}


def _alpha(votes: list[list[float]]) -> float | None:
    try:
        return krippendorff_alpha(votes)
    except ValueError:
        return None
