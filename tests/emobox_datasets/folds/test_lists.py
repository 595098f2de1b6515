"""Lists of utterances as configurations: what loads, what is refused, and that no cache is stale."""

import pickle
from pathlib import Path

import datasets
import pytest
from datasets import load_dataset

from emobox_datasets import CorpusError, corpora
from emobox_datasets.folds import utterance_list as lists
from emobox_datasets.folds.partition import find_configuration, partition
from emobox_datasets.loading.builder import stored_items
from emobox_datasets.repository import without_audio as metadata_only
from emobox_datasets.repository.write import prepare
from emobox_datasets.sources.location import find_root
from hub_cards.cards.dataset_card import describe

DEMO = corpora.load("demo")
SOME = ["demo-ben_sad_03", "demo-ada_angry_01", "demo-dan_happy_20"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lists.write(tmp_path / "some.txt", SOME, DEMO, {"seed": "0", "note": "two\nlines"})
    return tmp_path / "some.txt"


def test_what_is_written_is_read(file: Path) -> None:
    listed = lists.read(file, DEMO)
    assert listed.ids == tuple(sorted(SOME))
    assert listed.about == {"corpus": "demo", "seed": "0", "note": "two lines"}
    assert sorted(path.name for path in file.parent.iterdir()) == ["some.txt"]


def test_a_list_by_hand_needs_nothing_but_ids(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(
        "\ufeff# those I like\r\n\r\ndemo-ben_sad_03 \r\n  demo-ada_angry_01\r\n", encoding="utf-8"
    )
    assert lists.read(file, DEMO) == lists.UtteranceList(("demo-ada_angry_01", "demo-ben_sad_03"), {})


def test_it_loads_as_a_configuration(file: Path) -> None:
    parts = load_dataset("emobox/demo", f"list:{file}")
    assert list(parts) == ["test"]
    assert parts["test"]["id"][:] == sorted(SOME)
    whole = load_dataset("emobox/demo", "all", split="train")
    expected = [row for row in whole.remove_columns("audio") if row["id"] in SOME]
    assert list(parts["test"].remove_columns("audio")) == expected
    streamed = load_dataset("emobox/demo", f"list:{file}", split="test", streaming=True)
    assert [row["id"] for row in streamed] == sorted(SOME)


def test_it_is_a_configuration_for_partition_too(file: Path) -> None:
    items = stored_items(load_dataset("emobox/demo", "all", split="train"), DEMO)
    parts = partition(DEMO, f"list:{file}", items)
    assert [items[row].id for row in parts["test"]] == sorted(SOME)
    assert list(parts) == ["test"]
    assert find_configuration(DEMO, f"list:{file}").kind == "list"


def test_a_path_may_be_relative_or_in_the_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("HOME", str(file.parent))
    for name in ("list:some.txt", "list:~/some.txt"):
        assert load_dataset("emobox/demo", name)["test"].num_rows == 3


def test_a_changed_list_is_never_answered_with_an_earlier_one(file: Path, tmp_path: Path) -> None:
    def load() -> datasets.Dataset:
        return load_dataset("emobox/demo", f"list:{file}", split="test", cache_dir=str(tmp_path / "cache"))

    def stored() -> int:
        return len(list((tmp_path / "cache" / "demo").glob("list-*")))

    first = load()
    lists.write(file, SOME[:2], DEMO, {"seed": "0", "note": "two\nlines"})
    assert load()["id"][:] == sorted(SOME[:2])
    lists.write(file, [*SOME[:2], "demo-cleo_neutral_07"], DEMO, {})  # as many as at first
    assert load()["id"][:] == sorted([*SOME[:2], "demo-cleo_neutral_07"])
    assert stored() == 3
    lists.write(file, SOME, DEMO, {"seed": "1"})  # other words about the same utterances
    assert load()["id"][:] == first["id"][:]
    file.rename(tmp_path / "other.txt")
    file = tmp_path / "other.txt"
    assert load()["id"][:] == first["id"][:]
    assert stored() == 3


def test_a_builder_travels_to_other_processes(file: Path) -> None:
    builder = datasets.load_dataset_builder("emobox/demo", f"list:{file}")
    assert pickle.loads(pickle.dumps(builder)).cache_dir == builder.cache_dir
    assert builder.info.description.endswith("A list of utterances: 3.")
    lengths = load_dataset("emobox/demo", f"list:{file}", split="test", num_proc=2).map(
        lambda row: {"letters": len(row["id"])}, num_proc=2, remove_columns="audio"
    )
    assert lengths["letters"][:] == [len(id) for id in sorted(SOME)]


def test_where_a_repository_without_audio_is_at_hand(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = find_root(DEMO, None)
    prepare(DEMO, root, tmp_path / "whole", describe)
    metadata_only.without_audio(tmp_path / "whole", tmp_path / "emobox" / "demo", describe)
    monkeypatch.chdir(tmp_path)
    for streaming in (False, True):
        rows = load_dataset(
            "emobox/demo", f"list:{file}", split="test", data_dir=str(root), streaming=streaming
        )
        assert [row["id"] for row in rows] == sorted(SOME)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# corpus: emodb\nemodb-03a01Fa\n", "utterances of demo, but .* is one of emodb"),
        (b"# corpus: demo\n", "Expected distinct utterance ids in .*, but it lists nothing"),
        (b"a\nb\na\n", "Expected distinct utterance ids in .*, but it lists one id twice, a;"),
        (b"\xff\xfe\x00", "Expected a text file with an utterance id a line at .*some.txt"),
        (b"demo-ada_angry_01\ndemo-eve_sad_01\n", "but 1 of 2 are not in this copy, first demo-eve_sad_01"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_bad_list_is_refused(file: Path, content: bytes, message: str, streaming: bool) -> None:
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        load_dataset("emobox/demo", f"list:{file}", streaming=streaming)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"Expected a text file .* at {tmp_path}/none.txt"):
        load_dataset("emobox/demo", f"list:{tmp_path}/none.txt")
    with pytest.raises(CorpusError, match=f"Expected a text file .* at {tmp_path}"):
        load_dataset("emobox/demo", f"list:{tmp_path}")


def test_ids_are_given_in_a_file_only() -> None:
    with pytest.raises(CorpusError, match="Expected a list of utterances as configuration 'list:<path>'"):
        load_dataset("emobox/demo", "fold1", listed=tuple(SOME))


def test_an_incomplete_copy_is_loaded_as_far_as_it_goes(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert DEMO.synthesise is not None
    DEMO.synthesise(copy)
    (copy / "ben" / "ben_sad_03.flac").unlink()
    with pytest.raises(CorpusError, match=r"320 utterances of Demo .* 1 missing"):
        load_dataset("emobox/demo", f"list:{file}", data_dir=str(copy))
    rows = load_dataset("emobox/demo", f"list:{file}", data_dir=str(copy), allow_missing=True)["test"]
    assert rows["id"][:] == ["demo-ada_angry_01", "demo-dan_happy_20"]
