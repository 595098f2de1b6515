"""`features=`: labels keep their names whatever numbers the user gives them, or the load is refused."""

from pathlib import Path

import datasets
import pytest
from datasets import Audio, ClassLabel, Features, List, Value, load_dataset
from plain_rows import told

from emobox_datasets import CorpusError, corpora
from emobox_datasets.folds.partition import configurations
from emobox_datasets.loading.builder import features_of
from emobox_datasets.repository.without_audio import without_audio
from emobox_datasets.repository.write import prepare
from emobox_datasets.sources.location import find_root
from hub_cards.cards.dataset_card import describe

DEMO = corpora.load("demo")
BACKWARDS = ClassLabel(names=["Sad", "Neutral", "Happy", "Boredom", "Angry"])


def asked(**changed: object) -> Features:
    return Features({**features_of(DEMO), **changed})


def named(dataset: datasets.Dataset) -> dict[str, str]:
    """Name of the label by id, in the order of the rows. The id says what was acted."""
    names = dataset.features["label"].names
    return {row["id"]: names[row["label"]] for row in dataset.remove_columns("audio")}


@pytest.mark.parametrize("name", configurations(DEMO))
@pytest.mark.parametrize("streaming", [False, True])
def test_labels_keep_their_names_in_every_configuration(name: str, streaming: bool) -> None:
    loaded = load_dataset("emobox/demo", name, features=asked(label=BACKWARDS), streaming=streaming)
    for part, split in loaded.items():
        assert split.features["label"] == BACKWARDS
        labels = named(split)
        assert labels == {id: id.split("_")[1].capitalize() for id in labels}
        assert list(labels) == load_dataset("emobox/demo", name, split=part)["id"][:]


def test_real_labels_keep_their_names(shared_assets: Path) -> None:
    root = str(shared_assets / "corpora" / "emodb")
    corpus = corpora.load("emodb")
    label = ClassLabel(names=list(reversed(corpus.label_list)))
    fold = load_dataset(
        "emobox/emodb", "fold1", data_dir=root, features=Features({**features_of(corpus), "label": label})
    )
    for row in fold["test"].remove_columns("audio"):
        assert label.int2str(row["label"]) == corpus.labels[row["raw_label"]]


def test_audio_is_not_stored_again_for_other_features(tmp_path: Path) -> None:
    load_dataset("emobox/demo", "all", cache_dir=str(tmp_path))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
    load_dataset("emobox/demo", "all", cache_dir=str(tmp_path), features=asked(label=BACKWARDS))
    load_dataset("emobox/demo", "fold1", cache_dir=str(tmp_path), features=asked(label=BACKWARDS))
    load_dataset("emobox/demo", "all", cache_dir=str(tmp_path), allow_missing=False)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.arrow")) < 1.02 * size


def test_other_types_and_another_order_of_columns() -> None:
    plain = load_dataset("emobox/demo", "fold1", split="test")
    kinds = {"label": Value("string"), "duration": Value("float32"), "audio": Audio(decode=False)}
    speaker = ClassLabel(names=["dan", "cleo", "ben", "ada"])
    features = Features(dict(reversed(asked(speaker=speaker, **kinds).items())))
    loaded = load_dataset("emobox/demo", "fold1", split="test", features=features)
    streamed = load_dataset("emobox/demo", "fold1", split="test", features=features, streaming=True)
    assert told(list(loaded)) == told(list(streamed))
    assert loaded.column_names == list(features)
    row, expected = loaded[7], plain[7]
    assert row["label"] == plain.features["label"].int2str(expected["label"])
    assert speaker.int2str(row["speaker"]) == expected["speaker"]
    assert row["duration"] == pytest.approx(expected["duration"])
    assert row["audio"]["bytes"][:4] == b"fLaC"
    numbers = load_dataset("emobox/demo", "fold1", split="test", features=asked(label=Value("int32")))
    assert numbers["label"][:] == plain["label"][:]


def test_a_slower_rate_is_resampled() -> None:
    slow = load_dataset(
        "emobox/demo", "fold1", split="test[:1]", features=asked(audio=Audio(sampling_rate=8_000))
    )
    assert slow[0]["audio"]["sampling_rate"] == 8_000


def test_rows_written_elsewhere_have_the_features_too(tmp_path: Path) -> None:
    builder = datasets.load_dataset_builder("emobox/demo", "fold1", features=asked(label=BACKWARDS))
    builder.download_and_prepare(str(tmp_path), file_format="parquet")
    written = datasets.Dataset.from_parquet(str(tmp_path / "demo-test.parquet"), cache_dir=str(tmp_path))
    assert written.features["label"] == BACKWARDS
    assert all(label == id.split("_")[1].capitalize() for id, label in named(written).items())


WITHOUT_ID = Features({name: feature for name, feature in features_of(DEMO).items() if name != "id"})


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            asked(label=ClassLabel(names=["Sad", "Angry"])),
            "Sad, Angry, without Happy, Neutral; name all of them",
        ),
        (asked(label=ClassLabel(num_classes=4)), "without Angry, Happy, Neutral, Sad"),
        (WITHOUT_ID, "features that lack id; keep all columns"),
        (
            Features({**WITHOUT_ID, "name": Value("string")}),
            "features that lack id and have no column for name",
        ),
        (asked(mood=Value("string")), "have no column for mood"),
        (asked(speaker=Value("int32")), r"the column speaker \(.*int32"),
        (asked(speaker=ClassLabel(names=["ada", "ben"])), r"the column speaker .*"),
        (asked(audio=Value("binary")), r"the column audio \(.*got Value\('binary'\)"),
        (asked(audio=List(Value("int8"))), r"the column audio \(.*got List"),
    ],
)
def test_features_that_cannot_be_filled_are_refused(
    features: Features, message: str, streaming: bool
) -> None:
    with pytest.raises(CorpusError, match=message):
        list(load_dataset("emobox/demo", "fold1", split="train", features=features, streaming=streaming))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "demo"
    prepare(DEMO, find_root(DEMO, None), out, describe)
    return out


@pytest.mark.parametrize("streaming", [False, True])
def test_labels_of_a_prepared_repository_keep_their_names(repository: Path, streaming: bool) -> None:
    for features in (asked(label=BACKWARDS), asked()):
        loaded = load_dataset(str(repository), "fold2", split="train", features=features, streaming=streaming)
        assert loaded.features == features
        assert all(label == id.split("_")[1].capitalize() for id, label in named(loaded).items())
    two = asked(label=ClassLabel(names=["Sad", "Angry"]))
    with pytest.raises(CorpusError, match="name all of them"):
        list(load_dataset(str(repository), "fold2", split="train", features=two, streaming=streaming))


def test_labels_joined_with_a_repository_without_audio_keep_their_names(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    without_audio(repository, tmp_path / "emobox" / "demo", describe)
    root = str(find_root(DEMO, None))
    for streaming in (False, True):
        joined = load_dataset(
            "emobox/demo",
            "fold2",
            data_dir=root,
            split="test",
            features=asked(label=BACKWARDS),
            streaming=streaming,
        )
        assert joined.features["label"] == BACKWARDS
        assert all(label == id.split("_")[1].capitalize() for id, label in named(joined).items())
