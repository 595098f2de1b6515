"""Cores and memory, seen in processes of their own: both are settings of a whole process."""

import os
import subprocess
import sys

import pytest

from emobox_probe.heads.cpu import threads_told

# Tensors as large as a batch's hidden units, each a little different: pages that the system had to give meanwhile.
FAULTS = """
import resource, torch
def work():
    for number in range(40):
        hidden = [torch.ones(3_000_000 + 50_000 * (number * 7 % 11)) for _ in range(3)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
KEEP = "from emobox_probe.heads.cpu import keep_freed_memory; keep_freed_memory()"


@pytest.mark.parametrize(
    ("told", "launched", "expected"),
    [(None, False, False), ("1", False, True), ("3", False, True), ("1", True, False), ("3", True, True)],
)
def test_whose_word_the_number_of_threads_is(
    monkeypatch: pytest.MonkeyPatch, told: str | None, launched: bool, expected: bool
) -> None:
    """`accelerate launch` sets it to 1 where nobody has set it, and leaves it alone where somebody has."""
    for name, value in (
        ("OMP_NUM_THREADS", told),
        ("ACCELERATE_MIXED_PRECISION", "no" if launched else None),
    ):
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    assert threads_told() == expected


@pytest.mark.parametrize("told", [None, "1"])
def test_all_cores_unless_told_otherwise(told: str | None) -> None:
    code = (
        "import torch; from accelerate import Accelerator; from emobox_probe.experiment import prepare_device\n"
        "prepare_device(Accelerator(cpu=True)); print(torch.get_num_threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": told} if told else {}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) == (1 if told else len(os.sched_getaffinity(0))), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_memory_that_was_freed_is_used_again() -> None:
    usual, kept = (
        int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for code in (FAULTS, KEEP + FAULTS)
    )
    assert usual > 5_000
    assert kept < usual / 3  # a system short of memory takes some back meanwhile
