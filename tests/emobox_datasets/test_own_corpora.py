"""A corpus module outside of the package, as somebody else writes one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from emobox_datasets.corpus import Corpus
from emobox_datasets.corpora import demo
from dataclasses import replace

CORPUS = replace(demo.CORPUS, name="{name}", display_name="Mine")
"""
LOAD = """
import emobox_datasets
from datasets import load_dataset
print(load_dataset("emobox/mine", "fold1", split="test").num_rows)
"""


def python(program: str, folders: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "EMOBOX_CORPORA": folders},
        capture_output=True,
        text=True,
    )


def test_a_corpus_of_ones_own_loads(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODULE.format(name="mine"))
    done = python(LOAD, f"{tmp_path}{os.pathsep}")
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) > 0


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("mine.py", "yours", "Expected a Corpus named 'mine' as CORPUS in"),
        ("other.py", "other", "set EMOBOX_CORPORA to the folder of its module"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, file: str, name: str, said: str) -> None:
    (tmp_path / file).write_text(MODULE.format(name=name))
    assert said in python(LOAD, str(tmp_path)).stderr


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert "does not exist; correct it" in python(LOAD, str(tmp_path / "nowhere")).stderr


def test_no_corpus_of_the_benchmark_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "emodb.py").write_text("CORPUS = None")
    program = "from emobox_datasets import corpora; print(corpora.load('emodb').display_name)"
    assert python(program, str(tmp_path)).stdout.strip() == "EmoDB"
