"""A plan: which models on which corpora with which protocols, as a small YAML file.

    output: runs                       # of records; default: runs
    features: /scratch/features        # default: $HF_HOME/emobox/features
    store_dtype: float16
    seeds: 5                           # default: by protocol
    models:
      - openai/whisper-tiny.en
      - {name: microsoft/wavlm-base, revision: main, dtype: bfloat16, paper: WavLM base}
      - {name: openai/whisper-large-v3, dtype: bfloat16, compile: true}  # on a GPU, if the plan has hours enough
      - python:./mine.py:load          # an encoder of one's own: its code is run because the plan names it
    corpora: found                     # or names, or {name: emodb, path: /data/emodb}
    protocols: [paper, strict]
    target: label                      # or distribution, dimensions: what heads of the corpora learn; default: label
    dimensions: [valence]              # default: all that a corpus has
    cross:
      - {name: four, train: [iemocap, meld, ravdess, savee], protocols: [paper]}

Relative folders are taken from where the command runs, as on the command line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator

import emobox_datasets.corpora as corpora
from emobox_datasets.errors import nearest
from emobox_probe.config import Config, Dtype, ProtocolName, TestSet, Training
from emobox_probe.encoders.builtin import BUILTIN, BUILTINS
from emobox_probe.protocol import Target
from emobox_probe.tasks.folders import model_folder
from hub_cards.paper import read_table_4

FOUND = "found"


class PlanError(ValueError):
    """What is wrong with a plan: every problem on a line of its own, `file:line: what`."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


def _check_known(value: str, what: str, known: Iterable[str]) -> str:
    if value not in (names := list(known)):
        raise ValueError(f"Expected {what}, but got {value!r}. {nearest(value, names)}")
    return value


def _model_name(name: str) -> str:
    return _check_known(name, "a built-in encoder", BUILTINS) if name.startswith(BUILTIN) else name


def _corpus_name(name: str) -> str:
    return _check_known(name, "the name of a corpus", corpora.names())


def _paper_model(name: str) -> str:
    return _check_known(name, "a model of Table 4 as paper", sorted(set(read_table_4()["name"])))


def _folder_name(name: str) -> str:
    if "/" in name or name.startswith("."):
        raise ValueError(f"Expected a name for a folder, but got {name!r}; leave out '/'.")
    return name


CorpusName = Annotated[str, AfterValidator(_corpus_name)]
PaperModel = Annotated[str, AfterValidator(_paper_model)]


class Named(Config):
    """What a plan may also tell by its name alone."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Model(Named):
    """One encoder: Hub id, folder, `builtin:<name>` or one's own; the row of Table 4 that it stands beside, if any."""

    name: Annotated[str, Field(min_length=1), AfterValidator(_model_name)]
    revision: str | None = None
    dtype: Dtype = "float32"
    trust_remote_code: bool = False
    compile: bool = False
    paper: PaperModel | None = None

    @property
    def label(self) -> str:
        """The name of its folder below the output folder."""
        return model_folder(Path(), self.name).name


class Place(Named):
    """A corpus, and the folder that holds it where that is not `$EMOBOX_DATA/<corpus>`."""

    model_config = ConfigDict(title="corpus")

    name: CorpusName
    path: str | None = None
    allow_missing: bool = False


class Cross(Config):
    """One experiment between corpora, as `emobox cross` takes it; without protocols, those of the plan."""

    name: Annotated[str, AfterValidator(_folder_name)] = ""
    train: tuple[CorpusName, ...] = Field(min_length=1)
    test: tuple[CorpusName, ...] = ()
    protocols: tuple[ProtocolName, ...] = ()
    labels: tuple[str, ...] = ()
    training: Training = "all"
    test_set: TestSet | None = None
    leave_one_out: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        return self.test or self.train

    @property
    def title(self) -> str:
        """The name of its folder."""
        return self.name or "+".join(self.train) + ("_on_" + "+".join(self.test) if self.test else "")

    @property
    def corpora(self) -> tuple[str, ...]:
        """Every corpus of it, in the order in which records name them."""
        return tuple(dict.fromkeys([*self.train, *self.targets]))


class PlanFile(Config):
    """The keys of a plan's file; entries are checked one by one, so that all that is wrong is told at once."""

    output: Path = Path("runs")
    features: Path | None = None
    store_dtype: Dtype = "float16"
    seeds: int | None = Field(None, gt=0, le=1000)
    models: list[Any] = Field(min_length=1)
    corpora: list[Any]
    protocols: list[Any] = Field(min_length=1)
    target: Target = "label"
    dimensions: tuple[str, ...] = ()
    cross: list[Any] = Field(default_factory=list)


@dataclass(frozen=True)
class Learned:
    """What heads of the corpora learn: labels, or what raters said, of all `dimensions` unless some are named."""

    target: Target
    dimensions: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that a benchmark consists of; made by `reading.read_plan`, which has checked it.

    `places` are all corpora that anything needs; `corpora` names those that are scored by themselves. `lines` says
    where in the file a model or a corpus stands, for messages.
    """

    output: Path
    features: Path
    store_dtype: Dtype
    seeds: int | None
    models: tuple[Model, ...]
    places: dict[str, Place]
    corpora: tuple[str, ...]
    protocols: tuple[ProtocolName, ...]
    cross: tuple[Cross, ...]
    lines: dict[str, int]
    path: str
    target: Target = "label"
    dimensions: tuple[str, ...] = ()

    @property
    def learned(self) -> Learned:
        """What heads of the corpora learn."""
        return Learned(self.target, self.dimensions)

    @property
    def state(self) -> Path:
        """What the benchmark notes beside the records: locks, logs, failures."""
        return self.output / ".bench"

    def file(self, folder: str, item: str, ending: str) -> Path:
        """Where something of an item is noted; the folder is made."""
        path = self.state / folder / (item + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
