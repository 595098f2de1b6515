"""`emobox stress`: a run's own heads on perturbed audio, from the record to what goes wrong."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run_command
from filelock import FileLock
from sklearn.metrics import recall_score
from used_runs import demo_waveforms

from emobox_probe import fit, probe, stress
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.records.heads_file import read_heads
from emobox_probe.records.result import read_record
from emobox_probe.records.stress_record import read_stress
from emobox_probe.scoring.check import as_shown
from emobox_probe.trust import perturbed
from emobox_probe.trust.parts import forget
from emobox_probe.trust.perturbations import suite
from emobox_probe.trust.perturbations.length import beginning
from emobox_probe.trust.perturbations.noise import babble, white, with_noise
from emobox_probe.trust.perturbations.perturbation import Perturbation, Surroundings, random_numbers
from emobox_probe.use.predictor import EncoderAndHeads

ONLY = "gain-20db,white-noise-0db,first-1s"


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The run, in a folder of its own."""
    return Path(shutil.copytree(run, tmp_path / "runs" / run.name))


@pytest.fixture(scope="module")
def tested(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with a stress test in it, which tests only look at."""
    folder = Path(shutil.copytree(run, tmp_path_factory.mktemp("tested") / run.name))
    stress(folder, only=ONLY)
    return folder


def table_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "stress" / "predictions.parquet")


def by_hand(run: Path, fold: str, waveform: np.ndarray) -> np.ndarray:
    """Logits (C,) of a fold's head on a waveform, without the store and what is beside it."""
    record = read_record(run)
    heads = [kept for kept in read_heads(run, record.heads_sha256).heads if kept.fold == fold]
    encoder = load_encoder("builtin:logmel", torch.device("cpu"))
    predictor = EncoderAndHeads(encoder, heads, record.corpus.labels, "float16")
    return predictor.logits([waveform.astype(np.float32)])[0]


def test_heads_hear_the_perturbed_audio_of_what_they_were_tested_on(tested: Path) -> None:
    record = read_stress(tested / "stress")
    table, source = table_of(tested), pd.read_parquet(tested / "predictions.parquet")
    assert [one.name for one in record.perturbations] == ["white-noise-0db", "gain-20db", "first-1s"]
    waveforms = demo_waveforms()
    for name, part in table.groupby("perturbation"):
        assert part[["fold", "id", "seed", "label"]].to_numpy().tolist() == (
            source[["fold", "id", "seed", "label"]].to_numpy().tolist()
        )
        assert part["clean"].tolist() == source["prediction"].tolist()
        for row in part.iloc[::97].itertuples():
            waveform = waveforms[row.id].astype(float)
            expected = {
                "gain-20db": waveform / 10,
                "white-noise-0db": with_noise(
                    waveform, white(len(waveform), random_numbers("white noise", row.id)), 0
                ),
                "first-1s": waveform[:16_000],
            }[str(name)]
            np.testing.assert_allclose(by_hand(tested, row.fold, expected), row.logits, atol=1e-4)


def test_numbers_follow_from_the_predictions(tested: Path) -> None:
    record = read_stress(tested / "stress")
    table, labels = table_of(tested), record.corpus.labels
    clean = read_record(tested).pooled
    assert record.clean == clean
    assert record.reproduced == 1.0
    for one in record.perturbations:
        part = table[table["perturbation"] == one.name]
        ua = recall_score(part["label"], part["prediction"], labels=labels, average="macro")
        assert one.scores.ua == pytest.approx(ua)
        assert one.ua_change.difference == pytest.approx(ua - clean.ua)
        assert one.unchanged == pytest.approx((part["prediction"] == part["clean"]).mean())
        assert one.test == len(part) == 320
        if one.ua_change.interval:
            low, high = one.ua_change.interval
            assert low < one.ua_change.difference < high
    seconds = {id: len(waveform) / 16_000 for id, waveform in demo_waveforms().items()}
    short = sum(seconds[id] <= 1 for id in table["id"].unique())
    assert {one.name: one.as_they_were for one in record.perturbations}["first-1s"] == short
    assert as_shown(tested / "stress", record) == record
    assert record.table()["perturbation"].tolist()[0] == "clean"
    assert (tested / "stress" / "stress.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_time_and_with_other_threads_all_is_the_same(copy: Path, tested: Path) -> None:
    noise = table_of(tested).query("perturbation == 'white-noise-0db'").reset_index(drop=True)
    torch.set_num_threads(2)
    stress(copy, only="white-noise-0db")
    torch.set_num_threads(1)
    again = table_of(copy)
    assert np.stack(again["logits"]).tobytes() == np.stack(noise["logits"]).tobytes()
    assert again.drop(columns="logits").equals(noise.drop(columns="logits"))


def test_a_test_that_is_there_is_not_made_again(tested: Path, copy: Path) -> None:
    before = (tested / "stress" / "stress.json").stat().st_mtime_ns
    assert stress(tested, only=ONLY) == read_stress(tested / "stress")
    assert (tested / "stress" / "stress.json").stat().st_mtime_ns == before
    shutil.copytree(tested / "stress", copy / "stress")
    (copy / "stress" / "predictions.parquet").unlink()
    stress(copy, only=ONLY)
    assert table_of(copy).equals(table_of(tested))


def test_babble_with_too_few_speakers_is_not_run_and_said(copy: Path, tested: Path) -> None:
    # The demo corpus has four speakers, one a fold. What an earlier test has left is gone.
    shutil.copytree(tested / "stress", copy / "stress")
    record = stress(copy, only="babble-0db", overwrite=True)
    assert as_shown(copy / "stress", record) == record
    assert not record.perturbations
    (missing,) = record.not_run
    assert "4 speakers are needed that are in no test fold" in missing.reason


def test_a_killed_test_goes_on_and_damaged_answers_are_made_again(
    copy: Path, tested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract, extracted = perturbed.extract, []

    def interrupted(store: Any, *arguments: Any, **more: Any) -> None:
        extracted.append(store.identity["perturbation"])
        if len(extracted) == 3:
            raise KeyboardInterrupt
        extract(store, *arguments, **more)

    monkeypatch.setattr(perturbed, "extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stress(copy, only=ONLY)
    assert not (copy / "stress" / "stress.json").exists()
    (part,) = (copy / "stress" / ".parts").glob("*/white-noise-0db.parquet")
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 8
    part.write_bytes(content)
    resumed = stress(copy, only=ONLY)
    assert extracted[3:] == ["white-noise-0db", "first-1s"]
    assert resumed.perturbations == read_stress(tested / "stress").perturbations
    assert table_of(copy).equals(table_of(tested))
    there = sorted(path.name for path in (copy / "stress").iterdir())
    assert there == ["predictions.parquet", "stress.json", "stress.png"]


def test_clips_that_become_shorter_than_an_encoder_takes_are_counted(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blink = Perturbation(
        "first-10ms",
        suite.BEGINNING,
        "next to nothing",
        lambda waveform, _: beginning(waveform, 0.01),
        lambda seconds: min(seconds, 0.01),
    )
    monkeypatch.setitem(suite.SUITES, "default", (blink,))
    record = stress(copy)
    assert record.perturbations[0].lengthened == 320
    assert "320 by first-10ms" in " ".join(record.remarks)


def test_what_a_library_lacks_is_not_run_and_said(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gsm = replace(suite.perturbations_of("default", ["telephone-gsm"])[0], missing=lambda: "there is no GSM")
    monkeypatch.setitem(suite.SUITES, "default", (gsm,))
    record = stress(copy)
    assert [(one.name, one.reason) for one in record.not_run] == [("telephone-gsm", "there is no GSM")]
    assert "telephone-gsm was not run: there is no GSM." in record.remarks
    assert as_shown(copy / "stress", record) == record


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_bad_input(copy: Path, tested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str | Path, status: int = 1) -> str:
        assert run_command("stress", *words) == status
        return capsys.readouterr().err

    assert "has no result.json" in said(tmp_path)
    assert "Did you mean clipping?" in said(copy, "--only", "cliping", status=2)
    assert "--suite" in said(copy, "--suite", "none", status=2)
    fit(copy, ensemble=True)
    assert "result.json" in said(copy / "ensemble")
    for folder in (copy, copy / "ensemble"):
        assert "new, empty or an earlier stress test" in said(copy, "--out", folder, "--overwrite")
    shutil.copytree(tested / "stress", copy / "stress")
    assert "one of other perturbations" in said(copy, "--only", "gain+6db")
    edit(copy / "stress/stress.json", lambda record: record.update(heads_sha256="0" * 64))
    assert "one of other heads" in said(copy, "--only", ONLY)
    edit(copy / "result.json", lambda record: record["corpus"].update(fingerprint="0" * 64))
    assert "has other audio" in said(copy, "--only", "gain-20db", "--overwrite")
    (copy / "heads.safetensors").unlink()
    assert "there are none; run it again with --overwrite" in said(copy, "--overwrite")
    edit(copy / "result.json", lambda record: record.update(heads_sha256=None))
    assert "kept none" in said(copy, "--overwrite")
    (copy / "cross.json").touch()
    assert "between corpora" in said(copy)


def test_a_record_that_does_not_follow_from_its_predictions_is_refused(tested: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tested / "stress", tmp_path / "stress"))
    record = read_stress(folder)
    first = record.perturbations[0].model_copy(update={"unchanged": 0.123})
    other = record.model_copy(update={"perturbations": [first, *record.perturbations[1:]]})
    with pytest.raises(ProbeError, match=r"unchanged predictions of white-noise-0db is 0\.123"):
        as_shown(folder, other)
    with pytest.raises(ProbeError, match=r"the score on clean audio"):
        as_shown(folder, record.model_copy(update={"clean": first.scores}))
    pd.read_parquet(folder / "predictions.parquet").iloc[1:].to_parquet(folder / "predictions.parquet")
    with pytest.raises(ProbeError, match="of one run"):
        as_shown(folder, record)


def test_a_smoke_test_is_one_under_stress_too(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe("builtin:logmel", "demo", output_dir=tmp_path, limit=5, folds=["fold2"])
    (folder,) = (file.parent for file in tmp_path.rglob("result.json"))
    assert run_command("stress", folder, "--only", "gain-20db", "--quiet") == 0
    assert "of demo only 5 or fewer utterances" in capsys.readouterr().out.lower()
    assert set(table_of(folder)["id"]) == set(pd.read_parquet(folder / "predictions.parquet")["id"])


def test_the_command_shows_what_changes(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("stress", copy, "--only", "gain-20db,babble-0db", "--quiet") == 0
    shown = capsys.readouterr().out
    assert "gain-20db" in shown
    assert "babble-0db was not run" in shown
    assert "can change what people hear" in shown
    assert str(copy / "stress") in shown


def test_two_at_a_time(copy: Path) -> None:
    (copy / "stress" / ".parts").mkdir(parents=True)
    with FileLock(copy / "stress" / ".parts" / "lock"), pytest.raises(ProbeError, match="another process is"):
        stress(copy, only="gain-20db")


def test_what_another_process_has_ended_since_is_not_made_again(
    copy: Path, tested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw no record; the other was done before this one held the lock."""

    def done_by_the_other(folder: Path) -> None:
        shutil.copytree(tested / "stress", folder)

    monkeypatch.setattr("emobox_probe.trust.stress.check_writable", done_by_the_other)
    monkeypatch.setattr(perturbed, "extract", lambda *given, **more: pytest.fail("made again"))
    assert stress(copy, only=ONLY) == read_stress(tested / "stress")
    assert sorted(path.name for path in (copy / "stress").iterdir()) == sorted(
        path.name for path in (tested / "stress").iterdir()
    )


def test_the_lock_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes it once it is gone has nothing taken away."""
    parts, remove = tmp_path / ".parts", shutil.rmtree
    (parts / "key").mkdir(parents=True)
    (parts / "lock").touch()
    locked = []
    monkeypatch.setattr(
        shutil, "rmtree", lambda path, **more: locked.append((parts / "lock").exists()) or remove(path)
    )
    forget(tmp_path)
    assert locked == [True]
    assert not parts.exists()


def test_babble_is_of_voices_by_the_rule(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = replace(suite.perturbations_of("default", ["babble-0db"])[0], voices=3)
    monkeypatch.setitem(suite.SUITES, "default", (fewer,))
    stress(copy)
    waveforms = demo_waveforms()
    ids = sorted(waveforms)
    speaker = {id: id.split("-")[1].split("_")[0] for id in ids}
    row = table_of(copy).iloc[7]
    others = sorted({name for name in speaker.values() if name != speaker[row.id]})
    draw = random_numbers("voices", row.id)
    order = [str(name) for name in draw.choice(np.array(others), 3, replace=False)]
    chosen = [str(draw.choice([id for id in ids if speaker[id] == name])) for name in order]
    waveform = waveforms[row.id].astype(float)
    around = Surroundings(random_numbers("babble", row.id), [waveforms[id] for id in chosen])
    noise = babble(len(waveform), around.voices, around.random)
    expected = by_hand(copy, row.fold, with_noise(waveform, noise, 0))
    np.testing.assert_allclose(expected, row.logits, atol=1e-4)
