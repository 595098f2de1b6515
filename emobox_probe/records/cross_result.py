"""One result record for many pairs of corpora: its schema, reading and writing."""

from collections import Counter
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd
from pydantic import Field

from emobox_probe.encoders.names import model_name
from emobox_probe.records.calibration import Calibration
from emobox_probe.records.gaps import Gaps
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.result import (
    CorpusRecord,
    HeldOut,
    Interval,
    LayerScore,
    RunRecord,
    Scores,
    Selection,
    WeightedSum,
    curve_of,
    percent,
)
from emobox_probe.report.heat_map import heat_map
from emobox_probe.report.pictures import Picture, layers_picture, shortened

CROSS_FILE = "cross.json"


class Source(Selection):
    """What one set of heads was trained and chosen on, with one seed.

    `name` is a corpus, or `all but <corpus>` where every other one was trained on together. `held_out`: the
    validation part is the release's own, or speakers or utterances of the source; `mixed` where its corpora differ
    in that.
    """

    name: str
    corpora: list[str]
    held_out: HeldOut


class Pair(Record):
    """Heads of one source on the test utterances of one target; scores are of the utterances of all seeds together.

    In records whose interval is of percentiles, scores are means over seeds: UA and WA are the same, F1 nearly.
    `overlap` says in words what the two share (speakers, audio); empty where nothing is known to be shared.
    `calibration` is of the probabilities, and `gaps` lie between genders, as in a `ResultRecord` (None in older
    records; gaps also where the target tells no two genders).
    `test_selected` is what choosing on the target would have given; never a score of the model. `layers` and
    `weighted_sum` are there where the means of all layers were stored.
    """

    source: str
    target: str
    test: int
    scores: Scores
    seed_spread: Scores | None
    interval: Interval
    confusion: list[list[int]]
    overlap: list[str]
    test_selected: Scores | None
    layers: list[LayerScore] = Field(default_factory=list)
    weighted_sum: WeightedSum | None = None
    calibration: Calibration | None = None
    gaps: Gaps | None = None


class CrossRecord(RunRecord):
    """Everything that a matrix of cross-corpus scores can be traced to.

    `training` is what of a source is trained on, `test` what of a target is tested: configurations by name.
    `average` is Equation 1 of the paper: the mean over all pairs of two different corpora (None where there is
    none). `remarks` says in words how what is wrong in the publication was handled.
    """

    FILE: ClassVar[str] = CROSS_FILE

    kind: Literal["cross-corpus"] = "cross-corpus"
    schema_version: Literal[1, 2] = 2
    store_dtype: str
    labels: list[str]
    training: Literal["released", "all"]
    test: Literal["balanced", "all"]
    corpora: list[CorpusRecord]
    sources: list[Source]
    pairs: list[Pair]
    average: Scores | None
    remarks: list[str]

    def incomplete(self, source: str, target: str) -> str:
        """What of the corpora of a pair is missing, in words; empty where both are whole."""
        return "; ".join(filter(None, (corpus.incomplete for corpus in self.used(source, target))))

    def used(self, source: str, target: str) -> list[CorpusRecord]:
        """The corpora of a pair: a source may be several."""
        trained = {name for entry in self.sources if entry.name == source for name in entry.corpora}
        return [corpus for corpus in self.corpora if corpus.name in {source, target} | trained]

    @property
    def chance(self) -> float:
        """UA, in 0..1, of who guesses, or always says the same: one over the number of labels.

        Who speaks says no more: heads have not met the speakers of a target.
        """
        return 1 / len(self.labels)

    @property
    def headline(self) -> Scores | None:
        """The mean over pairs."""
        return self.average

    @property
    def intervals(self) -> list[Interval]:
        return [pair.interval for pair in self.pairs]

    @property
    def title(self) -> str:
        return f"{self.encoder.name}, protocol {self.protocol_id}, tested on {self.test}"

    def table(self) -> pd.DataFrame:
        """Every pair, then their mean: train, test, UA, WA, F1 in percent, bounds of UA, utterances tested."""
        rows = [
            {
                "train": pair.source,
                "test": pair.target,
                **percent(pair.scores),
                **_bounds(pair),
                "tested": pair.test,
            }
            for pair in self.pairs
        ]
        if self.average:
            rows.append({"train": "mean of pairs", "test": "", **percent(self.average)})
        rows.append({"train": "chance", "test": "", "ua": 100 * self.chance})
        return pd.DataFrame(rows).astype({"tested": "Int64", "ua_low": float, "ua_high": float})

    def pictures(self) -> dict[str, Picture]:
        """UA by source and target as a heat map; mean UA of the pairs by layer where layers were scored."""
        scores = {(pair.source, pair.target): pair.scores.ua for pair in self.pairs}
        starred = [(pair.source, pair.target) for pair in self.pairs if pair.overlap]
        title = f"UA of {shortened(Path(model_name(self.encoder.name)).name)}, protocol {self.protocol_id}"
        pictures = {"cross.png": heat_map(scores, title, starred)}
        if self.layers:
            sums = [pair.weighted_sum.scores.ua for pair in self.pairs if pair.weighted_sum]
            learned = sum(sums) / len(sums) if sums else None
            pictures["layers.png"] = layers_picture(
                curve_of(self.layers),
                f"{title}, mean of pairs",
                learned=learned,
                chance=self.chance,
                chosen=Counter(source.layer for source in self.sources),
            )
        return pictures

    @property
    def layers(self) -> list[LayerScore]:
        """UA of every layer, mean over the pairs; empty where layers were not scored."""
        curves = [curve_of(pair.layers) for pair in self.pairs if pair.layers]
        names = curves[0] if curves else {}
        means = {
            name: [sum(c[name][part] for c in curves) / len(curves) for part in (0, 1)] for name in names
        }
        return [LayerScore(layer=name, validation_ua=v, ua=ua) for name, (v, ua) in means.items()]


def _bounds(pair: Pair) -> dict[str, float | None]:
    low, high = pair.interval.percent("ua")
    return {"ua_low": low, "ua_high": high}


def read_cross_record(folder: str | Path) -> CrossRecord:
    """Read `cross.json` of a run's folder.

    Raises:
        ProbeError: there is none, or it is not a cross-corpus record of this schema.
    """
    return read_json(
        Path(folder) / CROSS_FILE, CrossRecord, "cross-corpus record of schema 2", run="run `emobox cross`"
    )
