"""What loading a model would read, and why it would be refused, as far as lists and heads of files tell.

Nothing large is downloaded, so a file may still be refused when it is read whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, HfFileSystem, constants, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile
from transformers.utils import (
    CONFIG_NAME,
    SAFE_WEIGHTS_INDEX_NAME,
    SAFE_WEIGHTS_NAME,
    WEIGHTS_INDEX_NAME,
    WEIGHTS_NAME,
)

import emobox_datasets.copy.placeholders as placeholders
from emobox_datasets.files import inside
from emobox_probe.encoders.checkpoints.files import indexed_files, own_file
from emobox_probe.encoders.checkpoints.funasr import CHECKPOINT, checkpoint_name
from emobox_probe.encoders.convert_checkpoint import SETTINGS
from emobox_probe.encoders.data2vec2.pickles import ALLOWED, objects_in_head, refusal
from emobox_probe.errors import ProbeError

WEIGHTS = (SAFE_WEIGHTS_NAME, SAFE_WEIGHTS_INDEX_NAME, WEIGHTS_NAME, WEIGHTS_INDEX_NAME)
# Of a checkpoint, enough for the names and shapes of the weights of a large model.
HEAD = 1 << 18


@dataclass(frozen=True)
class Preview:
    """The file of weights that loading begins with, its size in bytes, and what is wrong with it."""

    file: str | None = None
    size: int | None = None
    problem: str | None = None


def preview(name: str, revision: str | None, named: str | None = None) -> Preview:
    """Look at a model by Hub id or folder.

    Args:
        name: of the model.
        revision: branch, tag or commit on the Hub.
        named: the weights that its configuration names (`transformers_weights`).
    """
    file: str | None = None
    try:
        sizes = _sizes(name, revision, [CONFIG_NAME, SETTINGS, *WEIGHTS, *filter(None, [named])])
        funasr = CONFIG_NAME not in sizes and SETTINGS in sizes
        if funasr:
            file = checkpoint_name(name, revision)
            sizes |= _sizes(name, revision, [file])
        else:
            file = named or next((weights for weights in WEIGHTS if weights in sizes), None)
        if file is None or file not in sizes:
            return Preview(file, None, f"Expected {name} to have {_wanted(file)}, but it has none.")
        return Preview(file, sizes[file], _problem(name, revision, file, ALLOWED if funasr else ()))
    except (ProbeError, ValueError) as error:
        return Preview(file, None, str(error))
    except (OSError, HfHubHTTPError, HTTPError) as error:
        return Preview(file, None, f"Expected to look at {name}, but got: {error}")


def _wanted(file: str | None) -> str:
    return file or f"{SAFE_WEIGHTS_NAME}, {WEIGHTS_NAME} or FunASR's {CHECKPOINT}"


def _sizes(name: str, revision: str | None, files: Sequence[str]) -> dict[str, int]:
    """Bytes of those of the files that are there."""
    if Path(name).is_dir():
        paths = {file: inside(name, file) for file in files}
        return {file: path.stat().st_size for file, path in paths.items() if path.is_file()}
    if constants.HF_HUB_OFFLINE:
        cached = {file: try_to_load_from_cache(name, file, revision=revision) for file in files}
        return {file: Path(path).stat().st_size for file, path in cached.items() if isinstance(path, str)}
    entries = HfApi().get_paths_info(name, list(files), revision=revision)
    return {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}


def _problem(name: str, revision: str | None, file: str, allowed: Sequence[str]) -> str | None:
    """Why the file, or one that it is an index of, would be refused; None where nothing tells."""
    suffix = ".bin" if file == WEIGHTS_INDEX_NAME else ".safetensors"
    parts = [file]
    if file.endswith(".index.json") and (index := own_file(name, file, revision)):
        parts = list(indexed_files(name, file, index, suffix))
        missing = sorted(parts - _sizes(name, revision, parts).keys())
        if missing:
            return (
                f"Expected the files that {file} of {name} names, but {missing[0]} is not there; get it too."
            )
    for part in parts:
        called, head = f"{part} of {name}", _head(name, revision, part)
        if fault := placeholders.sniffed(head):
            return f"Expected weights in {called}, but {fault[0]}; get the file itself."
        if objects := () if part.endswith(".safetensors") else objects_in_head(head, allowed):
            return refusal(called, objects)
    return None


def _head(name: str, revision: str | None, file: str) -> bytes:
    """The first bytes of a file, from the disk where it is there."""
    cached = (
        Path(name) / file if Path(name).is_dir() else try_to_load_from_cache(name, file, revision=revision)
    )
    if isinstance(cached, str | Path):
        with open(cached, "rb") as local:
            return local.read(HEAD)
    hub = HfFileSystem(skip_instance_cache=True)
    with hub.open(f"{name}/{file}", revision=revision, block_size=HEAD) as remote:
        head: bytes = remote.read(HEAD)
        return head
