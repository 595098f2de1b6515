"""How far probabilities can be trusted, as records have it."""

import numpy as np
from pydantic import Field

from emobox_probe.records.record import Record


class CalibrationScores(Record):
    """Of all tested utterances together; the smaller, the better.

    `nll` in nats; `brier` summed over the labels, in 0..2; `ece` and `classwise_ece` in 0..1, over as many bins as
    `Calibration` has; `aurc`, the area under the curve of risk over coverage, in 0..1.
    """

    nll: float = Field(ge=0)
    brier: float = Field(ge=0, le=2)
    ece: float = Field(ge=0, le=1)
    classwise_ece: float = Field(ge=0, le=1)
    aurc: float = Field(ge=0, le=1)


class ReliabilityBin(Record):
    """Answers of one bin of confidence: how many, mean confidence, share that is right (None each of none)."""

    answers: int
    confidence: float | None
    accuracy: float | None


class Calibration(Record):
    """Of the probabilities that heads give (softmax of their logits).

    `scaled` is of the same after temperature scaling, where validation gave every head its temperature (None in runs
    of older versions). `reliability` has the bins of confidence, from 0 to 1. `risk` is the share of wrong answers
    among the most confident 5, 10 … 100 % of all. Both are of what heads give, without a temperature.
    """

    plain: CalibrationScores
    scaled: CalibrationScores | None
    reliability: list[ReliabilityBin]
    risk: list[float]

    def curves(self) -> tuple[list[tuple[int, float, float]], list[float]]:
        """What `calibration_picture` shows: NaN where a bin has no answers."""
        nan = float("nan")
        bins = [
            (bin.answers, nan, nan)
            if bin.confidence is None or bin.accuracy is None
            else (bin.answers, bin.confidence, bin.accuracy)
            for bin in self.reliability
        ]
        return bins, self.risk

    def numbers(self) -> tuple[float, ...]:
        """Every number, in one order; NaN where there is none."""
        scores = [value for part in (self.plain, self.scaled) if part for value in part.model_dump().values()]
        bins = [value for bin in self.reliability for value in bin.model_dump().values()]
        return tuple(np.nan if value is None else float(value) for value in (*scores, *bins, *self.risk))

    @property
    def sentence(self) -> str:
        """The scores in a line."""
        return "Calibration: " + "; ".join(
            f"{name} {text}" + (f" (with temperature {after})" if after else "")
            for name, text, after in self.rows()
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """Name, value, and value after temperature scaling (empty where there is none) of every score."""
        return [
            (name, _text(field, self.plain), _text(field, self.scaled) if self.scaled else "")
            for field, name in NAMES.items()
        ]


# Errors and risk in percent, as scores are.
NAMES = {
    "ece": "ECE",
    "classwise_ece": "classwise ECE",
    "brier": "Brier score",
    "nll": "NLL",
    "aurc": "area under risk-coverage",
}
_IN_PERCENT = {"ece", "classwise_ece", "aurc"}


def _text(field: str, scores: CalibrationScores) -> str:
    return score_of(field, getattr(scores, field))


def score_of(field: str, value: float) -> str:
    """One of the scores as people read it."""
    return f"{100 * value:.1f} %" if field in _IN_PERCENT else f"{value:.3f}"
