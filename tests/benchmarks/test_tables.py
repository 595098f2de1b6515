"""The numbers of README, guide and card are those that the benchmarks wrote."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tables_are_those_of_the_result_files() -> None:
    words = [sys.executable, str(ROOT / "benchmarks" / "tables.py"), "--check"]
    assert subprocess.run(words).returncode == 0, "run python benchmarks/tables.py"
