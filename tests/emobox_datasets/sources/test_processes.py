"""Whole processes: two at once, killed, interrupted, offline, behind a proxy; the command, and `load_dataset`."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from publisher_server import PublisherServer
from tiny_corpus import in_folder, sounds, write_module, zenodo, zipped

PACKED = zipped(in_folder(sounds()))
EMOBOX = [sys.executable, "-c", "import emobox; emobox.main()"]
LOAD = """
import emobox_datasets
from datasets import load_dataset
fold = load_dataset("emobox/tiny", "fold1")
print(fold["train"].num_rows, fold["test"].num_rows, sorted(fold["test"]["id"])[0])
"""
Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def variables(publishers: PublisherServer, tmp_path: Path) -> dict[str, str]:
    """What other processes need to know the corpus, the publisher and a cache of their own."""
    publishers.zenodo("4242", {"tiny.zip": PACKED})
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "EMOBOX_DATA"))},
        **write_module(tmp_path / "modules", zenodo()),
        "HF_HOME": str(tmp_path / "cache"),
        "EMOBOX_MIRROR": publishers.url,
        "OMP_NUM_THREADS": "1",
    }


def start(words: list[str], variables: dict[str, str], limit: int | None = None) -> subprocess.Popen[str]:
    def limited() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in what runs in the background of a shell
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limited
    )


def finished(words: list[str], variables: dict[str, str], limit: int | None = None) -> tuple[int, str, str]:
    process = start(words, variables, limit)
    out, error = process.communicate()
    return process.returncode, out, error


def wait_until(holds: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not holds():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def whole(folder: Path) -> bool:
    return {path.name: path.read_bytes() for path in folder.rglob("*.wav")} == sounds()


def test_the_command(variables: dict[str, str], publishers: PublisherServer, tmp_path: Path) -> None:
    status, out, error = finished([*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")], variables)
    assert status == 0, error
    assert whole(tmp_path / "data/tiny")
    assert "from https://zenodo.org/records/4242 to" in out
    assert "Its licence: CC-BY-4.0." in out
    assert "utterances" in out
    asked = len(publishers.asked)
    status, out, _ = finished([*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")], variables)
    assert (status, len(publishers.asked)) == (0, asked)
    assert "Tiny is there already, at" in out


def test_load_dataset_fetches_what_is_nowhere(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path
) -> None:
    load = [sys.executable, "-c", LOAD]
    status, out, error = finished(load, variables)
    assert (status, out) == (0, "4 4 tiny-ana_angry\n"), error
    assert "Its licence: CC-BY-4.0." in error
    assert whole(tmp_path / "cache/emobox/corpora/tiny")
    asked = len(publishers.asked)
    stored = sorted((tmp_path / "cache/datasets").rglob("*.arrow"))
    status, out, error = finished(load, variables)
    assert (status, out, len(publishers.asked)) == (0, "4 4 tiny-ana_angry\n", asked), error
    assert sorted((tmp_path / "cache/datasets").rglob("*.arrow")) == stored, (
        "nor is it converted a second time"
    )
    assert "licence" not in error
    offline = {**variables, "HF_HUB_OFFLINE": "1"}
    assert finished(load, offline)[:2] == (0, "4 4 tiny-ana_angry\n")
    status, out, _ = finished([*EMOBOX, "corpora", "--json"], variables)
    (row,) = [row for row in json.loads(out) if row["name"] == "tiny"]
    assert row["here"] == str(tmp_path / "cache/emobox/corpora/tiny")


@pytest.mark.slow
def test_names_of_folds_need_no_audio(variables: dict[str, str], publishers: PublisherServer) -> None:
    program = """
import emobox_datasets, datasets
print(datasets.get_dataset_config_names("emobox/tiny"))
print(datasets.load_dataset_builder("emobox/tiny", "fold1").info.license)
"""
    status, out, error = finished([sys.executable, "-c", program], variables)
    assert status == 0, error
    assert "fold2" in out
    assert "CC-BY-4.0" in out
    assert not publishers.asked


@pytest.mark.slow
def test_rows_can_be_streamed(variables: dict[str, str]) -> None:
    program = LOAD.split("fold =")[0] + (
        "rows = load_dataset('emobox/tiny', 'fold1', split='test', streaming=True)\nprint(len(list(rows)))"
    )
    status, out, error = finished([sys.executable, "-c", program], variables)
    assert (status, out) == (0, "4\n"), error


@pytest.mark.slow
def test_folders_of_the_user_win(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path
) -> None:
    """Whatever is wrong with them: nothing is fetched behind their back."""
    load = [sys.executable, "-c", LOAD]
    named = [sys.executable, "-c", LOAD.replace('"fold1")', f'"fold1", data_dir="{tmp_path}/mine")')]
    (tmp_path / "data").mkdir()
    status, _, error = finished(load, {**variables, "EMOBOX_DATA": str(tmp_path / "data")})
    assert status == 1
    assert f"{tmp_path}/data/tiny (from EMOBOX_DATA), but there is none" in error
    assert "`emobox download tiny` fetches it." in error
    status, _, error = finished(named, variables)
    assert status == 1
    assert f"{tmp_path}/mine (from data_dir), but there is none" in error
    assert not publishers.asked
    finished([*EMOBOX, "download", "tiny"], {**variables, "EMOBOX_DATA": str(tmp_path / "data")})
    assert whole(tmp_path / "data/tiny")
    assert finished(load, {**variables, "EMOBOX_DATA": str(tmp_path / "data")})[:2] == (
        0,
        "4 4 tiny-ana_angry\n",
    )


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_offline(variables: dict[str, str], publishers: PublisherServer, variable: str) -> None:
    for words in ([*EMOBOX, "download", "tiny"], [sys.executable, "-c", LOAD]):
        status, _, error = finished(words, {**variables, variable: "1"})
        assert status == 1
        assert "HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set; unset it" in error
    assert not publishers.asked


@pytest.mark.slow
def test_a_licence_has_to_be_accepted(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path
) -> None:
    variables |= write_module(tmp_path / "modules", zenodo(), "research only")
    status, _, error = finished([*EMOBOX, "download", "tiny"], variables)
    assert status == 1
    assert error.startswith("error: Expected that you accept the licence of Tiny (research only); read it at")
    status, _, error = finished([sys.executable, "-c", LOAD], variables)
    assert status == 1
    assert "EMOBOX_ACCEPT_LICENCE=tiny" in error
    assert not publishers.asked
    accepted = {**variables, "EMOBOX_ACCEPT_LICENCE": "tiny"}
    assert finished([sys.executable, "-c", LOAD], accepted)[0] == 0
    more = [*EMOBOX, "download", "tiny", "--accept-licence", "--to", str(tmp_path / "data")]
    assert finished(more, variables)[0] == 0


def test_two_at_once_fetch_it_once(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path
) -> None:
    manners = publishers.behave("/files/", hangs_at=1_000)
    words = [*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")]
    first = start(words, variables)
    wait_until(lambda: publishers.requests("/files/"), first)
    second = start(words, variables)
    assert second.stdout is not None
    assert "Another process fetches it to" in second.stdout.readline()
    manners.go_on.set()
    assert first.wait() == 0
    out, _ = second.communicate()
    assert second.returncode == 0
    assert "is there already" in out
    assert len(publishers.requests("/files/")) == 1
    assert whole(tmp_path / "data/tiny")


@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_killed_while_bytes_come(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path, ending: signal.Signals
) -> None:
    """Although the server hangs, it ends at once; the next call asks for the rest only."""
    publishers.behave("/files/", hangs_at=100_000)
    words = [*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")]
    process = start(words, variables)
    part = tmp_path / "data/.tiny.download/tiny.zip.part"
    wait_until(lambda: part.is_file() and part.stat().st_size > 50_000, process)
    process.send_signal(ending)
    _, error = process.communicate(timeout=20)
    assert process.returncode == (130 if ending == signal.SIGINT else -ending)
    if ending == signal.SIGINT:
        assert error == "Interrupted. What was made is kept: the same command goes on from there.\n"
    kept = part.stat().st_size
    assert not (tmp_path / "data/tiny").exists()
    publishers.manners.clear()
    publishers.asked.clear()
    assert finished(words, variables)[0] == 0
    assert [asked.range for asked in publishers.requests("/files/")] == [f"bytes={kept}-"]
    assert whole(tmp_path / "data/tiny")


def test_killed_while_unpacking(
    variables: dict[str, str], publishers: PublisherServer, tmp_path: Path
) -> None:
    """The archive is not fetched again, and nothing half is left."""
    program = (
        "import os, signal\nfrom emobox_datasets.sources import unpack\n"
        "needs = unpack.RemoteFile.needs\n"
        "def killed(self, member):\n"
        "    if 'eve' in member: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return needs(self, member)\n"
        "unpack.RemoteFile.needs = killed\nimport emobox; emobox.main()"
    )
    words = ["download", "tiny", "--to", str(tmp_path / "data")]
    assert finished([sys.executable, "-c", program, *words], variables)[0] == -signal.SIGKILL
    (unfinished,) = (tmp_path / "data").glob(".tiny.*.incomplete")
    assert len(list(unfinished.rglob("*.wav"))) == 4
    assert not (tmp_path / "data/tiny").exists()
    publishers.asked.clear()
    assert finished([*EMOBOX, *words], variables)[0] == 0
    assert not publishers.requests("/files/")
    assert whole(tmp_path / "data/tiny")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".tiny.lock", "tiny"]


@pytest.mark.slow
def test_a_full_disk(variables: dict[str, str], tmp_path: Path) -> None:
    words = [*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")]
    status, _, error = finished(words, variables, limit=50_000)
    assert status == 1
    assert "the disk is full; make room there" in error
    assert "Traceback" not in error
    assert finished(words, variables)[0] == 0
    assert whole(tmp_path / "data/tiny")


@pytest.mark.slow
def test_a_proxy_is_used(variables: dict[str, str], publishers: PublisherServer, tmp_path: Path) -> None:
    """The publisher cannot be reached but by the proxy; what it says where a sign-in is due is no archive."""
    asked = {**variables, "EMOBOX_MIRROR": "http://mirror.invalid"}
    words = [*EMOBOX, "download", "tiny", "--to", str(tmp_path / "data")]
    by_proxy = {**asked, "HTTP_PROXY": publishers.url, "NO_PROXY": ""}
    assert finished(words, by_proxy)[0] == 0
    assert whole(tmp_path / "data/tiny")
    publishers.behave("/files/", page=True)
    status, _, error = finished([*words[:-1], str(tmp_path / "more")], by_proxy)
    assert status == 1
    assert "but got a web page, as proxies and sign-in pages send" in error


@pytest.mark.slow
def test_several_corpora_one_of_which_fails(variables: dict[str, str], tmp_path: Path) -> None:
    words = [*EMOBOX, "download", "iemocap", "tiny", "demo", "--to", str(tmp_path / "data")]
    status, out, _ = finished(words, variables)
    assert status == 1
    assert "Demo is built in" in out
    assert whole(tmp_path / "data/tiny")
    status, _, error = finished([*EMOBOX, "download", "tinny"], variables)
    assert status == 1
    assert "Did you mean tiny?" in error
