"""What lies where audio should be, in one corpus and file by file."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import dumps, loads

import numpy as np
import pandas as pd
import pytest
from datasets import load_dataset
from sounds import integers, wav

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import decode
from emobox_datasets.copy.placeholders import recognise, sniff
from emobox_datasets.errors import AudioError, CorpusError, grouped
from emobox_datasets.sources.location import find_root

LFS = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 64044\n"
)
KEY = "MD5E-s64044--0123456789abcdef.wav"
PAGES = [
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
    "\ufeff\n  <HTML lang='en'>",
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
]


@pytest.mark.parametrize("name", ["a.wav", "a.mp4"])
@pytest.mark.parametrize(
    ("content", "reason", "remedy"),
    [
        ("", "it is empty", "replace it"),
        (LFS, "it is a Git-LFS pointer", "run `git lfs pull`"),
        (f"/annex/objects/{KEY}\n", "it is a git-annex link without its file", "run `git annex get .`"),
        (f"../.git/annex/objects/zK/6f/{KEY}/{KEY}", "it is a git-annex link", "run `git annex get .`"),
        *[(page, "it is a web page", "download the original again") for page in PAGES],
        (PAGES[0] + "\n<p>" * 10_000, "it is a web page", "download the original again"),
    ],
)
def test_a_placeholder_is_told_by_its_content(
    tmp_path: Path, name: str, content: str, reason: str, remedy: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AudioError, match=rf"Expected audio in {path}, but {reason}.*; {remedy}"):
        decode(path)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (f".git/annex/objects/zK/6f/{KEY}/{KEY}", "it is a git-annex link without its file"),
        ("elsewhere.wav", "it is a link to a file that is not there"),
        ("a.wav", "it is a link to a file that is not there"),  # to itself
    ],
)
def test_links_to_nothing(tmp_path: Path, target: str, reason: str) -> None:
    (tmp_path / "a.wav").symlink_to(target)
    with pytest.raises(AudioError, match=reason):
        decode(tmp_path / "a.wav")


def test_a_link_to_audio_is_audio(tmp_path: Path) -> None:
    wav(tmp_path / "object.wav", integers(100))
    (tmp_path / "a.wav").symlink_to("object.wav")
    assert recognise(tmp_path / "a.wav") is None
    assert len(decode(tmp_path / "a.wav")[0]) == 100


@pytest.mark.parametrize("kind", ["pointer", "link", "pipe", "empty"])
def test_what_is_no_audio_counts_as_missing_where_some_may_be(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    demo = corpora.load("demo")
    copy = Path(shutil.copytree(find_root(demo, None), tmp_path / "copy"))
    path = next(copy.rglob("ada_angry_01.flac"))
    path.unlink()
    {
        "pointer": lambda: path.write_text(LFS),
        "link": lambda: path.symlink_to("nowhere.flac"),
        "pipe": lambda: os.mkfifo(path),
        "empty": path.touch,
    }[kind]()
    with pytest.raises(CorpusError, match=r"ada_angry_01.*pass allow_missing=True .* go on without them"):
        demo.scan(copy)
    caplog.clear()
    assert len(demo.scan(copy, allow_missing=True)) == 319
    assert re.search(
        "Counted as missing are files of Demo that hold no audio: 1 is .*ada_angry_01", caplog.text
    )
    assert "319 of 320 utterances of Demo: 1 missing" in caplog.text
    folds = load_dataset(
        "emobox/demo", "fold1", data_dir=str(copy), allow_missing=True, cache_dir=str(tmp_path)
    )
    assert sum(map(len, folds.values())) == 319
    # Where nothing is left, what it is instead is what to know.
    for other in copy.rglob("*.flac"):
        other.unlink()
        other.write_text(LFS)
    with pytest.raises(CorpusError, match="Git-LFS pointers"):
        demo.scan(copy, allow_missing=True)


@pytest.mark.parametrize("path", ["not/there.wav", "a\0b.wav", "x" * 300 + ".wav"])
def test_names_that_no_file_has(path: str) -> None:
    assert recognise(path) == ("there is no such file", "copy it there from the corpus as published")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_devices_are_not_opened(path: str) -> None:
    assert recognise(path) == ("it is a named pipe, a socket or a device", "replace it with the original")


@contextmanager
def another_user() -> Iterator[None]:
    """As nobody, if this process may do all; else as who it is."""
    if os.geteuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_what_may_not_be_read_is_told_from_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    wav(tmp_path / "a.wav", integers(100)).chmod(0)
    (tmp_path / "closed").mkdir()
    wav(tmp_path / "closed/a.wav", integers(100))
    (tmp_path / "closed").chmod(0)
    monkeypatch.chdir(tmp_path)  # folders above may be closed to others, too
    try:
        with another_user():
            for path in ("a.wav", "closed/a.wav"):
                with pytest.raises(
                    AudioError, match=r"it cannot be read \(permission denied\); give yourself"
                ):
                    decode(path)
    finally:
        (tmp_path / "closed").chmod(0o755)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"version 2", b"<", bytes(600), LFS.encode()[:30]])
def test_what_only_resembles_a_placeholder_is_left_to_the_decoders(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert sniff(tmp_path / "a.wav") is None


def test_the_shortest_audio_is_no_placeholder(tmp_path: Path) -> None:
    for count in (1, 10, 400):
        assert recognise(wav(tmp_path / "a.wav", integers(count + 2)[2:])) is None
        assert recognise(wav(tmp_path / "a.flac", np.zeros(count, dtype=np.int16))) is None


def test_a_clone_without_its_large_files_is_one_error(
    tree: Callable[[str], tuple[Path, pd.DataFrame]], light_path: Path
) -> None:
    """All of EmoDB as Git-LFS leaves it, but for two files."""
    root, rows = tree("emodb")
    copied = [light_path / path for path in rows.path]
    for path in copied:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LFS)
    copied[0].write_text("")
    copied[1].unlink()
    copied[1].symlink_to(f"../.git/annex/objects/{KEY}")
    with pytest.raises(CorpusError) as caught:
        corpora.load("emodb").scan(light_path)
    message = str(caught.value)
    assert message.startswith("Expected audio in 535 files of EmoDB, but 533 are Git-LFS pointers (first ")
    assert (
        f"); run `git lfs pull` in the corpus's folder. 1 is empty ({copied[0]}); replace it with the original."
        in (message)
    )
    assert f"1 is a git-annex link without its file ({copied[1]}); run `git annex get .`" in message
    assert len(re.findall(r"\.wav", message)) == 5
    assert corpora.load("emodb").scan(root)


def test_equal_faults_are_grouped_the_most_frequent_first() -> None:
    empty = AudioError("a.wav", "it is empty", "replace it")
    cut = [AudioError(f"{name}.wav", "it is cut", "replace it", f"by {name}") for name in "bc"]
    assert grouped([empty, *cut]) == {
        ("it is cut", "replace it"): cut,
        ("it is empty", "replace it"): [empty],
    }
    assert list(grouped([empty, *cut])) == [("it is cut", "replace it"), ("it is empty", "replace it")]
    assert grouped([]) == {}


def test_an_audio_error_travels_between_processes() -> None:
    error = loads(dumps(AudioError("a.wav", "it is cut", "replace it", "by 3 bytes")))
    assert (error.path, error.reason, error.remedy, error.detail) == (
        "a.wav",
        "it is cut",
        "replace it",
        "by 3 bytes",
    )
    assert str(error) == "Expected audio in a.wav, but it is cut (by 3 bytes); replace it."
