"""What a run of the tests says at its end about tests that were not run."""

import os
import subprocess
import sys
from pathlib import Path

SKIPPED = """
import pytest

@pytest.mark.skipif(True, reason="no chromium on the path; apt-get install chromium")
@pytest.mark.parametrize("number", range(3))
def test_in_a_browser(number): ...

def test_without_a_package():
    pytest.importorskip("no_such_package", reason="it is not installed: pip install -e '.[egemaps]'")

def test_without_corpora():
    pytest.skip("real corpora are not at /shared; set EMOBOX_TEST_ASSETS to their folder")

def test_without_remedy():
    pytest.skip("only on Windows")

def test_run(): ...
"""


def test_the_last_lines_count_them_and_name_what_would_run_them(tmp_path: Path) -> None:
    (tmp_path / "test_skipped.py").write_text(SKIPPED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "conftest", "--numprocesses", "2", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
    )
    *_, browser, package, corpora, end = done.stdout.splitlines()
    assert browser == "Not run: 3 tests. To run them: apt-get install chromium"
    assert {package, corpora} == {
        "Not run: 1 tests. To run them: pip install -e '.[egemaps]'",
        "Not run: 1 tests. To run them: set EMOBOX_TEST_ASSETS to their folder",
    }
    assert end.startswith("1 passed, 6 skipped")
