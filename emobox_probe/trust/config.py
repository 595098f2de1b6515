"""The settings of what is asked of a run that is there."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from emobox_probe.config import Config, Device

SuiteName = Literal["default"]


class StressConfig(Config):
    """A run's own heads on perturbed audio of its tested utterances."""

    run: Path = Field(description="folder of a run of emobox probe")
    suite: SuiteName = Field("default", description="the perturbations")
    only: tuple[str, ...] = Field((), description="of the suite only these perturbations, parted by commas")
    model: str | None = Field(
        None, description="the encoder, where a record knows its folder by name only; its weights are checked"
    )
    trust_remote_code: bool = Field(False, description="run the encoder repository's own code")
    data_dir: Path | None = Field(
        None, description="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>"
    )
    out: Path | None = Field(None, description="folder to write; default: stress, in the run's folder")
    features_dir: Path | None = Field(None, description="default: $HF_HOME/emobox/features")
    num_proc: int | None = Field(None, gt=0, description="processes that convert the corpus")
    device: Device | None = Field(None, description="where the model runs; default: as accelerate chooses")
    batch_seconds: float | None = Field(
        None, gt=0, description="of audio in one batch, padding included; default: by device"
    )
    allow_missing: bool = Field(False, description="go on with an incomplete corpus")
    overwrite: bool = Field(False, description="replace another record at --out")
