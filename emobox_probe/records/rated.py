"""The record of heads that learned what raters said: their distribution over labels, or what they gave on scales.

It is a file of its own name beside predictions of its own kind, so that no table of UA takes it for a score of labels.

    predictions.parquet   source, target, fold, id, speaker, gender, language, seed, label, and in the order of
                          `outputs` truth (shares of raters, or what they gave), prediction (probabilities, or numbers)
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import model_validator

from emobox_probe.encoders.names import model_name
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import with_dimensions
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.result import (
    HEADLINE,
    Choice,
    CorpusRecord,
    EncoderRecord,
    HeldOut,
    RunRecord,
)
from emobox_probe.records.table_file import check_columns, reading
from emobox_probe.report.pictures import Picture, PlottedScore, scores_picture, shortened

RATED_FILE = "rated.json"
COLUMNS = ("source", "target", "fold", "id", "speaker", "seed", "label", "truth", "prediction")
DECIMALS = 3
# What `constant` scores are of, in words.
CONSTANT = "always the mean of training"
RatedTarget = Literal["distribution", "dimensions"]
# Scores by name: None where there is none, as of a single utterance or of numbers that do not differ.
Values = dict[str, float | None]


class Measure(NamedTuple):
    """What a score is, in words: its unit (empty: it has none), and which way it is the better."""

    name: str
    unit: str
    better: Literal["lower", "higher"]


# Scores of distributions; of dimensions, the one score is the CCC.
SCORES = {
    "jensen_shannon": Measure("Jensen-Shannon divergence", "bits", "lower"),
    "cross_entropy": Measure("cross-entropy", "nats", "lower"),
    "brier": Measure("Brier score", "", "lower"),
    "multilabel_f1": Measure("macro-F1 of labels above 1/C", "", "higher"),
}


class RatedFold(Choice):
    """One fold with one seed: what was chosen on validation, the scores on test.

    `validation_loss` is that of the chosen head on the whole validation part, soft cross-entropy in nats or 1 - CCC.
    `constant` is the mean over what was trained on, in the order of `RatedRecord.outputs`.
    """

    name: str
    kind: str
    held_out: HeldOut
    test: int
    validation_loss: float
    constant: list[float]
    scores: Values


class RatedInterval(Record):
    """A bootstrap interval of every score: (low, high) each, None without spread; `reason` says why there is none."""

    confidence: float
    resampled: Literal["speakers", "utterances"]
    clusters: int
    bounds: dict[str, tuple[float, float] | None]
    reason: str | None = None

    @property
    def basis(self) -> str:
        """What was resampled, and how many: `10 speakers`."""
        return f"{self.clusters:,} {self.resampled if self.clusters != 1 else self.resampled[:-1]}"

    def note_of(self, score: str) -> str:
        """What a table says in place of the bounds of a score; empty where it has some."""
        if self.reason is not None:
            return f"none ({self.basis})"
        return "" if self.bounds[score] else f"none (no spread between {self.basis})"

    def text(self, score: str) -> str:
        """The bounds of a score, or why it has none."""
        bounds = self.bounds[score]
        return f"{bounds[0]:.{DECIMALS}f} to {bounds[1]:.{DECIMALS}f}" if bounds else self.note_of(score)

    @property
    def remark(self) -> str:
        """Why there is no interval, as a sentence; empty where there is one."""
        if self.reason is not None:
            return f"No interval: {self.reason}."
        none = [name for name, bounds in self.bounds.items() if bounds is None]
        return f"No interval of {', '.join(none)}: no spread between {self.basis}." if none else ""


class RatedRecord(RunRecord):
    """Everything that a score of what raters said can be traced to.

    `outputs` are the labels that raters could choose, or the dimensions, whose lowest and highest rating `scales` has;
    `ratings_sha256` is of what raters said of every utterance of the copy. `scores` are of all tested utterances of
    all folds and seeds together: of a distribution those in `SCORES`, the first three as means over labels of the mean
    over a label's utterances; of dimensions the CCC of each. `mean` is over folds and seeds, `spread` over folds,
    `seed_spread` over seeds; `constant` scores always giving the mean over what was trained on. `unrated` utterances
    of the folds have no raters, and are neither trained on nor tested; `first_unrated` are ids of some.
    `beyond_scale` counts predictions of each dimension that no rater could have given (None in older records whose
    predictions are not there). Heads are not kept.
    """

    FILE: ClassVar[str] = RATED_FILE
    UNIT: ClassVar[str] = ""
    DECIMALS: ClassVar[int] = DECIMALS

    kind: Literal["rated"] = "rated"
    schema_version: Literal[1] = 1
    encoder: EncoderRecord
    corpus: CorpusRecord
    outputs: list[str]
    scales: dict[str, tuple[float, float]]
    ratings_sha256: str
    unrated: int
    first_unrated: list[str]
    folds: list[RatedFold]
    scores: Values
    mean: Values
    spread: Values | None
    seed_spread: Values | None
    constant: Values
    interval: RatedInterval
    remarks: list[str]
    beyond_scale: dict[str, int] | None = None

    @model_validator(mode="after")
    def _scores_are_of_the_target(self) -> Self:
        expected = self.outputs if self.protocol.get("target") == "dimensions" else list(SCORES)
        if sorted(self.scores) != sorted(expected):
            raise ValueError(f"Expected scores {', '.join(expected)}, but got {', '.join(self.scores)}")
        return self

    @property
    def target(self) -> RatedTarget:
        """What heads learned."""
        target: RatedTarget = self.protocol["target"]
        return target

    @property
    def protocol_id(self) -> str:
        """What the protocol goes by, with the dimensions that heads learned together."""
        return with_dimensions(super().protocol_id, self.outputs if self.target == "dimensions" else ())

    @property
    def title(self) -> str:
        return f"{self.encoder.name} on {self.corpus.name}, protocol {self.protocol_id}"

    @property
    def learned(self) -> str:
        """What heads learned, in words."""
        if self.target == "dimensions":
            return ", ".join(f"{name} on {low:g} to {high:g}" for name, (low, high) in self.scales.items())
        return f"raters' distribution over {', '.join(self.outputs)}"

    @property
    def sentences(self) -> list[str]:
        """What a reader of the scores must know beside what is missing of the corpus."""
        counts = self.beyond_scale or {}
        predictions = sum(fold.test for fold in self.folds)
        beyond = [
            f"{count:,} of {predictions:,} predictions of {name} are beyond its scale and are scored as they are."
            for name, count in counts.items()
            if count
        ]
        return [*self.remarks, *beyond, *filter(None, [self.interval.remark])]

    @property
    def headline(self) -> None:
        """There is no UA: nothing that stands beside scores of labels."""
        return None

    @property
    def intervals(self) -> list[Any]:
        return []

    def measure(self, score: str) -> Measure:
        """What a score is."""
        return Measure(f"CCC of {score}", "", "higher") if self.target == "dimensions" else SCORES[score]

    def named(self, score: str) -> str:
        """A score in words, with its unit."""
        name, unit, _ = self.measure(score)
        return f"{name} ({unit})" if unit else name

    def heading(self, score: str) -> str:
        """A score in words, with its unit and which way it is the better."""
        return f"{self.measure(score).name} ({self.axis(score)})"

    def axis(self, score: str) -> str:
        """The unit of a score, and which way it is the better."""
        _, unit, better = self.measure(score)
        return ", ".join(filter(None, (unit, f"{better} is better")))

    def table(self) -> pd.DataFrame:
        """Every fold (mean over seeds), then the whole with its bounds, means and spreads: a column a score."""
        folds = pd.DataFrame([{"name": f.name, "tested": f.test, **f.scores} for f in self.folds])
        folds = folds.astype(dict.fromkeys(self.scores, float))
        means = folds.groupby("name", sort=False).agg(
            dict.fromkeys(self.scores, "mean") | {"tested": "first"}
        )
        rows: list[dict[str, Any]] = [{"": name, **dict(fold)} for name, fold in means.iterrows()]
        rows.append({"": HEADLINE, **self.scores, "tested": int(means["tested"].sum())})
        for place, end in enumerate(("low", "high")):
            bounds = {name: pair[place] for name, pair in self.interval.bounds.items() if pair}
            rows.append({"": f"{100 * self.interval.confidence:.0f} % interval, {end}", **bounds})
        others = {
            "mean over folds": self.mean,
            "± over folds": self.spread,
            "± over seeds": self.seed_spread,
            CONSTANT: self.constant,
        }
        rows += [{"": name, **values} for name, values in others.items() if values]
        table = pd.DataFrame(rows, columns=["", *self.scores, "tested"])
        return table.astype(dict.fromkeys(self.scores, float) | {"tested": "Int64"})

    def pictures(self) -> dict[str, Picture]:
        """Every score with its interval, beside that of always the mean of training; a panel a unit and direction."""
        model = shortened(Path(model_name(self.encoder.name)).name)
        title = f"{model} on {shortened(self.corpus.name)}, protocol {shortened(self.protocol_id, 60)}"
        rows = {
            score: PlottedScore(
                score if self.target == "dimensions" else self.measure(score).name,
                value,
                self.interval.bounds[score],
                self.constant[score],
            )
            for score, value in self.scores.items()
        }
        if self.target == "dimensions":
            panels = [("CCC, higher is better", list(rows.values()))]
        else:
            # Scores in units of their own have axes of their own.
            panels = [(self.axis(score), [row]) for score, row in rows.items()]
        return {"scores.png": scores_picture(panels, CONSTANT, title)}


def read_rated(folder: str | Path) -> RatedRecord:
    """Read `rated.json` of a run's folder.

    Raises:
        ProbeError: there is none, or it is no such record.
    """
    return read_json(
        Path(folder) / RATED_FILE, RatedRecord, "record of a run on what raters said", run="run the probe"
    )


def read_rated_predictions(path: Path, record: RatedRecord) -> pd.DataFrame:
    """The predictions beside a record: `COLUMNS`, and gender and language where the run kept them.

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: they are damaged, or not as many, or of as many outputs, as the record says.
    """
    with reading(path):
        predictions = pd.read_parquet(path)
    check_columns(predictions, COLUMNS, path)
    counts = predictions.groupby(["fold", "seed"]).size().to_dict()
    expected = {(fold.name, fold.seed): fold.test for fold in record.folds}
    widths = {len(row) for column in ("truth", "prediction") for row in predictions[column]}
    if counts != expected or widths != {len(record.outputs)}:
        raise ProbeError(
            f"Expected as many predictions by fold and seed as the record says ({expected}), of {len(record.outputs)} "
            f"numbers each, in {path}, but got {counts} of {sorted(widths)}; predictions and record are not of one run."
        )
    return predictions


def matrix_of(column: Sequence[Any] | pd.Series) -> np.ndarray:
    """(N, C) of a column of lists."""
    return np.array([np.asarray(row, dtype=float) for row in column])
