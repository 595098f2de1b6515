"""Rows are known by a number: whoever changes them must raise it."""

import hashlib
import json
import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile
from datasets import load_dataset

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import flac_checksum
from emobox_datasets.loading import row_version
from emobox_datasets.loading.row_version import ROW_VERSION, source_hash

# What the rows of ROW_VERSION are. Where they change: raise ROW_VERSION, then write down what the test says.
PINNED = 3
DEMO_ROWS = "98e6be566696d1fb7213b68ee7c8b5ed"
TREE_ROWS = "238a48f3fea423554e3e4f2f6e85c7fc"
DEMO = corpora.load("demo")


def digest(rows: datasets.Dataset) -> str:
    """Of all columns and their types, all rows in their order, and the samples of their audio."""
    lines = [str(rows.features)]
    for row in rows.cast_column("audio", datasets.Audio(decode=False)):
        audio = row.pop("audio")
        lines.append(json.dumps([audio["path"], flac_checksum(audio["bytes"]), row], sort_keys=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def lay_out(root: Path) -> Path:
    """A copy of JL Corpus with a tone of its own in every file: 44.1 kHz, stereo, 24 bits, as its files are not."""
    random = np.random.default_rng(0)
    for speaker in ("female1", "male2"):
        for emotion in ("angry", "sad", "encouraging"):
            for sentence in (1, 12):
                tone = np.sin(np.arange(4_000) * random.uniform(0.02, 0.2))
                path = root / "JL corpus" / f"{speaker}_{emotion}_{sentence}a_1.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                samples = np.stack([tone, 0.5 * tone], axis=1) * random.uniform(0.1, 0.9)
                soundfile.write(path, samples, 44_100, subtype="PCM_24")
    return root


def test_rows_are_those_of_the_row_version(tmp_path: Path) -> None:
    demo = digest(load_dataset("emobox/demo", "all", split="train"))
    options = {"data_dir": str(lay_out(tmp_path)), "allow_missing": True, "split": "train"}
    tree = digest(load_dataset("emobox/jl_corpus", "all", **options))
    assert (ROW_VERSION, demo, tree) == (PINNED, DEMO_ROWS, TREE_ROWS), (
        f"Expected the rows of version {PINNED}, but they are others; raise ROW_VERSION in "
        f"emobox_datasets/loading/row_version.py, so that stored ones are made anew, and pin {demo!r} and {tree!r}."
    )


def test_folds_are_those_of_the_row_version() -> None:
    for number, voice in enumerate(("ada", "ben", "cleo", "dan"), start=1):
        fold = load_dataset("emobox/demo", f"fold{number}")
        assert set(fold["test"]["speaker"]) == {voice}
        assert all(part["id"][:] == sorted(part["id"]) for part in fold.values())


def test_the_number_the_lists_and_the_files_of_the_copy_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urdu = corpora.load("urdu")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/a.wav").write_bytes(b"")
    hashes = [source_hash(urdu, tmp_path / "copy")]
    (tmp_path / "copy/a.wav").write_bytes(b"longer")
    hashes.append(source_hash(urdu, tmp_path / "copy"))
    shutil.copytree(row_version.RELEASED / "urdu", tmp_path / "urdu")
    monkeypatch.setattr(row_version, "RELEASED", tmp_path)
    assert source_hash(urdu, tmp_path / "copy") == hashes[-1]
    list_file = min((tmp_path / "urdu").glob("*.txt"))
    list_file.write_text(list_file.read_text() + "urdu-one_more\n")
    hashes.append(source_hash(urdu, tmp_path / "copy"))
    monkeypatch.setattr(row_version, "ROW_VERSION", ROW_VERSION + 1)
    hashes.append(source_hash(urdu, tmp_path / "copy"))
    assert len(set(hashes)) == 4


def test_the_module_of_a_users_own_corpus_counts_and_ours_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = Path(tmp_path / "own.py")
    shutil.copy(corpora.source_of("demo"), module)
    before = source_hash(DEMO, None)
    monkeypatch.setattr(corpora, "source_of", lambda name: module)
    own = source_hash(DEMO, None)
    module.write_text(module.read_text() + "# a comment\n")
    assert len({before, own, source_hash(DEMO, None)}) == 3
