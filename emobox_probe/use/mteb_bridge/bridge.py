"""What MTEB is given: tasks for its models, and a model for its tasks."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import emobox_datasets.corpora as corpora
from emobox_datasets.errors import nearest
from emobox_datasets.released.utterances import released_corpora
from emobox_probe.config import ExtractConfig
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import LINEAR, LINEAR_SPEAKER_DEPENDENT, Protocol
from emobox_probe.tasks.tasks import protocol_within

if TYPE_CHECKING:
    from emobox_probe.use.mteb_bridge.corpus_task import CorpusTask, ShuffledTask
    from emobox_probe.use.mteb_bridge.embedder import Embedder

Folds = Literal["released", "strict", "shuffled"]
# The first with what is used here (2.26.24 was tried), and the first that may be without it.
LOWEST, BELOW = (2, 26), (3,)
ASKED_FOR = "mteb>=2.26,<3"
# Of those for features, what an embedding depends on, or how it is made.
SETTINGS = ("device", "dtype", "store_dtype", "revision", "trust_remote_code", "batch_seconds")


def mteb_tasks(
    names: str | Sequence[str] = (),
    folds: Folds | Sequence[Folds] = ("released", "strict"),
    data_dir: str | PathLike[str] | Mapping[str, str | PathLike[str]] | None = None,
) -> "list[CorpusTask | ShuffledTask]":
    """Corpora on their folds as tasks that `mteb.evaluate` takes, with languages, licence and citation.

    A task reads its corpus when it is run, so all of them can be listed without one. Its score is that of protocol
    `linear` on the one embedding of an utterance that the model gives: `ua` (the main score), `wa` and `f1` of all
    tested utterances together, the interval of `ua` over speakers, and the scores of every fold.

    Args:
        names: of corpora, such as `emodb`; default: all of the benchmark.
        folds: `strict`: no speaker is on both sides (protocol `linear`; no task where speakers cannot be kept apart).
            `released`: as the EmoBox authors published them (the recipe of `linear-speaker-dependent`). `shuffled`:
            what MTEB does with a corpus of one part, its own code unchanged, to compare with: eight utterances of every
            label to train on, and train and test share speakers.
        data_dir: folder that holds the corpus, or one for each corpus by name; default: `$EMOBOX_DATA/<corpus>`, or
            fetched where anyone may.

    Returns:
        Tasks called `EmoBox_<corpus>_<folds>`, by corpus, then by folds.

    Raises:
        ProbeError: MTEB is not installed, or a version that these tasks are not for; no such folds; no folder named by
            corpus where there are several; or one of a corpus that is not among the names.
        CorpusError: no corpus has that name.
    """
    check_mteb()
    from emobox_probe.use.mteb_bridge.corpus_task import task_class

    wanted = [names] if isinstance(names, str) else list(names) or released_corpora()
    kinds = [folds] if isinstance(folds, str) else list(folds)
    for kind in kinds:
        if kind not in get_args(Folds):
            raise ProbeError(f"Expected folds, but got {kind!r}. {nearest(kind, get_args(Folds))}")
    folders = _folders(data_dir, wanted)
    return [
        task_class(name, kind, protocol)(data_dir=folders.get(name))
        for name in wanted
        for kind in kinds
        if (protocol := _protocol(name, kind)) is not None
    ]


def mteb_encoder(model: Any, layer: int | None = None, **settings: Any) -> "Embedder":
    """An encoder of EmoBox as a model that `mteb.evaluate` takes: mean and standard deviation over time of one layer.

    An embedding is what protocol `linear` fits its heads on, rounded as stored features are.

    Args:
        model: as for `probe`: Hub id, local folder, `builtin:<name>`, `python:…`, `hear:…`, or an object.
        layer: from 0, the input of the first layer, to the last; default: the frames of the last.
        settings: `device`, `dtype`, `store_dtype`, `revision`, `trust_remote_code` and `batch_seconds` of
            `config.ExtractConfig`.

    Returns:
        The model, whose `mteb_model_meta.revision` changes with whatever its embeddings depend on.

    Raises:
        ProbeError: MTEB is not installed, or a version that this is not for; a setting has no meaning here; or as for
            `probe`.
    """
    check_mteb()
    from emobox_probe.encoders.own.doors import name_of_object
    from emobox_probe.use.mteb_bridge.embedder import embedder_of

    for setting in settings:
        if setting not in SETTINGS:
            raise ProbeError(
                f"Expected a setting of an encoder for MTEB, but got {setting!r}. {nearest(setting, SETTINGS)}"
            )
    named = isinstance(model, (str, PathLike))
    name = str(model) if named else name_of_object(model)
    config = ExtractConfig.of({"model": name, "corpus": "none", **settings})
    return embedder_of(config, layer, None if named else model)


def check_mteb() -> None:
    """Raise unless an MTEB is installed that the tasks are for.

    Raises:
        ProbeError: there is none, or another version.
    """
    try:
        installed = version("mteb")
    except PackageNotFoundError:
        raise ProbeError(
            f"Expected {ASKED_FOR} for tasks and models of MTEB, but it is not installed; pip install emobox[mteb]."
        ) from None
    numbers = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if not LOWEST <= numbers < BELOW:
        raise ProbeError(
            f"Expected {ASKED_FOR} for tasks and models of MTEB, but version {installed} is installed; "
            f"pip install '{ASKED_FOR}'."
        )


def _protocol(name: str, kind: Folds) -> Protocol | None:
    """Whose recipe a task has; None where a corpus has no such folds."""
    strict = protocol_within(LINEAR.name, corpora.load(name))
    if kind == "strict":
        return strict if strict.name == LINEAR.name else None
    return LINEAR_SPEAKER_DEPENDENT


def _folders(data_dir: Any, names: Sequence[str]) -> dict[str, Path]:
    if data_dir is None:
        return {}
    if isinstance(data_dir, Mapping):
        for name in data_dir:
            if name not in names:
                raise ProbeError(
                    f"Expected folders of the corpora that are asked for, but got one of {name!r}. "
                    f"{nearest(name, names)}"
                )
        return {name: Path(folder) for name, folder in data_dir.items()}
    if len(names) > 1:
        raise ProbeError(
            f"Expected a folder for each of {len(names)} corpora, but got only {data_dir}; pass "
            f"data_dir={{corpus: folder}}, or set EMOBOX_DATA to the folder above them."
        )
    return {names[0]: Path(data_dir)}
