"""How a plan is to be run."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from emobox_probe.config import Config

Overwrite = Literal["never", "only-missing", "always"]
Engine = Literal["processes", "ray"]


class BenchConfig(Config):
    """Which part of which plan, and how."""

    plan: Path | None = Field(None, description="a YAML file; default: the paper's plan, as --default")
    dry_run: bool = Field(False, description="only show what there is to do, and what it costs")
    overwrite: Overwrite = Field(
        "only-missing",
        description="never: keep records of other weights, data or settings; always: train all anew",
    )
    only: tuple[str, ...] = Field(
        (),
        description="kinds (extract, probe, cross, report) or patterns such as 'probe/*/emodb/*', and what they need",
    )
    shard: str | None = Field(None, description="I/N: the part of worker I of N, from 1")
    keep_features: bool = Field(False, description="also when nothing in the plan needs them")
    workers: int | None = Field(
        None, gt=0, description="that do items side by side; default: as many as there are GPUs, or one"
    )
    engine: Engine = Field(
        "processes", description="where workers are: on this machine, or on those of a Ray cluster"
    )
    log: Literal["rich", "json"] = Field("rich", description="for people, or one JSON object a line")
    tracker: Literal["trackio", "wandb", "tensorboard"] | None = Field(
        None, description="log the scores of every item there"
    )
