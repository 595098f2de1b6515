"""Reading checkpoints that are pickles without running what is in them.

`torch.load(weights_only=True)` makes tensors and plain containers. Checkpoints of fairseq hold a few objects more,
which are not needed as what they were: an `Inert` object stands in for each, that keeps what was stored as data.
"""

import re
import zipfile
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


def read_checkpoint(path: Path) -> Any:
    """What a file of `torch.save` holds, on the CPU, with an `Inert` for each object of `ALLOWED`.

    Raises:
        ProbeError: there is no such file, it is none of `torch.save`, it is not whole, or it holds objects that only
            running code could make.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise ProbeError(f"Expected a checkpoint file (.pt), but {path} is {what}; give the file itself.")
    with safe_globals([(Inert, name) for name in ALLOWED]):
        archive = zipfile.is_zipfile(path)
        try:
            code = get_unsafe_globals_in_checkpoint(str(path)) if archive else []
            if not code:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
        except Exception as error:  # a broken or hostile file makes the reader fail in any way there is
            raise ProbeError(_unreadable(path, error)) from error
    raise ProbeError(_refusal(path, ", ".join(sorted(code))))


def _unreadable(path: Path, error: Exception) -> str:
    text = str(error)
    if named := re.search(r"(?:GLOBAL|unrecognized function) (\S+)", text):
        return _refusal(path, named[1])
    with path.open("rb") as file:
        begins_as_archive = file.read(4) == b"PK\x03\x04"
    if begins_as_archive or isinstance(error, EOFError) or "unexpected EOF" in text:
        return f"Expected a whole checkpoint, but {path} ({path.stat().st_size:,} bytes) breaks off; download it again."
    inner = re.search(r"WeightsUnpickler error: (.+)", text)
    # Without PyTorch's advice to open the file unsafely.
    reason = (inner[1] if inner else text.split(" In PyTorch ")[0]).strip().rstrip(".")
    return (
        f"Expected a checkpoint written by torch.save, but {path} cannot be read as one "
        f"({type(error).__name__}: {reason}); give the file as it was published."
    )


def _refusal(path: Path, objects: str) -> str:
    return (
        f"Expected a checkpoint of tensors and settings, but {path} also holds {objects}, which only running code "
        f"from the file could make: refused, and nothing in it was run. If you trust who made it, keep only its "
        f"weights where that does no harm (torch.save({{'model': state_dict}}, …)), and convert that."
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
