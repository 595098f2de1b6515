"""The files of a model by their names: in a folder, or in a repository on the Hub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME
from transformers.utils.hub import cached_file

import emobox_datasets.copy.placeholders as placeholders
from emobox_datasets.files import inside
from emobox_probe.errors import ProbeError


def own_file(name: str, file: str, revision: str | None) -> Path | None:
    """A file of a folder or of a repository on the Hub, None where it has none of that name; as the library looks.

    Raises:
        OSError: there is no such repository or revision, or the Hub cannot be reached.
    """
    path = cached_file(
        name,
        file,
        revision=revision,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
    )
    return None if path is None else Path(path)


def has_safetensors(name: str, revision: str | None, config: Any) -> bool:
    """Whether a model has weights as safetensors, which lie in its own folder or repository.

    The library would read whatever file an index (`model.safetensors.index.json`, or what the configuration names as
    `transformers_weights`) maps a weight to.

    Raises:
        ValueError: the index cannot be read or names anything but safetensors beside it; says which.
        ProbeError: the file is a pointer or a web page.
        OSError: the Hub cannot be reached.
    """
    named = getattr(config, "transformers_weights", None)
    if named is None and (path := own_file(name, SAFE_WEIGHTS_NAME, revision)):
        check_is_there(path, f"{SAFE_WEIGHTS_NAME} of {name}")
        return True  # the library looks for it first
    index = SAFE_WEIGHTS_INDEX_NAME if named is None else inside(name, named).relative_to(name).as_posix()
    if not index.endswith(".index.json"):
        _check_weight_file(name, "the configuration", index, ".safetensors")
    elif path := own_file(name, index, revision):
        list(indexed_files(name, index, path, ".safetensors"))
    elif named is None:
        return False
    return True


def indexed_files(name: str, index: str, path: Path, suffix: str) -> Iterator[str]:
    """The files that an index of weights maps to: `.safetensors` or `.bin` beside it and nothing else.

    Args:
        name: of the model.
        index: what the index is called.
        path: where it is.
        suffix: of the files.

    Raises:
        ValueError: the index cannot be read, or maps to anything else; names both.
    """
    try:
        content = json.loads(path.read_bytes())
        files, _ = set(content["weight_map"].values()), content["metadata"].keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index}, which is no index of weights ({error!r})") from error
    for file in sorted(files, key=str):
        _check_weight_file(name, index, file, suffix)
        yield file


def _check_weight_file(name: str, index: str, file: Any, suffix: str) -> None:
    try:
        path = inside(name, file)
    except ValueError as error:
        raise ValueError(f"{index}, which names {file!r} outside of the model") from error
    if path.suffix != suffix or (Path(name).is_dir() and not path.is_file()):
        raise ValueError(f"{index}, which names {file!r} and not a {suffix} file beside it")


def check_is_there(path: Path, called: str) -> None:
    """Refuse what lies where weights should be: pointers of Git-LFS, web pages, empty files.

    Raises:
        ProbeError: it is one of these.
    """
    fault = placeholders.recognise(path) or placeholders.sniff(path)
    if fault:
        raise ProbeError(
            f"Expected weights in {called}, but {fault[0]}; get the file itself (in a clone: `git lfs pull`)."
        )
