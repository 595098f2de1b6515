"""The scores of a confusion matrix, and the interval around them, as records have them."""

from typing import Annotated, Literal

from pydantic import Field

from emobox_probe.records.record import Record
from emobox_probe.report.percent import interval_text

METRICS = ["ua", "wa", "f1"]
TODAYS_METHOD: Literal["logit-t"] = "logit-t"

Resampled = Literal["speakers", "utterances"]
Share = Annotated[float, Field(ge=0, le=1)]


class Scores(Record):
    """UA, WA and macro-F1, each in 0..1."""

    ua: Share
    wa: Share
    f1: Share


class Interval(Record):
    """A bootstrap interval of the scores of all tested utterances together: (low, high) each; None where there is none.

    `method` is how it was made (`percentile` in records that do not say), `clusters` how many speakers or utterances
    were resampled, `standard_errors` those of the scores (both None in such records). `reason` says in words why there
    is no interval.
    """

    confidence: Share
    resampled: Resampled
    ua: tuple[Share, Share] | None
    wa: tuple[Share, Share] | None
    f1: tuple[Share, Share] | None
    method: Literal["logit-t", "percentile"] = "percentile"
    clusters: int | None = None
    standard_errors: Scores | None = None
    reason: str | None = None

    def bounds(self, metric: str) -> tuple[float, float] | None:
        """(low, high) of a metric in 0..1."""
        bounds: tuple[float, float] | None = getattr(self, metric)
        return bounds

    def percent(self, metric: str) -> tuple[float | None, float | None]:
        """Low and high of a metric in percent, None each where there is none."""
        bounds = self.bounds(metric)
        return (None, None) if bounds is None else (100 * bounds[0], 100 * bounds[1])

    def text(self, metric: str, between: str = " to ") -> str:
        """Its bounds in percent, or that there is none, and what a reader of them must know."""
        shown = interval_text(*self.percent(metric), between)
        return " ".join(filter(None, (shown, self.note)))

    @property
    def basis(self) -> str:
        """What was resampled, and how many where that is known: `29 speakers`."""
        if self.clusters is None:
            return self.resampled
        return f"{self.clusters:,} {self.resampled if self.clusters != 1 else self.resampled[:-1]}"

    @property
    def note(self) -> str:
        """What a table says beside or in place of the bounds; empty where they are as today's."""
        if self.reason is not None:
            return f"none ({self.basis})"
        return "" if self.method == TODAYS_METHOD else "(percentiles)"

    @property
    def remark(self) -> str:
        """The note as a sentence; empty where there is none."""
        if self.reason is not None:
            return f"No interval: {self.reason}."
        if self.method == TODAYS_METHOD:
            return ""
        return (
            "(percentiles): an interval of an earlier version, as recorded; over few speakers it is too narrow. With "
            "the predictions beside the record it is computed anew."
        )
