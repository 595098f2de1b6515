"""What is committed for others to read names no folder of the machine that wrote it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks/results", "docs")
MACHINE_PATH = re.compile(rb"/(?:work|home|tmp|root|Users)/[^\"\s]*")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_path_of_a_machine(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert files
    named = {str(path.relative_to(ROOT)): MACHINE_PATH.findall(path.read_bytes()) for path in files}
    assert {file: paths for file, paths in named.items() if paths} == {}
