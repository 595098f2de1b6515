"""Every public operation of `datasets` on a fold, against the same rows in a plain Parquet file.

An operation is in a table below, or in `NOT_TRIED` with the reason. What fails must fail alike for the plain rows, and
be in `FAILS`: `docs/using-folds.md` tells of those.
"""

import pickle
import sqlite3
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from datasets import load_dataset
from hub_server import HubServer
from huggingface_hub import constants
from plain_rows import outcome, told, utterances_of, write
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments
from transformers.pipelines.pt_utils import KeyDataset

Operation = Callable[[Any, Path], Any]
NEW_LABELS = datasets.ClassLabel(names=["Sad", "Neutral", "Happy", "Angry", "Calm"])


@pytest.fixture(scope="module")
def plain_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("plain")
    return {
        "train": write(utterances_of("ben", "train")[74:86], folder / "train.parquet"),
        "test": write(utterances_of("ben", "test")[5:12], folder / "test.parquet"),
    }


@pytest.fixture(scope="module")
def plain(plain_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> datasets.DatasetDict:
    cache = str(tmp_path_factory.mktemp("cache"))
    return load_dataset("parquet", data_files=plain_files, cache_dir=cache)


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory) -> datasets.DatasetDict:
    """The last rows of ada and the first of cleo, which do not follow each other in what is stored, and some of ben."""
    load = {"train": "train[74:86]", "test": "test[5:12]"}
    return datasets.DatasetDict(load_dataset("emobox/demo", "fold2", split=load))


@pytest.fixture
def streams(plain_files: dict[str, str], tmp_path: Path) -> tuple[Any, Any]:
    """The same rows as streams: of a list of utterances, and of a Parquet file."""
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"{utterance.id}\n" for utterance in utterances_of("ben", "train")[74:86]))
    ours = load_dataset("emobox/demo", f"list:{ids}", split="test", streaming=True)
    files = {"train": plain_files["train"]}
    return ours, load_dataset("parquet", data_files=files, split="train", streaming=True)


def doubled(row: dict) -> dict:
    return {"twice": 2 * row["duration"]}


def doubled_batch(rows: dict) -> dict:
    return {"twice": [2 * duration for duration in rows["duration"]]}


def peak(row: dict) -> dict:
    return {"peak": float(np.abs(row["audio"]["array"]).max()), "audio": row["audio"]}


def is_short(row: dict) -> bool:
    return row["duration"] < 0.7


def transform(rows: dict) -> dict:
    return {"lengths": [len(audio["array"]) for audio in rows["audio"]]}


def by_id(dataset: Any) -> list[Any]:
    """For what may come in another order, because a fold has one shard an utterance when it streams."""
    return sorted((told(row) for row in dataset), key=lambda row: row["id"])


def after(change: Callable[[Any], Any]) -> Operation:
    """The dataset after a change in place."""

    def operation(dataset: Any, folder: Path) -> Any:
        changed = pickle.loads(pickle.dumps(dataset))
        change(changed)
        return changed[0] if not isinstance(changed, dict) else changed

    return operation


def written(write_to: Callable[[Any, Path], Any]) -> Operation:
    """The bytes of the file that an operation writes."""

    def operation(dataset: Any, folder: Path) -> Any:
        write_to(dataset, folder / "file")
        return (folder / "file").read_bytes()

    return operation


def saved(dataset: Any, folder: Path) -> Any:
    dataset.save_to_disk(str(folder / "saved"))
    return datasets.load_from_disk(str(folder / "saved"))


def parquet(dataset: Any, folder: Path) -> Any:
    dataset.to_parquet(str(folder / "file.parquet"))
    return datasets.Dataset.from_parquet(str(folder / "file.parquet"), cache_dir=str(folder))


def formatted(dataset: Any, folder: Path) -> Any:
    with dataset.formatted_as("numpy", columns=["duration", "label"]):
        return [dataset[0]] if isinstance(dataset, datasets.Dataset) else dict(dataset)


def without_audio(operation: Operation) -> Operation:
    return lambda dataset, folder: operation(dataset.remove_columns("audio"), folder)


# What a Dataset, a DatasetDict and an IterableDataset have in common.
SHARED: dict[str, Operation] = {
    "cast": lambda d, _: d.cast(datasets.Features({**_features(d), "duration": datasets.Value("float32")})),
    "cast_column": lambda d, _: d.cast_column("audio", datasets.Audio(sampling_rate=8_000)),
    "cast_column, undecoded": lambda d, _: d.cast_column("audio", datasets.Audio(decode=False)),
    "column_names": lambda d, _: d.column_names,
    "filter": lambda d, _: d.filter(is_short),
    "map": lambda d, _: d.map(doubled),
    "map, audio": lambda d, _: d.map(peak),
    "map, batched": lambda d, _: d.map(doubled_batch, batched=True, batch_size=5, remove_columns=["audio"]),
    "num_columns": lambda d, _: d.num_columns,
    "remove_columns": lambda d, _: d.remove_columns(["audio", "speaker"]),
    "rename_column": lambda d, _: d.rename_column("audio", "sound"),
    "rename_columns": lambda d, _: d.rename_columns({"audio": "sound", "label": "labels"}),
    "select_columns": lambda d, _: d.select_columns(["id", "audio"]),
    "with_format, numpy": lambda d, _: _first(d.with_format("numpy")),
    "with_format, torch": lambda d, _: _first(d.with_format("torch")),
    "with_format, pandas": lambda d, _: _first(d.with_format("pandas")),
    "with_format, arrow": lambda d, _: _first(d.with_format("arrow")),
}
STORED: dict[str, Operation] = {
    "align_labels_with_mapping": lambda d, _: d.align_labels_with_mapping(
        {"Happy": 0, "Sad": 1, "Angry": 2, "Neutral": 3}, "label"
    ),
    "class_encode_column": lambda d, _: d.class_encode_column("speaker"),
    "cleanup_cache_files": lambda d, _: d.map(doubled) and None,
    "filter, num_proc": lambda d, _: d.filter(is_short, num_proc=2),
    "flatten": lambda d, _: d.flatten(),
    "flatten_indices": lambda d, _: d.flatten_indices(),
    "formatted_as": formatted,
    "map, num_proc": lambda d, _: d.map(peak, num_proc=2),
    "map, new labels": lambda d, _: d.cast_column("label", NEW_LABELS),
    "num_rows": lambda d, _: d.num_rows,
    "reset_format": after(lambda d: (d.set_format("numpy"), d.reset_format())),
    "save_to_disk, load_from_disk": saved,
    "set_format": after(lambda d: d.set_format("torch", columns=["label"])),
    "set_transform": after(lambda d: d.set_transform(transform)),
    "shape": lambda d, _: d.shape,
    "shuffle": lambda d, _: d.shuffle(seed=1),
    "sort": lambda d, _: d.sort(["label", "duration"]),
    "sort, in memory": lambda d, _: d.sort("duration", keep_in_memory=True),
    "unique": lambda d, _: d.unique("label"),
    "with_transform": lambda d, _: _first(d.with_transform(transform)),
    "pickled": lambda d, _: pickle.loads(pickle.dumps(d)),
}
FILES: dict[str, Operation] = {
    "to_csv": written(lambda d, file: d.to_csv(file)),
    "to_csv, without audio": without_audio(written(lambda d, file: d.to_csv(file))),
    "to_dict": lambda d, _: d.to_dict(),
    "to_json": written(lambda d, file: d.to_json(file)),
    "to_json, without audio": without_audio(written(lambda d, file: d.to_json(file))),
    "to_list": lambda d, _: d.to_list(),
    "to_pandas": lambda d, _: d.to_pandas(),
    "to_parquet": parquet,
    "to_polars": lambda d, _: d.to_polars(),
    # A database has no column for votes by label.
    "to_sql, without audio": without_audio(
        lambda d, f: d.remove_columns("votes").to_sql("rows", sqlite3.connect(f / "file.db"))
    ),
}
DATASET: dict[str, Operation] = {
    **SHARED,
    **STORED,
    **FILES,
    "add_column": lambda d, _: d.add_column("number", list(range(len(d)))),
    "add_elasticsearch_index": lambda d, _: d.add_elasticsearch_index("id"),
    "add_faiss_index": lambda d, _: d.add_faiss_index("duration"),
    "add_faiss_index_from_external_arrays": lambda d, _: d.add_faiss_index_from_external_arrays(
        np.zeros((len(d), 2), np.float32), "vectors"
    ),
    "add_item": lambda d, _: d.remove_columns("audio").add_item(d.remove_columns("audio")[0]),
    "add_item, audio": lambda d, _: d.add_item(d.cast_column("audio", datasets.Audio(decode=False))[0]),
    "batch": lambda d, _: d.batch(4),
    "concatenate_datasets": lambda d, _: datasets.concatenate_datasets([d, d.select([3, 1, 2])]),
    "drop_index": lambda d, _: d.drop_index("vectors"),
    "features": lambda d, _: str(d.features),
    "format": lambda d, _: d.format,
    "get_index": lambda d, _: d.get_index("vectors"),
    "get_nearest_examples": lambda d, _: d.get_nearest_examples("vectors", np.zeros(2)),
    "get_nearest_examples_batch": lambda d, _: d.get_nearest_examples_batch("vectors", np.zeros((1, 2))),
    "interleave_datasets": lambda d, _: datasets.interleave_datasets([d, d.select([5, 0, 2])], seed=1),
    "is_index_initialized": lambda d, _: d.is_index_initialized("vectors"),
    "iter": lambda d, _: d.iter(5),
    "iteration": lambda d, _: d,
    "indexing": lambda d, _: [d[3], d[-2], d[2:5], d[[4, 0]], d["id"][:], d[np.int64(2)]],
    "list_indexes": lambda d, _: d.list_indexes(),
    "load_elasticsearch_index": lambda d, _: d.load_elasticsearch_index("vectors", "name"),
    "load_faiss_index": lambda d, f: d.load_faiss_index("vectors", f / "none"),
    "repeat": lambda d, _: d.repeat(2),
    "save_faiss_index": lambda d, f: d.save_faiss_index("vectors", f / "none"),
    "search": lambda d, _: d.search("vectors", np.zeros(2)),
    "search_batch": lambda d, _: d.search_batch("vectors", np.zeros((1, 2))),
    "select": lambda d, _: d.select([8, 2, 9, 2]),
    "select, contiguous": lambda d, _: d.select(range(3, 8)),
    "select, nothing": lambda d, _: d.select([]),
    "shard": lambda d, _: d.shard(3, 1),
    "shard, contiguous": lambda d, _: d.shard(3, 2, contiguous=True),
    "skip": lambda d, _: d.skip(4),
    "take": lambda d, _: d.take(4),
    "to_iterable_dataset": lambda d, _: d.to_iterable_dataset(num_shards=3),
    "to_tf_dataset": lambda d, _: d.to_tf_dataset(2),
    "train_test_split": lambda d, _: d.train_test_split(0.25, stratify_by_column="label", seed=1),
    "train_test_split, not stratified": lambda d, _: d.train_test_split(0.25, seed=1),
}
DICT: dict[str, Operation] = {
    **SHARED,
    **STORED,
    "parts pooled": lambda d, _: datasets.concatenate_datasets([d["train"], d["test"]]),
    "parts interleaved": lambda d, _: datasets.interleave_datasets([d["test"], d["train"]]),
    "copy": lambda d, _: d.copy(),
    "get": lambda d, _: d.get("test"),
    "items": lambda d, _: dict(d.items()),
    "keys": lambda d, _: list(d.keys()),
    "pop": after(lambda d: d.pop("test")),
    "popitem": after(lambda d: d.popitem()),
    "clear": after(lambda d: d.clear()),
    "setdefault": after(lambda d: d.setdefault("validation", d["test"])),
    "update": after(lambda d: d.update(test=d["train"])),
    "values": lambda d, _: list(d.values()),
}
STREAM: dict[str, Operation] = {
    **SHARED,
    **FILES,
    "add_column": lambda d, _: d.add_column("number", list(range(12))),
    "batch": lambda d, _: d.batch(4),
    "concatenate_datasets": lambda d, _: datasets.concatenate_datasets([d, d]),
    "decode": lambda d, _: d.decode(False),
    "epoch": lambda d, _: d.epoch,
    "features": lambda d, _: str(d.features),
    "interleave_datasets": lambda d, _: datasets.interleave_datasets([d, d]),
    "iter": lambda d, _: d.iter(5),
    "load_state_dict": lambda d, _: _resumed(d),
    "n_shards": lambda d, _: d.n_shards >= 1,
    "num_shards": lambda d, _: d.num_shards >= 1,
    "repeat": lambda d, _: d.repeat(2),
    "reshard": lambda d, _: by_id(d.reshard()),
    "set_epoch": lambda d, _: (d.set_epoch(3), d.epoch),
    "shard": lambda d, _: by_id(d.shard(1, 0)),
    "shuffle": lambda d, _: by_id(d.shuffle(seed=1, buffer_size=5)),
    "skip": lambda d, _: d.skip(4),
    "state_dict": lambda d, _: sorted(d.state_dict()),
    "take": lambda d, _: d.take(4),
    "pickled": lambda d, _: pickle.loads(pickle.dumps(d)),
}
TABLES = {"Dataset": DATASET, "DatasetDict": DICT, "IterableDataset": STREAM}

NOT_TRIED = {
    "from_buffer from_csv from_dict from_file from_generator from_json from_list from_pandas from_parquet from_polars "
    "from_spark from_sql from_text fromkeys": "makes a dataset of something else than a dataset",
    "load_from_disk": "is tried with save_to_disk",
    "push_to_hub": "has a test of its own, with a Hub",
    "builder_name cache_files citation config_name data dataset_size description download_checksums download_size "
    "homepage info license size_in_bytes split supervised_keys version": "tells what a fold is, not what is in it",
}
# Operation to a part of the error that the plain rows raise as well.
_STORED = {
    "flatten": "Cannot flatten a decoded Audio feature",
    "sort, in memory": "Please use either `keep_in_memory` or `indices_cache_file_name` but not both",
}
_FILES = {"to_json": "UTF-8"}
if find_spec("polars") is None:  # which MTEB brings
    _FILES["to_polars"] = "Polars needs to be installed"
FAILS: dict[str, dict[str, str]] = {
    "Dataset": {
        **_STORED,
        **_FILES,
        "add_elasticsearch_index": "You must install ElasticSearch",
        "add_faiss_index": "You must install Faiss",
        "add_faiss_index_from_external_arrays": "You must install Faiss",
        "add_item, audio": "'Audio' object has no attribute 'items'",
        "drop_index": "vectors",
        "load_elasticsearch_index": "You must install ElasticSearch",
        "load_faiss_index": "No module named 'faiss'",
        "to_tf_dataset": "Tensorflow is not installed",
    },
    "DatasetDict": _STORED,
    "IterableDataset": _FILES,
}


def _features(dataset: Any) -> datasets.Features:
    return (dataset["train"] if isinstance(dataset, dict) else dataset).features


def _first(dataset: Any) -> Any:
    """A row and a few of them, or those of every split."""
    if isinstance(dataset, dict):
        return {name: _first(split) for name, split in dataset.items()}
    if isinstance(dataset, datasets.IterableDataset):
        return list(dataset)[:3]
    return [dataset[0], dataset[1:3]]


def _resumed(stream: Any) -> list[Any]:
    """The rows after the fourth, by a state that is taken and put back."""
    rows = iter(stream)
    for _ in range(4):
        next(rows)
    stream.load_state_dict(stream.state_dict())
    return list(stream)


@pytest.mark.parametrize("name", DATASET)
def test_a_part_of_a_fold(name: str, fold: Any, plain: Any, tmp_path: Path) -> None:
    same("Dataset", name, fold["train"], plain["train"], tmp_path)


@pytest.mark.parametrize("name", DICT)
def test_a_fold(name: str, fold: Any, plain: Any, tmp_path: Path) -> None:
    same("DatasetDict", name, fold, plain, tmp_path)


@pytest.mark.parametrize("name", STREAM)
def test_a_stream(name: str, streams: tuple[Any, Any], tmp_path: Path) -> None:
    same("IterableDataset", name, *streams, tmp_path)


def same(kind: str, name: str, ours: Any, plain: Any, tmp_path: Path) -> None:
    operation = TABLES[kind][name]
    expected = outcome(operation, plain, tmp_path / "plain")
    assert outcome(operation, ours, tmp_path / "ours") == expected
    failed = isinstance(expected, str) and "Error" in expected.partition(":")[0]
    assert failed == (name in FAILS[kind]), expected
    assert not failed or FAILS[kind][name] in expected


@pytest.mark.parametrize("kind", TABLES)
def test_no_operation_is_forgotten(kind: str) -> None:
    public = {name for name in dir(getattr(datasets, kind)) if not name.startswith("_")}
    tried = {part for name in TABLES[kind] for part in name.split(", ")}
    assert public - tried <= {name for names in NOT_TRIED for name in names.split()}


def test_metadata_can_be_read(fold: Any) -> None:
    for name in list(NOT_TRIED)[-1].split():
        getattr(fold["train"], name)
    assert (fold["train"].config_name, str(fold["train"].split)) == ("fold2", "train[74:86]")


def test_parts_of_two_folds_and_of_two_corpora_are_pooled() -> None:
    tested = [load_dataset("emobox/demo", f"fold{k}", split="test") for k in (1, 3)]
    pooled = datasets.concatenate_datasets(tested)
    assert pooled["id"][:] == [id for part in tested for id in part["id"]]
    assert pooled[100]["audio"]["array"].shape == tested[1][20]["audio"]["array"].shape
    assert tested[0].repeat(2)["id"][:] == 2 * tested[0]["id"][:]


def test_a_fold_is_pushed_to_a_hub(hub: HubServer, tmp_path: Path) -> None:
    fold = load_dataset("emobox/demo", "fold2")
    fold.push_to_hub("lab/fold")
    fold["train"].push_to_hub("lab/part", config_name="fold2")
    expected = told(fold)
    assert told(load_dataset("lab/fold", cache_dir=str(tmp_path))) == expected
    assert told(load_dataset("lab/part", "fold2", cache_dir=str(tmp_path)))["train"] == expected["train"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    with HubServer() as server:
        for module in (constants, datasets.config):
            monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", server.token)
        yield server


def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
    """Mean square of every utterance, and its label."""
    power = [[float((row["audio"]["array"] ** 2).mean()), row["duration"]] for row in rows]
    return {"power": torch.tensor(power), "labels": torch.tensor([row["label"] for row in rows])}


@pytest.mark.parametrize("start", [None, "fork", "spawn"])
def test_a_dataloader_gives_the_same_batches(start: str | None, fold: Any, plain: Any) -> None:
    workers = {"num_workers": 2, "multiprocessing_context": start} if start else {}
    ours, expected = (
        [batch["power"] for batch in DataLoader(part, 5, collate_fn=collate, **workers)]
        for part in (fold["train"], plain["train"])
    )
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


class Linear(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 4)

    def forward(self, power: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        scores = self.layer(power)
        return {"loss": torch.nn.functional.cross_entropy(scores, labels), "logits": scores}


def test_the_trainer_of_transformers_trains_alike(fold: Any, plain: Any, tmp_path: Path) -> None:
    def trained(splits: Any) -> SimpleNamespace:
        settings = TrainingArguments(
            str(tmp_path),
            max_steps=4,
            remove_unused_columns=False,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
        )
        trainer = Trainer(
            Linear(),
            settings,
            data_collator=collate,
            train_dataset=splits["train"],
            eval_dataset=splits["test"],
        )
        return SimpleNamespace(
            loss=trainer.train().training_loss, logits=trainer.predict(splits["test"]).predictions
        )

    ours, expected = trained(fold), trained(plain)
    assert ours.loss == expected.loss
    assert np.array_equal(ours.logits, expected.logits)


def test_pipelines_of_transformers_take_a_column(fold: Any, plain: Any) -> None:
    for column in ("audio", "id"):
        assert told(list(KeyDataset(fold["train"], column))) == told(list(KeyDataset(plain["train"], column)))
