"""Every benchmark says what it measures before it measures anything."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))
# What others import is no script.
BENCHMARKS = [script for script in SCRIPTS if "__main__" in script.read_text(encoding="utf-8")]


@pytest.mark.slow
@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda script: script.stem)
def test_help_is_what_the_script_says_of_itself(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    about = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    assert about
    assert about in done.stdout
    assert list(tmp_path.iterdir()) == []
