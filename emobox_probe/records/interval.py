"""The scores of a confusion matrix, and the interval around them, as records have them."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from emobox_probe.records.record import Record
from emobox_probe.report.percent import interval_text, score_text

METRICS = ["ua", "wa", "f1"]
TODAYS_METHOD: Literal["logit-t"] = "logit-t"

# Bounds that are nearer than this differ by rounding.
NO_WIDTH = 1e-9

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
    is no interval of any score. One score has none where all resamples have the same one; records of earlier versions
    gave it an interval of zero width, which is read as none.
    """

    confidence: Share
    resampled: Resampled
    ua: tuple[Share, Share] | None
    wa: tuple[Share, Share] | None
    f1: tuple[Share, Share] | None
    method: Literal["logit-t", "percentile"] = "percentile"
    clusters: int | None = Field(None, ge=0)
    standard_errors: Scores | None = None
    reason: str | None = None

    @field_validator(*METRICS)
    @classmethod
    def _none_without_width(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if bounds is None or bounds[1] - bounds[0] < NO_WIDTH else bounds

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
        return " ".join(filter(None, (shown, self.note_of(metric))))

    @property
    def basis(self) -> str:
        """What was resampled, and how many where that is known: `29 speakers`."""
        if self.clusters is None:
            return self.resampled
        return f"{self.clusters:,} {self.resampled if self.clusters != 1 else self.resampled[:-1]}"

    @property
    def without_spread(self) -> list[str]:
        """The scores that have no interval because all resamples have the same one: `["UA"]`."""
        return [name.upper() for name in METRICS if self.reason is None and self.bounds(name) is None]

    def note_of(self, metric: str) -> str:
        """What a table says beside or in place of the bounds of a metric; empty where they are as today's."""
        if self.reason is not None:
            return f"none ({self.basis})"
        if self.bounds(metric) is None:
            return f"none (no spread between {self.basis})"
        return "" if self.method == TODAYS_METHOD else "(percentiles)"

    @property
    def note(self) -> str:
        """The notes of all metrics together, for a row that shows several."""
        metrics_of: dict[str, list[str]] = {}
        for metric in METRICS:
            metrics_of.setdefault(self.note_of(metric), []).append(metric.upper())
        if len(metrics_of) == 1:
            return next(iter(metrics_of))
        return "; ".join(f"{', '.join(metrics)}: {note}" for note, metrics in metrics_of.items() if note)

    @property
    def remark(self) -> str:
        """The notes as sentences; empty where there are none."""
        if self.reason is not None:
            return f"No interval: {self.reason}."
        return " ".join(filter(None, (self._remark_on_spread, self._remark_on_method)))

    @property
    def _remark_on_spread(self) -> str:
        if not (names := self.without_spread):
            return ""
        return (
            f"No interval of {', '.join(names)}: the same in all resamples of {self.basis}, which cannot say how far "
            f"others would differ."
        )

    @property
    def _remark_on_method(self) -> str:
        if self.method == TODAYS_METHOD or len(self.without_spread) == len(METRICS):
            return ""
        return (
            "(percentiles): an interval of an earlier version, as recorded; over few speakers it is too narrow. With "
            "the predictions beside the record it is computed anew."
        )


def score_line(scores: Scores, interval: Interval | None) -> str:
    """Scores in percent, UA with its interval where it has one: `UA 87.0 (81.7 to 90.9), WA 88.1, F1 87.5`."""
    bounds = f" ({interval_text(*interval.percent('ua'))})" if interval and interval.ua else ""
    ua, wa, f1 = (score_text(100 * getattr(scores, metric)) for metric in METRICS)
    return f"UA {ua}{bounds}, WA {wa}, F1 {f1}"
