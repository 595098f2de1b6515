"""One result record a run: its schema, reading and writing."""

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from pydantic import Field, field_validator

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.matrix_products import Products
from emobox_probe.encoders.names import model_name
from emobox_probe.protocol import protocol_id, settings_of
from emobox_probe.records.calibration import Calibration
from emobox_probe.records.gaps import Gaps
from emobox_probe.records.humans import HumanLine
from emobox_probe.records.interval import METRICS as METRICS
from emobox_probe.records.interval import Interval as Interval
from emobox_probe.records.interval import Scores as Scores
from emobox_probe.records.interval import Share, score_line
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.shown import ShownRecord
from emobox_probe.report.pictures import Picture, confusion_picture, layers_picture, shortened
from emobox_probe.report.trust_pictures import calibration_picture

LIBRARIES = (
    "accelerate",
    "datasets",
    "emobox",
    "evaluate",
    "numpy",
    "soundfile",
    "soxr",
    "torch",
    "transformers",
)

RESULT_FILE = "result.json"
# The row of a table that has the headline.
HEADLINE = "all utterances"
SCHEMA_VERSION: Literal[2] = 2

HeldOut = Literal["released", "speakers", "utterances", "mixed"]


class Choice(Record):
    """How much was trained and chosen on with one seed, and what was chosen on validation.

    Heads of `linear` have a `strength`, and no learning rate, hidden units and epochs; others have those.
    `temperature` is what makes the validation part likeliest (None in older records).
    """

    seed: int
    training: int
    validation: int
    layer: str
    learning_rate: float | None = None
    hidden: int | None = None
    epoch: int | None = None
    strength: float | None = None
    temperature: float | None = None


class Selection(Choice):
    """What was chosen by UA on validation.

    `unvalidated` are the labels that were trained on and that validation has no utterance of (None in older records).
    """

    validation_ua: Share
    unvalidated: list[str] | None = None


class Fold(Selection):
    """One fold with one seed: what was chosen on validation, the scores on test.

    `held_out`: how the validation part was made, as `Source` has it (None in older records). `test_selected` is what
    choosing on test would have given; never a score of the model.
    """

    name: str
    kind: str
    held_out: HeldOut | None = None
    test: int
    scores: Scores
    test_selected: Scores | None


class LayerScore(Record):
    """UA of one layer, mean over folds and seeds, on validation and on test."""

    layer: str
    validation_ua: Share
    ua: Share


class WeightedSum(Record):
    """A head on a learned softmax-weighted sum of the layers' means: mean scores over folds and seeds.

    `weights` are those of the chosen heads, mean over folds and seeds, in the order of the layers; they sum to 1.
    """

    validation_ua: Share
    scores: Scores
    weights: list[Share]


class CorpusRecord(Record):
    """What was scored on.

    `missing` counts utterances of the published corpus that this copy lacks; `silent` those whose samples are all zero
    (None in records that did not count them). `limit` is how many utterances of each label and part a smoke test took,
    `folds` the only ones of the protocol's that were looked at (None: all).
    """

    name: str = Field(pattern=r"^\w+$")  # it becomes a name of files
    fingerprint: str
    utterances: int = Field(ge=0)
    missing: int = Field(ge=0)
    hours: float = Field(ge=0, lt=1e9)  # pages divide by time and draw that
    labels: list[str]
    over_30_seconds: int
    under_25_milliseconds: int
    silent: int | None = None
    limit: int | None = None
    folds: list[str] | None = None

    @property
    def subset(self) -> str:
        """Which part of the corpus was asked for, in words; empty where all of it was."""
        parts = []
        if self.limit:
            parts.append(f"{self.limit} or fewer utterances of each label and part (a smoke test)")
        if self.folds:
            parts.append(" and ".join(self.folds))
        return f"of {self.name} only {', '.join(parts)}" if parts else ""

    @property
    def incomplete(self) -> str:
        """What keeps scores on this copy from being compared with others, in words; empty where nothing is missing."""
        whole = "" if self.limit else f"of {self.utterances + self.missing:,} "
        missing = f"{self.missing:,} {whole}utterances of {self.name} are missing" if self.missing else ""
        return "; ".join(filter(None, (self.subset, missing)))


class EncoderRecord(EncoderFacts):
    """Which weights made the features, how, and which part of them was taken.

    `features` is the key of the feature store; `lengthened` counts utterances of the corpus that are shorter than
    the encoder takes and were lengthened with zeros (None in records of schema 1, which did not count them).
    """

    store_dtype: str
    features: str
    lengthened: int | None


class Provenance(Record):
    """Where, when, with what and how long.

    `extraction_seconds` is the time the stored features once took; in `extraction_busy_share` of it the model was
    at work, which is how near extraction came to the speed of the bare model (None where no log tells them).
    `head_products` is what heads multiplied float32 matrices in (None in older records: TF32 on a GPU, else float32).
    `hardware` names the processor or the GPU (None in records of schema 1). `command` would make the record again;
    what it calls `/path/to/…` was outside of the working directory. `settings` are those of the run, but for where
    things were (None in older records).
    """

    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    command: str = ""
    settings: dict[str, Any] | None = None
    machine: str = Field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    libraries: dict[str, str] = Field(default_factory=lambda: {name: version(name) for name in LIBRARIES})
    python: str = Field(default_factory=platform.python_version)
    device: str
    hardware: str | None
    processes: int
    extraction_seconds: float | None
    extraction_times_real_time: float | None = None
    extraction_busy_share: float | None = None
    head_products: Products | None = None
    training_seconds: float


class RunRecord(ShownRecord):
    """What records of both kinds of runs say: heads trained on an encoder's features, by a protocol.

    `heads_sha256` is of the file of heads beside the record (None in older records, which have none).
    """

    encoder: EncoderFacts
    protocol: dict[str, Any]
    provenance: Provenance
    heads_sha256: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What of the protocol fixes a score."""
        return settings_of(self.protocol)

    @property
    def features_identity(self) -> dict[str, Any]:
        """What the features depend on. Older records do not say what products they are of: TF32 on a GPU."""
        identity = self.encoder.identity
        of_a_model = self.encoder.dtype == "float32" and self.encoder.weights_sha256 is not None
        if of_a_model and not self.provenance.device.startswith("cuda"):
            identity.setdefault("matrix_products", "float32")
        return identity

    @property
    def protocol_id(self) -> str:
        """What the protocol goes by in tables, where its settings are others too."""
        return protocol_id(self.protocol)

    @property
    def headline(self) -> Scores | None:
        """The scores that stand for the record wherever there is room for one."""
        raise NotImplementedError


class ResultRecord(RunRecord):
    """Everything that a score can be traced to.

    `pooled` scores all tested utterances of all folds and seeds together and is the headline: `interval` and
    `confusion` are of the same. `mean` is over folds and seeds, as the paper's Table 4 has it; labels that a fold lacks
    do not count in that fold. `spread` is over folds, `seed_spread` over seeds. `test_selected`, a mean too, shows what
    choosing on test would have gained. `layers` and `weighted_sum` are there where the means of all layers were stored.
    `remarks` says in words what a reader must know of the protocol on this corpus. `speaker_only` scores, all
    utterances together, the commonest training label of who speaks, without audio (None in older records): what of
    a score could be had by voice alone. `humans` is what people did on the same utterances (None where the copy
    does not tell, and in older records). `calibration` is of the probabilities of all tested utterances together,
    and `gaps` lie between genders (None in older records; gaps also where the corpus tells no two genders).
    `seed_0` is, where `paper` was repeated with more seeds, the mean over folds of the published one.
    """

    FILE: ClassVar[str] = RESULT_FILE

    schema_version: Literal[2] = SCHEMA_VERSION
    encoder: EncoderRecord
    corpus: CorpusRecord
    folds: list[Fold] = Field(min_length=1)
    mean: Scores
    spread: Scores | None
    seed_spread: Scores | None
    pooled: Scores
    interval: Interval
    test_selected: Scores | None
    layers: list[LayerScore]
    weighted_sum: WeightedSum | None
    confusion: list[list[int]]
    speaker_only: Scores | None = None
    humans: HumanLine | None = None
    remarks: list[str] = Field(default_factory=list)
    seed_0: Scores | None = None
    calibration: Calibration | None = None
    gaps: Gaps | None = None

    @field_validator("confusion")
    @classmethod
    def _square(cls, counts: list[list[int]]) -> list[list[int]]:
        if not counts or any(len(row) != len(counts) for row in counts):
            raise ValueError("Expected a row and a column of counts for every label, but got another shape")
        return counts

    @property
    def chance(self) -> float:
        """UA, in 0..1, of who guesses, or always says the same: one over the number of labels."""
        return 1 / len(self.corpus.labels)

    @property
    def title(self) -> str:
        return f"{self.encoder.name} on {self.corpus.name}, protocol {self.protocol_id}"

    @property
    def headline(self) -> Scores:
        """Of all tested utterances together, each fold and seed in it."""
        return self.pooled

    @property
    def intervals(self) -> list[Interval]:
        return [self.interval]

    def table(self) -> pd.DataFrame:
        """Every fold (mean over seeds), then the whole: UA, WA, F1 in percent, bounds of UA, utterances tested."""
        folds = pd.DataFrame(
            [{"name": f.name, "tested": f.test, **f.scores.model_dump()} for f in self.folds]
        )
        means = folds.groupby("name", sort=False).agg(dict.fromkeys(METRICS, "mean") | {"tested": "first"})
        rows = [_row(str(name), Scores(**fold[METRICS]), fold["tested"]) for name, fold in means.iterrows()]
        tested = int(means["tested"].sum())
        low, high = self.interval.percent("ua")
        rows.append(_row(HEADLINE, self.headline, tested) | {"ua_low": low, "ua_high": high})
        others = {
            "mean over folds": self.mean,
            "± over folds": self.spread,
            "± over seeds": self.seed_spread,
            "seed 0, mean over folds, as published": self.seed_0,
            "learned sum of layers, mean over folds": self.weighted_sum and self.weighted_sum.scores,
            "if chosen on test (optimistic), mean over folds": self.test_selected,
            "by speaker alone, without audio": self.speaker_only,
        }
        rows += [_row(name, scores) for name, scores in others.items() if scores]
        rows.append({"": "chance", "ua": 100 * self.chance})
        for line in self.humans.rows() if self.humans else ():
            low, high = line["bounds"] or (None, None)
            scores = {metric: line[metric] for metric in METRICS}
            # A third with utterances in it by shares has no number of them.
            counted = line["utterances"] if float(line["utterances"]).is_integer() else None
            rows.append({"": line["name"], **scores, "tested": counted, "ua_low": low, "ua_high": high})
        return pd.DataFrame(rows).astype({"tested": "Int64", "ua_low": float, "ua_high": float})

    def pictures(self) -> dict[str, Picture]:
        """The confusion matrix and calibration of all tested utterances; UA by layer where layers were scored."""
        named = Path(model_name(self.encoder.name)).name
        protocol = shortened(self.protocol_id)
        title = f"{shortened(named)} on {shortened(self.corpus.name)}, protocol {protocol}"
        scored = f"{title}\n{score_line(self.headline, self.interval)} (percent)"
        seeds = len({fold.seed for fold in self.folds})
        counted = f"utterances, each once for every one of {seeds} seeds" if seeds > 1 else "utterances"
        confusion = confusion_picture(self.confusion, self.corpus.labels, scored, counted=counted)
        pictures = {"confusion.png": confusion}
        if self.calibration:
            bins, risk = self.calibration.curves()
            pictures["calibration.png"] = calibration_picture(bins, risk, title)
        if self.layers:
            pictures["layers.png"] = layers_picture(
                curve_of(self.layers),
                scored,
                learned=self.weighted_sum.scores.ua if self.weighted_sum else None,
                chance=self.chance,
                interval=self.interval.ua,
                chosen=Counter(fold.layer for fold in self.folds),
            )
        return pictures


def curve_of(layers: Sequence[LayerScore]) -> dict[str, tuple[float, float]]:
    """UA on validation and on test by layer."""
    return {layer.layer: (layer.validation_ua, layer.ua) for layer in layers}


def percent(scores: Scores) -> dict[str, float]:
    """Every metric in percent."""
    return {metric: 100 * getattr(scores, metric) for metric in METRICS}


def _row(name: str, scores: Scores, tested: int | None = None) -> dict[str, Any]:
    return {"": name, **percent(scores), "tested": tested}


def read_record(folder: str | Path) -> ResultRecord:
    """Read `result.json` of a run's folder, of this schema or an older one.

    Raises:
        ProbeError: there is none, or it is not a result record.
    """
    return read_json(
        Path(folder) / RESULT_FILE,
        ResultRecord,
        f"result record of schema {SCHEMA_VERSION}",
        run="run the probe",
        migrated=migrated,
    )


def migrated(content: Any) -> Any:
    """The content of a record in today's schema: what an older one did not say is None."""
    if not isinstance(content, dict) or content.get("schema_version") != 1:
        return content
    return {
        **content,
        "schema_version": SCHEMA_VERSION,
        "encoder": {"lengthened": None, **content.get("encoder", {})},
        "weighted_sum": None,
        "provenance": {"hardware": None, **content.get("provenance", {})},
    }
