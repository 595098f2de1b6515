"""What follows from predictions on perturbed and on clean audio: scores, and the change with its interval."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from emobox_metric.ser_metric.comparison import compare_systems, differences_alone
from emobox_metric.ser_metric.intervals import TooFewClustersError
from emobox_metric.ser_metric.scores import Absent
from emobox_probe.records.predictions import clusters_of, confusion_of, label_ids
from emobox_probe.records.stress_record import Change
from emobox_probe.scoring.summary import scores_of


def perturbed_summary_of(part: pd.DataFrame, labels: Sequence[str], absent: Absent) -> dict[str, Any]:
    """Every number of a `PerturbedScores` that follows from predictions, by its name.

    Args:
        part: of one perturbation, with columns label, clean, prediction, speaker and id.
        labels: of the corpus.
        absent: how labels without a tested utterance count.
    """
    return {
        "test": len(part),
        "scores": scores_of(confusion_of(part, labels), absent),
        "ua_change": _change(part, labels, absent),
        "unchanged": float((part["prediction"] == part["clean"]).mean()),
    }


def _change(part: pd.DataFrame, labels: Sequence[str], absent: Absent) -> Change:
    truth, perturbed, clean = (label_ids(part[name], labels) for name in ("label", "prediction", "clean"))
    systems = (truth, perturbed, clean, len(labels))
    try:
        compared = compare_systems(*systems, clusters=part[clusters_of(part)], absent=absent)["ua"]
    except TooFewClustersError:
        compared = differences_alone(*systems, absent)["ua"]
    return Change(
        difference=compared["difference"],
        interval=compared["interval"],
        p_value=compared["p_value"],
        detectable=compared["minimum_detectable_difference"],
    )


def clean_scores_of(table: pd.DataFrame, labels: Sequence[str], absent: Absent) -> Any:
    """The run's own scores, from the predictions on clean audio beside those of any one perturbation."""
    first = table[table["perturbation"] == table["perturbation"].iloc[0]]
    return scores_of(confusion_of(first.assign(prediction=first["clean"]), labels), absent)
