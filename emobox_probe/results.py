"""One result record a run: its schema, reading and writing."""

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emobox_probe.errors import ProbeError

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

Share = Annotated[float, Field(ge=0, le=1)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scores(_Record):
    """UA, WA and macro-F1, each in 0..1."""

    ua: Share
    wa: Share
    f1: Share


class Interval(_Record):
    """A percentile bootstrap interval of the pooled scores: (low, high) each."""

    confidence: Share
    resampled: Literal["speakers", "utterances"]
    ua: tuple[Share, Share]
    wa: tuple[Share, Share]
    f1: tuple[Share, Share]


class Fold(_Record):
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


class LayerScore(_Record):
    """UA of one layer, mean over folds and seeds, on validation and on test."""

    layer: str
    validation_ua: Share
    ua: Share


class CorpusRecord(_Record):
    """What was scored on. `missing` counts utterances of the published corpus that this copy lacks."""

    name: str
    fingerprint: str
    utterances: int
    missing: int
    hours: float
    labels: list[str]
    over_30_seconds: int
    under_25_milliseconds: int


class EncoderRecord(_Record):
    """Which weights made the features, how, and which part of them was taken (see `EncoderFacts`)."""

    name: str
    architecture: str
    revision: str | None
    weights_sha256: str | None
    preprocessor_sha256: str | None
    parameters: int
    dimension: int
    frame_rate: float
    layer: str
    layers: str
    dtype: str
    way: str
    shortest_samples: int
    store_dtype: str
    features: str


class Provenance(_Record):
    """Where, when, with what and how long.

    `extraction_seconds` is the time the stored features once took; in `extraction_busy_share` of it the model was
    at work, which is how near extraction came to the speed of the bare model.
    """

    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    command: str = Field(default_factory=lambda: shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))
    machine: str = Field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    libraries: dict[str, str] = Field(default_factory=lambda: {name: version(name) for name in LIBRARIES})
    python: str = Field(default_factory=platform.python_version)
    device: str
    processes: int
    extraction_seconds: float
    extraction_times_real_time: float | None = None
    extraction_busy_share: float | None = None
    training_seconds: float


class ResultRecord(_Record):
    """Everything that a score can be traced to.

    `mean` over folds and seeds is the headline; `spread` is over folds, `seed_spread` over seeds; `pooled` scores
    all tested utterances together. `test_selected` shows what choosing on test would have gained.
    """

    schema_version: Literal[1] = 1
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
    confusion: list[list[int]]
    provenance: Provenance

    def write(self, folder: Path) -> None:
        """Write `result.json` into the folder."""
        (folder / "result.json").write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_record(folder: str | Path) -> ResultRecord:
    """Read `result.json` of a run's folder.

    Raises:
        ProbeError: there is none, or it is not a result record of this schema.
    """
    path = Path(folder) / "result.json"
    try:
        return ResultRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ProbeError(
            f"Expected a run with a result at {path}, but there is none; run the probe first."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ProbeError(
            f"Expected a result record of schema 1 in {path}, but {where} is wrong: {first['msg']}; "
            f"run the probe again."
        ) from error
