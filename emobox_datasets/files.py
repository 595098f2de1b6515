"""Files and folders that are written whole or not at all, and names read from files, which never lead out of theirs."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from uuid import uuid4

import datasets

# What a file or a folder is called until it is whole.
UNFINISHED = ".incomplete"


def cache_folder(name: str) -> Path:
    """`$HF_HOME/emobox/<name>`, where things of one kind are kept for the user; there need be none yet."""
    return Path(datasets.config.HF_CACHE_HOME).expanduser() / "emobox" / name


def check_writable(folder: Path) -> None:
    """See to it, before long work, that its result can be put into a folder, which need not be there yet.

    Raises:
        OSError: a file is in its way, or this user may not write there.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "a file is in the way of a folder", str(nearest))
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


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


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes `path` at the end unless there was an error; else nothing is left of it.

    Args:
        path: the target, which is not there or an empty folder.

    Raises:
        OSError: something else is at the target by now.
    """
    with scratch_folder(path) as unfinished:
        yield unfinished
        unfinished.rename(path)  # which replaces an empty folder


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, gone at the end; what processes that died have left of the same path is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    scratch, lock = _create_folder(path)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        os.close(lock)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that died while they wrote `path` have left; those that are still writing go on."""
    for unfinished in path.parent.glob(f".{escape(path.name)}.*{UNFINISHED}"):
        # No file system of others, no missing right and no living writer is an error here.
        with suppress(OSError), _opened(unfinished) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if unfinished.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
            else:
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


def _new_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}{UNFINISHED}")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _create_folder(path: Path) -> tuple[Path, int]:
    """A new folder beside the target, locked while its writer lives."""
    while True:
        unfinished = _new_name(path)
        unfinished.mkdir()
        with suppress(FileNotFoundError):  # another process took it for abandoned before it was locked
            lock = os.open(unfinished, os.O_RDONLY)
            with suppress(OSError):  # where folders cannot be locked, nobody takes it for abandoned either
                fcntl.flock(lock, fcntl.LOCK_EX)
            if unfinished.exists():
                return unfinished, lock
            os.close(lock)


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside the target, locked while its writer lives."""
    while True:
        unfinished = _new_name(path)
        file = unfinished.open("xb")
        with suppress(OSError):  # where files cannot be locked, nobody takes it for abandoned either
            fcntl.flock(file, fcntl.LOCK_EX)
        if unfinished.exists():
            return unfinished, file
        file.close()  # another process took it for abandoned before it was locked
