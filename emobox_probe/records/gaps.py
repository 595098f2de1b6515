"""How far apart groups of utterances are scored, as records have it."""

from typing import Literal

from pydantic import Field

from emobox_probe.records.record import Record


class GapRecord(Record):
    """One pair of groups, and UA or the recall of one label: first minus second, in -1..1.

    `p_holm` is the p value adjusted for all pairs (of recalls: all pairs and labels). `detectable` is the smallest true
    gap that would be found with probability 0.8 at level 0.05. Interval and `detectable` are None where `reason` says
    why, or where nothing varies.
    """

    first: str
    second: str
    of: str
    first_score: float
    second_score: float
    difference: float
    interval: tuple[float, float] | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    reason: str | None = None

    def sentence(self, by: str) -> str:
        """How far apart, how sure, and what could have been found."""
        if self.interval and self.detectable is not None:
            low, high = (100 * bound for bound in self.interval)
            sure = f"95 % interval {low:+.1f} to {high:+.1f}; gaps below {100 * self.detectable:.1f} could be missed"
        else:
            sure = f"no interval; {self.reason or 'no spread'}"
        p = "" if self.p is None else f"; p {self.p:.3f}"
        return (
            f"Gap in UA by {by}, {self.first} minus {self.second}: {100 * self.difference:+.1f} ({sure}{p})."
        )


class Gaps(Record):
    """All gaps between the groups of one property.

    `largest` is the largest gap in UA of any two groups, each over the labels that both have (None where no two have
    one in common); a model with the same confusion matrix, whose errors know nothing of groups, stays below `by_chance`
    in 95 of 100 draws. `resampled` says what is drawn, `groups` how many of them each group has. Pairs
    `without_common_labels` have no gap. `speakers_of` says which speakers an interval counts: those of the group, in
    records that do not say, or those of them who have the label.
    """

    by: str
    resampled: str
    groups: dict[str, int]
    largest: float | None
    by_chance: float | None
    gaps: list[GapRecord]
    without_common_labels: list[str] = Field(default_factory=list)
    speakers_of: Literal["group", "label"] = "group"

    @property
    def of_today(self) -> bool:
        """Whether this version made them so; else they are made anew where the predictions are."""
        return self.speakers_of == "label"

    def numbers(self) -> tuple[float, ...]:
        """Every number, in one order; NaN where there is none."""
        values: list[float | None] = [self.largest, self.by_chance, *self.groups.values()]
        for gap in self.gaps:
            values += [
                gap.first_score,
                gap.second_score,
                gap.difference,
                *(gap.interval or (None, None)),
                gap.p,
                gap.p_holm,
                gap.detectable,
            ]
        return tuple(float("nan") if value is None else value for value in values)

    def names(self) -> list[str]:
        """All that is in words, in one order: of which groups and labels the numbers are."""
        words = [self.by, self.resampled, *self.groups, *self.without_common_labels]
        return words + [
            word or "" for gap in self.gaps for word in (gap.first, gap.second, gap.of, gap.reason)
        ]

    @property
    def sentences(self) -> list[str]:
        """The gaps in UA, each in a line."""
        return [gap.sentence(self.by) for gap in self.gaps if gap.of == "UA"]
