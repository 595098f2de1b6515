"""`pytorch_model.bin`, whole or in parts, to safetensors of the same tensors; no pickle is ever run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers.utils import SAFE_WEIGHTS_NAME, WEIGHTS_INDEX_NAME, WEIGHTS_NAME

from emobox_probe.encoders.checkpoints.conversions import conversion_of
from emobox_probe.encoders.checkpoints.files import check_is_there, indexed_files, own_file
from emobox_probe.encoders.data2vec2.pickles import read_checkpoint
from emobox_probe.errors import ProbeError

KIND = "bin 1"


def converted_bin(name: str, revision: str | None) -> Path | None:
    """A folder with the weights of a `pytorch_model.bin` as `model.safetensors`; None where there is no such file.

    Args:
        name: Hub id or folder.
        revision: branch, tag or commit on the Hub.

    Raises:
        ProbeError: a file is not whole, is none of `torch.save`, or holds more than tensors.
        ValueError: the index cannot be read, or leads out of the model.
        OSError: the Hub cannot be reached.
    """
    files = bin_files(name, revision)
    if not files:
        return None
    return conversion_of(name, KIND, files, lambda folder: _convert(name, files, folder))


def bin_files(name: str, revision: str | None) -> dict[str, Path]:
    """The files of `pytorch_model.bin` by name, downloaded where they are on the Hub; empty where there are none."""
    if path := own_file(name, WEIGHTS_NAME, revision):
        return {WEIGHTS_NAME: path}
    index = own_file(name, WEIGHTS_INDEX_NAME, revision)
    files: dict[str, Path] = {}
    for file in indexed_files(name, WEIGHTS_INDEX_NAME, index, ".bin") if index else ():
        part = own_file(name, file, revision)
        if part is None:
            raise ValueError(f"{WEIGHTS_INDEX_NAME}, which names {file!r} and not a .bin file beside it")
        files[file] = part
    return files


def _convert(name: str, files: Mapping[str, Path], folder: Path) -> None:
    tensors: dict[str, torch.Tensor] = {}
    for file, path in files.items():
        called = f"{file} of {name}"
        check_is_there(path, called)
        content = read_checkpoint(path, called, allowed=())
        for weight, value in _table(content, called).items():
            if weight in tensors:
                raise ProbeError(
                    f"Expected every weight of {name} once, but {weight} is in {called} and in a file before it; get "
                    f"the files again, all of one revision."
                )
            tensors[weight] = value
    save_file(_apart(tensors), folder / SAFE_WEIGHTS_NAME, {"format": "pt"})


def _table(content: Any, called: str) -> dict[str, torch.Tensor]:
    """The weights of a file by name.

    Raises:
        ProbeError: it holds anything else.
    """
    if not isinstance(content, Mapping):
        raise ProbeError(
            f"Expected a table of weights in {called}, but it holds a {type(content).__name__}; it is no "
            f"checkpoint that transformers wrote."
        )
    for weight, value in content.items():
        dense = isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized
        if not (isinstance(weight, str) and dense):
            raise ProbeError(
                f"Expected nothing but names and dense tensors in {called}, but {weight!r} is a "
                f"{type(value).__name__}; it is no checkpoint that transformers wrote."
            )
        if value.is_complex():
            raise ProbeError(
                f"Expected real weights in {called}, but {weight} is complex, and its imaginary part would be lost; "
                f"choose another checkpoint."
            )
    return dict(content)


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same values, each contiguous and in memory of its own, as safetensors have them; copied only where needed."""
    taken: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        shared = storage in taken and tensor.numel() > 0
        apart[name] = tensor.detach().clone() if shared else tensor.detach()
        apart[name] = apart[name].contiguous()
        taken.add(storage)
    return apart
