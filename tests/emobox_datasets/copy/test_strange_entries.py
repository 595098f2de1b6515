"""What lies beside a corpus: links to nothing, loops, pipes, names that are no text, folders that cannot be listed.

It never hangs and never ends in a traceback: it is ignored and told, or named where a file of the corpus should be.
"""

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import run_command
from publishers import lay_out, released, touch

from emobox_datasets import catalogue, corpora
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Findings
from emobox_datasets.errors import CorpusError
from emobox_datasets.loading.plugin import source_hash

NOT_UTF8 = os.fsdecode(b"D\x82go\x96t")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return released("polish")


@pytest.fixture
def root(light_path: Path, rows: pd.DataFrame) -> Path:
    touch(light_path, rows.path)
    return light_path


def find(root: Path) -> Findings:
    return corpora.load("polish").find(root)


def test_what_is_none_of_the_corpus_s_is_ignored_and_told(
    root: Path, rows: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "notes.txt").symlink_to(root / "nowhere.txt")
    (root / "old").symlink_to(root / "gone")
    (root / "circle").symlink_to(root / "circle")
    (root / "up").mkdir()
    (root / "up/again").symlink_to(root)
    os.mkfifo(root / "pipe.wav")
    findings = find(root)
    assert [utterance.id for utterance in findings.utterances] == sorted(rows.id)
    assert findings.ignored == [
        f"circle: a link that cannot be followed ({os.strerror(errno.ELOOP)})",
        "notes.txt: a link to nothing",
        "old: a link to nothing",
        "pipe.wav: neither a file nor a folder",
        "up/again/: a link to a folder that is listed already",
    ]
    corpora.load("polish").scan(root)
    assert "Ignored 5 entries in the folder of Polish, first circle: a link that cannot" in caplog.text


def test_links_are_followed(root: Path, rows: pd.DataFrame) -> None:
    kept = root / ".kept"
    kept.mkdir()
    (root / "all").symlink_to(kept)
    for number, name in enumerate(rows.path):
        (root / name).rename(kept / name)
        if number % 2:
            (root / name).symlink_to(kept / name)
    findings = find(root)
    assert [utterance.id for utterance in findings.utterances] == sorted(rows.id)
    assert len(findings.equal_copies) == len(rows) // 2
    assert not findings.ignored


@pytest.mark.parametrize("kind", ["dangling", "circle", "pipe"])
def test_what_should_be_a_file_of_the_corpus_is_named(
    root: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = root / "m5.s_nie_2.wav"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("gone.wav" if kind == "dangling" else file.name)
    with pytest.raises(CorpusError, match=r"but 1 is a .*/m5\.s_nie_2\.wav\); replace"):
        corpora.load("polish").scan(root)
    corpora.load("polish").scan(root, allow_missing=True)
    assert re.search(r"Counted as missing .*/m5\.s_nie_2\.wav\); replace", caplog.text)
    findings = find(root)
    assert not findings.ignored
    assert str(file) in {utterance.path for utterance in findings.utterances}


def test_a_table_that_is_a_dangling_link_is_named(light_path: Path) -> None:
    root = lay_out(light_path / "resd", "resd", released("resd").groupby("split").head(2))
    table = next(root.rglob("test.csv"))
    table.unlink()
    table.symlink_to("nowhere.csv")
    with pytest.raises(CorpusError, match=r"Expected a file at .*/test\.csv, but got a link to nothing"):
        corpora.load("resd").find(root)


def test_names_that_are_not_utf8_harm_nothing(
    light_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of CaFE's archive, unpacked without its code page."""
    rows, cafe = released("cafe").head(40), corpora.load("cafe")
    touch(light_path, [f"{NOT_UTF8}/{path.rpartition('/')[2]}" for path in rows.path])
    touch(light_path, [f"{NOT_UTF8}/holiday.wav", f"{NOT_UTF8}/01-X-1-1.txt"])
    (light_path / NOT_UTF8 / f"{NOT_UTF8}.wav").symlink_to("nowhere")
    findings = cafe.find(light_path)
    assert {utterance.id for utterance in findings.utterances} == set(rows.id)
    assert all(os.path.exists(utterance.path) for utterance in findings.utterances)
    assert findings.ignored == [r"D\x82go\x96t/D\x82go\x96t.wav: a link to nothing"]
    assert len(source_hash(cafe, light_path)) == 32
    strict = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", strict)
    assert run_command("doctor", "cafe", str(light_path), "--json") == 1
    assert run_command("doctor", "cafe", str(light_path)) == 1
    strict.flush()
    assert rb"D\udc82go\udc96t/holiday.wav" in strict.buffer.getvalue()  # type: ignore[attr-defined]


def test_errors_name_paths_that_are_not_utf8(light_path: Path) -> None:
    touch(light_path, [f"{NOT_UTF8}/01-X-1-1.wav"])
    with pytest.raises(CorpusError) as caught:
        corpora.load("cafe").find(light_path)
    assert r"D\x82go\x96t/01-X-1-1.wav" in str(caught.value).encode().decode()


def test_a_folder_of_emobox_data_that_is_not_utf8_can_be_listed(
    light_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = light_path / NOT_UTF8
    touch(data, ["urdu/a.wav"])
    monkeypatch.setenv("EMOBOX_DATA", str(data))
    assert catalogue.here(corpora.load("urdu")).encode().endswith(rb"/D\x82go\x96t/urdu")


def test_the_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, reason in (("nowhere", errno.ENOENT), ("file", errno.ENOTDIR)):
        with pytest.raises(CorpusError, match=rf"at {tmp_path}/{name}, but .*{os.strerror(reason)}"):
            find(tmp_path / name)


# Run as a user whom permissions bind: tests may run as root, whom they do not.
AS_NOBODY = """
import json, os, sys
from emobox_datasets import corpora
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    corpora.load("polish").scan(sys.argv[1])
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def test_a_folder_that_may_not_be_listed_is_told(root: Path, rows: pd.DataFrame) -> None:
    root.parent.chmod(0o755), root.chmod(0o755)
    (root / "private").mkdir()
    (root / rows.path.iloc[0]).rename(root / "private" / rows.path.iloc[0])
    (root / "private").chmod(0)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(root)], capture_output=True, text=True)
    (root / "private").chmod(0o755)
    assert done.returncode == 0, done.stderr[-1500:]
    kind, message = json.loads(done.stdout)
    assert kind == "CorpusError"
    assert "1 missing" in message
    assert "Ignored there: private/: a folder that cannot be listed (Permission denied)." in message


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "other").symlink_to(tmp_path / other)
        (tmp_path / name / f"{name}.txt").touch()
    folder = CorpusFolder(tmp_path)
    assert folder.paths == ["a/a.txt", "b/b.txt"]
    assert sorted(folder.unusable) == ["a/other/", "b/other/"]
    assert [path for path, _ in folder.entries] == folder.paths


def test_folders_that_all_link_to_each_other_are_listed_once(tmp_path: Path) -> None:
    """They have more paths than twenty factorial."""
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.wav").touch()
        for other in names:
            (tmp_path / name / f"to {other}").symlink_to(tmp_path / other)
    folder = CorpusFolder(tmp_path)
    assert folder.paths == [f"{name}/{name}.wav" for name in names]
    assert len(folder.unusable) == 400


def test_a_folder_that_only_links_lead_to_is_listed_by_the_first(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "in").mkdir(parents=True)
    (outside / "in/a.wav").touch()
    root = tmp_path / "root"
    (root / "z").mkdir(parents=True)
    (root / "z/b.wav").touch()
    (root / "a").symlink_to(root / "z")  # sorted before the folder itself, which is listed all the same
    (root / "second").symlink_to(outside)
    (root / "first").symlink_to(outside)
    (root / "third").symlink_to(outside / "in")
    folder = CorpusFolder(root)
    assert folder.paths == ["first/in/a.wav", "z/b.wav"]
    assert sorted(folder.unusable) == ["a/", "second/", "third/"]


def test_newlines_in_names_hide_no_file(tmp_path: Path) -> None:
    (tmp_path / "new\nline").mkdir()
    (tmp_path / "new\nline/a.wav").touch()
    folder = CorpusFolder(tmp_path)
    assert [path for path, _ in folder.find(r"a\.wav")] == ["new\nline/a.wav"]
    assert folder.find_one("a.wav") == "new\nline/a.wav"


def test_a_file_that_vanishes_while_a_folder_is_listed_is_absent(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    folder = CorpusFolder(tmp_path)
    assert folder.paths == ["a.wav", "b.wav"]
    (tmp_path / "a.wav").unlink()
    assert [path for path, _ in folder.entries] == ["b.wav"]


# --- What is said of an incomplete copy.


def test_tables_without_their_audio_are_told_from_nothing(light_path: Path) -> None:
    root = lay_out(light_path / "meld", "meld", released("meld").groupby("split").head(3))
    for clip in root.rglob("*.mp4"):
        clip.unlink()
    with pytest.raises(CorpusError) as caught:
        corpora.load("meld").scan(root, allow_missing=True)
    assert "Expected the audio of MELD" in str(caught.value)
    assert "the annotation is there and lists 9 utterances, first meld-" in str(caught.value)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"Expected the files of Demo .* but found none; name the folder"):
        corpora.load("demo").scan(tmp_path)
