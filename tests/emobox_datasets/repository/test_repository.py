"""`prepare`: shards without overlap, the same bytes however they are written, nothing half-made, nothing stale."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from filelock import FileLock, Timeout
from plain_datasets import rows_of

import emobox
from emobox_datasets import CorpusError, corpora
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.folds.partition import configurations, partition
from emobox_datasets.loading.builder import features_of
from emobox_datasets.repository import prepared
from emobox_datasets.repository import write as repository
from emobox_datasets.repository.licences import redistribution
from emobox_datasets.repository.prepared import Prepared
from emobox_datasets.repository.without_audio import without_audio
from emobox_datasets.repository.write import cells, loading_metadata, plan, prepare
from hub_cards.cards.dataset_card import describe

DEMO = corpora.load("demo")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's copy of the demo corpus."""
    root = tmp_path_factory.mktemp("copy") / "demo"
    assert DEMO.synthesise is not None
    DEMO.synthesise(root)
    return root


@pytest.fixture(scope="module")
def made(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo corpus, prepared."""
    out = tmp_path_factory.mktemp("made") / "demo"
    prepare(DEMO, copy, out, describe)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in prepared.files(folder)}


def beside(out: Path) -> list[str]:
    """What else is left in its folder but the lock."""
    return sorted({path.name for path in out.parent.iterdir()} - {out.name, f".{out.name}.lock"})


def test_every_file_of_a_repository_is_known(made: Path) -> None:
    assert sorted(contents(made)) == [
        "README.md",
        *(f"data/part0{k}-00000-of-00001.parquet" for k in range(4)),
        "emobox.json",
        "pictures/durations.png",
        "pictures/labels.png",
    ]
    assert beside(made) == []


@pytest.mark.parametrize("corpus", ["emodb", "urdu"])
def test_audio_is_stored_once(shared_assets: Path, tmp_path: Path, corpus: str) -> None:
    told = prepare(corpora.load(corpus), shared_assets / "corpora" / corpus, tmp_path / corpus, describe)
    size = sum(len(content) for content in contents(tmp_path / corpus).values())
    audio = sum(shard.audio for shard in told.shards)
    assert audio <= size <= 1.03 * audio
    whole = load_dataset(f"emobox/{corpus}", "all", data_dir=str(shared_assets / "corpora" / corpus))["train"]
    assert told.fingerprint == fingerprint(whole)
    stored = whole.cast_column("audio", datasets.Audio(decode=False))
    assert audio == sum(len(row["bytes"]) for row in stored["audio"])


@pytest.mark.parametrize("corpus", ["emodb", "crema_d", "asvp_esd", "esd"])
def test_parts_are_the_finest_common_refinement(scanned: Callable, corpus: str) -> None:
    card = corpora.load(corpus)
    utterances = scanned(corpus)
    found = cells(card, utterances)
    assert sorted(row for rows in found.values() for row in rows) == list(range(len(utterances)))
    for position, name in enumerate(configurations(card)):
        for part, rows in partition(card, name, utterances).items():
            cut = sorted(row for key, cell in found.items() if key[position] == part for row in cell)
            assert cut == rows
    tasks = plan(card, utterances)
    assert sorted(u.id for task in tasks for u in task.utterances) == [u.id for u in utterances]
    assert all(len(task.utterances) <= repository.SHARD_ROWS for task in tasks)
    if corpus == "esd":  # five parts of 7,000
        assert [len(task.utterances) for task in tasks] == 5 * [64, 2_000, 2_000, 2_000, 936]
    if corpus == "asvp_esd":  # one released utterance cannot be tested and is in fold1 and all only
        assert any(key[0] and not key[1] for key in found)


def test_row_groups_are_small_and_tell_their_features(made: Path) -> None:
    file = made / "data/part00-00000-of-00001.parquet"
    assert datasets.Features.from_arrow_schema(pq.read_schema(file)) == features_of(DEMO)
    told = pq.ParquetFile(file).metadata
    audio = told.row_group(0).column(0)
    assert audio.path_in_schema == "audio.bytes"
    assert audio.compression == "UNCOMPRESSED"
    assert not audio.is_stats_set


def test_large_shards_have_several_row_groups(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ROW_GROUP_BYTES", 100_000)
    monkeypatch.setattr(repository, "SHARD_ROWS", 50)
    told = prepare(DEMO, copy, tmp_path / "demo", describe)
    assert [shard.rows for shard in told.shards] == [50, 30] * 4
    groups = pq.ParquetFile(tmp_path / "demo" / told.shards[0].path).metadata
    sizes = [groups.row_group(k).total_byte_size for k in range(groups.num_row_groups)]
    assert len(sizes) > 4
    assert max(sizes) < 150_000
    expected = load_dataset("emobox/demo", "fold2")
    assert rows_of(load_dataset(str(tmp_path / "demo"), "fold2")) == rows_of(expected)


def test_the_same_bytes_with_two_processes_and_elsewhere(copy: Path, made: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "moved")
    prepare(DEMO, tmp_path / "moved", tmp_path / "demo", describe, jobs=2)
    assert contents(tmp_path / "demo") == contents(made)


def test_dataset_info_tells_rows_and_sizes(made: Path) -> None:
    told = prepared.read(made)
    infos = loading_metadata(DEMO, told, features_of(DEMO))["dataset_info"]
    assert [info["config_name"] for info in infos] == ["fold1", "fold2", "fold3", "fold4", "all"]
    builder = datasets.load_dataset_builder(str(made), "fold3")
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        "train": 240,
        "test": 80,
    }
    assert builder.info.download_size == sum(shard.size for shard in told.shards)


def test_a_killed_run_goes_on_where_it_stopped(
    copy: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = repository.write_shard

    def write_two(file: Path, *rest: object) -> None:
        if len(written) == 2:
            (file.parent / "half.incomplete").write_bytes(b"PAR1")
            raise KeyboardInterrupt
        written.append(file.name)
        write(file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "write_shard", write_two)
    with pytest.raises(KeyboardInterrupt):
        prepare(DEMO, copy, tmp_path / "demo", describe)
    assert not (tmp_path / "demo").exists()
    assert not prepared.is_metadata_only(tmp_path / "demo")
    monkeypatch.setattr(
        repository, "write_shard", lambda file, *rest: (written.append(file.name), write(file, *rest))
    )
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert len(written) == len(set(written)) == 4
    assert contents(tmp_path / "demo") == contents(made)
    assert beside(tmp_path / "demo") == []


def test_what_is_done_is_not_done_again(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = prepare(DEMO, copy, tmp_path / "demo", describe)
    monkeypatch.setattr(repository, "plan", lambda *_: pytest.fail("it was planned again"))
    assert prepare(DEMO, copy, tmp_path / "demo", describe) == before


def test_another_version_of_the_writer_writes_again(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(DEMO, copy, tmp_path / "demo", describe)
    monkeypatch.setattr(repository, "WRITE_VERSION", repository.WRITE_VERSION + 1)
    monkeypatch.setattr(repository, "plan", lambda *_: pytest.fail("it is planned again"))
    with pytest.raises(pytest.fail.Exception):
        prepare(DEMO, copy, tmp_path / "demo", describe)


def test_a_card_is_written_again_even_if_the_shards_are_not(copy: Path, made: Path, tmp_path: Path) -> None:
    prepare(DEMO, copy, tmp_path / "demo", describe)
    card = tmp_path / "demo" / "README.md"
    card.write_text(card.read_text().replace("## Labels", "## Old words"))
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert contents(tmp_path / "demo") == contents(made)
    assert beside(tmp_path / "demo") == []


@pytest.mark.parametrize(
    ("method", "moved"), [("rename", "demo"), ("replace", "README.md"), ("rename", ".demo.incomplete")]
)
def test_a_run_that_ends_between_two_cards_leaves_no_mixture(
    copy: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, moved: str
) -> None:
    prepare(DEMO, copy, tmp_path / "demo", describe)
    for name in ("README.md", "pictures/labels.png"):
        with (tmp_path / "demo" / name).open("ab") as file:
            file.write(b"old\n")
    before = contents(tmp_path / "demo")
    move = getattr(Path, method)

    def stop(path: Path, target: Path) -> Path:
        if path.name == moved:
            raise KeyboardInterrupt
        result: Path = move(path, target)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(DEMO, copy, tmp_path / "demo", describe)
    assert not (tmp_path / "demo").exists() or contents(tmp_path / "demo") == before
    monkeypatch.setattr(repository, "write_shard", lambda *_: pytest.fail("the shards are there"))
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert contents(tmp_path / "demo") == contents(made)
    assert beside(tmp_path / "demo") == []


@pytest.mark.parametrize("method", ["rename", "rmtree"])
def test_a_run_that_ends_between_two_repositories_loses_neither(
    copy: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Of the former one, whose source has changed, and the new one."""
    prepare(DEMO, copy, tmp_path / "demo", describe)
    (tmp_path / "demo" / ".source").write_text("another")
    rename, remove = Path.rename, shutil.rmtree

    def stop_renaming(path: Path, target: Path) -> Path:
        if path.name == ".demo.incomplete" and method == "rename":
            raise KeyboardInterrupt
        return rename(path, target)

    def stop_removing(path: Path, *options: object, **more: object) -> None:
        if Path(path).name == ".demo.old" and Path(path).exists() and method == "rmtree":
            (path / "emobox.json").unlink()
            raise KeyboardInterrupt
        remove(path, *options, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop_renaming)
        patch.setattr(shutil, "rmtree", stop_removing)
        with pytest.raises(KeyboardInterrupt):
            prepare(DEMO, copy, tmp_path / "demo", describe)
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert contents(tmp_path / "demo") == contents(made)
    assert beside(tmp_path / "demo") == []


def test_a_repository_that_was_spoiled_is_made_again(copy: Path, made: Path, tmp_path: Path) -> None:
    prepare(DEMO, copy, tmp_path / "demo", describe)
    shard = tmp_path / "demo/data/part02-00000-of-00001.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert contents(tmp_path / "demo") == contents(made)


def test_a_changed_corpus_is_another_version_and_no_cache_is_stale(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    out = tmp_path / "demo"
    first = prepare(DEMO, tmp_path / "copy", out, describe)
    before = load_dataset(str(out), "fold1", cache_dir=str(tmp_path / "cache"))
    one, other = (tmp_path / "copy" / "ada" / f"ada_{name}_01.flac" for name in ("angry", "sad"))
    one.write_bytes(other.read_bytes())
    second = prepare(DEMO, tmp_path / "copy", out, describe)
    assert second.version != first.version
    after = load_dataset(str(out), "fold1", cache_dir=str(tmp_path / "cache"))
    assert rows_of(after) != rows_of(before)
    changed = [shard.path for shard, old in zip(second.shards, first.shards, strict=True) if shard != old]
    assert len(changed) == 1


def test_an_incomplete_copy_needs_to_be_allowed_and_the_card_says_so(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    (tmp_path / "copy/ben/ben_sad_01.flac").unlink()
    with pytest.raises(CorpusError, match="1 missing"):
        prepare(DEMO, tmp_path / "copy", tmp_path / "demo", describe)
    assert not (tmp_path / "demo").exists()
    told = prepare(DEMO, tmp_path / "copy", tmp_path / "demo", describe, allow_missing=True)
    assert told.utterances == 319
    assert "1 of 320 utterances of the corpus are missing here" in (tmp_path / "demo/README.md").read_text()


def test_a_broken_file_leaves_no_repository(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    (tmp_path / "copy/ben/ben_sad_01.flac").write_bytes(b"no audio")
    for jobs in (1, 2):
        with pytest.raises(CorpusError, match=r"Expected audio in .*ben_sad_01\.flac"):
            prepare(DEMO, tmp_path / "copy", tmp_path / "demo", describe, jobs=jobs)
    assert not (tmp_path / "demo").exists()


def test_nothing_else_is_written_over(copy: Path, made: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CorpusError, match="something else; choose another --out"):
        prepare(DEMO, copy, tmp_path, describe)
    shutil.copytree(made, tmp_path / "urdu")
    told = json.loads((tmp_path / "urdu" / prepared.FILE).read_text())
    (tmp_path / "urdu" / prepared.FILE).write_text(json.dumps({**told, "corpus": "urdu"}))
    with pytest.raises(CorpusError, match=r"Expected a repository of demo at .*, but got one of urdu"):
        prepare(DEMO, copy, tmp_path / "urdu", describe)
    (tmp_path / "urdu" / prepared.FILE).write_text(json.dumps({**told, "format": 0}))
    prepare(DEMO, copy, tmp_path / "urdu", describe)  # ours, of another format
    assert contents(tmp_path / "urdu") == contents(made)


def test_a_local_repository_is_found_by_its_name(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made, tmp_path / "emobox" / "demo")
    monkeypatch.chdir(tmp_path)
    fold = load_dataset("emobox/demo", "fold2", split="test")
    assert fold.version == datasets.Version(prepared.read(made).version)


@pytest.mark.parametrize(
    "options", [{"data_dir": "data"}, {"data_dir": "/data/demo"}, {"data_files": "data/*"}]
)
def test_options_that_would_forget_the_folds_are_refused(made: Path, options: dict[str, str]) -> None:
    with pytest.raises(CorpusError, match="is a prepared repository with the audio in it"):
        load_dataset(str(made), "fold1", **options)


@pytest.mark.parametrize("folder", ["", " "])
def test_an_empty_path_is_refused_beside_a_repository_too(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    shutil.copytree(made, tmp_path / "emobox" / "demo")
    monkeypatch.chdir(tmp_path)
    for path in ("emobox/demo", str(made)):
        with pytest.raises(CorpusError, match="a folder in data_dir, but it is empty"):
            load_dataset(path, "fold1", data_dir=folder)


def test_two_runs_at_a_time_make_one_repository(copy: Path, made: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(prepare, DEMO, copy, tmp_path / "demo", describe) for _ in range(2)]
    assert runs[0].result() == runs[1].result()
    assert contents(tmp_path / "demo") == contents(made)


def test_who_writes_to_a_folder_is_seen_beside_it(copy: Path, tmp_path: Path) -> None:
    """By other users and machines, whose caches are elsewhere."""
    seen = []

    def look(folder: Path, made: Prepared) -> None:
        with pytest.raises(Timeout), FileLock(tmp_path / "new" / ".demo.lock", timeout=0):
            pass
        seen.append(folder)
        describe(folder, made)

    prepare(DEMO, copy, tmp_path / "new" / "demo", look)
    assert seen
    with FileLock(tmp_path / "new" / ".demo.lock", timeout=0):
        pass


@pytest.mark.parametrize(
    "path",
    [
        *("../outside.parquet", "data/../../outside.parquet", "/tmp/outside.parquet", "data\\..\\x.parquet"),
        *("C:/data/x.parquet", "data/x.exe", "x.parquet", "data", "data/", "README.md", "", None, 3),
        *("./data/x.parquet", "data//x.parquet", "database/x.parquet", "data/part01-00000-of-00001.parquet"),
    ],
)
def test_shards_elsewhere_are_refused_and_nothing_is_written(
    made: Path, tmp_path: Path, path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(made, tmp_path / "demo")
    (tmp_path / "outside.parquet").write_bytes((made / "data/part00-00000-of-00001.parquet").read_bytes())
    before = contents(tmp_path)
    told = json.loads((folder / prepared.FILE).read_bytes())
    told["shards"][0]["path"] = path
    if path == "data/part01-00000-of-00001.parquet":
        assert told["shards"][1]["path"] == path  # once is enough
    (folder / prepared.FILE).write_text(json.dumps(told))
    monkeypatch.setattr(prepared, "check", lambda *_: None)
    with pytest.raises(CorpusError, match=r"as shards in .*emobox\.json, but shard [01] is ") as error:
        without_audio(folder, tmp_path / "metadata", describe)
    assert repr(path) in str(error.value)
    (folder / prepared.FILE).write_bytes(before["demo/emobox.json"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told["shards"][0].update(parts=[1]), r"Shard, parts: .* dictionary"),
        (
            lambda told: told["shards"][0].update(parts={"fold1": ["train"]}),
            r"Shard, parts\.fold1: .* string",
        ),
        (lambda told: told["shards"][0].update(rows="80"), "Shard, rows: .* integer"),
        (lambda told: told["shards"][0].update(size=-1), "Shard, size: .* greater than or equal to 0"),
        (lambda told: told["shards"][0].update(sha256=5), "Shard, sha256: .* string"),
        (lambda told: told.update(audio="no"), "Prepared, audio: .* boolean"),
        (lambda told: told.update(corpus=None), "Prepared, corpus: .* string"),
        (lambda told: told.update(configurations=["all"]), "Prepared, configurations: .* dictionary"),
        (lambda told: told.update(format=True), "Prepared, format: .* integer"),
        (lambda told: told.update(strange=1), "Prepared, strange: Unexpected"),
        (lambda told: told.update(shards="abc"), "TypeError"),
    ],
)
def test_contents_of_other_types_are_refused(
    made: Path, tmp_path: Path, change: Callable, message: str
) -> None:
    told = json.loads((made / prepared.FILE).read_bytes())
    change(told)
    (tmp_path / prepared.FILE).write_text(json.dumps(told))
    with pytest.raises(CorpusError, match=rf"emobox\.json, but it cannot be read \({message}"):
        prepared.read(tmp_path)
    assert not prepared.is_readable(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[" * 200_000, b"\xff", b'{"corpus": 3}'])
def test_what_is_no_contents_is_refused_and_not_written_over(
    copy: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / prepared.FILE).write_bytes(content)
    assert not prepared.is_readable(tmp_path)
    assert not prepared.is_metadata_only(tmp_path)
    with pytest.raises(CorpusError, match="got one of no corpus that it names; choose another --out"):
        prepare(DEMO, copy, tmp_path, describe)
    assert contents(tmp_path) == {prepared.FILE: content}


def test_a_snapshot_whose_files_are_links_is_whole(made: Path, tmp_path: Path) -> None:
    """As the cache of the Hub lays it out."""
    for file in prepared.files(made):
        (tmp_path / "snapshot" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "snapshot" / file).symlink_to(made / file)
    prepared.check(tmp_path / "snapshot", prepared.read(tmp_path / "snapshot"))


def test_a_shard_that_the_machine_took_down_with_it_is_written_again(
    copy: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(folder: Path, _: Prepared) -> None:
        (folder / "data/part01-00000-of-00001.parquet").write_bytes(b"")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(DEMO, copy, tmp_path / "demo", spoil)
    prepare(DEMO, copy, tmp_path / "demo", describe)
    assert contents(tmp_path / "demo") == contents(made)


def test_the_command_says_what_it_wrote_and_what_is_wrong(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, status in ((copy, 0), (tmp_path / "nowhere", 1)):
        with pytest.raises(SystemExit) as finished:
            emobox.main(["prepare", "demo", str(folder), "--out", str(tmp_path / "demo"), "--jobs", "2"])
        assert finished.value.code == status
    output = capsys.readouterr()
    assert "320 utterances in 4 shards" in output.out
    assert "error: Expected a folder with Demo" in output.err


def test_the_licence_of_every_corpus_is_decided() -> None:
    granted = {name for name in corpora.names() if redistribution(corpora.load(name)).permission == "granted"}
    assert {"crema_d", "ravdess", "subesco", "demo"} <= granted
    assert not granted & {
        "iemocap",
        "msp_podcast",
        "emodb",
        "urdu",
        "esd",
        "tess",
        "mead",
        "mer2023",
        "emov_db",
    }
    unknown = {name for name in corpora.names() if redistribution(corpora.load(name)).permission == "unknown"}
    assert unknown == {name for name in corpora.names() if corpora.load(name).licence == "unknown"}


# Without audio.


@pytest.fixture
def joined(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """./emobox/demo without audio."""
    monkeypatch.chdir(tmp_path)
    without_audio(made, tmp_path / "emobox" / "demo", describe)
    return tmp_path / "emobox" / "demo"


def test_metadata_has_no_audio_but_its_checksums(made: Path, joined: Path) -> None:
    told, whole = prepared.read(joined), prepared.read(made)
    assert (told.fingerprint, told.configurations) == (whole.fingerprint, whole.configurations)
    assert told.version != whole.version
    assert not told.audio
    assert sum(shard.size for shard in told.shards) < 0.02 * sum(shard.size for shard in whole.shards)
    assert "There is no audio here" in (joined / "README.md").read_text()
    plain = load_dataset(str(joined), "fold2", split="test")
    assert set(plain.features) == {
        *("id", "label", "raw_label", "speaker", "gender", "language", "duration", "audio_checksum")
    }


@pytest.mark.parametrize("streaming", [False, True])
def test_the_plugin_joins_metadata_with_the_users_copy(
    made: Path, joined: Path, copy: Path, streaming: bool
) -> None:
    fold = load_dataset("emobox/demo", "fold2", data_dir=str(copy), streaming=streaming)
    assert rows_of(fold) == rows_of(load_dataset(str(made), "fold2"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speaker": "eve"}, "Expected speaker 'eve' for demo-ada_angry_01"),
        ({"label": 2}, "Expected label 'Neutral' for demo-ada_angry_01"),
        ({"duration": 9.0}, "Expected 9.000 s of audio for demo-ada_angry_01"),
        ({"id": "demo-eve_angry_01"}, "Expected demo-ada_angry_01 in no part of fold1"),
    ],
)
def test_another_copy_than_the_published_one_is_refused(
    joined: Path, copy: Path, change: dict[str, object], message: str
) -> None:
    change_first_row(joined, change)
    with pytest.raises(CorpusError, match=message):
        load_dataset("emobox/demo", "fold2", data_dir=str(copy))


def test_other_bits_of_the_same_recording_are_told(
    joined: Path, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_first_row(joined, {"audio_checksum": "0" * 32})
    load_dataset("emobox/demo", "fold2", data_dir=str(copy))
    assert "1 utterances, first demo-ada_angry_01, are as long as those of" in caplog.text


def test_other_folds_than_the_published_ones_are_refused(joined: Path, copy: Path) -> None:
    told = json.loads((joined / prepared.FILE).read_text())
    told["shards"][0]["parts"]["fold2"], told["shards"][1]["parts"]["fold2"] = "test", "train"
    rewrite(joined, told)
    with pytest.raises(CorpusError, match=r"of fold2, as .* says, but got"):
        load_dataset("emobox/demo", "fold3", data_dir=str(copy))


def test_metadata_of_another_corpus_is_refused(joined: Path, copy: Path) -> None:
    rewrite(joined, {**json.loads((joined / prepared.FILE).read_text()), "corpus": "urdu"})
    with pytest.raises(CorpusError, match="Expected a repository of demo without audio"):
        load_dataset("emobox/demo", "fold1", data_dir=str(copy))


def test_a_run_that_ends_while_metadata_is_replaced_can_be_repeated(
    made: Path, joined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(joined)

    def stop(path: Path, *_: object, **__: object) -> None:
        if Path(path).exists():
            (path / "emobox.json").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            without_audio(made, joined, describe)
    assert contents(joined) == before
    without_audio(made, joined, describe)
    assert contents(joined) == before
    assert beside(joined) == []


@pytest.mark.parametrize("configuration", ["fold1", "all"])
def test_a_flipped_bit_of_a_shard_is_named_when_it_is_loaded(
    made: Path, tmp_path: Path, configuration: str
) -> None:
    shutil.copytree(made, tmp_path / "demo")
    shard = tmp_path / "demo/data/part02-00000-of-00001.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CorpusError, match=r"Expected data/part02-\S+ in .* but it is another"):
        load_dataset(str(tmp_path / "demo"), configuration, cache_dir=str(tmp_path / "cache"))


def test_metadata_cannot_lose_its_audio_twice(joined: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="publish it as it is"):
        without_audio(joined, tmp_path / "again", describe)


def change_first_row(folder: Path, change: dict[str, object]) -> None:
    """Change the row of demo-ada_angry_01 in a repository without audio, checksums and all."""
    told = json.loads((folder / prepared.FILE).read_text())
    for position, shard in enumerate(told["shards"]):
        table = pq.read_table(folder / shard["path"])
        rows = table.to_pylist()
        if rows[0]["id"] == "demo-ada_angry_01":
            rows[0].update(change)
            pq.write_table(table.from_pylist(rows, schema=table.schema), folder / shard["path"])
            inspected = repository.inspect(folder, shard["path"], shard["parts"]).shard
            told["shards"][position] = inspected.__dict__
    rewrite(folder, told)


def rewrite(folder: Path, told: dict) -> None:
    """Put contents in place, and their version in the card."""
    before = told.pop("version")
    shards = [prepared.Shard(**shard) for shard in told.pop("shards")]
    changed = Prepared(shards=shards, **told)
    changed.write(folder)
    card = (folder / prepared.CARD).read_text()
    (folder / prepared.CARD).write_text(card.replace(before, changed.version))
