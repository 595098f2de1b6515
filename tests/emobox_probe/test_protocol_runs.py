"""Runs of protocols as they are asked for: with more seeds, and where strict folds cannot be."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from commands import run_command

from emobox_probe import experiment
from emobox_probe.experiment import probe
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import read_record
from emobox_probe.report.report import remarks
from emobox_probe.scoring.check import check_scores

WHY = "fewer than four speakers are known"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    for name, protocol in PROTOCOLS.items():
        short = {"epochs": 4, "warm_up_epochs": 2, "hidden_sizes": (8,), "learning_rates": (5e-2,)}
        seeds = protocol.seeds[:2]
        monkeypatch.setitem(PROTOCOLS, name, replace(protocol, **short, seeds=seeds))
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


def run(output: Path, features: Path, *words: object) -> int:
    given = ["--model", "builtin:logmel", "--corpus", "demo", "--features-dir", features]
    return run_command("probe", *given, "--output-dir", output, *words)


def test_more_seeds_stand_beside_the_published_one(
    tmp_path: Path, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, features) == 0
    assert run(tmp_path, features, "--seeds", 3) == 0
    folder = tmp_path / "builtin--logmel" / "demo"
    alone, several = (read_record(folder / name) for name in ("paper", "paper-3-seeds"))
    assert (alone.protocol_id, several.protocol_id) == ("paper", "paper-3-seeds")
    assert (alone.seed_0, several.seed_0) == (None, alone.mean)
    assert [fold for fold in several.folds if fold.seed == 0] == alone.folds
    assert {fold.seed for fold in several.folds} == {0, 1, 2}
    assert several.seed_spread is not None
    # Who speaks is not known better with more seeds.
    assert several.speaker_only == alone.speaker_only
    rows = several.table().set_index("")
    assert rows.ua["seed 0, mean over folds, as published"] == pytest.approx(100 * alone.mean.ua)
    assert rows.ua["chance"] == 25
    shown = " ".join(capsys.readouterr().out.split())
    assert "protocol paper-3-seeds" in shown
    assert "only that of seed 0 compares with published ones" in shown
    check_scores(folder / "paper-3-seeds", several, read_predictions(folder / "paper-3-seeds", several))


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds_are_an_error(
    seeds: int, tmp_path: Path, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, features, "--seeds", seeds) == 2
    assert f"Expected seeds to be more than 0, but got {seeds}" in " ".join(capsys.readouterr().err.split())


def test_what_strict_cannot_be_has_a_name_and_a_place_of_its_own(
    tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nothing kept the demo corpus's speakers apart."""
    assert run(tmp_path, features, "--protocol", "strict") == 0
    for module in ("emobox_probe.tasks.tasks", "emobox_probe.tasks.design"):
        monkeypatch.setattr(f"{module}.why_speaker_dependent", lambda corpus: WHY)
    assert run(tmp_path, features, "--protocol", "strict") == 0
    assert run(tmp_path, features, "--protocol", "speaker-dependent") == 0
    folder = tmp_path / "builtin--logmel" / "demo"
    strict, other = (read_record(folder / name) for name in ("strict", "speaker-dependent"))
    assert (strict.protocol_id, other.protocol_id) == ("strict", "speaker-dependent")
    assert {fold.held_out for fold in strict.folds} == {"speakers"}
    assert {fold.held_out for fold in other.folds} == {"utterances"}
    assert strict.remarks == ["Utterances and raters of Demo are made up."]
    assert any(WHY in sentence for sentence in remarks(other))
    assert other.provenance.settings is not None


def test_speaker_dependent_is_refused_where_speakers_can_be_kept_apart(
    tmp_path: Path, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, features, "--protocol", "speaker-dependent") == 1
    assert "demo has some; use --protocol strict" in " ".join(capsys.readouterr().err.split())


def test_who_speaks_is_scored_without_audio(tmp_path: Path, features: Path) -> None:
    """In the demo corpus's folds nobody who is tested was heard before: all get the commonest label."""
    record = probe("builtin:logmel", "demo", protocol="paper", features_dir=features, output_dir=tmp_path)
    table = pd.read_parquet(tmp_path / "builtin--logmel" / "demo" / "paper" / "predictions.parquet")
    assert record.speaker_only is not None
    assert record.speaker_only.ua == record.chance == 0.25
    assert record.speaker_only.wa == pytest.approx((table.label == "Angry").mean())


def test_labels_that_validation_lacked_are_told(tmp_path: Path, features: Path) -> None:
    record = probe("builtin:logmel", "demo", protocol="strict", features_dir=features, output_dir=tmp_path)
    assert {tuple(fold.unvalidated or ()) for fold in record.folds} == {()}
    assert not any("Validation" in sentence for sentence in remarks(record))
    lacking = [
        fold.model_copy(update={"unvalidated": ["Sad"]}) if fold.name == "fold2" else fold
        for fold in record.folds
    ]
    (told,) = [s for s in remarks(record.model_copy(update={"folds": lacking})) if "Validation" in s]
    assert told.startswith(
        "Validation has no utterance of Sad in fold2 (seeds 0, 1); no speakers to hold out"
    )
