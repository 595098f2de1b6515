"""Where a corpus is looked for, and what is said where it is not."""

import re
from pathlib import Path

import pytest
from datasets import load_dataset

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.location import DATA_VARIABLE, candidate_root, find_root, is_here


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("casia", "CASIA"),
        ("crema_d", "CREMA-D"),
        ("crema_d", "Crema-D"),
        ("emov_db", "EmoV-DB"),
        ("jl_corpus", "JL Corpus"),
        ("oreau", "Oréau"),
        ("oreau", "Ore\u0301au"),
    ],
)
def test_a_folder_may_be_spelled_as_the_corpus_is(data: Path, name: str, folder: str) -> None:
    (data / folder).mkdir()
    assert find_root(corpora.load(name), None) == data / folder


def test_the_exact_name_comes_first_and_two_others_are_refused(data: Path) -> None:
    casia = corpora.load("casia")
    for name in ("CASIA", "Casia"):
        (data / name).mkdir()
    with pytest.raises(
        CorpusError, match=r"one folder with CASIA .* got CASIA and Casia; call .* meant casia"
    ):
        find_root(casia, None)
    (data / "casia").mkdir()
    assert find_root(casia, None) == data / "casia"


def test_what_is_near_is_named(data: Path) -> None:
    (data / "ravdes").mkdir()
    (data / "holiday").mkdir()
    with pytest.raises(CorpusError) as caught:
        find_root(corpora.load("ravdess"), None)
    assert f"at {data}/ravdess (from EMOBOX_DATA), but there is none" in str(caught.value)
    assert "Did you mean ravdes?" in str(caught.value)


def test_the_message_says_where_the_path_came_from(data: Path, tmp_path: Path) -> None:
    """`load_dataset` passes what the variable says on as data_dir."""
    with pytest.raises(CorpusError, match=rf"{re.escape(str(data))}/urdu \(from EMOBOX_DATA\)"):
        load_dataset("emobox/urdu", "fold1")
    with pytest.raises(CorpusError, match=r"/elsewhere \(from data_dir\)"):
        load_dataset("emobox/urdu", "fold1", data_dir=str(tmp_path / "elsewhere"))
    (tmp_path / "urdu.zip").touch()
    with pytest.raises(CorpusError, match=r"\(from data_dir\), but there is a file"):
        find_root(corpora.load("urdu"), str(tmp_path / "urdu.zip"))


@pytest.mark.parametrize("folder", ["", " "])
def test_an_empty_path_is_refused(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="a folder in data_dir, but it is empty"):
        load_dataset("emobox/urdu", "fold1", data_dir=folder)
    monkeypatch.setenv(DATA_VARIABLE, folder)
    with pytest.raises(CorpusError, match="a folder in EMOBOX_DATA, but it is empty"):
        candidate_root(corpora.load("urdu"), None)
    assert find_root(corpora.load("demo"), None).is_dir()


def test_a_folder_without_a_file_is_not_a_copy(data: Path) -> None:
    urdu = corpora.load("urdu")
    assert not is_here(urdu)
    (data / "urdu/Angry").mkdir(parents=True)
    (data / "urdu/.DS_Store").touch()
    assert not is_here(urdu)
    (data / "urdu/Angry/SM1_F1_A01.wav").touch()
    assert is_here(urdu)
