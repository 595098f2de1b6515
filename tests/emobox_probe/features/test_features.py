"""The store: whole or not at all, one key one content, whoever fills it and however often it is killed."""

import errno
import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from emobox_probe.encoders.encoder import Encoded
from emobox_probe.errors import ProbeError
from emobox_probe.features import shards
from emobox_probe.features.store import FeatureStore, seconds_spent, times_real_time

DIMENSION = 6


def store_of(root: Path, utterances: int = 12, seconds: float = 100.0, **identity: Any) -> FeatureStore:
    """Durations are stated, not heard: so that little is made into many shards."""
    ids = [f"u{number}" for number in range(utterances)]
    return FeatureStore(root, {"encoder": "x", **identity}, ids, [seconds] * utterances)


def features_of(row: int, means: bool = False) -> Encoded:
    generator = torch.Generator().manual_seed(row)
    frames = torch.randn(3 + row % 5, DIMENSION, generator=generator)
    return Encoded(frames, torch.randn(4, DIMENSION, generator=generator) if means else None)


def encode(shards: Iterator[range], means: bool = False, pause: float = 0.0) -> Iterator[Any]:
    for rows in shards:
        time.sleep(pause)
        yield lambda rows=rows: [features_of(row, means) for row in rows]


def fill(store: FeatureStore, encode: Any = encode) -> list[float]:
    found: list[float] = []
    store.fill(encode, torch.float16, found.append)
    return found


def content(store: FeatureStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.folder.iterdir())}


@pytest.fixture(scope="module")
def processes() -> Any:
    """Processes that start in milliseconds, because their imports are done once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["emobox_probe.features.store", "torch", "pandas", "pyarrow.parquet"])
    warm = context.Process(target=os.getpid)
    warm.start()
    warm.join()
    return context


# ── what is stored ──


def test_frames_come_back_in_order(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fill(store)
    assert len(store.shards) == 5  # of about 240 s
    for row, (identifier, frames) in enumerate(store.read()):
        assert identifier == f"u{row}"
        torch.testing.assert_close(frames, features_of(row).frames.half())
    picked = [identifier for identifier, _ in store.read([7, 0, 11])]
    assert picked == ["u7", "u0", "u11"]
    index = pd.read_parquet(store.folder / "index.parquet")
    third = index.set_index("id").loc["u7"]
    tensors = load_file(store.folder / f"shard-{third['shard']:05d}.safetensors")
    frames = tensors["frames"][third["offset"] : third["offset"] + third["length"]]
    torch.testing.assert_close(frames, features_of(7).frames.half())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_data_type_is_a_safetensors_file(tmp_path: Path, dtype: torch.dtype) -> None:
    store = store_of(tmp_path)
    store.fill(encode, dtype, lambda seconds: None)
    with safe_open(store.folder / "shard-00000.safetensors", framework="pt") as shard:
        assert shard.get_tensor("frames").dtype == dtype
        assert set(shard.metadata()) == {"checksum"}


def test_checksum_is_that_of_the_blocks_of_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_BLOCK", 100)
    path = tmp_path / "shard"
    utterances = [Encoded(torch.randn(length, 6)) for length in (1, 9, 0, 25, 3)]
    shards.write_shard(path, "store 7", utterances)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    checksum = json.loads(content[8:start])["__metadata__"]["checksum"]
    pieces = [b"store 7 head " + content[:start].replace(checksum.encode(), b"0" * 64)]
    for number, place in enumerate(range(start, len(content), 100)):
        pieces.append(b"store 7 %d " % number + content[place : place + 100])
    digests = [sha256(piece).digest() for piece in pieces]
    assert checksum == sha256(b"".join(digests)).hexdigest()
    assert shards.is_intact(path, "store 7")
    assert not shards.is_intact(path, "store 8")
    for place in (start, start + 99, start + 100, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert not shards.is_intact(path, "store 7")
    moved = content[:start] + content[start + 100 : start + 200] + content[start : start + 100]
    path.write_bytes(moved + content[start + 200 :])
    assert not shards.is_intact(path, "store 7")


def test_any_changed_bit_of_a_shard_is_noticed(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fill(store)
    path = store.folder / "shard-00001.safetensors"
    whole = path.read_bytes()
    head = 8 * (8 + int.from_bytes(whole[:8], "little"))
    choose = random.Random(0)
    bits = choose.sample(range(head), 400) + choose.sample(range(head, 8 * len(whole)), 400)
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert store_of(tmp_path)._intact(1) is False, bit
    for size in (0, 7, 8, 9, head // 8, *choose.sample(range(len(whole)), 20)):
        path.write_bytes(whole[:size])
        assert not store_of(tmp_path)._intact(1)
    path.write_bytes(whole)
    assert store_of(tmp_path).find_damage() == []


def test_shards_in_the_place_of_others_are_noticed(tmp_path: Path) -> None:
    """All have the same shapes; they differ in whose they are."""

    def same(shards: Iterator[range]) -> Iterator[Any]:
        for rows in shards:
            yield lambda rows=rows: [Encoded(torch.full((4, DIMENSION), float(row))) for row in rows]

    store, other = store_of(tmp_path, seconds=120.0), store_of(tmp_path, seconds=120.0, dtype="another")
    for each in (store, other):
        fill(each, same)
    whole = content(store)
    first, second = (store.folder / f"shard-0000{number}.safetensors" for number in (0, 1))
    assert first.stat().st_size == second.stat().st_size
    first.write_bytes(whole[second.name])
    second.write_bytes(whole[first.name])
    again = store_of(tmp_path, seconds=120.0)
    with pytest.raises(ProbeError, match=r"shard-00000.* missing or damaged"):
        list(again.read([0]))
    assert again.find_damage() == [0, 1]
    fill(again, same)
    assert content(again) == whole
    first.write_bytes((other.folder / first.name).read_bytes())
    assert store_of(tmp_path, seconds=120.0).find_damage() == [0]


def test_means_of_all_layers(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fill(store, lambda shards: encode(shards, means=True))
    expected = torch.stack([features_of(row, means=True).means for row in range(12)])
    torch.testing.assert_close(store.means(), expected)
    without = store_of(tmp_path, layers="last")
    fill(without)
    with pytest.raises(ProbeError, match="--layers all"):
        without.means()


def test_key_follows_identity_and_corpus(tmp_path: Path) -> None:
    stores = [
        store_of(tmp_path),
        store_of(tmp_path, dtype="bfloat16"),
        store_of(tmp_path, utterances=11),
        FeatureStore(tmp_path, {"encoder": "x"}, [f"v{n}" for n in range(12)], [100.0] * 12),
    ]
    assert len({store.key for store in stores}) == len(stores)
    assert store_of(tmp_path / "elsewhere").key == stores[0].key


@pytest.mark.parametrize(("hours", "shards"), [(0.1, 2), (0.5, 6), (1.5, 6), (12, 12)])
def test_shards_are_for_sharing_and_for_batches(tmp_path: Path, hours: float, shards: int) -> None:
    store = store_of(tmp_path, utterances=round(hours * 3600 / 4), seconds=4.0)
    assert abs(len(store.shards) - shards) <= 1
    assert [row for shard in store.shards for row in shard] == list(range(len(store.ids)))


def test_short_utterances_are_not_all_in_one_shard(tmp_path: Path) -> None:
    """A model that pads each to 30 s would need too long for it."""
    store = store_of(tmp_path, utterances=300, seconds=0.7)  # 3.5 minutes of audio
    assert {len(shard) for shard in store.shards} == {50}


def test_features_that_are_not_finite_name_the_utterance(tmp_path: Path) -> None:
    def overflowing(shards: Iterator[range]) -> Iterator[Any]:
        for rows in shards:
            yield lambda rows=rows: [Encoded(torch.full((2, 2), 1e6 if row == 5 else 1.0)) for row in rows]

    store = store_of(tmp_path)
    with pytest.raises(ProbeError, match=r"u5 .*--store-dtype float32"):
        fill(store, overflowing)
    store.fill(overflowing, torch.float32, lambda seconds: None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_one_bad_value_is_seen(value: float, dtype: torch.dtype) -> None:
    frames = torch.randn(100, 8).to(dtype)
    assert shards.all_finite(Encoded(frames))
    frames[57, 3] = value
    assert not shards.all_finite(Encoded(frames))


# ── damage ──


@pytest.mark.parametrize("place", [3, 40, -1])
def test_damaged_shard_is_seen_and_made_again(tmp_path: Path, place: int) -> None:
    fill(store_of(tmp_path))
    whole = content(store_of(tmp_path))
    path = store_of(tmp_path).folder / "shard-00001.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 0x10
    path.write_bytes(damaged)
    with pytest.raises(ProbeError, match=r"shard-00001.* missing or damaged"):
        list(store_of(tmp_path).read())
    again = store_of(tmp_path)
    assert again.complete
    assert again.find_damage() == [1]
    assert not again.complete
    assert len(fill(again)) == 4  # found the others
    assert content(again) == whole


def test_shortened_and_missing_shards_are_made_again(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    fill(store)
    whole = content(store)
    short = store.folder / "shard-00000.safetensors"
    short.write_bytes(short.read_bytes()[:-7])
    (store.folder / "shard-00003.safetensors").unlink()
    again = store_of(tmp_path)
    assert again.find_damage() == [0, 3]
    fill(again)
    assert content(again) == whole


def test_full_disk_is_one_clear_error_and_leaves_the_store_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = shards.write_shard
    written: list[Path] = []

    def full_after_two(path: Path, name: str, utterances: Any) -> None:
        written.append(path)
        if len(written) <= 2:
            write(path, name, utterances)
            return

        def half(file: Any) -> None:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")

        shards.write_whole(path, half)

    store = store_of(tmp_path)
    monkeypatch.setattr("emobox_probe.features.store.write_shard", full_after_two)
    with pytest.raises(ProbeError, match=r"disk is full .*name another folder"):
        fill(store)
    monkeypatch.undo()
    assert len(list(store.folder.glob("shard-*"))) == 2
    assert not list(store.folder.glob(".*"))  # nothing half-written
    undisturbed = store_of(tmp_path / "other")
    fill(undisturbed)
    assert len(fill(store_of(tmp_path))) == 2  # the two are found, not made
    assert content(store) == content(undisturbed)


def test_reading_maps_the_files_and_takes_no_memory(tmp_path: Path, processes: Any) -> None:
    store = store_of(tmp_path, utterances=4, seconds=200.0)

    def large(shards: Iterator[range]) -> Iterator[Any]:
        for rows in shards:
            yield lambda rows=rows: [Encoded(torch.full((4096, 1024), float(row))) for row in rows]

    store.fill(large, torch.float32, lambda seconds: None)  # 4 x 16 MB
    reader = processes.Process(target=_read_without_memory, args=(store,))
    reader.start()
    reader.join()
    assert reader.exitcode == 0


def _read_without_memory(store: FeatureStore) -> None:
    """All frames are held and looked at, and of the 64 MB none is memory of this process's own."""
    list(store.read([0]))  # what is loaded at first use
    before = _own_megabytes()
    kept = list(store.read())
    assert [frames[::512].mean().item() for _, frames in kept] == [0.0, 1.0, 2.0, 3.0]
    assert _own_megabytes() - before < 16


def _own_megabytes() -> float:
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")
    ]
    return int(line.split()[1]) / 1024


# ── files that only inform ──


def test_times_are_those_of_the_log(tmp_path: Path) -> None:
    store = store_of(tmp_path, utterances=4)  # 2 shards, 400 s
    fill(store)
    log = tmp_path / "times" / f"{store.key}.jsonl"
    lines = [
        {"shard": 0, "seconds": 9.0, "busy": 1.0},
        {"shard": 1, "seconds": 3.0, "busy": 1.5},
        {"shard": 0, "seconds": 5.0, "busy": 2.5},  # made again
    ]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert (store.seconds_spent(), store.busy_share(), times_real_time([store])) == (8.0, 0.5, 50.0)
    assert (seconds_spent([store, store]), times_real_time([store, store])) == (16.0, 50.0)


@pytest.mark.parametrize(
    "damage",
    [
        *(None, b"", b"\0" * 64, b"[]", b"3\n4\n", b"{}\n{}", b"\xff\xfe\n"),
        b'{"shard": 0, "seconds": 5.0, "busy": 2.5}\n{"shard": 1, "seco',
        b'{"shard": 0, "seconds": 5.0, "busy": 2.5}\n{"shard": 1, "seconds": NaN, "busy": 2.5}\n',
        b'{"shard": 0, "seconds": 5.0, "busy": 2.5}\n{"shard": 1e999, "seconds": 1, "busy": 2.5}\n',
        b'{"shard": 0, "seconds": 5.0, "busy": 2.5}\n{"shard": 1, "seconds": -1, "busy": 2.5}\n',
    ],
)
def test_without_its_log_a_store_is_whole_and_the_time_unknown(tmp_path: Path, damage: bytes | None) -> None:
    known, store = store_of(tmp_path, utterances=3), store_of(tmp_path, utterances=4)
    for each in (known, store):
        fill(each)
    log = tmp_path / "times" / f"{store.key}.jsonl"
    log.unlink()
    if damage is not None:
        log.write_bytes(damage)
    assert (store.seconds_spent(), store.busy_share(), times_real_time([store])) == (None, None, None)
    assert known.seconds_spent() is not None
    assert (seconds_spent([known, store]), times_real_time([known, store])) == (None, None)
    again = store_of(tmp_path, utterances=4)
    assert again.find_damage() == []
    assert len(list(again.read())) == 4


def test_a_copied_store_is_enough_and_is_not_written_to(tmp_path: Path) -> None:
    """Without `times` and `locks`, as on a disk that others may only read."""
    made = store_of(tmp_path / "made")
    fill(made)
    copied = store_of(tmp_path / "copy")
    shutil.copytree(made.folder, copied.folder)
    (copied.folder / "manifest.json").unlink()
    before = sorted(copied.root.rglob("*"))
    assert copied.complete
    assert copied.find_damage() == []
    assert len(list(copied.read())) == 12
    assert copied.seconds_spent() is None
    assert sorted(copied.root.rglob("*")) == before


def test_no_log_can_be_written_and_the_store_is_filled(tmp_path: Path) -> None:
    (tmp_path / "times").write_text("in the way")
    store = store_of(tmp_path)
    fill(store)
    assert store.complete
    assert store.seconds_spent() is None


# ── killed, and together ──


class KilledError(BaseException):
    pass


def test_killed_between_shard_and_log_it_is_complete_at_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(tmp_path, utterances=2)
    assert len(store.shards) == 1

    def die(*_: Any) -> None:
        raise KilledError

    monkeypatch.setattr(FeatureStore, "_note_seconds", die)
    with pytest.raises(KilledError):
        fill(store)
    monkeypatch.undo()
    again = store_of(tmp_path, utterances=2)
    assert not again.complete
    assert fill(again) == [200.0]  # it was there
    assert again.complete
    assert len(list(again.read())) == 2
    assert (again.seconds_spent(), again.busy_share(), times_real_time([again])) == (None, None, None)


def _fill_slowly(store: FeatureStore, pause: float, started: Any = None) -> None:
    if started is not None:
        started.wait()
    store.fill(lambda shards: encode(shards, pause=pause), torch.float16, lambda seconds: None)


def test_twenty_kills_leave_the_store_that_no_kill_would(tmp_path: Path, processes: Any) -> None:
    undisturbed = store_of(tmp_path / "undisturbed", utterances=60)  # 24 shards
    _fill_slowly(undisturbed, 0.0)
    store = store_of(tmp_path / "killed", utterances=60)
    generator = random.Random(0)
    kills = 0
    while kills < 20:
        process = processes.Process(target=_fill_slowly, args=(store, 0.02))
        process.start()
        process.join(generator.uniform(0.01, 0.15))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
        elif kills < 20:  # it was done before it was killed: take something away again
            for path in generator.sample(sorted(store.folder.iterdir()), 8):
                path.unlink()
    _fill_slowly(store, 0.0)
    assert content(store) == content(undisturbed)


def test_two_processes_share_the_work(tmp_path: Path, processes: Any) -> None:
    alone = store_of(tmp_path / "alone", utterances=40)
    _fill_slowly(alone, 0.0)
    store = store_of(tmp_path / "shared", utterances=40)
    started = processes.Event()
    both = [processes.Process(target=_fill_slowly, args=(store, 0.02, started)) for _ in range(2)]
    for process in both:
        process.start()
    started.set()
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert content(store) == content(alone)
    made = (tmp_path / "shared" / "times" / f"{store.key}.jsonl").read_text().splitlines()
    assert len(made) == len(store.shards)  # none twice


def test_a_shard_whose_maker_died_is_made_by_who_waits(tmp_path: Path, processes: Any) -> None:
    store = store_of(tmp_path)
    dying = processes.Process(target=_fill_slowly, args=(store, 30.0))
    dying.start()
    while not list((tmp_path / "locks").glob("*-00000")):
        time.sleep(0.01)
    waiting = processes.Process(target=_fill_slowly, args=(store, 0.0))
    waiting.start()
    waiting.join(1.0)
    assert waiting.exitcode is None  # the first shards are another's
    dying.kill()
    waiting.join(20.0)
    assert waiting.exitcode == 0
    assert store.complete
