"""Runs that are killed, find no room or read flipped bits end as undisturbed ones, or in one paragraph."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "robustness.py"


def figures(out: Path, *words: str) -> dict[str, Any]:
    """What the script measures, once it has found nothing wrong."""
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(out), *words], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    measured: dict[str, Any] = json.loads(out.read_text())["figures"]
    return measured


@pytest.mark.slow
def test_killed_runs_are_ended_by_the_next(tmp_path: Path) -> None:
    measured = figures(tmp_path / "out.json", "--parts", "kills", "--kills", "4", "--random", "1")
    operations = measured["killed at chosen operations"]
    assert operations["statuses"] == {"-9": 3}
    assert {operation.partition(":")[0] for operation in operations["operations"]} == {"prepare", "probe"}
    assert measured["killed at random times"]["statuses"] == {"-9": 1}


@pytest.mark.slow
def test_all_that_is_measured(tmp_path: Path) -> None:
    measured = figures(tmp_path / "out.json", "--kills", "25", "--random", "5", "--bits", "100")
    for what, part in measured.items():
        assert part["trials"] > 0, what
    assert measured["no file may grow"]["statuses"] == {"1": measured["no file may grow"]["trials"]}
