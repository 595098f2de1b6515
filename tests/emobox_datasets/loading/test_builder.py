"""`load_dataset("emobox/<corpus>", …)`: rows, formats, caching and mistakes, through the real `datasets`."""

import io
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile
from datasets import load_dataset
from plain_rows import told

import emobox_datasets
from emobox_datasets import corpora
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.sources.location import find_root

COLUMNS = {"audio", "label", "id", "speaker", "raw_label", "duration", "language", "gender"}
# What raters of the demo corpus said, and what was acted.
RATED = {"intended", "votes", "raters", "arousal", "valence", "dominance"}


def released(assets: Path, corpus: str) -> pd.DataFrame:
    rows = pd.read_parquet(assets / "facts" / "released_folds.parquet")
    return rows[rows.corpus == corpus].set_index("id").sort_index()


@pytest.mark.parametrize("corpus", ["emodb", "urdu"])
def test_real_rows_equal_the_released_ones(shared_assets: Path, corpus: str) -> None:
    expected = released(shared_assets, corpus)
    whole = load_dataset(f"emobox/{corpus}", "all", data_dir=str(shared_assets / "corpora" / corpus))["train"]
    assert set(whole.features) >= COLUMNS
    rows = whole.remove_columns("audio").to_pandas().set_index("id")
    assert rows.index.tolist() == expected.index.tolist()
    names = np.array(whole.features["label"].names)
    assert (names[rows.label] == expected.label).all()
    assert (rows.raw_label == expected.raw_label).all()
    assert (rows.speaker == expected.speaker).all()
    assert (rows.gender == expected.gender).all()
    assert np.allclose(rows.duration, expected.length, atol=1e-4)


@pytest.mark.parametrize(("corpus", "folds"), [("emodb", 5), ("urdu", 1)])
def test_real_folds_equal_the_released_ones(shared_assets: Path, corpus: str, folds: int) -> None:
    expected = released(shared_assets, corpus)
    for number in range(1, folds + 1):
        fold = load_dataset(
            f"emobox/{corpus}", f"fold{number}", data_dir=str(shared_assets / "corpora" / corpus)
        )
        tested = expected.test_fold == number if corpus == "emodb" else expected.split == "test"
        assert set(fold["test"]["id"]) == set(expected.index[tested])
        assert set(fold["train"]["id"]) == set(expected.index[~tested])


def test_emodb_is_stored_bit_for_bit(shared_assets: Path) -> None:
    root = shared_assets / "corpora" / "emodb"
    row = load_dataset("emobox/emodb", "fold1", data_dir=str(root), split="test[:1]")[0]
    source, rate = soundfile.read(root / "wav" / f"{row['id'].removeprefix('emodb-')}.wav", dtype="float32")
    assert rate == row["audio"]["sampling_rate"] == 16_000
    assert np.array_equal(row["audio"]["array"], source)


def test_audio_is_stored_once_whatever_number_of_folds_is_opened(tmp_path: Path) -> None:
    for config in ("fold1", "fold2", "fold3", "fold4", "all"):
        load_dataset("emobox/demo", config, cache_dir=str(tmp_path))
    sizes = sorted(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
    *folds, whole = sizes
    assert len(folds) == 8
    assert sum(folds) < 0.02 * whole


def test_columns_and_their_types() -> None:
    fold = load_dataset("emobox/demo", "fold1")
    assert set(fold) == {"train", "test"}
    assert set(fold["train"].features) == COLUMNS | RATED
    assert fold["train"].features["audio"] == datasets.Audio(sampling_rate=16_000)
    assert fold["train"].features["label"].names == ["Angry", "Happy", "Neutral", "Sad"]
    stored = fold["test"].cast_column("audio", datasets.Audio(decode=False))[0]["audio"]["bytes"]
    header = soundfile.info(io.BytesIO(stored))
    assert (header.format, header.samplerate, header.channels) == ("FLAC", 16_000, 1)
    row = fold["test"][0]
    assert row["duration"] == len(row["audio"]["array"]) / 16_000


def test_streaming_gives_the_same_rows() -> None:
    stored = load_dataset("emobox/demo", "fold2", split="test")
    streamed = list(load_dataset("emobox/demo", "fold2", split="test", streaming=True))
    assert [row["id"] for row in streamed] == stored["id"][:]
    assert all(
        np.array_equal(a["audio"]["array"], b["audio"]["array"])
        for a, b in zip(streamed, stored, strict=True)
    )


def test_two_processes_store_the_same_corpus(tmp_path: Path) -> None:
    alone = load_dataset("emobox/demo", "all", cache_dir=str(tmp_path / "1"), split="train")
    shared = load_dataset("emobox/demo", "all", cache_dir=str(tmp_path / "2"), split="train", num_proc=2)
    assert alone["id"][:] == shared["id"][:]
    assert fingerprint(alone) == fingerprint(shared)


def test_splits_can_be_sliced_and_added() -> None:
    fold = load_dataset("emobox/demo", "fold1")
    some = load_dataset("emobox/demo", "fold1", split="train[:10%]+test[5:8]")
    assert some["id"][:] == fold["train"]["id"][:24] + fold["test"]["id"][5:8]


def test_a_fold_can_be_mapped_saved_and_pickled(tmp_path: Path) -> None:
    fold = load_dataset("emobox/demo", "fold3", split="test[:6]")

    def with_peak(row: dict) -> dict:
        row["peak"] = float(np.abs(row["audio"]["array"]).max())
        return row

    mapped = fold.map(with_peak, num_proc=2)
    assert mapped["peak"][0] == np.abs(fold[0]["audio"]["array"]).max()
    mapped.save_to_disk(tmp_path / "saved")
    saved = datasets.load_from_disk(tmp_path / "saved")
    assert saved["id"][:] == pickle.loads(pickle.dumps(fold))["id"][:]
    assert np.array_equal(saved[5]["audio"]["array"], fold[5]["audio"]["array"])


@pytest.mark.parametrize("format", ["torch", "numpy"])
def test_formats_leave_the_decoder_alone(format: str) -> None:
    fold = load_dataset("emobox/demo", "fold1", split="test")
    row = fold.with_format(format)[0]
    assert np.array_equal(row["audio"]["array"], fold[0]["audio"]["array"])


def test_a_fold_written_elsewhere_stands_alone(tmp_path: Path) -> None:
    builder = datasets.load_dataset_builder("emobox/demo", "fold1")
    builder.download_and_prepare(str(tmp_path / "out"), file_format="parquet")
    rows = pd.read_parquet(tmp_path / "out" / "demo-test.parquet")
    assert rows.id.tolist() == load_dataset("emobox/demo", "fold1", split="test")["id"][:]
    assert rows.audio[0]["bytes"][:4] == b"fLaC"


def test_a_builder_that_wrote_elsewhere_stores_rows_in_the_cache(tmp_path: Path) -> None:
    builder = datasets.load_dataset_builder("emobox/demo", "fold1", cache_dir=str(tmp_path / "cache"))
    builder.download_and_prepare(str(tmp_path / "out"), file_format="parquet")
    builder.download_and_prepare()
    assert told(builder.as_dataset()) == told(load_dataset("emobox/demo", "fold1"))
    sizes = {path.parts[-4].split("-")[0]: path.stat().st_size for path in tmp_path.rglob("demo-train.arrow")}
    assert sizes["fold1"] < 10_000 < sizes["all"]


@pytest.mark.parametrize("name", ["fold1", "all"])
@pytest.mark.parametrize("options", [{}, {"num_proc": 2}, {"streaming": True}])
def test_a_folder_whose_name_is_not_utf8_is_loaded(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    root = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    shutil.copytree(find_root(corpora.load("demo"), None), root)
    options |= {"data_dir": root, "cache_dir": str(tmp_path / "cache")}
    loaded = load_dataset("emobox/demo", name, split="train", **options)
    expected = load_dataset("emobox/demo", name, split="train")
    assert [row["id"] for row in loaded.remove_columns("audio")] == expected["id"][:]


def test_the_environment_variable_finds_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora.load("demo").synthesise(tmp_path / "demo")
    (tmp_path / "urdu" / "Sad").mkdir(parents=True)
    monkeypatch.setenv("EMOBOX_DATA", str(tmp_path))
    with pytest.raises(emobox_datasets.CorpusError, match=rf"URDU.*{tmp_path}/urdu"):
        load_dataset("emobox/urdu", "fold1")


def test_a_changed_copy_is_read_again(tmp_path: Path) -> None:
    corpora.load("demo").synthesise(tmp_path / "demo")
    before = load_dataset("emobox/demo", "all", data_dir=str(tmp_path / "demo"), split="train")
    path = tmp_path / "demo" / "ada" / "ada_angry_01.flac"
    waveform, rate = soundfile.read(path)
    soundfile.write(path, waveform[: len(waveform) // 2], rate)
    after = load_dataset("emobox/demo", "all", data_dir=str(tmp_path / "demo"), split="train")
    assert after[0]["duration"] == pytest.approx(before[0]["duration"] / 2, abs=1e-3)
    assert fingerprint(before) != fingerprint(after)


def test_the_fingerprint_does_not_depend_on_where_the_corpus_lies(tmp_path: Path) -> None:
    corpora.load("demo").synthesise(tmp_path / "elsewhere")
    moved = load_dataset("emobox/demo", "all", data_dir=str(tmp_path / "elsewhere"), split="train")
    assert fingerprint(moved) == fingerprint(load_dataset("emobox/demo", "all", split="train"))


def test_a_local_folder_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emobox" / "demo").mkdir(parents=True)
    (tmp_path / "emobox" / "demo" / "data.csv").write_text("text\nmine\n")
    monkeypatch.chdir(tmp_path)
    assert load_dataset("emobox/demo", split="train")["text"][:] == ["mine"]


def test_missing_files_are_counted_named_and_allowed_on_request(shared_assets: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_assets / "corpora" / "urdu", tmp_path / "urdu")
    for name in ("Sad/SM27_F3_S095.wav", "Happy/SM5_F7_H061.wav"):
        (tmp_path / "urdu" / name).unlink()
    with pytest.raises(emobox_datasets.CorpusError) as caught:
        load_dataset("emobox/urdu", "fold1", data_dir=str(tmp_path / "urdu"))
    for part in ("400", "398", "2 ", "urdu-SM27_F3_S095", "urdu-SM5_F7_H061", "allow_missing", "github.com"):
        assert part in str(caught.value)
    some = load_dataset("emobox/urdu", "fold1", data_dir=str(tmp_path / "urdu"), allow_missing=True)
    assert sum(some.num_rows.values()) == 398


@pytest.mark.parametrize("configuration", ["fold1", "all", "list:some.txt"])
def test_an_incomplete_copy_says_so_on_every_load(
    configuration: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    corpora.load("demo").synthesise(tmp_path / "copy")
    for name in ("ben_sad_01", "ben_sad_02"):
        (tmp_path / "copy" / "ben" / f"{name}.flac").unlink()
    monkeypatch.chdir(tmp_path)
    Path("some.txt").write_text("demo-ben_sad_03\n")
    expected = (
        "Loaded 318 of 320 utterances of Demo: 2 missing; scores are not comparable with published ones."
    )
    # Converted, from the cache, streamed.
    for streaming in (False, False, True):
        caplog.clear()
        loaded = load_dataset(
            "emobox/demo",
            configuration,
            data_dir=str(tmp_path / "copy"),
            cache_dir=str(tmp_path / "cache"),
            allow_missing=True,
            streaming=streaming,
        )
        assert [record.message for record in caplog.records if "missing" in record.message] == [expected]
        for part in loaded.values():
            assert "Incomplete: 2 utterances of the corpus are missing" in part.info.description


def test_a_complete_copy_is_called_so_whatever_is_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        loaded = load_dataset("emobox/demo", "fold1", cache_dir=str(tmp_path), allow_missing=True)
        assert "ncomplete" not in loaded["test"].info.description
    assert not [record for record in caplog.records if "missing" in record.message]


@pytest.mark.parametrize("content", [b"", b"not audio at all", b"RIFF\x24\x00\x00\x00WAVE"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    corpora.load("demo").synthesise(tmp_path / "demo")
    path = tmp_path / "demo" / "cleo" / "cleo_sad_07.flac"
    path.write_bytes(content)
    with pytest.raises(emobox_datasets.CorpusError, match=rf"Expected audio in .*{path}"):
        load_dataset("emobox/demo", "fold1", data_dir=str(tmp_path / "demo"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"path": "emobox/urduu"}, "name of a corpus, but got 'urduu'. Did you mean urdu"),
        (
            {"path": "emobox/demo", "name": "flod2"},
            "configuration of demo, but got 'flod2'. Did you mean fold",
        ),
        ({"path": "emobox/demo", "name": "strict1"}, "share no speaker"),
        ({"path": "emobox/iemocap", "name": "fold1"}, "pass data_dir='/path/to/iemocap'"),
        (
            {"path": "emobox/emodb", "name": "fold1"},
            "Expected EmoDB on this machine, or a network to fetch it",
        ),
        ({"path": "emobox/emodb", "name": "fold1", "data_dir": "/nowhere"}, "/nowhere (from data_dir)"),
    ],
)
def test_mistakes_are_explained(call: dict, message: str) -> None:
    with pytest.raises(emobox_datasets.CorpusError) as caught:
        load_dataset(**call)
    assert message in str(caught.value)


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        emobox_datasets.CorpusError, match=r"EmoDB .*wav/03a01Fa\.wav.*emodb\.bilderbar\.info"
    ):
        load_dataset("emobox/emodb", "fold1", data_dir=str(tmp_path))


def test_configurations_are_listed_without_the_corpus() -> None:
    names = datasets.get_dataset_config_names("emobox/urdu")
    assert names == [*(f"fold{k}" for k in range(1, 5)), *(f"strict{k}" for k in range(1, 5)), "all"]


@pytest.mark.slow
def test_workers_that_are_spawned_decode_too(tmp_path: Path) -> None:
    script = tmp_path / "loader.py"
    script.write_text(
        "import emobox_datasets, torch\n"
        "from datasets import load_dataset\n"
        "def lengths(rows): return [len(row['audio']['array']) for row in rows]\n"
        "if __name__ == '__main__':\n"
        "    fold = load_dataset('emobox/demo', 'fold1', split='test[:8]')\n"
        "    loader = torch.utils.data.DataLoader(fold, 4, num_workers=2, collate_fn=lengths,\n"
        "                                         multiprocessing_context='spawn')\n"
        "    print(sum(map(sum, loader)) == round(16000 * sum(fold['duration'])))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "True"
