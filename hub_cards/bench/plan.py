"""A plan: which models on which corpora with which protocols, as a small YAML file.

    output: runs                       # of records; default: runs
    features: /scratch/features        # default: $HF_HOME/emobox/features
    store_dtype: float16
    models:
      - openai/whisper-tiny.en
      - {name: microsoft/wavlm-base, revision: main, dtype: bfloat16, paper: WavLM base}
    corpora: found                     # or names, or {name: emodb, path: /data/emodb}
    protocols: [paper, strict]
    cross:
      - {name: four, train: [iemocap, meld, ravdess, savee], protocols: [paper]}

Relative folders are taken from where the command runs, as on the command line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import datasets

from emobox_probe.cross_tasks import TestSet
from emobox_probe.probe import model_folder

FOUND = "found"


class PlanError(ValueError):
    """What is wrong with a plan: every problem on a line of its own, `file:line: what`."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Model:
    """One encoder: Hub id, folder or `builtin:<name>`, and the row of Table 4 that it stands beside, if any."""

    name: str
    revision: str | None = None
    dtype: str = "float32"
    trust_remote_code: bool = False
    paper: str | None = None

    @property
    def label(self) -> str:
        """The name of its folder below the output folder."""
        return model_folder(Path(), self.name).name


@dataclass(frozen=True)
class Place:
    """A corpus, and the folder that holds it where that is not `$EMOBOX_DATA/<corpus>`."""

    name: str
    path: str | None = None
    allow_missing: bool = False


@dataclass(frozen=True)
class Cross:
    """One experiment between corpora, as `emobox cross` takes it."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    protocols: tuple[str, ...]
    labels: str | None = None
    training: Literal["all", "released"] = "all"
    test_set: TestSet | None = None
    leave_one_out: bool = False

    @property
    def corpora(self) -> tuple[str, ...]:
        """Every corpus of it, in the order in which records name them."""
        return tuple(dict.fromkeys([*self.train, *self.test]))


@dataclass(frozen=True)
class Plan:
    """Everything that a benchmark consists of; made by `reading.read_plan`, which has checked it.

    `places` are all corpora that anything needs; `corpora` names those that are scored by themselves. `lines` says
    where in the file a model or a corpus stands, for messages.
    """

    output: Path
    features: Path
    store_dtype: str
    models: tuple[Model, ...]
    places: dict[str, Place]
    corpora: tuple[str, ...]
    protocols: tuple[str, ...]
    cross: tuple[Cross, ...]
    lines: dict[str, int]
    path: str

    @property
    def state(self) -> Path:
        """What the benchmark notes beside the records: locks, logs, failures."""
        return self.output / ".bench"


def default_features() -> Path:
    """Where `emobox probe` keeps features unless told otherwise."""
    return Path(datasets.config.HF_CACHE_HOME).expanduser() / "emobox" / "features"
