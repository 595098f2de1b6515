"""Rows are in the order of their ids, from a copy, a prepared repository, or its stream; scores do not depend on it."""

from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile
from datasets import load_dataset
from plain_datasets import load_elsewhere, rows_of
from plain_rows import told

from emobox_datasets import CorpusError, corpora
from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.partition import configurations
from emobox_datasets.repository import prepared
from emobox_datasets.repository.write import prepare
from emobox_probe.features.corpus import load_corpus
from hub_cards.cards.dataset_card import describe

URDU = corpora.load("urdu")


def prepared_in(folder: Path, corpus: Corpus, root: str) -> Path:
    prepare(corpus, root, folder / "emobox" / corpus.name, describe, allow_missing=True)
    return folder / "emobox" / corpus.name


@pytest.mark.parametrize("name", ["emodb", "urdu"])
def test_a_real_prepared_repository_has_the_rows_of_the_copy_in_their_order(
    shared_assets: Path, tmp_path: Path, name: str
) -> None:
    corpus, root = corpora.load(name), str(shared_assets / "corpora" / name)
    folder = prepared_in(tmp_path, corpus, root)
    assert len(prepared.read(folder).shards) > 10
    for configuration in configurations(corpus):
        copied = load_dataset(f"emobox/{name}", configuration, data_dir=root)
        published = load_dataset(str(folder), configuration, cache_dir=str(tmp_path / "cache"))
        for part, split in copied.items():
            ids = split["id"][:]
            assert ids == sorted(ids) == published[part]["id"][:]
            streamed = load_dataset(str(folder), configuration, split=part, streaming=True)
            assert [row["id"] for row in streamed.remove_columns("audio")] == ids
    assert told(published) == told(copied)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Some of URDU, whose folds cut the ids anyhow: noise under the names that the release lists."""
    root, random = tmp_path_factory.mktemp("copy"), np.random.default_rng(0)
    folders = {"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"}
    for id in sorted(URDU.listed_ids)[::5]:
        name = id.removeprefix("urdu-")
        path = root / folders[name.split("_")[2][0]] / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, random.uniform(-0.5, 0.5, 500), 16_000)
    return str(root)


@pytest.fixture(scope="module")
def published(copy: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_in(tmp_path_factory.mktemp("published"), URDU, copy)


def in_order(splits: datasets.DatasetDict) -> bool:
    return all(list(split["id"]) == sorted(split["id"]) for split in splits.values())


@pytest.mark.parametrize("configuration", configurations(URDU))
def test_every_configuration_has_the_rows_of_the_copy_in_their_order(
    copy: str, published: Path, configuration: str
) -> None:
    copied = load_dataset("emobox/urdu", configuration, data_dir=copy, allow_missing=True)
    assert in_order(copied)
    assert told(load_dataset(str(published), configuration)) == told(copied)
    assert told(load_dataset(str(published), configuration, streaming=True)) == told(copied)


def test_processes_do_not_change_the_order(published: Path, tmp_path: Path) -> None:
    shared = load_dataset(str(published), "all", cache_dir=str(tmp_path), num_proc=2)
    assert len(prepared.read(published).shards) > 10
    assert in_order(shared)


def test_slices_are_those_of_the_ordered_rows(copy: str, published: Path) -> None:
    whole = load_dataset(str(published), "all", split="train")
    assert load_dataset(str(published), "all", split="train[10:20]")["id"][:] == whole["id"][10:20]


def test_columns_and_filters_are_those_of_datasets(published: Path) -> None:
    males = {
        "columns": ["id", "label"],
        "filters": [("gender", "==", "male")],
        "verification_mode": "no_checks",
    }
    some = load_dataset(str(published), "all", split="train", **males)
    assert some.column_names == ["label", "id"]
    whole = load_dataset(str(published), "all", split="train")
    assert some["id"][:] == [row["id"] for row in whole.remove_columns("audio") if row["gender"] == "male"]
    with pytest.raises(CorpusError, match="Expected id among the columns"):
        load_dataset(str(published), "all", columns=["label"])


def test_plain_datasets_gives_shards_and_sorts_them(published: Path, tmp_path: Path) -> None:
    """Without this package: the same rows, and `sort("id")` as the card says; its cache is another."""
    (plain,) = load_elsewhere([[str(published), "fold2", False]], tmp_path)  # type: ignore[list-item]
    ours = load_dataset(str(published), "fold2")
    assert plain == rows_of(ours)
    parquet = load_dataset(
        "parquet", data_files=str(published / "data/*.parquet"), split="train", cache_dir=str(tmp_path)
    )
    assert parquet["id"][:] != sorted(parquet["id"])
    assert told(parquet.sort("id")) == told(load_dataset(str(published), "all", split="train"))


def test_a_probe_sees_the_same_rows_of_a_copy_and_of_a_prepared_repository(
    copy: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = load_corpus(URDU, Path(copy), allow_missing=True)
    monkeypatch.chdir(published.parents[1])
    assert told(load_corpus(URDU, None, allow_missing=True)) == told(copied)
    other = tmp_path / "emobox" / "urdu"
    other.mkdir(parents=True)
    copied.shuffle(seed=1).to_parquet(other / "train.parquet")
    (other / "README.md").write_text(
        "---\nconfigs:\n- config_name: all\n  data_files: train.parquet\n---\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    assert told(load_corpus(URDU, None, allow_missing=True)) == told(copied)


@pytest.mark.parametrize("streaming", [False, True])
def test_every_load_of_an_incomplete_repository_tells_what_is_missing(
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    streaming: bool,
) -> None:
    monkeypatch.chdir(published.parents[1])
    missing = URDU.utterances - prepared.read(published).utterances
    for path in (str(published), "emobox/urdu", "./emobox/urdu", "emobox/urdu"):
        caplog.clear()
        loaded = load_dataset(path, "fold1", split="test", streaming=streaming)
        (warning,) = (text for text in caplog.messages if "missing" in text)
        assert warning.startswith(f"Loaded 80 of 400 utterances of URDU: {missing} missing; ")
        assert f"Incomplete: {missing} utterances of the corpus are missing" in loaded.info.description


def test_a_probe_goes_on_with_an_incomplete_repository_only_if_it_may(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(published.parents[1])
    with pytest.raises(CorpusError, match=r"Expected 400 utterances of URDU, but got 80 .*--allow-missing"):
        load_corpus(URDU, None)
    assert len(load_corpus(URDU, None, allow_missing=True)) == 80
