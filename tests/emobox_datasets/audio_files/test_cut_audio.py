"""Files that were cut off, in every container that libsndfile or FFmpeg writes: an error, never a shorter recording."""

from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from sounds import encode, integers, voice, wav

from emobox_datasets.audio_files.audio import SAMPLING_RATE, decode
from emobox_datasets.audio_files.containers import missing_bytes
from emobox_datasets.errors import AudioError

# Their headers name no size, so no one can tell a cut file from a short one.
UNTOLD = {"PAF", "PVF", "IRCAM", "XI"}
# Headerless; or, Sound Designer II, with a header in another file.
BARE = {"RAW", "SD2"}
# libsndfile writes these two, but reads them neither whole nor cut.
UNREADABLE = {("AIFF", "DWVW_16"), ("AIFF", "DWVW_24")}
RATE = 16_000


def writable() -> list[tuple[str, str]]:
    formats = [name for name in soundfile.available_formats() if name not in BARE]
    pairs = [(name, subtype) for name in formats for subtype in soundfile.available_subtypes(name)]
    not_written = {"MPEG_LAYER_I", "MPEG_LAYER_II", "DWVW_12"}
    return [
        pair
        for pair in pairs
        if pair not in UNREADABLE and pair[1] not in not_written and pair != ("WAV", "MPEG_LAYER_III")
    ]


def write(folder: Path, container: str, subtype: str) -> Path:
    path = folder / f"a.{container.lower()}"
    soundfile.write(path, voice(RATE, 1.0), RATE, format=container, subtype=subtype)
    return path


def peek(path: Path) -> np.ndarray:
    """What libsndfile reads of a file."""
    with soundfile.SoundFile(path) as file:
        samples: np.ndarray = file.read(file.frames, dtype="float32", always_2d=True)
        return samples


@pytest.mark.parametrize(("container", "subtype"), writable())
def test_half_a_file_is_an_error_under_any_name(tmp_path: Path, container: str, subtype: str) -> None:
    path = write(tmp_path, container, subtype)
    assert missing_bytes(path) == 0
    assert np.array_equal(decode(path)[0], peek(path))
    content = path.read_bytes()
    for name in (path.name, "half.data"):
        half = tmp_path / name
        half.write_bytes(content[: len(content) // 2])
        if container in UNTOLD:
            assert len(decode(half)[0]) < 0.6 * RATE
            continue
        with pytest.raises(AudioError):
            decode(half)


@pytest.mark.parametrize(("container", "subtype"), [pair for pair in writable() if pair[0] != "HTK"])
def test_a_tag_behind_a_file_is_no_harm(tmp_path: Path, container: str, subtype: str) -> None:
    """Where no size is told it is played, as it always was; HTK means another thing by another length."""
    path = write(tmp_path, container, subtype)
    content, expected = path.read_bytes(), peek(path)
    for tag in (b"T", b"TAG", b"TAG" + b"A title of a song".ljust(125), bytes(128), bytes(range(128, 256))):
        path.write_bytes(content + tag)
        assert np.array_equal(decode(path)[0][: len(expected)], expected)


# Container, codec, rate: what FFmpeg writes.
FFMPEG = [
    ("mp4", "aac", 48_000),
    ("m4a", "aac", 44_100),
    ("mov", "pcm_s16le", 16_000),
    ("webm", "libopus", 48_000),
    ("mkv", "flac", 16_000),
    ("avi", "pcm_s16le", 16_000),
    ("avi", "mp3", 44_100),
    ("ogg", "libopus", 48_000),
    ("oga", "flac", 16_000),
    ("mp3", "libmp3lame", 44_100),
    ("flac", "flac", 16_000),
    ("caf", "pcm_s16be", 16_000),
    ("w64", "pcm_s16le", 16_000),
    ("aiff", "pcm_s16be", 16_000),
    ("au", "pcm_s16be", 16_000),
    ("voc", "pcm_s16le", 16_000),
]


@pytest.mark.parametrize(("suffix", "codec", "rate"), FFMPEG)
def test_what_ffmpeg_writes_is_an_error_when_cut_and_plays_with_a_tag(
    tmp_path: Path, suffix: str, codec: str, rate: int
) -> None:
    path = encode(tmp_path / f"a.{suffix}", voice(rate)[None], rate, codec, "mono")
    assert missing_bytes(path) == 0
    content, (expected, _) = path.read_bytes(), decode(path)
    for tag in (b"T", b"TAG" + b"A title of a song".ljust(125), bytes(128)):
        path.write_bytes(content + tag)
        assert np.array_equal(decode(path)[0][: len(expected)], expected)
    for name in (path.name, "cut.data"):
        for share in (0.4, 0.5, 0.9):
            cut = tmp_path / name
            cut.write_bytes(content[: round(len(content) * share)])
            with pytest.raises(AudioError):
                decode(cut)


@pytest.mark.parametrize("missing", [1, 10, 40])
def test_an_ogg_page_that_misses_some_bytes_is_an_error(tmp_path: Path, missing: int) -> None:
    """Decoders drop the whole page, up to a second."""
    path = write(tmp_path, "OGG", "VORBIS")
    path.write_bytes(path.read_bytes()[:-missing])
    assert missing_bytes(path) == missing
    with pytest.raises(AudioError, match="it ends before its header says"):
        decode(path)


def test_half_a_live_webm_file_is_an_error(tmp_path: Path) -> None:
    """Browsers do not know the size of the segment when they begin it; but that of its clusters."""
    path = encode(
        tmp_path / "a.webm", voice(48_000, 12)[None], 48_000, "libopus", "mono", options={"live": "1"}
    )
    content = path.read_bytes()
    assert b"\x18\x53\x80\x67\x01" + b"\xff" * 7 in content
    assert len(decode(path)[0]) == pytest.approx(12 * 48_000, rel=0.01)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match="it ends before its header says"):
        decode(path)


def uncounted(folder: Path, kind: str, rate: int, quality: float) -> tuple[Path, int]:
    """An MP3 file of variable bit rate without Xing header, and how many samples its frames hold, as FFmpeg has it."""
    half = rate * 2
    noise = (0.2 * np.random.default_rng(2).standard_normal(half)).astype(np.float32)
    parts = [np.zeros(half, dtype=np.float32), noise]
    path = folder / "counted.mp3"
    samples = np.concatenate(parts if kind == "quiet, then loud" else parts[::-1])
    soundfile.write(path, samples, rate, format="MP3", compression_level=quality, bitrate_mode="VARIABLE")
    with (
        av.open(str(path)) as source,
        av.open(str(folder / "a.mp3"), "w", options={"write_xing": "0"}) as copy,
    ):
        stream = copy.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    with av.open(str(folder / "a.mp3")) as file:
        return folder / "a.mp3", sum(frame.samples for frame in file.decode(audio=0))


@pytest.mark.parametrize("kind", ["quiet, then loud", "loud, then quiet"])
@pytest.mark.parametrize(("rate", "quality"), [(16_000, 0.3), (22_050, 0.5), (44_100, 0.2), (44_100, 0.7)])
def test_an_estimate_of_the_length_of_an_mp3_file_is_no_promise(
    tmp_path: Path, kind: str, rate: int, quality: float
) -> None:
    """libsndfile estimates from the first frames: too many samples, or so few that it would not read the rest."""
    path, count = uncounted(tmp_path, kind, rate, quality)
    with soundfile.SoundFile(path) as file:
        assert (file.frames > 1.1 * count) if kind.startswith("quiet") else (file.frames < 0.9 * count)
    samples, _ = decode(path)
    assert len(samples) == count
    assert np.array_equal(decode(path, 1.0, 3.5)[0], samples[rate : round(3.5 * rate)])


def test_an_mp3_file_in_a_wav_file_is_whole(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", voice(44_100)[None], 44_100, "libmp3lame", "mono")
    with av.open(str(path)) as file:
        count = sum(frame.samples for frame in file.decode(audio=0))
    assert len(decode(path)[0]) == count


def test_the_frames_that_an_mp3_header_counts_are_a_promise(tmp_path: Path) -> None:
    """Also where it does not tell the bytes; and the bytes where it does, behind a tag."""
    path = tmp_path / "a.mp3"
    soundfile.write(path, voice(RATE), RATE, format="MP3")
    content = bytearray(path.read_bytes())
    at = content.index(b"Xing")
    frames = int.from_bytes(content[at + 8 : at + 12], "big")
    tag = b"ID3\x04\0\0" + bytes([0, 0, 2, 1]) + bytes(257)
    path.write_bytes(tag + content)
    assert len(decode(path)[0]) == len(voice(RATE))
    path.write_bytes(tag + content[: len(content) // 2])
    assert missing_bytes(path) == len(content) - len(content) // 2
    content[at + 7] = 1
    path.write_bytes(content)
    assert len(decode(path)[0]) == pytest.approx(frames * 576, abs=1152)
    path.write_bytes(content[: len(content) // 2])
    assert missing_bytes(path) == 0
    with pytest.raises(AudioError, match=r"it ends before its header says \(with sample \d+ of \d+\)"):
        decode(path)


def test_a_flac_file_that_does_not_tell_its_length_is_decoded(tmp_path: Path) -> None:
    """So encoders write it to a pipe."""
    path = wav(tmp_path / "a.flac", integers(SAMPLING_RATE))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits that count samples (RFC 9639)
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert np.array_equal(decode(path)[0][:, 0] * 32768, integers(SAMPLING_RATE))
    assert np.array_equal(decode(path, 0.25, 0.5)[0][:, 0] * 32768, integers(SAMPLING_RATE)[4000:8000])


@pytest.mark.parametrize("name", ["a.flac", "a.data"])
def test_a_flac_file_cut_between_frames_is_an_error(tmp_path: Path, name: str) -> None:
    path = wav(tmp_path / "whole.flac", integers(SAMPLING_RATE))
    with av.open(str(path)) as file:
        third = [packet.pos for packet in file.demux(audio=0) if packet.size][2]
    (tmp_path / name).write_bytes(path.read_bytes()[:third])
    with pytest.raises(AudioError, match=r"it (ends before its header says|cannot be decoded)"):
        decode(tmp_path / name)


@pytest.mark.parametrize(
    ("container", "at", "size"),
    [
        ("AU", 8, b"\xff" * 4),
        ("AU", 8, bytes(4)),
        ("WAV", 40, b"\xff" * 4),
        ("RF64", 28, b"\xff" * 8),
        ("RF64", 28, bytes(8)),
    ],
)
def test_sizes_that_a_pipe_leaves_unknown_are_no_promise(
    tmp_path: Path, container: str, at: int, size: bytes
) -> None:
    path = write(tmp_path, container, "PCM_16")
    content = bytearray(path.read_bytes())
    content[at : at + len(size)] = size
    path.write_bytes(content)
    assert missing_bytes(path) == 0


def test_a_caf_file_from_a_pipe_is_decoded(tmp_path: Path) -> None:
    """Its data chunk has the size -1."""
    path = write(tmp_path, "CAF", "PCM_16")
    expected, content = peek(path), bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    assert missing_bytes(path) == 0
    assert np.array_equal(decode(path)[0][: len(expected)], expected)


def test_no_header_is_too_short_to_be_looked_at(tmp_path: Path) -> None:
    """Every beginning of a file of every container, down to a byte."""
    path = tmp_path / "beginning.data"
    for container in soundfile.available_formats():
        if container in BARE:
            continue
        subtype = soundfile.default_subtype(container)
        content = write(tmp_path, container, subtype).read_bytes()
        for length in (1, 3, 4, 9, 12, 20, 27, 28, 40, 60):
            path.write_bytes(content[:length])
            with suppress(AudioError):  # headers that name no size may have a few samples behind them by then
                assert len(decode(path)[0]) < 60


def test_half_a_sphere_file_whose_samples_are_packed_is_left_to_the_decoder(tmp_path: Path) -> None:
    header = b"NIST_1A\n   1024\nsample_count -i 9000\nchannel_count -i 1\nsample_n_bytes -i 2\n"
    coded = b"sample_coding -s26 pcm,embedded-shorten-v2.00\n"
    (tmp_path / "packed.sph").write_bytes((header + coded + b"end_head\n").ljust(1024) + bytes(4000))
    (tmp_path / "plain.sph").write_bytes((header + b"end_head\n").ljust(1024) + bytes(4000))
    assert missing_bytes(tmp_path / "packed.sph") == 0
    assert missing_bytes(tmp_path / "plain.sph") == 14_000
