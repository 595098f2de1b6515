"""Reading checkpoints that are pickles without running what is in them.

`torch.load(weights_only=True)` makes tensors and plain containers. Checkpoints of fairseq hold a few objects more,
which are not needed as what they were: an `Inert` object stands in for each, that keeps what was stored as data.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from emobox_probe.errors import ProbeError


class Inert:
    """Stands in for an object of a library that is not imported: no code but this class's is run."""

    def __new__(cls, *arguments: Any) -> "Inert":
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    arguments: tuple[Any, ...]
    state: Any

    def __init__(self, *_: Any) -> None:
        return

    def __setstate__(self, state: Any) -> None:
        self.state = state


# What a checkpoint may name, and gets an Inert for: settings as fairseq keeps them (a namespace, or containers of
# OmegaConf), the labels of a fine-tuned model, and numbers of NumPy among the statistics of training.
ALLOWED = (
    "argparse.Namespace",
    "collections.defaultdict",
    "fairseq.data.dictionary.Dictionary",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "omegaconf.nodes.BooleanNode",
    "omegaconf.nodes.FloatNode",
    "omegaconf.nodes.IntegerNode",
    "omegaconf.nodes.StringNode",
    "typing.Any",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bool", "dict", "list")),
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("float", "int", "str")),
)


def read_checkpoint(path: Path, called: str | None = None, allowed: Sequence[str] = ALLOWED) -> Any:
    """What a file of `torch.save` holds, on the CPU, with an `Inert` for each object of `allowed`.

    Args:
        path: the file.
        called: what messages call it; its path if None.
        allowed: what it may hold besides tensors and plain containers.

    Raises:
        ProbeError: there is no such file, it is none of `torch.save`, it is not whole, or it holds objects that only
            running code could make.
    """
    called = called or str(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise ProbeError(f"Expected a checkpoint file (.pt), but {called} is {what}; give the file itself.")
    with safe_globals([(Inert, name) for name in allowed]):
        archive = zipfile.is_zipfile(path)
        try:
            code = get_unsafe_globals_in_checkpoint(str(path)) if archive else []
            if not code:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
        except Exception as error:  # a broken or hostile file makes the reader fail in any way there is
            raise ProbeError(_unreadable(path, called, error)) from error
    raise ProbeError(refusal(called, code))


def _unreadable(path: Path, called: str, error: Exception) -> str:
    text = str(error)
    if named := re.search(r"(?:GLOBAL|unrecognized function) (\S+)", text):
        return refusal(called, [named[1]])
    with path.open("rb") as file:
        begins_as_archive = file.read(4) == b"PK\x03\x04"
    if begins_as_archive or isinstance(error, EOFError) or "unexpected EOF" in text:
        size = path.stat().st_size
        return f"Expected a whole checkpoint, but {called} ({size:,} bytes) breaks off; download it again."
    inner = re.search(r"WeightsUnpickler error: (.+)", text)
    # Without PyTorch's advice to open the file unsafely.
    reason = (inner[1] if inner else text.split(" In PyTorch ")[0]).strip().rstrip(".")
    return (
        f"Expected a checkpoint written by torch.save, but {called} cannot be read as one "
        f"({type(error).__name__}: {reason}); give the file as it was published."
    )


def objects_in_head(head: bytes, allowed: Sequence[str] = ALLOWED) -> list[str]:
    """What the pickle at the head of a file of `torch.save` would need to be made, besides tensors and `allowed`.

    The list is empty, too, where the head does not hold the whole pickle: reading the file tells.
    """
    names = _pickle_at(head)
    if names is None:
        return []
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:  # what the function below looks into
        file.writestr("archive/data.pkl", names)
        file.writestr("archive/version", "3\n")
    with safe_globals([(Inert, name) for name in allowed]):
        try:
            return get_unsafe_globals_in_checkpoint(io.BytesIO(archive.getvalue()))
        except Exception:  # as in `read_checkpoint`, which will say what is wrong
            return []


def _pickle_at(head: bytes) -> bytes | None:
    """The pickle that names the weights: the first file of an archive, or before archives the fourth of a row."""
    stream = io.BytesIO(head)
    if head.startswith(b"PK\x03\x04"):
        name, extra = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
        if not head[30 : 30 + name].endswith(b"/data.pkl"):
            return None
        stream.seek(30 + name + extra)
        skipped = 0
    else:
        skipped = 3  # a magic number, the version, and sizes of integers
    try:
        for _ in range(skipped):
            _skip_pickle(stream)
        start = stream.tell()
        _skip_pickle(stream)
    except Exception:  # cut off, or no pickle
        return None
    return head[start : stream.tell()]


def _skip_pickle(stream: io.BytesIO) -> None:
    for _ in pickletools.genops(stream):
        pass


def refusal(called: str, objects: Sequence[str]) -> str:
    """Why a checkpoint is not read that also holds these objects, by module and name."""
    return (
        f"Expected a checkpoint of tensors and settings, but {called} also holds {', '.join(sorted(objects))}, which "
        f"only running code from the file could make: refused, and nothing in it was run. If you trust who made it, "
        f"save its tensors alone where that does no harm, and use that file."
    )


def plain(value: Any) -> Any:
    """Settings as dicts, lists and values, whatever containers they were stored in; None for what is no setting."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, Inert):
        return value
    state = value.state
    if not isinstance(state, dict):
        return None
    for inner in ("_content", "_val"):  # of OmegaConf's containers, and of its values
        if inner in state:
            return plain(state[inner])
    return plain(state)  # a namespace
