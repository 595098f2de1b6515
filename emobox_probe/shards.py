"""One shard of features on disk: a safetensors file that carries the checksum of what is in it.

    lengths (N,) int64, means (N, L+1, D) float32 where stored, frames (sum of T, D); checksum in the metadata

The checksum is the SHA-256 of the SHA-256 digests of the content's blocks, which several threads can work out: one
alone would let a fast GPU wait for it after the last batch. A shard is written straight from the utterances, so that
nothing is copied together first, and read through a memory map.
"""

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from emobox_probe.contract import Encoded
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
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_shard(path: Path, utterances: Sequence[Encoded]) -> None:
    """Write a shard whole, or not at all."""
    parts = [("lengths", [torch.tensor([len(utterance.frames) for utterance in utterances])])]
    if utterances[0].means is not None:
        parts.append(("means", [u.means[None] for u in utterances if u.means is not None]))
    parts.append(("frames", [utterance.frames for utterance in utterances]))
    header: dict[str, Any] = {"__metadata__": {"checksum": _checksum(_sha256, _blocks(_bytes(parts)))}}
    offset = 0
    for name, tensors in parts:
        shape = [sum(len(tensor) for tensor in tensors), *tensors[0].shape[1:]]
        end = offset + sum(tensor.nbytes for tensor in tensors)
        header[name] = {"dtype": _NAMES[tensors[0].dtype], "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def write(file: BinaryIO) -> None:
        file.write(len(text).to_bytes(8, "little") + text)
        for chunk in _bytes(parts):
            file.write(chunk.data)

    write_whole(path, write)


def open_shard(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a shard, mapped: what is not looked at is not read."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)


def is_intact(path: Path) -> bool:
    """Whether there is a shard, and its bytes are those that were written.

    Raises:
        UnreadableError: the user has not the right to read it, so that nothing is known of its bytes.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size < _LARGEST_HEADER else {}
            expected = header["__metadata__"]["checksum"]
            found = _checksum_of_file(file.fileno(), 8 + size)
        with safe_open(path, framework="pt") as shard:
            named = {"frames", "lengths"} <= set(shard.keys())
    except PermissionError as error:
        raise UnreadableError(path) from error
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return False
    return bool(found == expected and named)


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write beside the target and rename, so that no one ever reads half a file.

    Raises:
        ProbeError: the disk is full.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            write(file)
        unfinished.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise ProbeError(
            f"Expected room for features in {path.parent}, but the disk is full ({free / 1e6:.0f} MB left); make "
            f"room or give another --features-dir. What was stored is whole, and the next run goes on from there."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """What processes that were killed while they wrote `path` have left."""
    for unfinished in path.parent.glob(f".{path.name}.*"):
        unfinished.unlink(missing_ok=True)


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


def _checksum(digest: Callable[[Any], bytes], blocks: Iterable[Any]) -> str:
    with ThreadPoolExecutor(_HASHERS) as pool:
        return _sha256(pool.map(digest, blocks)).hex()


def _checksum_of_file(file: int, start: int) -> str:
    def digest(place: int) -> bytes:
        return _sha256([os.pread(file, _BLOCK, place)])

    return _checksum(digest, range(start, os.fstat(file).st_size, _BLOCK))


def _sha256(chunks: Iterable[Any]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def all_finite(utterance: Encoded) -> bool:
    """Whether every value is a number: extremes are not where one value is not, and take one fast pass."""
    tensors = [tensor for tensor in utterance if tensor is not None]
    return all(math.isfinite(extreme) for tensor in tensors for extreme in torch.aminmax(tensor))
