"""Whether a published model has seen a corpus of the benchmark in training, as far as a source says so.

A head on frozen features learns from the training part only; the encoder below it may have heard the test part, with
its emotion labels or without. `seen.json` holds what sources say, docs/seen.md shows it and says how to correct it.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from emobox_datasets.corpus import RELEASED
from emobox_probe.encoders.names import TRIMMED
from emobox_probe.errors import ProbeError

FILE = Path(__file__).parent / "seen.json"
State = Literal["tuned", "pretrained", "perhaps", "not"]
MEANINGS: dict[State, str] = {
    "tuned": "trained on this corpus with its emotion labels",
    "pretrained": "heard this corpus without labels",
    "perhaps": "a source points to this corpus, or to EmoBox, without saying clearly what was used",
    "not": "all training data is named, and this corpus is not among it",
}
# In place of a list of corpora: all that the statement does not name.
OTHERS = "others"
OTHERS_NOT_FROM_MEDIA = "others, but not from media"


@dataclass(frozen=True)
class Seen:
    """What a source says of one model and one corpus.

    Attributes:
        state: one of `MEANINGS`, which says what it means.
        source: paper and section, or repository and path.
        url: where to read it.
        looked_up: the day on which it was read.
        note: what else a reader should know; may be empty.
    """

    state: State
    source: str
    url: str
    looked_up: date
    note: str

    @property
    def heard(self) -> bool:
        """Whether the corpus was in the training data, or may have been."""
        return self.state != "not"

    @property
    def text(self) -> str:
        """State and source in words, such as `tuned (Model card)`."""
        return f"{self.state} ({self.source})"


@dataclass(frozen=True)
class Statement:
    """What one source says of some models; a statement without `corpora` records that a source does not tell.

    Attributes:
        models: Hub ids, or names in the paper's tables.
        corpora: state to names of corpora, `OTHERS` and `OTHERS_NOT_FROM_MEDIA` written out.
        written: state to names of corpora as the file has them.
    """

    models: tuple[str, ...]
    corpora: dict[State, tuple[str, ...]]
    written: dict[State, tuple[str, ...] | str]
    source: str
    url: str
    looked_up: date
    note: str

    def about(self, corpus: str) -> Seen | None:
        """What it says of one corpus."""
        for state, names in self.corpora.items():
            if corpus in names:
                return Seen(state, self.source, self.url, self.looked_up, self.note)
        return None


def seen(model_name: str, corpus: str) -> Seen | None:
    """Whether a model has seen a corpus in training; None where no source that was read says so.

    Args:
        model_name: a Hub id in any case, or the name of a model in the paper's tables; `:trimmed` does not matter.
        corpus: such as `emodb`.

    Raises:
        ProbeError: the shipped file is damaged.

    >>> seen("superb/hubert-base-superb-er", "iemocap").state
    'tuned'
    >>> seen("superb/hubert-base-superb-er", "emodb").state
    'not'
    >>> seen("lab/unheard-of", "emodb") is None
    True
    """
    statement = _by_model().get(model_name.removesuffix(TRIMMED).casefold())
    return statement.about(corpus) if statement else None


@cache
def statements() -> tuple[Statement, ...]:
    """Everything that the shipped file says, in its order."""
    return read(FILE)


@cache
def benchmark_corpora() -> tuple[str, ...]:
    """The corpora of the EmoBox release, sorted: corpora of a user's own are none of them."""
    return tuple(sorted(file.parent.name for file in RELEASED.glob("*/utterances.parquet")))


def read(path: Path) -> tuple[Statement, ...]:
    """The statements of a file like `seen.json`.

    Raises:
        ProbeError: a statement is not of that form, names no corpus of the benchmark, or a model has two statements.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    from_media = tuple(content["from_media"])
    _check_corpora(from_media, path)
    made = tuple(_statement(raw, from_media, path) for raw in content["statements"])
    models = [model.casefold() for statement in made for model in statement.models]
    if twice := sorted({model for model in models if models.count(model) > 1}):
        raise ProbeError(
            f"Expected one statement a model in {path}, but got several of {', '.join(twice)}; join them."
        )
    return made


def _statement(raw: dict[str, Any], from_media: tuple[str, ...], path: Path) -> Statement:
    try:
        written: dict[State, tuple[str, ...] | str] = {
            state: names if isinstance(names, str) else tuple(names) for state, names in raw["seen"].items()
        }
        known = {name: raw[name] for name in ("source", "url", "note")}
        models, looked_up = tuple(raw["models"]), date.fromisoformat(raw["looked_up"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProbeError(
            f"Expected models, seen, source, url, looked_up and note in every statement of {path}, but got "
            f"{str(raw)[:120]!r} ({error}); correct it."
        ) from error
    if unknown := sorted(set(written) - set(MEANINGS)):
        raise ProbeError(
            f"Expected one of {', '.join(MEANINGS)} in {path}, but got {', '.join(unknown)}; correct it."
        )
    named = tuple(name for names in written.values() if isinstance(names, tuple) for name in names)
    _check_corpora(named, path)
    corpora = {state: _written_out(names, named, from_media, path) for state, names in written.items()}
    return Statement(models, corpora, written, looked_up=looked_up, **known)


def _written_out(
    names: tuple[str, ...] | str, named: tuple[str, ...], from_media: tuple[str, ...], path: Path
) -> tuple[str, ...]:
    if isinstance(names, tuple):
        return names
    if names not in (OTHERS, OTHERS_NOT_FROM_MEDIA):
        raise ProbeError(
            f"Expected a list of corpora, {OTHERS!r} or {OTHERS_NOT_FROM_MEDIA!r} in {path}, but got {names!r}; "
            f"correct it."
        )
    left_out = {*named, *(from_media if names == OTHERS_NOT_FROM_MEDIA else ())}
    return tuple(name for name in benchmark_corpora() if name not in left_out)


def _check_corpora(names: tuple[str, ...], path: Path) -> None:
    if unknown := sorted(set(names) - set(benchmark_corpora())):
        raise ProbeError(
            f"Expected names of the benchmark's corpora in {path}, but got {', '.join(unknown)}; correct it."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ProbeError(
            f"Expected one state a model and corpus in {path}, but got several of {', '.join(twice)}; keep one."
        )


@cache
def _by_model() -> dict[str, Statement]:
    return {model.casefold(): statement for statement in statements() for model in statement.models}
