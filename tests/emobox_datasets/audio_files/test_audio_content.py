"""A file is decoded as what it is, whatever its name says; and what its samples tell at once."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import encode, integers, voice, wav

from emobox_datasets.audio_files.audio import SAMPLING_RATE, decode, read_waveform, to_integers
from emobox_datasets.corpora import load
from emobox_datasets.corpus import Utterance
from emobox_datasets.errors import AudioError
from emobox_datasets.loading.builder import row_of

# What people rename to `.wav`: the suffix of its container, the codec, the rate.
RENAMED = [
    ("webm", "libopus", 48_000),
    ("m4a", "aac", 44_100),
    ("mp4", "aac", 48_000),
    ("avi", "pcm_s16le", 16_000),
    ("ogg", "libopus", 48_000),
    ("mp3", "libmp3lame", 44_100),
    ("flac", "flac", 16_000),
]


@pytest.mark.parametrize("name", ["renamed.wav", "renamed.WAV", "renamed.flac", "renamed", "renamed.data"])
@pytest.mark.parametrize(("suffix", "codec", "rate"), RENAMED)
def test_a_renamed_file_is_decoded(tmp_path: Path, suffix: str, codec: str, rate: int, name: str) -> None:
    path = encode(tmp_path / f"a.{suffix}", voice(rate)[None], rate, codec, "mono")
    expected = read_waveform(path)
    shutil.copy(path, tmp_path / name)
    renamed = read_waveform(tmp_path / name)
    # MP3 and Ogg start some milliseconds apart in the two decoders; the name still tells which of them is asked.
    assert abs(len(renamed) - len(expected)) < 0.06 * SAMPLING_RATE
    assert np.std(renamed) == pytest.approx(np.std(expected), rel=0.02)
    if suffix not in ("ogg", "mp3"):
        assert np.array_equal(renamed, expected)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "GSM610"),
        ("WAV", "G721_32"),
        ("WAV", "NMS_ADPCM_32"),
        ("W64", "GSM610"),
        ("AIFF", "GSM610"),
        ("AU", "G723_24"),
    ],
)
def test_codecs_that_cannot_seek_are_decoded(tmp_path: Path, container: str, subtype: str) -> None:
    path = tmp_path / f"a.{container.lower()}"
    source = voice(8000)
    soundfile.write(path, source, 8000, format=container, subtype=subtype)
    samples, rate = decode(path)
    with soundfile.SoundFile(path) as file:
        assert np.array_equal(samples, file.read(file.frames, dtype="float32", always_2d=True))
    assert rate == 8000
    assert np.corrcoef(samples[: len(source), 0], source)[0, 1] > 0.9
    assert np.array_equal(decode(path, 0.25, 0.75)[0], samples[2000:6000])


@pytest.mark.parametrize("riff_size", [0, 8, 10_036])
def test_samples_behind_a_size_of_zero_are_decoded(tmp_path: Path, riff_size: int) -> None:
    path = wav(tmp_path / "a.wav", integers(5000))
    content = bytearray(path.read_bytes())
    content[4:8], content[40:44] = riff_size.to_bytes(4, "little"), bytes(4)
    path.write_bytes(content)
    assert np.array_equal(to_integers(read_waveform(path)), integers(5000))


def test_what_an_editor_writes_behind_no_samples_is_not_played(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(0, dtype=np.int16))
    path.write_bytes(path.read_bytes() + b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + bytes(18))
    with pytest.raises(AudioError, match="it holds no samples"):
        read_waveform(path)


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize(
    "suffix", ["wav", "mp3", "flac", "au", "snd", "raw", "vox", "sd2", "ogg", "m4a", "data"]
)
def test_samples_without_a_header_are_an_error(tmp_path: Path, suffix: str, layout: str) -> None:
    """libsndfile would take `.au` for 8 kHz by its name, and FFmpeg interleaved samples for a game's music."""
    path = tmp_path / f"a.{suffix}"
    samples = to_integers(voice(SAMPLING_RATE))
    path.write_bytes((np.stack([samples] * 2, axis=1) if layout == "stereo" else samples).tobytes())
    with pytest.raises(AudioError, match=r"it cannot be decoded \(.*libsndfile: .*\); replace it"):
        read_waveform(path)


def test_the_error_names_what_both_decoders_said_and_the_file_once(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"not audio at all\n" * 100)
    with pytest.raises(AudioError) as caught:
        read_waveform(path)
    assert caught.value.detail == (
        "libsndfile: Format not recognised; FFmpeg: Invalid data found when processing input"
    )
    assert str(caught.value).count(str(path)) == 1


def test_a_playlist_in_a_wav_file_opens_no_other_file(tmp_path: Path) -> None:
    encode(tmp_path / "secret.mp3", voice(SAMPLING_RATE)[None], SAMPLING_RATE, "libmp3lame", "mono")
    path = tmp_path / "a.wav"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp3\n#EXT-X-ENDLIST\n" + "#\n" * 600
    )
    with pytest.raises(AudioError, match="it cannot be decoded"):
        read_waveform(path)


@pytest.mark.parametrize("scale", [1, 4, 100])
def test_integers_written_as_floats_are_an_error(tmp_path: Path, scale: int) -> None:
    path = wav(tmp_path / "a.wav", voice(SAMPLING_RATE) * 32768 / scale, "FLOAT")
    with pytest.raises(AudioError, match="its samples are integers written as floats; divide its samples by"):
        read_waveform(path)


def test_floats_that_exceed_full_scale_a_little_are_kept(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 3 * voice(SAMPLING_RATE), "FLOAT")
    assert np.abs(read_waveform(path)).max() == pytest.approx(1.5, abs=0.01)


def test_a_silent_utterance_is_kept_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Silence, and the average of a channel and its inverse; not what is merely quiet."""
    left = np.maximum(integers(100), -32767)
    soundfile.write(tmp_path / "inverse.wav", np.stack([left, -left], axis=1), SAMPLING_RATE)
    wav(tmp_path / "zero.wav", np.zeros(100, dtype=np.int16))
    wav(tmp_path / "quiet.wav", np.ones(100, dtype=np.int16))
    corpus = load("emodb")
    label, raw_label = corpus.label_list[0], next(iter(corpus.labels))
    with caplog.at_level(logging.WARNING):
        for name in ("inverse", "zero", "quiet"):
            row = row_of(Utterance(name, str(tmp_path / f"{name}.wav"), raw_label, label, "de"), corpus)
            assert row["duration"] == 100 / SAMPLING_RATE
    assert [message.split(" is ")[0] for message in caplog.messages] == [
        "Utterance inverse",
        "Utterance zero",
    ]


def test_what_is_no_file_is_an_error_and_never_waited_for(tmp_path: Path) -> None:
    """In a process of its own: one that opens a pipe waits for ever."""
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    code = """
import sys
from emobox_datasets import errors
from emobox_datasets.audio_files import audio
for path in sys.argv[1:]:
    try:
        audio.decode(path)
    except errors.AudioError as error:
        print(error.reason)
"""
    paths = [str(tmp_path / name) for name in ("pipe.wav", "folder.wav", "device.wav")]
    ended = subprocess.run(
        [sys.executable, "-c", code, *paths], stdout=subprocess.PIPE, text=True, timeout=60
    )
    special = "it is a named pipe, a socket or a device"
    assert ended.stdout.splitlines() == [special, "it is a folder", special]
