"""The record of a run's heads on perturbed audio, and the table of predictions that it follows from.

perturbation                  by name
fold, id, speaker, seed       of the tested utterance, as in the run's own table
label, clean                  what is right, and what the run itself predicted
prediction, logits            of the perturbed audio
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pandas as pd
from pydantic import Field

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.names import model_name
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import protocol_id
from emobox_probe.records.interval import Interval, Resampled, Scores, Share
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.result import CorpusRecord, Provenance, percent
from emobox_probe.records.shown import ShownRecord
from emobox_probe.records.table_file import check_columns, reading
from emobox_probe.report.heat_map import heat_map
from emobox_probe.report.percent import interval_text
from emobox_probe.report.pictures import Picture, shortened

STRESS_FILE = "stress.json"
# Of a run's folder.
STRESS_FOLDER = "stress"
STRESS_PICTURE = "stress.png"
COLUMNS = ("perturbation", "fold", "id", "speaker", "seed", "label", "clean", "prediction", "logits")
# What the row of unperturbed audio is called.
CLEAN = "clean"
# What a reader of the table must know.
UNCHANGED = (
    "Noise, echo and narrow bands can change what people hear, too: then a label of the clean recording is not what a "
    "listener would say, and the score alone accuses wrongly. The share of predictions that stay what they were is "
    "the number that holds without listening again."
)
Difference = Annotated[float, Field(ge=-1, le=1)]


class Change(Record):
    """How far UA is from that on clean audio, in -1..1: perturbed minus clean, on the same utterances.

    The interval, (low, high) at 95 %, and the p value are of pairs, by speaker (`compare_systems`). `detectable` is the
    smallest difference that these speakers could show. Each is None where there are too few speakers, or where all have
    the same difference.
    """

    difference: Difference
    interval: tuple[Difference, Difference] | None
    p_value: Share | None
    detectable: float | None


class PerturbedScores(Record):
    """What the heads score on audio that was changed in one way.

    `test` counts tested utterances, of all folds and seeds; `unchanged` is the share of them whose prediction is the
    one on clean audio. Of different utterances, `as_they_were` counts those that the perturbation leaves as they are
    (shorter than what it cuts off; silent), `lengthened` those that are shorter than the encoder takes and got zeros.
    """

    name: str
    kind: str
    description: str
    test: int
    scores: Scores
    ua_change: Change
    unchanged: Share
    as_they_were: int
    lengthened: int


class NotRun(Record):
    """A perturbation that could not be made, and why, in words."""

    name: str
    description: str
    reason: str


class StressRecord(ShownRecord):
    """What a run's own heads score on perturbed audio of the utterances that they were tested on.

    `heads_sha256` names the heads, and so the run; `clean` are its scores. `reproduced` is the share of the run's
    predictions that its heads gave again here, on audio as it is: 1 unless this machine computes otherwise. `clusters`
    counts the speakers, or utterances, that intervals resample.
    """

    FILE: ClassVar[str] = STRESS_FILE

    kind: Literal["stress"] = "stress"
    schema_version: Literal[1] = 1
    suite: str
    suite_version: int
    encoder: EncoderFacts
    store_dtype: str
    corpus: CorpusRecord
    protocol: dict[str, Any]
    heads_sha256: str
    clean: Scores
    reproduced: Share
    resampled: Resampled
    clusters: int
    perturbations: list[PerturbedScores]
    not_run: list[NotRun]
    provenance: Provenance

    @property
    def protocol_id(self) -> str:
        """What the protocol goes by in tables, where its settings are others too."""
        return protocol_id(self.protocol)

    @property
    def title(self) -> str:
        return f"{self.encoder.name} on perturbed {self.corpus.name}, protocol {self.protocol_id}"

    @property
    def intervals(self) -> list[Interval]:
        """None of scores: those of changes stand with them."""
        return []

    def interval_text(self, change: Change) -> str:
        """The bounds of a change in percent, or why there are none."""
        if change.interval is not None:
            return interval_text(100 * change.interval[0], 100 * change.interval[1])
        if change.p_value is None:
            return f"none ({self.clusters} {self.resampled})"
        return f"none (no spread between {self.clusters} {self.resampled})"

    def table(self) -> pd.DataFrame:
        """A row a perturbation, clean audio first, in percent: UA, its change with bounds, share of unchanged
        predictions; with a reason in place of numbers where one was not run."""
        rows: list[dict[str, Any]] = [
            {"perturbation": CLEAN, **percent(self.clean), "unchanged": 100 * self.reproduced}
        ]
        for one in self.perturbations:
            low, high = one.ua_change.interval or (None, None)
            rows.append(
                {
                    "perturbation": one.name,
                    **percent(one.scores),
                    "change": 100 * one.ua_change.difference,
                    "change_low": None if low is None else 100 * low,
                    "change_high": None if high is None else 100 * high,
                    "unchanged": 100 * one.unchanged,
                }
            )
        rows += [{"perturbation": one.name, "not_run": one.reason} for one in self.not_run]
        columns = ["perturbation", "ua", "wa", "f1", "change", "change_low", "change_high", "unchanged"]
        table = pd.DataFrame([{"not_run": "", **row} for row in rows], columns=[*columns, "not_run"])
        return table.astype(dict.fromkeys(columns[1:], float))

    def scores_by_perturbation(self, metric: str = "ua") -> dict[str, float]:
        """A score in 0..1 by perturbation, that of clean audio first; NaN of those that were not run."""
        scores: dict[str, float] = {CLEAN: getattr(self.clean, metric)}
        scores |= {one.name: getattr(one.scores, metric) for one in self.perturbations}
        return scores | dict.fromkeys((one.name for one in self.not_run), float("nan"))

    def pictures(self) -> dict[str, Picture]:
        """UA by perturbation as a heat map of one model."""
        name = Path(model_name(self.encoder.name)).name
        return {STRESS_PICTURE: stress_picture({name: self}, self.corpus.name, self.protocol_id)}

    @property
    def remarks(self) -> list[str]:
        """What a reader must know, a sentence each."""
        sentences = [UNCHANGED]
        if self.reproduced < 1:
            sentences.append(
                f"On audio as it is, the heads gave {100 * self.reproduced:.2f} % of the run's predictions again: this "
                f"machine or its libraries compute otherwise than that of the run."
            )
        sentences += [f"{one.name} was not run: {one.reason}." for one in self.not_run]
        for what, counts in (
            ("left as they are", {one.name: one.as_they_were for one in self.perturbations}),
            ("shorter than the encoder takes, and get zeros", self._lengthened()),
        ):
            if listed := ", ".join(f"{count:,} by {name}" for name, count in counts.items() if count):
                sentences.append(f"Utterances that are {what}: {listed}.")
        return sentences

    def _lengthened(self) -> dict[str, int]:
        return {one.name: one.lengthened for one in self.perturbations}


def stress_picture(
    records: Mapping[str, StressRecord], corpus: str, protocol: str, metric: str = "ua"
) -> Picture:
    """A score by perturbation and model, of several models on one corpus by one protocol."""
    scores = {
        (perturbation, model): ua
        for model, record in records.items()
        for perturbation, ua in record.scores_by_perturbation(metric).items()
    }
    title = f"{metric.upper()} on perturbed {shortened(corpus)}\nprotocol {shortened(protocol)}"
    return heat_map(scores, title, names=("perturbation", ""), as_given=True)


def read_stress(folder: str | Path) -> StressRecord:
    """Read `stress.json` of a folder.

    Raises:
        ProbeError: there is none, or it is no such record.
    """
    return read_json(
        Path(folder) / STRESS_FILE, StressRecord, "record of a stress test", run="run `emobox stress`"
    )


def read_perturbed(path: Path, record: StressRecord) -> pd.DataFrame:
    """The predictions beside a record: `COLUMNS`.

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: they are damaged, have other labels, or are not as many as the record says.
    """
    again = "run `emobox stress` again, with --overwrite"
    with reading(path, again, "a table of predictions"):
        table = pd.read_parquet(path)
    check_columns(table, COLUMNS, path, again)
    counts = table["perturbation"].value_counts().to_dict()
    expected = {one.name: one.test for one in record.perturbations}
    names = set(pd.unique(table[["label", "clean", "prediction"]].to_numpy().ravel()))
    if counts != expected or not names <= set(record.corpus.labels):
        raise ProbeError(
            f"Expected as many predictions by perturbation as the record says, of its labels, in {path}, but got "
            f"others; predictions and record are not of one run. Run `emobox stress` again, with --overwrite."
        )
    return table
