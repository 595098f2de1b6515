"""Files that are written whole or not at all, and names read from files, which never lead out of their folder."""

import fcntl
import hashlib
from collections.abc import Callable
from contextlib import suppress
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from uuid import uuid4

import datasets

# What a file is called until it is whole.
UNFINISHED = ".incomplete"


def cache_folder(name: str) -> Path:
    """`$HF_HOME/emobox/<name>`, where things of one kind are kept for the user; there need be none yet."""
    return Path(datasets.config.HF_CACHE_HOME).expanduser() / "emobox" / name


def write_whole(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write beside the target and rename, so that no one ever reads half a file, whenever a process is killed.

    What processes that died have left of the same target is removed. Nothing is forced to the disk: what must be
    trusted after a power cut carries a checksum.

    Args:
        path: the target, in a folder that is there.
        content: the bytes, or what writes them into a file that it is given.
    """
    remove_abandoned(path)
    unfinished, file = _create(path)
    try:
        with file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            # While it is still locked: another process would take a closed one for abandoned.
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that died while they wrote `path` have left; those that are still writing go on."""
    for unfinished in path.parent.glob(f".{escape(path.name)}.*{UNFINISHED}"):
        # No file system of others, no missing right and no living writer is an error here.
        with suppress(OSError), unfinished.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unfinished.unlink(missing_ok=True)


def inside(folder: str | Path, name: object) -> Path:
    """The file `name`, which was read from a file, below `folder`.

    The file may be a symbolic link, as in the cache of the Hub.

    Raises:
        ValueError: the name is no plain relative path with forward slashes, or leads out of the folder.

    >>> inside("data", "part/0.parquet").as_posix()
    'data/part/0.parquet'
    """
    if isinstance(name, str) and name not in ("", "."):
        path = PurePosixPath(name)
        # Backslashes and drives lead out on Windows only, but no file that we read needs them.
        if (
            str(path) == name
            and not path.is_absolute()
            and ".." not in path.parts
            and not set(name) & set("\\:\0")
        ):
            return Path(folder) / path
    raise ValueError(
        f"Expected the name of a file inside {folder}, but got {name!r}; get the files again from a source that you "
        f"trust."
    )


def sha256(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside the target, locked while its writer lives."""
    while True:
        unfinished = path.with_name(f".{path.name}.{uuid4().hex[:12]}{UNFINISHED}")
        file = unfinished.open("xb")
        with suppress(OSError):  # where files cannot be locked, nobody takes it for abandoned either
            fcntl.flock(file, fcntl.LOCK_EX)
        if unfinished.exists():
            return unfinished, file
        file.close()  # another process took it for abandoned before it was locked
