"""What is in the cache: read-only, full, cut, flipped, half gone. It is made again, or a sentence says what to do."""

import ctypes
import errno
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from datasets import load_dataset
from datasets.arrow_writer import ArrowWriter
from plain_rows import told

from emobox_datasets import CorpusError, corpora
from emobox_datasets.audio_files.audio import from_flac
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.errors import AudioError
from emobox_datasets.loading import integrity
from emobox_datasets.repository import write as repository
from emobox_datasets.repository.write import prepare
from emobox_datasets.sources.location import find_root
from hub_cards.cards.dataset_card import describe

DEMO = corpora.load("demo")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds `all` and fold1 of the demo corpus."""
    cache = tmp_path_factory.mktemp("stored")
    load_dataset("emobox/demo", "fold1", cache_dir=str(cache))
    return cache


@pytest.fixture
def cache(stored: Path, tmp_path: Path) -> Path:
    shutil.copytree(stored, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def expected(stored: Path) -> dict:
    return told(load(stored))


def load(cache: Path, name: str = "fold1") -> datasets.DatasetDict:
    return load_dataset("emobox/demo", name, cache_dir=str(cache))


def file_of(cache: Path, name: str, configuration: str) -> Path:
    (path,) = cache.glob(f"demo/{configuration}-*/**/{name}")
    return path


def flip(path: Path, first: int, count: int = 1) -> None:
    content = bytearray(path.read_bytes())
    for position in range(first, first + count):
        content[position] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        ("all", "demo-train.arrow"),
        ("fold1", "demo-train.arrow"),
        ("fold1", "demo-test.arrow"),
        ("all", "audio.crc32"),
    ],
)
@pytest.mark.parametrize("left", [0.0, 0.5, 0.999])
def test_a_file_that_was_cut_is_made_again(
    cache: Path, expected: dict, configuration: str, name: str, left: float, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(cache, name, configuration)
    os.truncate(path, int(left * path.stat().st_size))
    assert told(load(cache)) == expected
    assert f"{configuration} of demo in {path.parent} is not as it was stored ({name} has" in caplog.text
    assert not integrity.damage(str(path.parent))


def test_an_arrow_file_cut_between_two_tables_is_made_again(cache: Path, expected: dict) -> None:
    """It can be read, and has fewer rows."""
    path = file_of(cache, "demo-train.arrow", "all")
    content = path.read_bytes()
    table = content.index(b"\xff\xff\xff\xff", len(content) // 2)
    path.write_bytes(content[:table])
    assert told(load(cache)) == expected


@pytest.mark.parametrize("configuration", ["all", "fold1"])
@pytest.mark.parametrize("name", ["dataset_info.json", "demo-train.arrow", integrity.FILE])
def test_a_file_that_is_gone_is_made_again(
    cache: Path, expected: dict, configuration: str, name: str
) -> None:
    file_of(cache, name, configuration).unlink()
    assert told(load(cache)) == expected


@pytest.mark.parametrize("configuration", ["all", "fold1"])
@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"splits": 3}', '{"features": {"x": {"_type": "Nothing"}}}']
)
def test_an_info_file_with_other_contents_is_made_again(
    cache: Path, expected: dict, configuration: str, content: str
) -> None:
    file_of(cache, "dataset_info.json", configuration).write_text(content)
    assert told(load(cache)) == expected


def test_an_info_file_that_counts_other_rows_is_made_again(cache: Path, expected: dict) -> None:
    path = file_of(cache, "dataset_info.json", "all")
    info = json.loads(path.read_text())
    info["splits"]["train"]["num_examples"] = 7
    path.write_text(json.dumps(info))
    assert told(load(cache)) == expected


def test_a_folder_that_is_gone_is_made_again(cache: Path, expected: dict) -> None:
    shutil.rmtree(file_of(cache, "dataset_info.json", "all").parent)
    assert told(load(cache)) == expected


def test_what_a_killed_conversion_left_is_not_stored(cache: Path, expected: dict) -> None:
    whole = file_of(cache, "demo-train.arrow", "all")
    conversion = whole.parent
    unfinished = conversion.with_name(f"{conversion.name}.incomplete")
    shutil.move(conversion, unfinished)
    shutil.copy(unfinished / whole.name, unfinished / "demo-train-00000-00000-of-NNNNN.arrow")
    (unfinished / "demo-train-00001-00000-of-NNNNN.arrow").touch()
    assert told(load(cache)) == expected
    assert [path.name for path in conversion.glob("*.arrow")] == ["demo-train.arrow"]


def test_what_a_killed_export_left_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "out.incomplete").mkdir()
    (tmp_path / "out.incomplete" / "demo-train-00000-of-00002.parquet").touch()
    builder = datasets.load_dataset_builder("emobox/demo", "all")
    builder.download_and_prepare(str(tmp_path / "out"), file_format="parquet")
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["demo-train.parquet"]


@pytest.mark.parametrize("what", [b"demo-cleo_sad_07", b"zxx", b"\x02\x00\x00\x00\x00\x00\x00\x00" * 3])
def test_flipped_bytes_of_ids_languages_and_labels_are_made_again(
    cache: Path, expected: dict, what: bytes
) -> None:
    path = file_of(cache, "demo-train.arrow", "all")
    flip(path, path.read_bytes().rindex(what) + 1)
    assert told(load(cache)) == expected


@pytest.mark.parametrize("configuration", ["all", "fold1"])
def test_flipped_bytes_of_what_is_noted_of_the_features_are_made_again(
    cache: Path, expected: dict, configuration: str
) -> None:
    path = file_of(cache, "demo-train.arrow", configuration)
    flip(path, path.read_bytes().index(b'{"info"'))
    assert told(load(cache)) == expected
    assert not integrity.damage(str(path.parent))


def test_flipped_bytes_anywhere_are_made_again_or_named(cache: Path, expected: dict) -> None:
    """Whatever is flipped: the rows are right, or an error names the utterance whose audio is not."""
    path = file_of(cache, "demo-train.arrow", "all")
    content, positions = path.read_bytes(), random.Random(1)
    whole_checksums = integrity.audio_checksums(load(cache, "all")["train"])
    for _ in range(30):
        path.write_bytes(content)
        flip(path, positions.randrange(len(content)))
        if not integrity.damage(str(path.parent)):
            whole = load(cache, "all")["train"]
            with pytest.raises(
                AudioError, match=r"Expected audio in demo-\w+, but what is stored of it has changed"
            ):
                fingerprint(whole)
    assert len(whole_checksums) == 320


@pytest.mark.parametrize("where", [30, 42, 200, -1])
def test_flipped_bytes_of_audio_are_named(cache: Path, where: int) -> None:
    whole = load(cache, "all")["train"].cast_column("audio", datasets.Audio(decode=False))
    id, flac = whole[77]["id"], whole[77]["audio"]["bytes"]
    path = file_of(cache, "demo-train.arrow", "all")
    flip(path, path.read_bytes().index(flac) + where % len(flac))
    damaged = load(cache, "all")["train"].cast_column("audio", datasets.Audio(decode=False))
    with pytest.raises(AudioError, match=f"Expected audio in {id}, but what is stored of it has changed"):
        fingerprint(damaged)
    with pytest.raises(AudioError, match=r"what is stored of it (has changed|cannot be decoded)"):
        from_flac(damaged[77]["audio"]["bytes"])
    assert told(from_flac(damaged[76]["audio"]["bytes"])) == told(from_flac(whole[76]["audio"]["bytes"]))
    again = load_dataset("emobox/demo", "all", cache_dir=str(cache), download_mode="force_redownload")[
        "train"
    ]
    assert fingerprint(again) == fingerprint(load_dataset("emobox/demo", "all", split="train"))


def test_a_prepared_repository_in_the_cache_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(DEMO, find_root(DEMO, None), tmp_path / "demo", describe)
    before = told(load_dataset(str(tmp_path / "demo"), "fold1", cache_dir=str(tmp_path / "cache")))
    (path,) = (tmp_path / "cache").rglob("demo-train.arrow")
    os.truncate(path, 1_000)
    assert told(load_dataset(str(tmp_path / "demo"), "fold1", cache_dir=str(tmp_path / "cache"))) == before
    assert "is made again" in caplog.text


# Read-only.

LOAD = """
import sys
import emobox_datasets
from datasets import load_dataset
from emobox_datasets.audio_files.fingerprint import fingerprint
try:
    fold = load_dataset("emobox/demo", sys.argv[1], cache_dir=sys.argv[2])
    print({name: len(split) for name, split in fold.items()}, fold["train"][3]["audio"]["array"].shape)
    print(fingerprint(load_dataset("emobox/demo", "all", split="train", cache_dir=sys.argv[2])))
except emobox_datasets.CorpusError as error:
    print(error)
"""


def lose_override() -> None:
    """Root may write where no one may; without the capability CAP_DAC_OVERRIDE (1) it may not (PR_CAPBSET_DROP, 24)."""
    if os.getuid() == 0 and ctypes.CDLL(None).prctl(24, 1, 0, 0, 0):
        raise OSError("cannot drop the capability")


@pytest.fixture
def read_only(cache: Path) -> Iterator[Path]:
    for path in [*cache.rglob("*"), cache]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield cache
    for path in [cache, *(path for path in cache.rglob("*") if path.is_dir())]:
        path.chmod(0o755)


def load_read_only(cache: Path, configuration: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, configuration, str(cache)],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HOME": str(datasets.config.HF_CACHE_HOME)},
        preexec_fn=lose_override,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("locks", ["kept", "gone"])
def test_a_read_only_cache_that_is_complete_is_enough(read_only: Path, stored: Path, locks: str) -> None:
    if locks == "gone":
        read_only.chmod(0o755)
        for path in read_only.glob("*.lock"):
            path.unlink()
        read_only.chmod(0o555)
    rows, digest = load_read_only(read_only, "fold1").splitlines()
    assert rows.startswith("{'train': 240, 'test': 80}")
    assert digest == fingerprint(load(stored, "all")["train"])


def test_a_read_only_cache_that_lacks_a_fold_says_so(read_only: Path) -> None:
    message = load_read_only(read_only, "fold2")
    assert message.startswith(
        f"Expected fold2 of demo in the cache {read_only}, or a cache that can be written, but"
    )
    assert "set HF_DATASETS_CACHE or cache_dir to a folder of your own" in message


def test_a_read_only_cache_that_is_empty_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o555)
    assert load_read_only(tmp_path / "empty", "fold1").startswith("Expected all of demo in the cache")


def test_a_read_only_cache_that_is_damaged_names_the_folder(
    cache: Path, request: pytest.FixtureRequest
) -> None:
    path = file_of(cache, "demo-train.arrow", "all")
    os.truncate(path, 1_000)
    message = load_read_only(request.getfixturevalue("read_only"), "fold1")
    assert message.startswith(
        f"Expected all of demo in {path.parent} as it was stored, but demo-train.arrow has 1000"
    )
    assert "let its owner remove the folder" in message


# Full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB; the demo corpus has some 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)


@pytest.mark.parametrize("num_proc", [None, 2])
def test_a_full_disk_is_told_as_such(small_disk: Path, num_proc: int | None) -> None:
    with pytest.raises(
        CorpusError, match=f"Expected room for all of demo in {small_disk}, but the disk is full"
    ):
        load_dataset("emobox/demo", "fold1", cache_dir=str(small_disk), num_proc=num_proc)
    assert not list(small_disk.rglob("*.arrow"))
    enlarge(small_disk)
    assert load(small_disk)["train"].num_rows == 240


@pytest.mark.parametrize("jobs", [1, 2])
def test_preparing_on_a_full_disk_goes_on_when_there_is_room(small_disk: Path, jobs: int) -> None:
    with pytest.raises(CorpusError, match=f"Expected room for the repository of demo in {small_disk}, but"):
        prepare(DEMO, find_root(DEMO, None), small_disk / "demo", describe, jobs=jobs)
    enlarge(small_disk)
    assert prepare(DEMO, find_root(DEMO, None), small_disk / "demo", describe).utterances == 320


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_stand_in_for_a_full_disk_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ArrowWriter, "write_table", fail)
    with pytest.raises(CorpusError, match="but the disk is full"):
        load(tmp_path)
    monkeypatch.setattr(repository, "write_shard", fail)
    with pytest.raises(CorpusError, match="but the disk is full"):
        prepare(DEMO, find_root(DEMO, None), tmp_path / "prepared", describe)


def test_other_faults_of_the_system_stay_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(ArrowWriter, "write_table", fail)
    with pytest.raises(datasets.exceptions.DatasetGenerationError) as caught:
        load(tmp_path)
    assert not isinstance(caught.value, CorpusError)


@pytest.mark.parametrize("num_proc", [None, 2])
def test_an_audio_fault_is_told_as_such(tmp_path: Path, num_proc: int | None) -> None:
    assert DEMO.synthesise is not None
    DEMO.synthesise(tmp_path / "demo")
    (tmp_path / "demo/cleo/cleo_sad_07.flac").write_bytes(b"no audio " * 500)
    with pytest.raises(CorpusError, match=r"Expected audio in .*/cleo_sad_07\.flac, but"):
        load_dataset("emobox/demo", "fold1", data_dir=str(tmp_path / "demo"), num_proc=num_proc)
