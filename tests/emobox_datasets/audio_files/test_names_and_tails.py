"""Names that are addresses or no text, what follows the last frame, recordings behind each other, and long files."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import encode, integers, voice, wav

from emobox_datasets.audio_files import audio
from emobox_datasets.audio_files.audio import SAMPLING_RATE, decode, to_integers
from emobox_datasets.audio_files.containers import is_chained
from emobox_datasets.errors import AudioError

# Suffix, codec, rate: what libsndfile, FFmpeg, or both read.
KINDS = [("wav", "pcm_s16le", 16_000), ("mp3", "libmp3lame", 44_100), ("m4a", "aac", 44_100)]
ANY_NAMES = [
    b"caf\xe9",
    b"http:x",
    b"file:y",
    b"pipe:",
    b"concat:a|b",
    b"a%03d",
    b"new\nline",
    b"-x",
    b"a?b#c",
]


@pytest.mark.parametrize("name", ANY_NAMES)
@pytest.mark.parametrize(("suffix", "codec", "rate"), KINDS)
def test_any_name_is_the_name_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes, suffix: str, codec: str, rate: int
) -> None:
    path = encode(tmp_path / f"a.{suffix}", voice(rate)[None], rate, codec, "mono")
    expected, _ = decode(path)
    renamed = os.fsdecode(name) + path.suffix
    shutil.copy(path, tmp_path / renamed)
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(decode(tmp_path / renamed)[0], expected)
    assert np.array_equal(decode(renamed)[0], expected)


def test_a_flac_file_that_lacks_frames_is_an_error_under_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    """FFmpeg would play what is there."""
    path = wav(tmp_path / "a.flac", integers(SAMPLING_RATE))
    content = path.read_bytes()
    cut = tmp_path / os.fsdecode(b"caf\xe9.flac")
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError):
        decode(cut)


TAILS = {
    "Lyrics3": b"LYRICSBEGIN" + b"IND0000200" + b"x" * 400 + b"000420LYRICS200",
    "appended ID3v2": b"ID3\x04\0\0\0\0\x03\0" + bytes(384),
    "zeros": bytes(4000),
    "newline": b"\n",
    "XMP": b"<?xpacket begin" + b"xmp " * 900,
}


@pytest.mark.parametrize("tail", TAILS)
def test_what_follows_the_last_frame_is_not_audio(tmp_path: Path, tail: str) -> None:
    options = {"write_xing": "0"}
    path = encode(tmp_path / "a.mp3", voice(44_100)[None], 44_100, "libmp3lame", "mono", options=options)
    expected, _ = decode(path)
    content = path.read_bytes()
    path.write_bytes(content + TAILS[tail])
    assert decode(path)[0].shape == expected.shape
    assert np.allclose(decode(path)[0], expected, atol=1e-6)  # as FFmpeg, or libsndfile, rounds


def test_what_is_no_frame_between_frames_is_an_error_of_ffmpeg(tmp_path: Path) -> None:
    path = encode(
        tmp_path / "a.mp3", voice(44_100)[None], 44_100, "libmp3lame", "mono", options={"write_xing": "0"}
    )
    content = path.read_bytes()
    path.write_bytes(content + b"x" * 3000 + content)
    with pytest.raises(AudioError) as caught:
        decode(path)
    assert caught.value.detail == "FFmpeg: Invalid data found when processing input"


CHAINED = [
    ("ogg", "libopus", 48_000),
    ("oga", "flac", 16_000),
    ("mp3", "libmp3lame", 16_000),
    ("mp3", "libmp3lame", 44_100),
]


@pytest.mark.parametrize(("suffix", "codec", "rate"), CHAINED)
def test_recordings_behind_each_other_are_an_error(
    tmp_path: Path, suffix: str, codec: str, rate: int
) -> None:
    path = encode(tmp_path / f"a.{suffix}", voice(rate)[None], rate, codec, "mono")
    content = path.read_bytes()
    for between in (b"", b"TAG" + bytes(125)) if suffix == "mp3" else (b"",):
        path.write_bytes(content + between + content)
        with pytest.raises(AudioError, match="it is several recordings behind each other"):
            decode(path)
    for tail in (b"O", b"Og", b"Ogg", bytes(5000), b"\xff" * 5000, b"TAG" + bytes(125)):
        path.write_bytes(content + tail)
        assert not is_chained(path)
        assert len(decode(path)[0]) == pytest.approx(len(voice(rate)), abs=2 * 1152)


def test_mp3_files_that_promise_nothing_are_played_behind_each_other(tmp_path: Path) -> None:
    options = {"write_xing": "0", "id3v2_version": "0"}
    path = encode(tmp_path / "a.mp3", voice(44_100)[None], 44_100, "libmp3lame", "mono", options=options)
    one = len(decode(path)[0])
    path.write_bytes(path.read_bytes() * 2)
    assert len(decode(path)[0]) == 2 * one


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.37, 1.5])
def test_alac_in_caf_has_its_end(tmp_path: Path, seconds: float) -> None:
    """FFmpeg would take the padding of the last packet away twice."""
    samples = voice(SAMPLING_RATE, seconds)
    by_ffmpeg = encode(tmp_path / "a.caf", samples[None], SAMPLING_RATE, "alac", "mono")
    by_libsndfile = tmp_path / "b.m4a"
    soundfile.write(by_libsndfile, samples, SAMPLING_RATE, format="CAF", subtype="ALAC_16")
    for path in (by_ffmpeg, by_libsndfile):
        assert np.allclose(decode(path)[0][:, 0], samples, atol=2 / 32768)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_big_endian_wav_is_big_endian_under_any_name(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.m4a"
    soundfile.write(path, integers() / 32768, SAMPLING_RATE, format="WAV", subtype=subtype, endian="BIG")
    assert path.read_bytes()[:4] == b"RIFX"
    assert np.array_equal(to_integers(decode(path)[0][:, 0]), integers())


@pytest.mark.parametrize(("suffix", "codec", "rate"), [*KINDS[1:], ("webm", "libopus", 48_000)])
def test_a_span_of_a_long_file_that_cannot_be_cut_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, codec: str, rate: int
) -> None:
    path = encode(
        tmp_path / f"a.{suffix}", voice(rate)[None], rate, codec, "mono", options={"write_xing": "0"}
    )
    assert len(decode(path, 0.5, 1.0)[0]) == rate // 2
    monkeypatch.setattr(audio, "_LONGEST_UNCUT", 1)
    with pytest.raises(
        AudioError, match=r"a container that cannot be cut quickly .*; convert it to FLAC or WAV"
    ):
        decode(path, 0.5, 1.0)
    assert len(decode(path)[0]) >= len(voice(rate))


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_an_infinite_end_is_beyond_the_file(tmp_path: Path, name: str) -> None:
    path = wav(tmp_path / "whole.wav", integers())
    shutil.copy(path, tmp_path / name)
    with pytest.raises(AudioError, match="it ends before the utterance does"):
        decode(tmp_path / name, 0, float("inf"))
