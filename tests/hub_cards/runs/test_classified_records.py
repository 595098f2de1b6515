"""Classifiers that were used as they are: in tables of their own, and nowhere among heads that were trained."""

import csv
import io
import json
from pathlib import Path

import pytest
from classified_records import make_classified
from commands import run_command
from kept_runs import kept_run

from emobox_probe.errors import ProbeError
from hub_cards.leaderboard.data import page_data
from hub_cards.runs.collection import collect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept_run(tmp_path / "a", "lab/encoder", right=0.9)
    make_classified(tmp_path / "b")
    make_classified(tmp_path / "c", "superb/hubert-base-superb-er", "iemocap", "fine-tuned on iemocap")
    return tmp_path


def test_results_list_them_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("results", str(folder)) == 0
    trained, as_they_are = capsys.readouterr().out.split("used as they are: nothing was trained here")
    assert "lab/encoder" in trained
    assert "lab/classifier" not in trained
    assert "zero-shot" in as_they_are
    assert "fine-tuned on iemocap" in as_they_are
    assert run_command("results", str(folder), "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    protocols = {(row["model"], row["protocol"], row["folds"]) for row in rows}
    assert ("lab/encoder", "paper", "") in protocols
    assert ("lab/classifier", "as it is", "strict") in protocols
    (row,) = [row for row in rows if row["model"] == "lab/classifier" and row["folds"] == "released"]
    part = make_classified(folder / "again").parts[0]
    assert float(row["ua"]) == pytest.approx(100 * part.scores.ua, abs=0.01)
    assert float(row["outside"]) == pytest.approx(100 * part.outside, abs=0.01)


@pytest.mark.parametrize("form", ["text", "csv", "json", "latex"])
def test_results_of_nothing_else(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_classified(tmp_path / "b", "mine")
    assert run_command("results", str(tmp_path), "--format", form) == 0
    assert "mine" in capsys.readouterr().out


def test_cards_say_that_they_have_no_place_for_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("card", str(folder / "b")) == 1
    assert "but got " + str(folder / "b" / "classified.json") in capsys.readouterr().err
    assert run_command("card", str(folder), "--out", str(folder / "README.md")) == 0
    assert "note: " + str(folder / "b" / "classified.json") + " and 1 more: " in capsys.readouterr().out


def test_the_leaderboard_has_them_without_rank(folder: Path) -> None:
    data = page_data(collect([folder]))
    rows = data["classified"]
    assert {(row["name"], row["kind"]) for row in rows} == {
        (name, kind)
        for name in ("lab/classifier", "superb/hubert-base-superb-er")
        for kind in ("released", "strict")
    }
    assert not [key for row in rows for key in row if key.endswith("_rank")]
    assert "lab/classifier" not in {model["name"] for model in data["models"]}
    tuned = next(row for row in rows if row["name"].startswith("superb"))
    assert data["corpora"][tuned["corpus"]]["name"] == "iemocap"
    assert (tuned["training"], tuned["seen"]) == ("fine-tuned on iemocap", "tuned")


def test_the_newest_of_a_classifier_and_corpus_is_kept(folder: Path) -> None:
    earlier = make_classified(folder / "d")
    provenance = earlier.provenance.model_copy(update={"created": "2025-01-02T03:04:05+00:00"})
    earlier.model_copy(update={"provenance": provenance}).write(folder / "d")
    found = collect([folder])
    assert [one.folder.name for one in found.classified] == ["b", "c"]
    assert "urdu, as it is" in found.notes[0]


@pytest.mark.parametrize("name", ["scores", "outside", "confusion"])
def test_what_does_not_follow_from_the_answers_is_refused(folder: Path, name: str) -> None:
    file = folder / "b" / "classified.json"
    told = json.loads(file.read_text())
    part = told["parts"][1]
    if name == "scores":
        part["scores"]["ua"] += 0.01
    elif name == "outside":
        part["outside"] = 0.0
    else:
        part["confusion"][0][0] += 1
    file.write_text(json.dumps(told))
    with pytest.raises(ProbeError, match="of the strict folds is"):
        collect([folder])
