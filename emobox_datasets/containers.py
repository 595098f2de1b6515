"""What an audio file's header promises, held against the bytes that are there.

Decoders read a file that was cut off as if it were meant to be shorter. The containers name the size of the part
that holds the samples, so a copy that stopped half-way can be told from a short recording.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Recorders that write to a pipe cannot know the size; FFmpeg and SoX then write about the largest there is.
_UNKNOWN_SIZE = 0x7FFF_0000
# Writers that count their own header as samples are common, and nothing that can be heard is missing then.
_SLOPPINESS = 64
_WEBM_HEADER = 0x1A45DFA3
_WEBM_SEGMENT = 0x18538067


def missing_bytes(path: str | Path) -> int:
    """How many bytes of audio the header of a WAV, AVI, MP4, M4A or WebM file promises beyond the file's end.

    0 for whole files, for sizes that are not told, and for other containers.
    """
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        promised = _promised_end(file, size)
    return promised - size if promised - size > _SLOPPINESS else 0


def _promised_end(file: BinaryIO, size: int) -> int:
    head = file.read(12)
    if head[:4] == b"RIFF":
        return max(_riff_ends(file, size), default=0)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return max(_mp4_ends(file, size), default=0)
    if int.from_bytes(head[:4], "big") == _WEBM_HEADER:
        return _webm_end(file)
    return 0


def _riff_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each chunk that holds samples should end: `data` of a WAV file, the list `movi` of an AVI file."""
    start = 12
    while start + 8 <= size:
        file.seek(start)
        name, length, kind = file.read(4), int.from_bytes(file.read(4), "little"), file.read(4)
        if length >= _UNKNOWN_SIZE:
            return
        if name == b"data" or (name, kind) == (b"LIST", b"movi"):
            yield start + 8 + length
        start += 8 + length + length % 2


def _mp4_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each top-level box should end. A file without its index, `moov`, cannot be decoded anyway."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        length, _ = int.from_bytes(file.read(4), "big"), file.read(4)
        if length == 1:  # the size follows in 8 bytes
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: up to the end of the file
            return
        yield start + length
        start += length


def _webm_end(file: BinaryIO) -> int:
    """Where the segment, which holds everything but the first header, should end."""
    file.seek(4)
    length = _variable_integer(file)
    if length is None:
        return 0
    file.seek(file.tell() + length)
    if int.from_bytes(file.read(4), "big") != _WEBM_SEGMENT:
        return 0
    length = _variable_integer(file)
    return 0 if length is None else file.tell() + length


def _variable_integer(file: BinaryIO) -> int | None:
    """An EBML size (RFC 8794): the leading zero bits tell its length; None if all others are set, "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> extra)]) + file.read(extra), "big")
    return None if value == (1 << 7 * (extra + 1)) - 1 else value
