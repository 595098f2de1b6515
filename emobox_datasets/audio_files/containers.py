"""What an audio file's header promises, held against the bytes that are there.

Decoders read a file that was cut off as if it were meant to be shorter. The containers name the size of the part
that holds the samples, so a copy that stopped half-way can be told from a short recording. Sizes are promises only
where their writer could know them: who writes to a pipe cannot.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

# Recorders that write to a pipe cannot know the size; FFmpeg and SoX then write about the largest there is.
_UNKNOWN_SIZE = 0x7FFF_0000
_UNKNOWN_LONG_SIZE = 1 << 62
# Writers that count their own header as samples are common, and nothing that can be heard is missing then.
_SLOPPINESS = 64
# Encoders of MP3 count the tags behind the audio, which other programs then take away.
_MP3_SLOPPINESS = 512
_LONGEST_MP3_FRAME = 1441
_HEAD = 128

Ends = Callable[[BinaryIO, bytes, int], Iterator[int]]


class Chunk(NamedTuple):
    """Part of a file: `name` with what its content starts with (together at least 8 bytes); `end` as it promises."""

    name: bytes
    length: int
    end: int


class _Layout(NamedTuple):
    """How a container names its chunks: where the first is, and the bytes of a name and of a size."""

    start: int
    name: int
    size: int
    order: Literal["little", "big"]
    samples: tuple[bytes, ...]  # how the names of chunks that hold samples start
    counts_itself: bool = False  # whether a size includes name and size
    aligned: int = 1


_RIFF = _Layout(12, 4, 4, "little", (b"data", b"LISTmovi"), aligned=2)
_FORM = _Layout(12, 4, 4, "big", (b"SSND", b"BODY"), aligned=2)
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RIFX": _RIFF._replace(order="big"),
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"FORM": _FORM,  # AIFF, AIFC, 8SVX, 16SV
    b"riff": _Layout(40, 16, 8, "little", (b"data",), counts_itself=True, aligned=8),  # Wave64
    b"caff": _Layout(8, 4, 8, "big", (b"data",)),
    b"Crea": _Layout(26, 1, 3, "little", (b"\x01", b"\x02", b"\x09")),  # VOC
    b"MATL": _Layout(128, 4, 4, "little", (b"\x0e\0\0\0",), aligned=8),  # MATLAB 5
}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"styp")
_MP4_SAMPLES = (b"moov", b"moof", b"mdat")
_WEBM_HEADER = b"\x1a\x45\xdf\xa3"
_WEBM_SEGMENT = b"\x18\x53\x80\x67"
_WEBM_CLUSTER = b"\x1f\x43\xb6\x75"


def missing_bytes(path: str | Path) -> int:
    """How many bytes of audio the header of a file promises beyond the file's end.

    0 for whole files, for sizes that are not told, and for containers that name no size.
    """
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        head = file.read(_HEAD).ljust(_HEAD, b"\0")
        if head.startswith(b"OggS"):
            last = max((page.end for page in _ogg_pages(file, size)), default=0)
            return max(last - size, 0)  # no page may be cut
        ends = _ends_of(head)
        missing = max(ends(file, head, size), default=0) - size
        return missing if missing > (_MP3_SLOPPINESS if ends is _mp3_ends else _SLOPPINESS) else 0


def is_left_open(path: str | Path) -> bool:
    """Whether a WAV file says that it holds no samples, but something that is no chunk follows.

    So a recorder leaves it that was stopped before it could write the size.
    """
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        if file.read(4) != b"RIFF":
            return False
        chunks = _chunks(file, _RIFF, size)
        data = next((chunk for chunk in chunks if chunk.name.startswith(b"data")), None)
        if data is None or data.length:
            return False
        # Samples that are read as chunks do not end where the file does; what editors put behind no samples does.
        *_, last = data, *chunks
        return not 0 <= size - last.end <= 1


def counts_mp3_frames(path: str | Path) -> bool:
    """Whether the first frame of an MP3 file says how many follow; where not, decoders estimate it from the size."""
    with open(path, "rb") as file:
        frames, _ = _xing(file)
        return bool(frames)


def is_chained(path: str | Path) -> bool:
    """Whether an Ogg or MP3 file goes on with another recording behind the one that its header promises.

    Decoders play the first alone. (Of an MP3 file that promises nothing they play all.)
    """
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        head = file.read(_HEAD).ljust(_HEAD, b"\0")
        if head.startswith(b"OggS"):
            begins = [bool(page.flags & 2) for page in _ogg_pages(file, size)]
            return any(begins[begins.index(False) :]) if False in begins else False
        if _ends_of(head) is not _mp3_ends:
            return False
        _, end = _xing(file)
        # Some writers promise a frame less than there is.
        return (
            bool(end)
            and size - _behind_tags(file, end) > 2 * _LONGEST_MP3_FRAME
            and _is_mp3_frame(file.read(4))
        )


def _ends_of(head: bytes) -> Ends:
    if head[4:8] in _MP4_BOXES:
        return _mp4_ends
    if head[20:31] == b"samplerate\0":
        return _matlab4_ends
    if head[:4] in _LAYOUTS:
        return _chunk_ends
    return next((ends for magic, ends in _BY_MAGIC.items() if head.startswith(magic)), _mp3_ends)


def _chunk_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    layout = _LAYOUTS[head[:4]]
    for chunk in _chunks(file, layout, size):
        if chunk.name.startswith(layout.samples):
            yield chunk.end


def _chunks(file: BinaryIO, layout: _Layout, size: int) -> Iterator[Chunk]:
    """The chunks of a file, up to one whose size is unknown."""
    own, long_size = layout.name + layout.size, 0
    start = layout.start
    while start + own <= size:
        file.seek(start)
        name = file.read(layout.name)
        length = int.from_bytes(file.read(layout.size), layout.order)
        content = file.read(16)
        if name == b"ds64":  # of RF64: sizes that do not fit into a chunk's own field
            long_size = int.from_bytes(content[8:16], "little")
        elif name == b"data" and length == 0xFFFF_FFFF:
            length = long_size or length
        if layout.counts_itself:
            length -= own
        if not any(name):  # padding, or the end of a VOC file
            return
        if length < 0 or length >= (_UNKNOWN_LONG_SIZE if layout.size == 8 or long_size else _UNKNOWN_SIZE):
            return
        yield Chunk(name + content, length, start + own + length)
        start += own + length + -length % layout.aligned


def _mp4_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    """Where top-level boxes with samples or their index should end; what follows the last box may be a tag."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        length, name = int.from_bytes(file.read(4), "big"), file.read(4)
        if length == 1:  # the size follows in 8 bytes
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: up to the end of the file
            return
        if name in _MP4_SAMPLES:
            yield start + length
        start += length


def _webm_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    """Where the segment, which holds everything but the first header, should end; or its clusters, if it is live."""
    file.seek(0)
    _, length = _webm_element(file)
    file.seek(length or 0, 1)
    name, length = _webm_element(file)
    if name != _WEBM_SEGMENT:
        return
    if length is not None:
        yield file.tell() + length
        return
    while file.tell() < size:
        name, length = _webm_element(file)
        if length is None:
            return
        if name == _WEBM_CLUSTER:
            yield file.tell() + length
        file.seek(length, 1)


def _webm_element(file: BinaryIO) -> tuple[bytes, int | None]:
    """Name and size of the EBML element (RFC 8794) at the file's position; size None where it is unknown."""
    first = file.read(1)
    name = first + file.read(8 - first[0].bit_length() if first and first[0] else 0)
    return name, _variable_integer(file)


def _variable_integer(file: BinaryIO) -> int | None:
    """An EBML size (RFC 8794): the leading zero bits tell its length; None if all others are set, "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> extra)]) + file.read(extra), "big")
    return None if value == (1 << 7 * (extra + 1)) - 1 else value


class _Page(NamedTuple):
    """A page of an Ogg file (RFC 3533); `flags`: 2 begins a stream, 4 ends it."""

    flags: int
    end: int


def _ogg_pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    """The pages up to what is none: a header of 27 bytes, a table of segment sizes, the segments."""
    start, flags = 0, 0
    while start < size:
        file.seek(start)
        header = file.read(27)
        # Behind a stream that has ended, a letter or three are no page that was cut.
        if not b"OggS".startswith(header[:4]) or (len(header) < 4 and flags & 4):
            return
        table = file.read(header[26]) if len(header) == 27 else b""
        if len(header) < 27 or len(table) < header[26]:
            yield _Page(0, size + 1)  # cut within the header: at least one byte is missing
            return
        flags = header[5]
        start += 27 + len(table) + sum(table)
        yield _Page(flags, start)


def _mp3_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    _, end = _xing(file)
    if end:
        yield end


def _xing(file: BinaryIO) -> tuple[int, int]:
    """What the first frame of an MP3 file promises: how many frames there are, and where they end; 0: nothing.

    Encoders of variable bit rate put it where other frames have samples, behind 9 to 32 bytes of side information.
    """
    start = _behind_tags(file, 0)
    frame = file.read(60)
    if frame[:1] != b"\xff" or len(frame) < 60:
        return 0, 0
    at = max(frame.find(b"Xing", 4, 44), frame.find(b"Info", 4, 44))
    if at < 0:
        return 0, 0
    flags, *fields = struct.unpack(">3I", frame[at + 4 : at + 16])
    frames = fields.pop(0) if flags & 1 else 0
    length = fields.pop(0) if flags & 2 else 0
    return frames, start + length if length else 0


def _behind_tags(file: BinaryIO, start: int) -> int:
    """Where the tags (ID3) that begin at `start` end; the file's position is there too."""
    file.seek(start)
    while (tag := file.read(10))[:3] in (b"ID3", b"TAG"):
        # Version 2 tells its size with seven bits a byte, version 1 has 128 bytes.
        size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=False))
        start += 10 + size if tag[:3] == b"ID3" else 128
        file.seek(start)
    file.seek(start)
    return start


def _is_mp3_frame(header: bytes) -> bool:
    """Whether these 4 bytes begin a frame of MPEG audio, layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return False
    return header[2] >> 4 not in (0, 15) and header[2] & 0x0C != 0x0C


def _au_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    start, length = struct.unpack(">II" if head.startswith(b".snd") else "<II", head[4:12])
    if length < _UNKNOWN_SIZE:
        yield start + length


def _nist_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    """NIST SPHERE: lines of text. Samples that were packed have no size that can be told."""
    file.seek(0)
    lines = [*file.read(1024).split(b"\n"), b""]
    fields = {line.split()[0]: line.split()[-1] for line in lines if line.strip()}
    if b"," in fields.get(b"sample_coding", b""):
        return
    counts = [fields.get(name, b"") for name in (b"sample_count", b"channel_count", b"sample_n_bytes")]
    if all(count.isdigit() for count in counts) and lines[1].strip().isdigit():
        yield int(lines[1]) + int(counts[0]) * int(counts[1]) * int(counts[2])


def _avr_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    stereo, bits, frames = *struct.unpack(">HH", head[12:16]), *struct.unpack(">I", head[26:30])
    yield 128 + frames * (2 if stereo else 1) * bits // 8


def _mpc_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    yield 42 + 2 * (1 + head[21]) * int.from_bytes(head[30:34], "little")


def _psion_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    yield 32 + int.from_bytes(head[18:22], "big")


def _matlab4_ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    """A matrix with the rate, 39 bytes, then one with the samples (in the layout that libsndfile writes and reads)."""
    order = "<" if head[1] == 0 else ">"
    kind, rows, columns, _, name = struct.unpack(f"{order}5I", head[39:59])
    width = {0: 8, 1: 4, 2: 4, 3: 2}.get(kind % 1000 // 10, 0)
    yield 59 + name + rows * columns * width


_BY_MAGIC: dict[bytes, Ends] = {
    _WEBM_HEADER: _webm_ends,
    b".snd": _au_ends,
    b"dns.": _au_ends,
    b"NIST_1A\n": _nist_ends,
    b"2BIT": _avr_ends,
    b"\x01\x04": _mpc_ends,
    b"ALawSoundFile**": _psion_ends,
}
