"""Processes that share work end with the one that started them, and one that is killed is told in a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emobox_datasets import CorpusError
from emobox_datasets.audio_files.processes import pool

# Two processes that wait for work, whose numbers are printed.
SCRIPT = """
import os, time
from emobox_datasets.audio_files.processes import pool
def number(_):
    time.sleep(0.3)
    return os.getpid()
with pool(2) as executor:
    print(*executor.map(number, range(2)), flush=True)
    time.sleep(600)
"""


def kill_myself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_told() -> None:
    with (
        pytest.raises(CorpusError, match="Expected 2 processes to work side by side, but one was killed"),
        pool(2) as executor,
    ):
        list(executor.map(kill_myself, range(4)))


def test_an_error_of_the_work_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), pool(2) as executor:
        list(executor.map(divmod, [1, 1], [1, 0]))


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent died"
)
def test_nobody_waits_for_ever_for_a_process_that_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    workers = [Path("/proc") / number / "stat" for number in parent.stdout.readline().split()]
    assert any(is_alive(worker) for worker in workers)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 30
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_alive(stat: Path) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
