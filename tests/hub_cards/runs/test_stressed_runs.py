"""Stress tests beside runs: on cards, pictures and the leaderboard, each held against its run."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from commands import run_command
from kept_runs import kept_run
from stress_records import CHANGED, MISSING, make_stress

from emobox_probe.errors import ProbeError
from emobox_probe.records.stress_record import read_stress
from emobox_probe.report.percent import score_text
from emobox_probe.scoring.stress import clean_scores_of, perturbed_summary_of
from hub_cards.leaderboard.data import page_data
from hub_cards.runs.collection import collect
from hub_cards.runs.find_and_check import find_runs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("lab/good", "lab/poor", "lab/untested")):
        kept_run(tmp_path / name, name, right=0.9 - 0.2 * seed, seed=seed)
    make_stress(tmp_path / "lab/good")
    make_stress(tmp_path / "lab/poor", seed=1)
    return tmp_path


def test_a_run_is_found_with_its_stress_test(folder: Path) -> None:
    found = {run.record.encoder.name: run.stress for run in find_runs([folder])}
    assert found["lab/untested"] is None
    assert found["lab/good"].title == "lab/good on perturbed urdu, protocol paper"


def test_a_stress_test_of_other_heads_is_refused(folder: Path) -> None:
    shutil.copytree(folder / "lab/good/stress", folder / "lab/untested/stress")
    with pytest.raises(
        ProbeError, match=r"one of other heads; make it again with `emobox stress` and --overwrite"
    ):
        find_runs([folder])


def test_a_stress_test_of_other_heads_does_not_stop_a_leaderboard(folder: Path) -> None:
    shutil.copytree(folder / "lab/good/stress", folder / "lab/untested/stress")
    collection = collect([folder])
    tested = {one.model.name: one.stress is not None for one in collection.results}
    assert tested == {"lab/good": True, "lab/poor": True, "lab/untested": False}
    (note,) = collection.notes
    assert note.startswith("Left out of lab/untested (urdu, protocol paper): a stress test of other heads")


def test_a_stress_test_beside_other_clean_predictions_is_refused(folder: Path) -> None:
    """All of its own numbers follow from its predictions: only the run tells."""
    place = folder / "lab/good" / "stress"
    table = pd.read_parquet(place / "predictions.parquet").assign(clean=lambda rows: rows["label"])
    record = read_stress(place)
    labels, absent = record.corpus.labels, record.protocol["absent"]
    parts = [
        one.model_copy(update=perturbed_summary_of(table[table["perturbation"] == one.name], labels, absent))
        for one in record.perturbations
    ]
    clean = clean_scores_of(table, labels, absent)
    table.to_parquet(place / "predictions.parquet")
    record.model_copy(update={"perturbations": parts, "clean": clean}).write(place)
    with pytest.raises(ProbeError, match="beside the run's own predictions"):
        find_runs([folder / "lab/good"])


def test_a_stress_test_over_fewer_speakers_than_it_says_is_refused(folder: Path) -> None:
    place = folder / "lab/good" / "stress"
    record = read_stress(place)
    record.model_copy(update={"clusters": record.clusters + 90}).write(place)
    with pytest.raises(ProbeError, match="what was resampled is"):
        find_runs([folder / "lab/good"])


def test_the_card_has_every_number_and_what_a_reader_must_know(folder: Path) -> None:
    assert run_command("card", str(folder / "lab/good")) == 0
    card = (folder / "lab/good/README.md").read_text()
    record = find_runs([folder / "lab/good"])[0].stress
    for one in record.perturbations:
        row = next(line for line in card.splitlines() if line.startswith(f"| {one.name} |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == score_text(100 * one.scores.ua)
        assert float(cells[2]) == pytest.approx(100 * one.ua_change.difference, abs=0.051)
        assert cells[4] == score_text(100 * one.unchanged)
    assert f"{MISSING.name} was not run: {MISSING.reason}." in card
    assert "can change what people hear" in card
    assert "](stress/stress.png)" in card
    # A second time it is the same, and below another README pictures are beside it.
    out = folder / "card" / "README.md"
    assert run_command("card", str(folder / "lab/good"), "--out", str(out)) == 0
    assert (out.parent / "emobox" / "urdu-paper-stress.png").is_file()
    assert "](emobox/urdu-paper-stress.png)" in out.read_text()


def test_the_leaderboard_has_every_model_on_every_perturbation(folder: Path) -> None:
    (table,) = page_data(collect([folder]))["stress"]
    assert (table["corpus"], table["protocol"]) == ("urdu", "paper")
    assert [name for name, _ in table["perturbations"]] == ["clean", *CHANGED, MISSING.name]
    names = {row["model"] for row in table["rows"]}
    assert len(names) == 2
    assert len(table["rows"]) == 2 * (2 + len(CHANGED))
    record = find_runs([folder / "lab/good"])[0].stress
    (loud,) = [one for one in record.perturbations if one.name == "white-noise-0db"]
    row = next(row for row in table["rows"] if row["perturbation"] == "white-noise-0db")
    assert row["change"] == pytest.approx(100 * loud.ua_change.difference, abs=1e-3)
    assert row["low"] == pytest.approx(100 * loud.ua_change.interval[0], abs=1e-3)
    assert {row.get("reason") for row in table["rows"]} == {None, MISSING.reason}


def test_pictures_have_all_models_of_a_corpus_side_by_side(folder: Path) -> None:
    assert run_command("plots", str(folder), "--out", str(folder / "plots")) == 0
    assert (folder / "plots" / "urdu.paper.stress.ua.png").is_file()
