"""`emobox predict`: what a record says of its test utterances, of files in any form, of parts of long recordings."""

import io
import json
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from commands import run_command
from used_runs import demo_waveforms, logits_of

from emobox_probe import export, fit, predict
from emobox_probe.errors import ProbeError
from emobox_probe.records.result import ResultRecord, read_record
from emobox_probe.use.predict import Predictions
from emobox_probe.use.shown_predictions import draw

RATE = 16_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, quick_protocols: None) -> Path:
    """The demo corpus as files named by their ids."""
    folder = tmp_path_factory.mktemp("files")
    for id, waveform in demo_waveforms().items():
        soundfile.write(folder / f"{id}.wav", waveform, RATE, subtype="PCM_16")
    return folder


def model_of(name: str, tiny: Path) -> dict[str, Any]:
    return {} if name == "logmel" else {"model": str(tiny)}


def by_id(made: Predictions) -> dict[str, np.ndarray]:
    return {Path(p.file).stem: np.array(p.logits) for p in made.predictions}


@pytest.mark.parametrize(("name", "seeds"), [("logmel", [0]), ("tiny", [0]), ("strict", [0, 1])])
def test_heads_say_of_test_utterances_what_the_record_says(
    name: str, seeds: list[int], runs: dict[str, Path], tiny: Path, files: Path
) -> None:
    folds = {fold.name for fold in read_record(runs[name]).folds}
    for fold in folds:
        for seed in seeds:
            recorded = logits_of(runs[name], fold, seed)
            named = [files / f"{id}.wav" for id in recorded]
            said = by_id(predict(runs[name], named, fold=fold, seed=seed, **model_of(name, tiny)))
            assert said.keys() == recorded.keys()
            for id, logits in recorded.items():
                np.testing.assert_allclose(said[id], logits, rtol=0, atol=1e-5)


def test_alone_is_as_among_others(runs: dict[str, Path], tiny: Path, files: Path) -> None:
    named = sorted(files.glob("*.wav"))[:5]
    together = by_id(predict(runs["tiny"], named, model=str(tiny)))
    for file in named:
        # In another file, whose answer is not known yet.
        copy = file.with_suffix(".flac")
        soundfile.write(copy, soundfile.read(file, dtype="int16")[0], RATE)
        alone = by_id(predict(runs["tiny"], copy, model=str(tiny)))
        copy.unlink()
        np.testing.assert_allclose(alone[file.stem], together[file.stem], atol=1e-5)


def test_several_heads_answer_by_their_mean_probabilities(runs: dict[str, Path], files: Path) -> None:
    file = sorted(files.glob("*.wav"))[0]
    folds = [fold.name for fold in read_record(runs["logmel"]).folds]
    single = [predict(runs["logmel"], file, fold=fold).predictions[0].probabilities for fold in folds]
    (together,) = predict(runs["logmel"], file).predictions
    mean = pd.DataFrame(single).mean()
    assert together.probabilities == pytest.approx(mean.to_dict(), abs=1e-6)
    assert together.label == mean.idxmax()


def test_an_ensemble_says_what_its_run_says(runs: dict[str, Path], files: Path, tmp_path: Path) -> None:
    made = fit(runs["logmel"], ensemble=True, out=tmp_path / "ensemble")
    assert made.way == "ensemble"
    named = sorted(files.glob("*.wav"))[:3]
    ours, theirs = by_id(predict(tmp_path / "ensemble", named)), by_id(predict(runs["logmel"], named))
    for id, logits in theirs.items():
        np.testing.assert_allclose(ours[id], logits, atol=1e-6)


def test_digital_silence_is_remarked(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = np.sin(np.arange(RATE) / 20) / 4
    for name, samples in {
        "silent": np.zeros(RATE),
        "tone": tone,
        "half": np.r_[tone, np.zeros(RATE)],
    }.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    assert run_command("predict", str(runs["logmel"]), str(tmp_path), "--json") == 0
    shown = capsys.readouterr()
    silent = {Path(p["file"]).stem: p["silent"] for p in json.loads(shown.out)["predictions"]}
    assert silent == {"silent": True, "tone": False, "half": False}
    assert f"remark: {tmp_path / 'silent.wav'} is silent: its label says nothing" in shown.err
    assert shown.err.count("remark:") == 1
    assert not any(p["short"] or p["lengthened"] for p in json.loads(shown.out)["predictions"])
    assert run_command("predict", str(runs["logmel"]), str(tmp_path / "half.wav"), "--window", "1") == 0
    assert "half.wav is silent from 1.00 to 2.00 s: its label says nothing" in capsys.readouterr().err


def test_of_very_short_clips_little_can_be_said(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for samples in (160, 1600, 1601):
        soundfile.write(tmp_path / f"{samples}.wav", np.sin(np.arange(samples) / 20) / 4, RATE)
    export(runs["logmel"], "onnx", out=tmp_path / "graph")
    for classifier in (runs["logmel"], tmp_path / "graph"):
        assert (
            run_command("predict", str(classifier), *map(str, sorted(tmp_path.glob("*.wav"))), "--csv") == 0
        )
        shown = capsys.readouterr()
        table = pd.read_csv(io.StringIO(shown.out))
        assert table["lengthened"].tolist() == [True, False, False]
        assert table["short"].tolist() == [True, True, False]
        assert "160.wav is shorter than the encoder takes, and was lengthened with zeros" in shown.err
        assert "1600.wav is no longer than 0.1 s: its label says little" in shown.err
        assert shown.err.count("remark:") == 2
    assert run_command("predict", str(runs["logmel"]), str(tmp_path / "1601.wav"), "--window", "0.1") == 0
    assert (
        "1601.wav is no longer than 0.1 s from 0.00 to 0.10 s: its label says little"
        in capsys.readouterr().err
    )


def test_nothing_is_expected_where_nothing_is_labelled(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("predict", str(runs["logmel"]), str(tmp_path / "nofile.wav")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "there is no such file" in shown.err


def test_a_name_without_a_file_is_to_be_corrected(runs: dict[str, Path], tmp_path: Path) -> None:
    (error,) = predict(runs["logmel"], tmp_path / "nofile.wav").not_labelled
    assert str(error).endswith("nofile.wav, but there is no such file; correct its path.")


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "good.wav", np.sin(np.arange(RATE) / 20) / 4, RATE)
    soundfile.write(tmp_path / "clip.wav", np.sin(np.arange(RATE // 10) / 20) / 4, RATE)
    soundfile.write(tmp_path / "none.wav", np.empty(0), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF but no more")
    (tmp_path / "notes.txt").write_text("no recording")
    assert run_command("predict", str(runs["logmel"]), str(tmp_path), "--json") == 1
    shown = capsys.readouterr()
    content = json.loads(shown.out)
    assert [Path(p["file"]).name for p in content["predictions"]] == ["clip.wav", "good.wav"]
    assert [Path(p["file"]).name for p in content["not_labelled"]] == ["broken.wav", "none.wav"]
    assert shown.err.count("not labelled: Expected audio in") == 2
    assert content["passed_over"] == 1
    assert "remark: 1 file in the folders given is no recording by its name, and was passed over" in shown.err
    for said in content["predictions"]:
        assert sum(said["probabilities"].values()) == pytest.approx(1)
        assert max(said["probabilities"], key=said["probabilities"].get) == said["label"]


def test_standard_input(runs: dict[str, Path], files: Path, monkeypatch: Any, capsys: Any) -> None:
    file = sorted(files.glob("*.wav"))[0]
    monkeypatch.setattr(sys, "stdin", type("Piped", (), {"buffer": io.BytesIO(file.read_bytes())}))
    assert run_command("predict", str(runs["logmel"]), "-", "--csv") == 0
    piped, named = pd.read_csv(io.StringIO(capsys.readouterr().out)), predict(runs["logmel"], file).table()
    assert piped["file"].tolist() == ["-"]
    for label in read_record(runs["logmel"]).corpus.labels:
        assert piped[label].iloc[0] == pytest.approx(named[label].iloc[0], abs=1e-6)


def test_nothing_on_standard_input_is_said(runs: dict[str, Path], monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", type("Piped", (), {"buffer": io.BytesIO()}))
    (error,) = predict(runs["logmel"], "-").not_labelled
    assert str(error) == "Expected audio in -, but it is empty; pipe a recording into the command."


def test_windows_are_as_their_cuts(runs: dict[str, Path], files: Path, tmp_path: Path) -> None:
    whole = np.concatenate([soundfile.read(file)[0] for file in sorted(files.glob("*.wav"))[:4]])
    soundfile.write(tmp_path / "whole.flac", whole, RATE)
    parts = predict(runs["logmel"], tmp_path / "whole.flac", window=1.0).predictions
    assert [p.start for p in parts] == list(range(len(parts)))
    assert parts[-1].end == pytest.approx(len(whole) / RATE)
    for number, part in enumerate(parts):
        cut = tmp_path / f"{number}.wav"
        soundfile.write(cut, whole[number * RATE : (number + 1) * RATE], RATE)
        (alone,) = predict(runs["logmel"], cut).predictions
        np.testing.assert_allclose(alone.logits, part.logits, atol=1e-5)


def test_the_shortest_windows_are_all_there(runs: dict[str, Path], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(RATE) / 20) / 4, RATE)
    parts = predict(runs["logmel"], tmp_path / "tone.wav", window=0.1).predictions
    assert [round(p.end or 0, 3) for p in parts] == [round(0.1 * n, 3) for n in range(1, 11)]


@pytest.mark.parametrize("window", [0.001, 0.05, 0.0, float("nan"), float("inf")])
def test_windows_that_say_nothing_are_refused(runs: dict[str, Path], tmp_path: Path, window: float) -> None:
    with pytest.raises(ProbeError, match=r"Expected window to be 0\.1 or more|finite number"):
        predict(runs["logmel"], tmp_path, window=window)


def test_emotions_over_time_are_drawn(runs: dict[str, Path], tmp_path: Path) -> None:
    sound, silence = np.sin(np.arange(2 * RATE) / 20) / 4, np.zeros(RATE)
    soundfile.write(tmp_path / "talk.wav", np.concatenate([silence, sound, silence, sound]), RATE)
    made = predict(runs["logmel"], tmp_path / "talk.wav", segments=True)
    assert [(p.start, p.end) for p in made.predictions] == [(0.9, 3.1), (3.9, 6.0)]
    (picture,) = draw(made, tmp_path / "pictures")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_recording_without_parts_is_listed(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = np.sin(np.arange(2 * RATE) / 20) / 4
    for name, samples in {"silent": np.zeros(3 * RATE), "short": tone[: RATE // 10], "talk": tone}.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    assert run_command("predict", str(runs["logmel"]), str(tmp_path), "--segments", "--json") == 1
    shown = capsys.readouterr()
    content = json.loads(shown.out)
    assert [Path(p["file"]).name for p in content["predictions"]] == ["talk.wav"]
    assert [Path(p["file"]).name for p in content["not_labelled"]] == ["short.wav", "silent.wav"]
    assert shown.err.count("no part of it is loud and long enough; label all of it, without --segments.") == 2


def test_a_killed_run_goes_on(runs: dict[str, Path], files: Path, monkeypatch: Any) -> None:
    from emobox_probe.use import predict as module
    from emobox_probe.use.predictor import EncoderAndHeads

    asked: list[int] = []
    real = EncoderAndHeads.logits

    def counted(self: Any, waveforms: Any) -> Any:
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(len(waveforms))
        return real(self, waveforms)

    monkeypatch.setattr(module, "BATCH_PARTS", 4)
    monkeypatch.setattr(EncoderAndHeads, "logits", counted)
    named = sorted(files.glob("*.wav"))[10:18]
    with pytest.raises(KeyboardInterrupt):
        predict(runs["logmel"], named, fold="fold2")
    asked.clear()
    assert len(predict(runs["logmel"], named, fold="fold2").predictions) == 8
    assert asked == [4]


def test_what_other_heads_said_is_not_taken_for_answers(
    runs: dict[str, Path], files: Path, tmp_path: Path
) -> None:
    file = sorted(files.glob("*.wav"))[0]
    folders = [
        export(runs["logmel"], "transformers", out=tmp_path / fold, fold=fold) for fold in ("fold1", "fold2")
    ]
    one, other = (predict(folder, file).predictions[0].logits for folder in folders)
    assert one != other
    assert other == predict(runs["logmel"], file, fold="fold2").predictions[0].logits


def test_memory_does_not_grow_with_a_recording(runs: dict[str, Path], tmp_path: Path) -> None:
    def peak(minutes: int) -> int:
        file = tmp_path / f"{minutes}.flac"
        noise = np.random.default_rng(minutes).standard_normal(60 * RATE) / 20
        with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as stream:
            for _ in range(minutes):
                stream.write(noise)
        tracemalloc.start()
        predict(runs["logmel"], file, segments=True, fold="fold1")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(6) < 1.5 * peak(2)


def test_heads_of_another_encoder_are_refused(runs: dict[str, Path], tmp_path: Path, files: Path) -> None:
    import torch
    from tiny_encoder import save_tiny
    from transformers import Wav2Vec2Model

    other = save_tiny(tmp_path / "tiny")
    model = Wav2Vec2Model.from_pretrained(other)
    with torch.no_grad():
        model.feature_projection.projection.bias += 1
    model.save_pretrained(other)
    file = sorted(files.glob("*.wav"))[0]
    with pytest.raises(ProbeError, match="other weights sha256; give that one with --model"):
        predict(runs["tiny"], file, model=str(other))
    with pytest.raises(
        ProbeError, match="Expected the folder of the encoder tiny, which records do not tell"
    ):
        predict(runs["tiny"], file)


def test_what_is_no_classifier_is_refused(tmp_path: Path, files: Path, runs: dict[str, Path]) -> None:
    with pytest.raises(ProbeError, match="Expected the folder of a run, a fit or an export"):
        predict(tmp_path, files)
    with pytest.raises(ProbeError, match="Expected recordings in"):
        predict(runs["logmel"], tmp_path)
    with pytest.raises(ProbeError, match="Expected heads of fold fold9, but there are folds"):
        predict(runs["logmel"], files, fold="fold9")


def test_expectations_are_those_of_the_run(runs: dict[str, Path], tmp_path: Path) -> None:
    record: ResultRecord = read_record(runs["logmel"])
    made = fit(runs["logmel"], out=tmp_path / "fit")
    assert made.expected.scores == record.pooled
    assert made.expected.interval == record.interval
    confusion = np.array(record.confusion)
    for place, label in enumerate(record.corpus.labels):
        assert made.expected.recall[label] == pytest.approx(confusion[place, place] / confusion[place].sum())
    assert made.settings is not None
    assert made.settings.training == record.corpus.utterances
    assert os.path.getsize(tmp_path / "fit" / "heads.safetensors") < 100_000
