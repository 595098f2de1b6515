"""The built-in corpus is made once and whole, whoever dies while making it."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus
from emobox_datasets.sources.location import find_root

FILES = 5


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_CACHE_HOME", str(tmp_path))
    return tmp_path / "emobox" / "corpora" / "demo"


def small(after_half: Any = lambda: None) -> Corpus:
    """The demo corpus, of a few files; `after_half` is called when half of them are written."""

    def synthesise(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            if number == FILES // 2:
                after_half()
            (folder / f"{number}.flac").write_bytes(b"fLaC")

    return replace(corpora.load("demo"), synthesise=synthesise)


def is_whole(root: Path) -> bool:
    return len(list(root.iterdir())) == FILES


def _make(after_half: Any = lambda: None) -> None:
    assert is_whole(find_root(small(after_half), None))


def test_what_the_dead_have_left_is_removed_and_not_read(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    half, never = context.Event(), context.Event()
    dying = context.Process(target=_make, args=(lambda: (half.set(), never.wait()),))
    dying.start()
    half.wait()
    assert not root.exists()
    waiting = context.Process(target=_make)
    waiting.start()
    waiting.join(0.5)
    assert waiting.exitcode is None  # it is being made
    os.kill(dying.pid, signal.SIGKILL)
    waiting.join()
    assert waiting.exitcode == 0
    assert sorted(path.name for path in root.parent.iterdir()) == [".demo.lock", "demo"]


def test_what_the_dead_have_left_is_removed(root: Path) -> None:
    (root.parent / ".demo.4711.incomplete" / "ada").mkdir(parents=True)
    other = root.parent / ".demo2.4711.incomplete"
    other.mkdir()
    assert find_root(small(), None) == root
    assert is_whole(root)
    assert sorted(path.name for path in root.parent.iterdir()) == [".demo.lock", other.name, "demo"]


def test_several_at_once_make_it_once(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    made = context.Value("i", 0)

    def count() -> None:
        with made.get_lock():
            made.value += 1

    makers = [context.Process(target=_make, args=(count,)) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
        assert maker.exitcode == 0
    assert made.value == 1
    assert is_whole(root)
