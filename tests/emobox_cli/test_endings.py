"""How commands end, in processes of their own: one paragraph and an exit status, whatever goes wrong around them."""

import ctypes
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets.exceptions import DatasetGenerationError

from emobox_cli.console import guarded
from emobox_probe.errors import ProbeError
from hub_cards.bench.plan import PlanError

# `emobox` with few epochs, and shards that are written slowly enough to be interrupted between.
SCRIPT = """
import sys, time
from dataclasses import replace
import emobox
from emobox_probe.features import store as features
from emobox_probe.protocol import PROTOCOLS
features.SHARDS, features.SHORTEST_SHARD = 20, 10.0
PROTOCOLS["paper"] = replace(PROTOCOLS["paper"], epochs=4, warm_up_epochs=2, hidden_sizes=(8,))
write = features.write_shard
def slowly(*given):
    time.sleep(float(sys.argv[1]))
    write(*given)
features.write_shard = slowly
emobox.main(sys.argv[2:])
"""
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def start(
    folder: Path,
    *words: str,
    pause: float = 0.0,
    before: Callable[[], object] | None = None,
    session: bool = False,
) -> "subprocess.Popen[str]":
    """`emobox probe` of the demo corpus, into a folder."""
    script = folder / "short.py"
    script.write_text(SCRIPT)

    def prepare() -> None:
        # Whatever runs in the background of a shell, as tests may, ignores Ctrl-C, and so would what it starts.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if before:
            before()

    places = ["--features-dir", str(folder / "features"), "--output-dir", str(folder / "runs")]
    options = ["probe", "--model", "builtin:logmel", "--corpus", "demo", *places, *words]
    return subprocess.Popen(
        [sys.executable, str(script), str(pause), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
        start_new_session=session,
    )


def paragraph(told: str) -> str:
    """What is told after progress bars: one line, no traceback."""
    assert "Traceback" not in told, told
    return told.rstrip("\n").rsplit("\n", 1)[-1]


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the corpus is converted, and once it is: while features are stored."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    def fails() -> str:
        process = start(tmp_path, before=little_room)
        _, told = process.communicate()
        assert process.returncode == 1
        return paragraph(told)

    assert fails().startswith(
        f"error: Expected room for all of demo in {tmp_path}/cache/datasets, but the disk is"
    )
    assert start(tmp_path).wait() == 0
    shutil.rmtree(tmp_path / "features")
    shutil.rmtree(tmp_path / "runs")
    assert fails().startswith(f"error: Expected room in {tmp_path}/features")
    assert not list((tmp_path / "features").rglob(".*"))  # no half-written file is left


def test_a_missing_permission(tmp_path: Path) -> None:
    def as_others() -> None:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):  # else root may do everything
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

    (tmp_path / "runs").mkdir()
    (tmp_path / "runs").chmod(0o500)
    process = start(tmp_path, before=as_others)
    _, told = process.communicate()
    assert process.returncode == 1
    assert paragraph(told).startswith(f"error: Expected permission for {tmp_path}/runs/")


def interrupted(process: subprocess.Popen[str]) -> str:
    """What a process tells that is interrupted; again, if the first time fell on a moment that Python ignores.

    A second time while it ends would be the end of Python itself: wait for as long as a busy machine may take.
    """
    while True:
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=30)[1]
        except subprocess.TimeoutExpired:
            continue


def test_an_interruption(tmp_path: Path) -> None:
    process = start(tmp_path, pause=0.3)
    while process.poll() is None and not list(tmp_path.rglob("shard-*.safetensors")):
        time.sleep(0.01)
    told = interrupted(process)
    assert process.returncode == 130
    assert paragraph(told).startswith("Interrupted.")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("shard-*.safetensors")}
    assert 0 < len(kept) < 20
    process = start(tmp_path)
    printed, _ = process.communicate()
    assert process.returncode == 0
    assert "mean" in printed
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


def test_an_interruption_of_all_processes_that_convert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a terminal sends it: to those that `datasets` has started too."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    process = start(tmp_path, "--num-proc", "2", session=True)
    while process.poll() is None and not list(tmp_path.rglob("*.arrow")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert paragraph(told).startswith("Interrupted.")


def test_what_fails_while_it_cleans_up_after_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        try:
            raise KeyboardInterrupt
        finally:
            raise TimeoutError  # as a pool does that waits for its processes

    assert guarded(command) == 130
    assert capsys.readouterr().err.startswith("Interrupted.")


def test_a_file_in_the_way_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    process = start(tmp_path)
    _, told = process.communicate()
    assert process.returncode == 1
    assert paragraph(told).startswith(f"error: Expected {tmp_path}/runs, but got: a file is in the way")
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize(
    ("words", "redirection", "status"),
    [("protocols paper", ">&-", 0), ("corpora", ">&- 2>&-", 0), ("--version", ">/dev/full", 1)],
)
def test_output_that_goes_nowhere(words: str, redirection: str, status: int) -> None:
    done = subprocess.run(
        f"{sys.executable} -m emobox {words} {redirection}", shell=True, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("words", [["corpora"], ["corpora", "--json"]])
def test_nobody_reads_on(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "emobox", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()  # as `head` does once it has enough
    assert process.stderr.read() == ""
    assert process.wait() == 141


@pytest.mark.slow
def test_progress_is_shown_unless_it_is_not_wanted(tmp_path: Path) -> None:
    words = ["extract", "--model", "builtin:logmel", "--corpus", "demo", "--features-dir"]
    for place, quiet in (("a", []), ("b", ["--quiet"])):
        command = [sys.executable, "-m", "emobox", *words, str(tmp_path / place), *quiet]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "320 utterances" in done.stdout
        assert ("features:" in done.stderr) == (not quiet)
    assert done.stderr == ""


def raising(error: Exception, cause: Exception | None = None) -> Callable[[], int]:
    def command() -> int:
        raise error from cause

    return command


@pytest.mark.parametrize(
    ("error", "cause", "status", "said"),
    [
        (ProbeError("Expected this."), None, 1, "error: Expected this."),
        (PlanError(["a:1: Expected this.", "a:2: And that."]), None, 2, "error: a:1: Expected this.\na:2: And that."),
        (OSError(errno.ENOSPC, "No space"), None, 1, "error: Expected room on the disk"),
        # `datasets` wraps what goes wrong while it converts a corpus.
        (DatasetGenerationError("generating"), OSError(errno.EDQUOT, "quota"), 1, "error: Expected room on the disk"),
        (DatasetGenerationError("generating"), ProbeError("Expected this."), 1, "error: Expected this."),
        (PermissionError(errno.EACCES, "denied", "/a/file"), None, 1, "error: Expected permission for /a/file"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/file"), None, 1, "error: Expected /a/file, but got"),
        (ConnectionError("no way to the Hub"), None, 1, "error: no way to the Hub"),
    ],
)  # fmt: skip
def test_what_users_can_mend_is_a_paragraph(
    error: Exception, cause: Exception | None, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error, cause)) == status
    assert capsys.readouterr().err.startswith(said)


def test_our_own_mistakes_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError("ours")))
    with pytest.raises(ValueError, match="ours"):
        guarded(raising(ValueError("ours")))


def test_code_that_calls_exit_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command runs: only argparse ends one in good order."""
    assert guarded(lambda: sys.exit(0)) == 1
    assert "called sys.exit(0)" in capsys.readouterr().err
