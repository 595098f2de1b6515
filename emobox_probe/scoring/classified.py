"""What follows from the answers of a classifier that was used as it is."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from emobox_probe.records.classified import OUTSIDE
from emobox_probe.records.predictions import confusion_of, interval_of
from emobox_probe.scoring.summary import scores_of

# Labels without a tested utterance do not count, as under every protocol.
ABSENT: Literal["skip"] = "skip"


def part_summary_of(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Every number of a `TestedPart`, by its name.

    Args:
        table: of tested utterances, with columns fold, id, speaker, label and prediction (a label, or `OUTSIDE`).
        labels: of the corpus.
    """
    known = [*labels, OUTSIDE]
    confusion: np.ndarray = confusion_of(table, known)
    return {
        "folds": list(dict.fromkeys(table["fold"])),
        "test": len(table),
        "scores": scores_of(confusion, ABSENT),
        "interval": interval_of(table, known, ABSENT),
        "confusion": confusion[: len(labels)].tolist(),
        "outside": float((table["prediction"] == OUTSIDE).mean()),
    }
