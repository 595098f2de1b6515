"""One shard of features on disk: a safetensors file that carries the checksum of what is in it.

    lengths (N,) int64, frames (sum of T, D); where stored, means and deviations (N, L+1, D), float32;
    checksum in the metadata

The checksum is the SHA-256 of the SHA-256 digests of the header (with zeros for the checksum itself) and of the blocks
of the content. Several threads work these out: one alone would let a fast GPU wait for it after the last batch. Every
digest begins with the name of the shard and the number of the block, so that neither can stand in for another. A shard
is written straight from the utterances, so that nothing is copied together first, and read through a memory map.
"""

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

import emobox_datasets.files as files
from emobox_datasets.errors import is_disk_full
from emobox_probe.encoders.encoder import Encoded
from emobox_probe.errors import ProbeError, UnreadableError

_NAMES = {
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.int64: "I64",
}
_BLOCK = 1 << 22
_HASHERS = 4
_LARGEST_HEADER = 1 << 20
# In the place of the checksum while it is worked out.
_NO_CHECKSUM = "0" * 64
_CHECKSUM = re.compile(rb'(?<="checksum":")[0-9a-f]{64}(?=")')


def write_shard(path: Path, name: str, utterances: Sequence[Encoded]) -> None:
    """Write a shard whole, or not at all; `name` is of this shard alone, among those of all stores."""
    parts = [("lengths", [torch.tensor([len(utterance.frames) for utterance in utterances])])]
    for moment in ("means", "deviations"):
        if getattr(utterances[0], moment) is not None:
            parts.append((moment, [getattr(utterance, moment)[None] for utterance in utterances]))
    parts.append(("frames", [utterance.frames for utterance in utterances]))
    header: dict[str, Any] = {"__metadata__": {"checksum": _NO_CHECKSUM}}
    offset = 0
    for part, tensors in parts:
        shape = [sum(len(tensor) for tensor in tensors), *tensors[0].shape[1:]]
        end = offset + sum(tensor.nbytes for tensor in tensors)
        header[part] = {"dtype": _NAMES[tensors[0].dtype], "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    head = len(text).to_bytes(8, "little") + text
    checksum = _checksum(name, head, lambda block: block, _blocks(_bytes(parts)))

    def write(file: BinaryIO) -> None:
        file.write(_CHECKSUM.sub(checksum.encode(), head, count=1))
        for chunk in _bytes(parts):
            file.write(chunk.data)

    write_whole(path, write)


def open_shard(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a shard, mapped: what is not looked at is not read."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)


def is_intact(path: Path, name: str) -> bool:
    """Whether there is the shard of this name, and its bytes are those that were written.

    Raises:
        UnreadableError: the user has not the right to read it, so that nothing is known of its bytes.
    """
    try:
        with path.open("rb") as file:
            size = file.read(8)
            head = size + file.read(min(int.from_bytes(size, "little"), _LARGEST_HEADER))
            checksum = _CHECKSUM.search(head)
            if checksum is None:
                return False
            unsigned = head[: checksum.start()] + _NO_CHECKSUM.encode() + head[checksum.end() :]
            if _checksum_of_file(file.fileno(), name, unsigned).encode() != checksum[0]:
                return False
        with safe_open(path, framework="pt") as shard:
            return {"frames", "lengths"} <= set(shard.keys())
    except PermissionError as error:
        raise UnreadableError(path) from error
    except (OSError, SafetensorError):
        return False


def write_whole(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write beside the target and rename, so that no one ever reads half a file.

    Args:
        path: the target, in a folder that is there.
        content: the bytes, or what writes them into a file that it is given.

    Raises:
        ProbeError: the disk is full.
    """
    try:
        files.write_whole(path, content)
    except OSError as error:
        if not is_disk_full(error):
            raise
        free = shutil.disk_usage(path.parent).free
        raise ProbeError(
            f"Expected room in {path.parent}, but the disk is full ({free / 1e6:.0f} MB left), or files may not grow "
            f"so large (ulimit -f); make room or name another folder. What was written before is whole, and the same "
            f"command goes on from there."
        ) from error


def _bytes(parts: Sequence[tuple[str, list[torch.Tensor]]]) -> Iterator[np.ndarray]:
    for _, tensors in parts:
        for tensor in tensors:
            # NumPy has no bfloat16, and the bytes are what counts.
            yield tensor.contiguous().view(-1).view(torch.uint8).numpy()


def _blocks(chunks: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The same bytes in blocks of one size, each as the pieces of chunks that it consists of."""
    block: list[np.ndarray] = []
    room = _BLOCK
    for chunk in chunks:
        while len(chunk) >= room:
            yield [*block, chunk[:room]]
            chunk, block, room = chunk[room:], [], _BLOCK
        if len(chunk):
            block.append(chunk)
            room -= len(chunk)
    if block:
        yield block


def _checksum(name: str, head: bytes, read: Callable[[Any], Iterable[Any]], blocks: Iterable[Any]) -> str:
    """The checksum of a shard from its head, without the checksum, and its blocks, of which `read` gives the bytes."""

    def digest(number: int, block: Any) -> bytes:
        return _sha256([f"{name} {number} ".encode(), *read(block)])

    with ThreadPoolExecutor(_HASHERS) as pool:
        return _sha256([_sha256([f"{name} head ".encode(), head]), *pool.map(digest, count(), blocks)]).hex()


def _checksum_of_file(file: int, name: str, head: bytes) -> str:
    starts = range(len(head), os.fstat(file).st_size, _BLOCK)
    return _checksum(name, head, lambda start: [os.pread(file, _BLOCK, start)], starts)


def _sha256(chunks: Iterable[Any]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def all_finite(utterance: Encoded) -> bool:
    """Whether every value is a number: extremes are not where one value is not, and take one fast pass."""
    tensors = [tensor for tensor in utterance if tensor is not None]
    return all(math.isfinite(extreme) for tensor in tensors for extreme in torch.aminmax(tensor))
