"""Archives, unpacked without trust: nothing leaves the folder, only plain files are made, and no more than fits."""

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from emobox_datasets.errors import CorpusError, is_disk_full, printable
from emobox_datasets.files import inside
from emobox_datasets.sources.source import RemoteFile
from emobox_datasets.sources.transfer import set_aside

ZIP, TAR = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Recorded audio packs to no less than a tenth; the room is for archives of little but text and silence.
LARGEST_RATIO, LARGEST_REST = 20, 64 << 20
# What even an empty file takes on a disk, at least.
_MEMBER = 1 << 10
_PIECE = 1 << 18
# Path in the archive, and what opens its content; None: a link or a device.
Member = tuple[str, Callable[[], IO[bytes]] | None]
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)


def is_archive(name: str) -> bool:
    """Whether a file is one to unpack, by its name.

    Raises:
        CorpusError: it is one that nothing here unpacks.

    >>> is_archive("speech.ZIP"), is_archive("pavoque-angry.flac")
    (True, False)
    """
    if name.lower().endswith((".7z", ".rar")):
        raise CorpusError(
            f"Expected an archive that Python unpacks, but got {name}; fetch and unpack it by hand, and name the "
            f"folder as data_dir."
        )
    return name.lower().endswith(ZIP + TAR)


def unpack(archive: Path, remote: RemoteFile, folder: Path, page: str, commit: str = "") -> None:
    """Write what is needed of an archive into a folder.

    Args:
        archive: the file.
        remote: what is known of it; says which members are needed.
        folder: where to, a folder that is there.
        page: where a person can look for the archive.
        commit: the commit that the archive of a Git host must be of; empty: of none.

    Raises:
        CorpusError: a member would leave the folder, is a link or a device, or needs a password; the archive is
            broken, is of another commit, or holds far more than its size lets expect: it is kept aside then. Or the
            disk is full. What was written before stays in the folder.
    """
    name = archive.name
    try:
        with _members(archive, commit) as members:
            _write(members, remote, folder, archive, page)
    except CorpusError as error:
        raise CorpusError(
            f"{error} It is kept aside as {set_aside(archive)}; the same call fetches it again."
        ) from error
    except _BROKEN as error:
        if is_disk_full(error):
            raise CorpusError(
                f"Expected room for the content of {name} in {folder.parent}, but the disk is full; make room there. "
                f"The archive is kept: the same call goes on from there."
            ) from error
        raise CorpusError(
            f"Expected an archive in {name}, but it cannot be unpacked ({str(error).partition(chr(10))[0]}): it is "
            f"damaged or half, and kept aside as {set_aside(archive)}. Try again; if it comes so a second time, "
            f"look at {page}."
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # how zipfile tells of what it cannot read
        raise CorpusError(
            f"Expected an archive that Python can unpack in {name}, but got: {error}; it is kept aside as "
            f"{set_aside(archive)}: unpack that by hand and name the folder as data_dir, or try again."
        ) from error


def _write(members: Iterator[Member], remote: RemoteFile, folder: Path, archive: Path, page: str) -> None:
    # Counted as it is written: what an archive states of itself may be a lie.
    room = LARGEST_RATIO * archive.stat().st_size + LARGEST_REST
    for member, content in members:
        target = _target(folder, member, archive.name)
        if not remote.needs(member):
            continue
        if not content:
            raise _refused(archive.name, member, "is a link or a device")
        target.parent.mkdir(parents=True, exist_ok=True)
        with content() as packed, target.open("wb") as unpacked:
            room -= _MEMBER
            while room >= 0 and (piece := packed.read(_PIECE)):
                room -= len(piece)
                unpacked.write(piece)
        if room < 0:
            raise CorpusError(
                f"Expected {archive.name} to unpack to at most {LARGEST_RATIO} times its size, as audio does, but it "
                f"holds more; it is no archive of audio: look at {page}."
            )


@contextmanager
def _members(archive: Path, commit: str) -> Iterator[Iterator[Member]]:
    if archive.name.lower().endswith(ZIP):
        with zipfile.ZipFile(archive) as packed:
            yield _zipped(packed)
    else:
        # Not as a stream ("r|*"): there tarfile takes half an archive for a whole one.
        with tarfile.open(archive) as packed:
            yield _tarred(packed, archive.name, commit)


def _zipped(packed: zipfile.ZipFile) -> Iterator[Member]:
    for member in packed.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield member.filename, None
        elif not member.is_dir():
            yield member.filename, partial(packed.open, member)


def _tarred(packed: tarfile.TarFile, name: str, commit: str) -> Iterator[Member]:
    for position, member in enumerate(packed):
        # Git writes the commit into the head of every archive that it makes.
        if position == 0 and commit and (told := packed.pax_headers.get("comment")) != commit:
            raise CorpusError(
                f"Expected the files of commit {commit} in {name}, but it is of {told or 'no commit'}; it is "
                f"another archive than the one that was confirmed."
            )
        if not member.isdir():
            yield member.name, partial(_content, packed, member) if member.isreg() else None
    _read_to_the_end(packed, name)


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = packed.extractfile(member)
    assert content is not None  # of a regular file
    return content


def _read_to_the_end(packed: tarfile.TarFile, name: str) -> None:
    """What comes after the last member: the checksum of what was compressed, and the blocks that say it is the end."""
    stream = packed.fileobj
    assert stream is not None
    stream.seek(packed.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"{name} has no end")
    while stream.read(_PIECE):
        pass


def _target(folder: Path, member: str, name: str) -> Path:
    """Where a member goes; `./` before it and doubled slashes mean nothing."""
    try:
        return inside(folder, str(PurePosixPath(member)))
    except ValueError:
        raise _refused(name, member, "has a name that leads out of its folder") from None


def _refused(name: str, member: str, why: str) -> CorpusError:
    return CorpusError(
        f"Expected plain files below one folder in {name}, but {printable(member)!r} {why}; nothing of it is used: do "
        f"not unpack it by hand either, unless you trust who made it."
    )


def place(file: Path, target: Path) -> None:
    """Put a file that is no archive where it belongs, and leave the original until all is done."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(file)
    except OSError:  # another file system, or one without links
        shutil.copyfile(file, target)
