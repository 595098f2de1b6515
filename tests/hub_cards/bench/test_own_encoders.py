"""Encoders of one's own in a plan: nothing of them is run before the plan is."""

import json
from pathlib import Path

import pytest
from bench_plans import demo_plan
from commands import run_command

from emobox_probe.encoders.own.located import code_of, files_of
from emobox_probe.errors import ProbeError
from emobox_probe.records.result import read_record
from hub_cards.bench.models import find_model
from hub_cards.bench.plan import Model

RAN = "ran.txt"
CODE = f"""
import pathlib
pathlib.Path("{RAN}").write_text("its code was run")

def load():
    return lambda waveforms: waveforms.unfold(1, 320, 320)[..., :6].abs()

def load_model(weights=""):
    return None

def get_scene_embeddings(audio, model):
    return audio[:, :4]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(CODE)
    (tmp_path / "package" / "inner.py").write_text(CODE)
    (tmp_path / "weights.pt").write_text("0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dry_run_says_what_would_be_run_and_runs_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("python:./mine.py:load", "python:package.inner:load", "hear:mine@weights.pt")
    (folder / "plan.yaml").write_text(demo_plan(folder, *names))
    assert run_command("bench", "plan.yaml", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "python:./mine.py:load: runs mine.py. Its size is not known" in shown
    assert f"python:package.inner:load: runs {folder / 'package' / 'inner.py'}." in shown
    assert f"hear:mine@weights.pt: runs {folder / 'mine.py'}." in shown
    assert run_command("bench", "plan.yaml", "--dry-run", "--log", "json") == 0
    assert json.loads(capsys.readouterr().out)["code"]["python:./mine.py:load"] == "mine.py"
    assert not (folder / RAN).exists()


@pytest.mark.usefixtures("quick")
def test_a_plan_runs_it_and_finds_it_done(folder: Path, in_process: list[str]) -> None:
    """`strict` takes every layer where there are some; here there are none."""
    text = demo_plan(folder, "python:./mine.py:load", protocols="paper, strict")
    (folder / "plan.yaml").write_text(text)
    assert run_command("bench", "plan.yaml") == 0
    for protocol in ("paper", "strict"):
        record = read_record(folder / "runs" / "python--.--mine.py--load" / "demo" / protocol)
        assert record.encoder.own
        assert record.encoder.layers == "last"
    in_process.clear()
    assert run_command("bench", "plan.yaml") == 0
    assert in_process == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("python:./none.py:load", "Python file or module ./none.py"),
        ("python:package.none:load", "Python file or module package.none"),
        ("python:mine", "Python file or module <module>"),
        ("hear:nowhere", "Python file or module nowhere"),
        ("hear:mine@none.pt", "Expected weights at none.pt"),
        ("{name: 'python:mine:load', revision: main}", "Expected no revision of python:mine:load"),
        ("{name: 'python:mine:load', compile: true}", "Expected no compile of python:mine:load"),
        ("{name: 'builtin:logmel', compile: true}", "Expected no compile of builtin:logmel"),
    ],
)
def test_what_is_not_there_is_said_before_anything_runs(
    folder: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "plan.yaml").write_text(demo_plan(folder, name))
    assert run_command("bench", "plan.yaml") == 2
    assert message in capsys.readouterr().err
    assert not (folder / RAN).exists()


def test_changed_code_or_weights_are_another_model(folder: Path) -> None:
    def stamp(name: str) -> str:
        return find_model(Model(name=name)).stamp

    for name, changed in (
        ("python:./mine.py:load", "mine.py"),
        ("python:package.inner:load", "package/__init__.py"),
        ("hear:mine@weights.pt", "weights.pt"),
    ):
        before = stamp(name)
        assert stamp(name) == before
        (folder / changed).write_text((folder / changed).read_text() + "\n# changed")
        assert stamp(name) != before


def test_files_are_found_as_python_finds_modules(folder: Path) -> None:
    assert code_of("python:package:load") == folder / "package" / "__init__.py"
    assert [path.name for path in files_of("python:package:load")] == ["__init__.py", "inner.py"]
    with pytest.raises(ProbeError, match="Python file or module sys"):
        code_of("python:sys:load")
