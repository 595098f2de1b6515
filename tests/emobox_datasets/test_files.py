"""Files that are whole or not there, whoever dies while writing, and names that stay in their folder."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from emobox_datasets.files import inside, remove_abandoned, whole_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["a.txt", "[a]*.txt", ".hidden", "a"])
def test_what_is_written_is_there_and_nothing_else(tmp_path: Path, name: str) -> None:
    write_whole(tmp_path / name, b"first")
    write_whole(tmp_path / name, lambda file: file.write(b"second"))
    assert (tmp_path / name).read_bytes() == b"second"
    assert names(tmp_path) == [name]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"whole")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        write_whole(tmp_path / "a", fail)
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert names(tmp_path) == ["a"]


def _write_slowly(path: Path, started: Any, go_on: Any) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"half, ")
        file.flush()
        started.set()
        go_on.wait()
        file.write(b"whole")

    write_whole(path, write)


@pytest.mark.parametrize("name", ["a.txt", "[a]*.txt"])
def test_what_the_dead_have_left_goes_and_the_living_go_on(tmp_path: Path, name: str) -> None:
    context = multiprocessing.get_context("fork")
    writers = []
    for _ in range(2):
        started, go_on = context.Event(), context.Event()
        writer = context.Process(target=_write_slowly, args=(tmp_path / name, started, go_on))
        writer.start()
        started.wait()
        writers.append((writer, go_on))
    (dying, _), (living, go_on) = writers
    os.kill(dying.pid, signal.SIGKILL)
    dying.join()
    write_whole(tmp_path / f"other-{name}", b"")
    assert len(names(tmp_path)) == 3  # the halves of the dead and the living, and the other file
    write_whole(tmp_path / name, b"of a third")
    assert len(names(tmp_path)) == 3  # without that of the dead
    assert (tmp_path / name).read_bytes() == b"of a third"
    go_on.set()
    living.join()
    assert living.exitcode == 0
    assert (tmp_path / name).read_bytes() == b"half, whole"
    assert names(tmp_path) == sorted([name, f"other-{name}"])


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(write_whole, tmp_path / "a", content) for content in contents * 4]:
            done.result()
    assert (tmp_path / "a").read_bytes() in contents
    assert names(tmp_path) == ["a"]


def test_only_what_is_unfinished_of_the_same_target_is_removed(tmp_path: Path) -> None:
    others = [".a.txt", ".a.txt.lock", ".b.txt.0.incomplete", "a.txt.0.incomplete"]
    for name in [*others, ".a.txt.0.incomplete"]:
        (tmp_path / name).touch()
    (tmp_path / ".a.txt.folder.incomplete" / "full").mkdir(parents=True)
    remove_abandoned(tmp_path / "a.txt")
    assert names(tmp_path) == sorted(others)


def test_a_folder_appears_when_it_is_full(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with whole_folder(tmp_path / "a") as unfinished:
        (unfinished / "file").touch()
        remove_abandoned(tmp_path / "a")  # what is being filled is not abandoned
        assert names(tmp_path / "a") == []
    assert names(tmp_path / "a") == ["file"]
    assert names(tmp_path) == ["a"]


def test_an_error_or_another_writer_leaves_the_folder_that_was_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "a"):
        raise ZeroDivisionError
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="not empty"), whole_folder(tmp_path / "a"):
        (tmp_path / "a" / "of another").mkdir(parents=True)
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["of another"]


def _fill_until_killed(path: Path) -> None:
    with whole_folder(path) as unfinished:
        (unfinished / "half").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_folder_that_the_dead_have_begun_goes(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("fork").Process(target=_fill_until_killed, args=(tmp_path / "a",))
    writer.start()
    writer.join()
    assert len(names(tmp_path)) == 1
    with whole_folder(tmp_path / "a"):
        pass
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == []


@pytest.mark.parametrize("name", ["a.txt", "a/b.txt", "..a/b..txt", ".a", "a b", "ä"])
def test_names_in_the_folder(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path / name


def test_a_link_as_in_the_cache_of_the_hub_is_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "0123").write_bytes(b"content")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "a.txt").symlink_to("../blobs/0123")
    assert inside(tmp_path / "snapshot", "a.txt").read_bytes() == b"content"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../a", "a/../b", "a/..", "/a", "//a", "./a", "a//b", "a/", "a/./b"),
        *("a\\b", "..\\a", "C:a", "C:/a", "a\0b", None, 3, ["a"]),
    ],
)
def test_names_that_lead_out_or_are_no_plain_names(tmp_path: Path, name: object) -> None:
    with pytest.raises(ValueError, match="Expected the name of a file inside"):
        inside(tmp_path, name)
