"""What people did on the utterances that a run tested, to read its scores beside."""

from typing import Any, Literal

from emobox_probe.records.interval import METRICS, Scores, Share
from emobox_probe.records.record import Record

# Who a line is of, in words.
LINES = {
    "single_rater": "people: a single rater",
    "majority": "people: the majority of raters",
    "held_out_rater": "people: a rater against the others",
}
Line = Literal["single_rater", "majority", "held_out_rater"]
GROUPS = (
    "raters agree least (lowest third)",
    "raters agree moderately (middle third)",
    "raters agree most (highest third)",
)


class PeopleScores(Record):
    """Scores of raters in 0..1, with bounds of UA; None with fewer than four speakers or without spread."""

    line: Line
    scores: Scores
    ua: tuple[Share, Share] | None


class AgreementGroup(Record):
    """Scores of the model on a third of the utterances, by how far raters agree: by the entropy of the votes.

    Utterances that tie at a bound are in both thirds by shares, so a third may be no whole number of them.
    """

    name: str
    scores: Scores


class HumanLine(Record):
    """Raters, held against the labels they were given or, where they made the labels, against each other.

    `utterances` counts what was tested and has raters, `unrated` what has none. `alpha` is Krippendorff's (None where
    votes do not tell it). `beats_single_rater` is the probability that the model does better than a rater, ties
    counting half, with its interval (None with fewer than four speakers or without spread). `confidence_and_entropy` is
    Spearman's rho of the model's largest probability and the entropy of the votes: below 0 where it is less sure of
    what raters disagree on (None where one of them does not vary).
    """

    utterances: int
    unrated: int
    alpha: float | None
    people: list[PeopleScores]
    beats_single_rater: Share
    beats_interval: tuple[Share, Share] | None
    by_agreement: list[AgreementGroup]
    confidence_and_entropy: float | None

    def rows(self) -> list[dict[str, Any]]:
        """Scores in percent with bounds of UA: of people, then of the model by how far raters agree."""
        third = self.utterances / len(GROUPS)
        people = [
            _row(LINES[row.line], self.utterances, row.scores, row.ua and (100 * row.ua[0], 100 * row.ua[1]))
            for row in self.people
        ]
        # By place: older records call the middle third otherwise.
        groups = zip(GROUPS, self.by_agreement, strict=True)
        return people + [_row(f"where {name}", third, group.scores) for name, group in groups]

    @property
    def sentence(self) -> str:
        """What of it has no place in a table of scores, in words, and what its rows of thirds are of."""
        third = count_text(self.utterances / len(GROUPS))
        return f"{self.comparison} Thirds are of {third} utterances each: what ties at a bound is in both by shares."

    @property
    def comparison(self) -> str:
        """The model beside a single rater, and how far raters agree, in words; for where no thirds are shown."""
        bounds = " ({:.2f} to {:.2f})".format(*self.beats_interval) if self.beats_interval else ""
        parts = [
            f"The model does better than a single rater with probability {self.beats_single_rater:.2f}{bounds}"
        ]
        if self.alpha is not None:
            parts.append(f"raters agree with Krippendorff's alpha {self.alpha:.2f}")
        if self.confidence_and_entropy is not None:
            parts.append(f"rho of confidence and the raters' entropy is {self.confidence_and_entropy:+.2f}")
        unrated = f" ({self.unrated:,} have no raters)" if self.unrated else ""
        return f"{'; '.join(parts)}; {self.utterances:,} utterances{unrated}."


def count_text(utterances: float) -> str:
    """How many utterances: a number that is not whole where some count by shares.

    >>> count_text(320), count_text(320 / 3)
    ('320', '106.7')
    """
    return f"{utterances:.0f}" if float(utterances).is_integer() else f"{utterances:.1f}"


def _row(
    name: str, utterances: float, scores: Scores, bounds: tuple[float, float] | None = None
) -> dict[str, Any]:
    percent = {metric: 100 * getattr(scores, metric) for metric in METRICS}
    return {"name": name, "utterances": utterances, **percent, "bounds": bounds}
