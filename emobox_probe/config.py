"""The settings of experiments: typed and documented; options, items of plans, jobs and records are made from them."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from emobox_probe.encoders.names import is_path, path_for_others
from emobox_probe.errors import ProbeError, problem
from emobox_probe.protocol import Target

Dtype = Literal["float32", "bfloat16", "float16"]
Layers = Literal["last", "all", "available", "statistics"]
Training = Literal["all", "released"]
Device = Literal["cpu", "cuda", "mps"]
TestSet = Literal["balanced", "all"]
ExportForm = Literal["transformers", "onnx", "web"]
ProtocolName = Literal["paper", "strict", "linear"]
# Within a corpus `strict` and `linear` may not be possible: they are others then, which can also be named.
WithinProtocolName = Literal["paper", "strict", "linear", "speaker-dependent", "linear-speaker-dependent"]
# Where things are and how they are made, not what is measured: no record says them.
PLACES = {
    *(
        "data_dir",
        "features_dir",
        "output_dir",
        "num_proc",
        "overwrite",
        "device",
        "batch_seconds",
        "compile",
    ),
}
# Of each label, so that a fifth of them, which is held out to choose on, is one.
FEWEST = 3
# Seconds of a recording's part: shorter ones say nothing.
SHORTEST_WINDOW = 0.1
# May be a folder.
MODELS = {"model", "classifier"}
_PROTOCOL = "everything else that fixes a score: emobox protocols"


class Config(BaseModel):
    """Settings that cannot be misspelled or changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_empty_folder(cls, value: Any, info: ValidationInfo) -> Any:
        """An empty path would be the working directory, which nobody has named."""
        if Path not in _types_in(cls.model_fields[str(info.field_name)].annotation):
            return value
        paths = value.values() if isinstance(value, Mapping) else [value]
        if any(isinstance(path, str) and not path.strip() for path in paths):
            raise ValueError(
                f"Expected a path as {info.field_name}, but it is empty; name it, or leave {info.field_name} out."
            )
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _one_of_several(cls, value: Any, info: ValidationInfo) -> Any:
        """Names in one text, as options have them, and a path alone where there may be several."""
        annotation = type_of(cls.model_fields[str(info.field_name)].annotation)
        if get_origin(annotation) is not tuple or not isinstance(value, (str, PathLike)):
            return value
        if Path in _types_in(annotation):
            return (value,)
        names = names_in(str(value))
        if not names:
            raise ValueError(
                f"Expected names parted by commas as {info.field_name}, but got none; name one, or leave it out."
            )
        return names

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The settings, checked.

        Raises:
            ProbeError: one is missing, unknown or no possible value; says which.
        """
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            raise ProbeError(" ".join(problem(cls, settings, found) for found in error.errors())) from None

    def words(self) -> list[str]:
        """The command line that says the same, without the command: only what is not the default."""
        words: list[str] = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value == field.get_default(call_default_factory=True):
                continue
            words += _words(option_of(name), value)
        return words

    def recorded(self) -> dict[str, Any]:
        """What a record keeps of the settings: all but where things are on this machine."""
        return self.for_others().model_dump(mode="json", exclude=PLACES)

    def for_others(self) -> Self:
        """The settings as records and commands for other eyes say them: absolute paths by `path_for_others`."""
        return self.model_copy(update={name: _for_others(name, value) for name, value in self})


class FeatureConfig(Config):
    """Which features of which model, and where they are kept."""

    model: str = Field(
        min_length=1,
        description="Hub id, local folder, builtin:<name>, python:<module>:<function> or "
        "hear:<module>[@<weights>]; behind a Whisper model, :trimmed takes the true length",
    )
    revision: str | None = Field(None, description="branch, tag or commit of the model on the Hub")
    trust_remote_code: bool = Field(False, description="run the model repository's own code")
    dtype: Dtype = Field("float32", description="what the model computes in")
    layers: Layers | None = Field(
        None,
        description="all: also store the means of every layer, for a curve and a learned sum; available: where the "
        "model has layers; statistics: where it has, means and standard deviations, as `linear` takes; default: by "
        "protocol",
    )
    store_dtype: Dtype = Field("float16", description="what features are stored in")
    features_dir: Path | None = Field(None, description="default: $HF_HOME/emobox/features")
    num_proc: int | None = Field(None, gt=0, description="processes that convert the corpus")
    device: Device | None = Field(None, description="where the model runs; default: as accelerate chooses")
    batch_seconds: float | None = Field(
        None, gt=0, description="of audio in one batch, padding included; default: by device"
    )
    compile: bool = Field(
        False,
        description="compile the layers of the model on a GPU, where there are hours enough to pay for it",
    )
    allow_missing: bool = Field(False, description="go on with an incomplete corpus")


class OneCorpus(Config):
    """The corpus that features are of, and the folder that holds it."""

    corpus: str = Field(description="name of the corpus, such as emodb")
    data_dir: Path | None = Field(
        None, description="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>"
    )


class ExtractConfig(OneCorpus, FeatureConfig):
    """Features of one corpus."""


class TrainingConfig(FeatureConfig):
    """Heads trained on features by a protocol, and where the record goes."""

    seeds: int | None = Field(
        None,
        gt=0,
        le=1000,
        description="repeat with seeds 0 to N - 1, shown with their spread; default: by protocol",
    )
    limit: int | None = Field(
        None,
        ge=FEWEST,
        description="a smoke test: N utterances of each label and part; its scores say nothing, and are not published",
    )
    output_dir: Path = Field(Path("runs"), description="the record goes to a folder below it")
    overwrite: bool = Field(False, description="replace a result of other weights, data or settings")


class ProbeConfig(OneCorpus, TrainingConfig):
    """One model on the folds of one corpus."""

    protocol: WithinProtocolName = Field("paper", description=_PROTOCOL)
    folds: tuple[str, ...] = Field(
        (), description="only these of the protocol's, parted by commas: no score of the corpus"
    )
    target: Target = Field(
        "label", description="what heads learn: the label, or what raters said (docs/humans.md)"
    )
    dimensions: tuple[str, ...] = Field(
        (), description="with --target dimensions, parted by commas; default: all that the corpus has"
    )


class CrossConfig(TrainingConfig):
    """One model trained on corpora and tested on others."""

    protocol: ProtocolName = Field("paper", description=_PROTOCOL)
    train: tuple[str, ...] = Field(min_length=1, description="sources, parted by commas")
    test: tuple[str, ...] = Field((), description="targets, parted by commas; default: the sources")
    leave_one_out: bool = Field(False, description="train on all sources but the target, together")
    training: Training = Field(
        "all", description="train on the whole source, or on the training part of its released fold1"
    )
    test_set: TestSet | None = Field(
        None,
        description="of a target; default: the paper's balanced sets where all targets have one of the labels, else "
        "all of it",
    )
    labels: tuple[str, ...] = Field(
        (),
        description="parted by commas, or `common` for all that the corpora share; default: of the paper's four, "
        "those shared",
    )
    name: str | None = Field(
        None, description="of the folder below <output-dir>/<model>/cross; default: the corpora"
    )
    data_dir: dict[str, Path] = Field(
        default_factory=dict,
        description="CORPUS=FOLDER: where a corpus is, as often as needed; default: $EMOBOX_DATA/<corpus>",
    )


class CurveConfig(Config):
    """How a model scores with little data."""

    run: Path | None = Field(None, description="folder of a run of emobox probe --protocol linear")
    model: str | None = Field(
        None,
        description="with --corpus, instead of a run; with one, the encoder where a record knows its folder by name "
        "only",
    )
    corpus: str | None = Field(None, description="name of the corpus, such as emodb, with --model")
    data_dir: Path | None = Field(
        None, description="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>"
    )
    draws: int = Field(10, gt=0, le=1000, description="of every size")
    features_dir: Path | None = Field(None, description="default: $HF_HOME/emobox/features")
    output_dir: Path = Field(Path("runs"), description="with --model, the run goes to a folder below it")
    trust_remote_code: bool = Field(False, description="run the model repository's own code")
    num_proc: int | None = Field(None, gt=0, description="processes that convert the corpus")
    device: Device | None = Field(None, description="where the model runs; default: as accelerate chooses")


class BalanceConfig(Config):
    """A balanced test set of a corpus: as many utterances of every speaker and emotion, confirmed by a classifier."""

    corpus: str = Field(description="name of the corpus, such as emodb")
    classifier: str = Field(description="Hub id or folder of an audio classification model")
    per_speaker: int = Field(gt=0, description="utterances of each emotion")
    out: Path = Field(description="the list to write, a text file of ids")
    data_dir: Path | None = Field(
        None, description="folder that holds the corpus; default: $EMOBOX_DATA/<corpus>"
    )
    seed: int = Field(0, description="of the draw")
    labels: tuple[str, ...] = Field(
        (),
        description="emotions, parted by commas; default: angry, happy, neutral and sad, as far as there are",
    )
    speakers: tuple[str, ...] = Field(
        (), description="only these, parted by commas (the paper chose six of MELD)"
    )
    label_map: tuple[str, ...] = Field((), description="CLASS=LABEL,…: what classes of the classifier mean")
    fewer: bool = Field(False, description="take the largest number that all have, up to --per-speaker")
    revision: str | None = Field(None, description="branch, tag or commit of the classifier on the Hub")
    trust_remote_code: bool = Field(False, description="run the classifier repository's own code")
    allow_missing: bool = Field(False, description="go on with an incomplete corpus")
    num_proc: int | None = Field(None, gt=0, description="processes that convert the corpus")
    overwrite: bool = Field(False, description="replace the file at --out")


class ClassifyConfig(OneCorpus):
    """A classifier as it is on the test parts of one corpus."""

    model: str = Field(
        min_length=1,
        description="Hub id or folder of an audio classification model or of CLAP, or python:<module>:<function>",
    )
    map: tuple[str, ...] = Field(
        (),
        description="CLASS=LABEL,…: what classes mean where their names do not say; CLASS=none: none of the labels",
    )
    revision: str | None = Field(None, description="branch, tag or commit of the classifier on the Hub")
    trust_remote_code: bool = Field(False, description="run the classifier repository's own code")
    device: Device | None = Field(None, description="where it runs; default: as accelerate chooses")
    num_proc: int | None = Field(None, gt=0, description="processes that convert the corpus")
    allow_missing: bool = Field(False, description="go on with an incomplete corpus")
    output_dir: Path = Field(Path("runs"), description="the record goes to a folder below it")
    overwrite: bool = Field(False, description="replace a result of another classifier or map")


class UseConfig(Config):
    """A classifier that labels recordings, and the encoder that it needs."""

    classifier: Path = Field(description="folder of a run, of a fit or of an export")
    model: str | None = Field(
        None, description="the encoder, where a record knows its folder by name only; its weights are checked"
    )
    trust_remote_code: bool = Field(False, description="run the encoder repository's own code")
    fold: str | None = Field(
        None, description="of a run, only heads of this fold (between corpora: source); default: all together"
    )
    seed: int | None = Field(None, description="of a run, only heads of this seed; default: all together")


class PredictConfig(UseConfig):
    """What a classifier says of recordings."""

    files: tuple[str, ...] = Field(
        min_length=1, description="recordings, folders of them, or - for one from standard input"
    )
    segments: bool = Field(
        False, description="label each part of a recording between silences, with its times"
    )
    window: float | None = Field(
        None,
        ge=SHORTEST_WINDOW,
        allow_inf_nan=False,
        description=f"label windows of so many seconds ({SHORTEST_WINDOW} or more), with their times",
    )
    plots: Path | None = Field(
        None, description="with --segments: a folder for pictures of emotions over time"
    )
    device: Device | None = Field(None, description="where the model runs; default: as accelerate chooses")
    batch_seconds: float | None = Field(
        None, gt=0, description="of audio in one batch, padding included; default: by device"
    )

    @property
    def parted(self) -> bool:
        """Whether parts of a recording are labelled, each by itself."""
        return self.segments or self.window is not None


class ExportConfig(UseConfig):
    """A classifier in a form of others."""

    classifier: Path = Field(description="folder of a run or of a fit")
    to: ExportForm = Field(
        description="transformers: a folder for pipelines; onnx: a graph for ONNX Runtime; web: a page that runs it"
    )
    out: Path | None = Field(None, description="folder to write; default: <to>, in the classifier's folder")
    int8: bool = Field(False, description="of onnx and web: matrix products of the encoder in 8 bits")
    onnxruntime_web: Path | None = Field(
        None,
        description="of web: folder of the npm package onnxruntime-web; default: node_modules/onnxruntime-web",
    )
    overwrite: bool = Field(False, description="replace an earlier export at --out")


class FitConfig(Config):
    """A classifier to be used, of the encoder, corpora and settings of a run."""

    run: Path = Field(description="folder of a run of emobox probe or cross")
    ensemble: bool = Field(
        False, description="take the heads of all folds and seeds together; nothing is trained"
    )
    seeds: int = Field(1, gt=0, description="heads to train, with seeds 0 to N - 1; they answer together")
    model: str | None = Field(
        None, description="the encoder, where a record knows its folder by name only; its weights are checked"
    )
    trust_remote_code: bool = Field(False, description="run the encoder repository's own code")
    data_dir: dict[str, Path] = Field(
        default_factory=dict,
        description="CORPUS=FOLDER: where a corpus is, as often as needed; default: $EMOBOX_DATA/<corpus>",
    )
    out: Path | None = Field(
        None, description="folder to write; default: fit, or ensemble, in the run's folder"
    )
    features_dir: Path | None = Field(None, description="default: $HF_HOME/emobox/features")
    num_proc: int | None = Field(None, gt=0, description="processes that convert a corpus")
    device: Device | None = Field(None, description="where the model runs; default: as accelerate chooses")
    batch_seconds: float | None = Field(
        None, gt=0, description="of audio in one batch, padding included; default: by device"
    )
    allow_missing: bool = Field(False, description="go on with an incomplete corpus")
    overwrite: bool = Field(False, description="replace another fit at --out")


def option_of(name: str) -> str:
    """The option of a setting.

    >>> option_of("data_dir")
    '--data-dir'
    """
    return "--" + name.replace("_", "-")


def names_in(text: str) -> tuple[str, ...]:
    """Names parted by commas, each once.

    >>> names_in("emodb, urdu,emodb")
    ('emodb', 'urdu')
    """
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def type_of(annotation: Any) -> Any:
    """A setting's type, whether or not it may be None.

    >>> type_of(int | None), type_of(bool)
    (<class 'int'>, <class 'bool'>)
    """
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _types_in(annotation: Any) -> set[Any]:
    """The types that a setting's annotation is made of.

    >>> _types_in(int | None) == {int, type(None)}
    True
    """
    return {part for parts in map(_types_in, get_args(annotation)) for part in parts} or {annotation}


def _for_others(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _for_others(name, part) for key, part in value.items()}
    if isinstance(value, Path):
        return Path(path_for_others(value))
    return path_for_others(value) if name in MODELS and value and is_path(value) else value


def _words(option: str, value: Any) -> list[str]:
    if value is True:
        return [option]
    if isinstance(value, tuple):
        return [option, ",".join(value)]
    if isinstance(value, dict):
        return [word for key, part in value.items() for word in (option, f"{key}={part}")]
    return [option, str(value)]
