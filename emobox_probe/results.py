"""One result record a run: its schema, reading and writing."""

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from emobox_probe.facts import EncoderFacts
from emobox_probe.record import Record, read_json

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
SCHEMA_VERSION: Literal[2] = 2

Resampled = Literal["speakers", "utterances"]
Share = Annotated[float, Field(ge=0, le=1)]


class Scores(Record):
    """UA, WA and macro-F1, each in 0..1."""

    ua: Share
    wa: Share
    f1: Share


class Interval(Record):
    """A percentile bootstrap interval of the pooled scores: (low, high) each."""

    confidence: Share
    resampled: Resampled
    ua: tuple[Share, Share]
    wa: tuple[Share, Share]
    f1: tuple[Share, Share]


class Fold(Record):
    """One fold with one seed: how much was trained on, what was chosen on validation, the scores on test.

    `test_selected` is what choosing on test would have given; never a score of the model.
    """

    name: str
    kind: str
    seed: int
    training: int
    validation: int
    test: int
    layer: str
    learning_rate: float
    hidden: int
    epoch: int
    validation_ua: Share
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
    (None in records that did not count them).
    """

    name: str
    fingerprint: str
    utterances: int
    missing: int
    hours: float
    labels: list[str]
    over_30_seconds: int
    under_25_milliseconds: int
    silent: int | None = None

    @property
    def incomplete(self) -> str:
        """What keeps scores on this copy from being compared with others, in words; empty where nothing is missing."""
        if not self.missing:
            return ""
        return f"{self.missing:,} of {self.utterances + self.missing:,} utterances of {self.name} are missing"


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
    `hardware` names the processor or the GPU (None in records of schema 1).
    """

    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    command: str = Field(default_factory=lambda: shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    machine: str = Field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    libraries: dict[str, str] = Field(default_factory=lambda: {name: version(name) for name in LIBRARIES})
    python: str = Field(default_factory=platform.python_version)
    device: str
    hardware: str | None
    processes: int
    extraction_seconds: float | None
    extraction_times_real_time: float | None = None
    extraction_busy_share: float | None = None
    training_seconds: float


class ResultRecord(Record):
    """Everything that a score can be traced to.

    `mean` over folds and seeds is the headline; `spread` is over folds, `seed_spread` over seeds; `pooled` scores
    all tested utterances together. `test_selected` shows what choosing on test would have gained. `layers` and
    `weighted_sum` are there where the means of all layers were stored.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    encoder: EncoderRecord
    corpus: CorpusRecord
    protocol: dict[str, Any]
    folds: list[Fold]
    mean: Scores
    spread: Scores | None
    seed_spread: Scores | None
    pooled: Scores
    interval: Interval
    test_selected: Scores | None
    layers: list[LayerScore]
    weighted_sum: WeightedSum | None
    confusion: list[list[int]]
    provenance: Provenance

    def write(self, folder: Path) -> None:
        """Write `result.json` into the folder."""
        (folder / RESULT_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


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
