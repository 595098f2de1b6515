"""Exports say what the record says of its test utterances: transformers and ONNX Runtime, alone and in batches."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from commands import run_command
from datasets import load_dataset
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline
from transformers.pipelines.pt_utils import KeyDataset
from used_runs import demo_waveforms, logits_of

import emobox_datasets.corpora as corpora
from emobox_probe import export, fit, predict, probe
from emobox_probe.errors import ProbeError
from emobox_probe.records.export_record import read_export
from emobox_probe.records.result import read_record
from emobox_probe.use.classify import classify, training_of
from emobox_probe.use.export import onnx_graph

RATE, TOLERANCE = 16_000, 1e-4
onnx_only = pytest.mark.skipif(
    not all(map(__import__("importlib.util").util.find_spec, ("onnx", "onnxscript", "onnxruntime"))),
    reason="onnx, onnxscript or onnxruntime is not installed: pip install emobox[onnx]",
)


@pytest.fixture(scope="module")
def waveforms(quick_protocols: None) -> dict[str, np.ndarray]:
    return demo_waveforms()


def exported(name: str, to: str, runs: dict[str, Path], tiny: Path, folder: Path, **more: Any) -> Path:
    model = {} if name == "logmel" else {"model": str(tiny)}
    return export(runs[name], to, out=folder / name, **model, **more)


@pytest.mark.parametrize("name", ["logmel", "tiny", "strict"])
def test_transformers_says_what_the_record_says(
    name: str, runs: dict[str, Path], tiny: Path, waveforms: dict[str, np.ndarray], tmp_path: Path
) -> None:
    folder = exported(name, "transformers", runs, tiny, tmp_path, fold="fold1", seed=0)
    model = AutoModelForAudioClassification.from_pretrained(folder)
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    recorded = logits_of(runs[name], "fold1")
    ids = list(recorded)
    given = extractor([waveforms[id] for id in ids], sampling_rate=RATE, padding=True, return_tensors="pt")
    together = model(**given).logits
    np.testing.assert_allclose(together, np.array(list(recorded.values())), rtol=0, atol=TOLERANCE)
    for id in ids[:5]:
        alone = extractor(waveforms[id], sampling_rate=RATE, return_tensors="pt")
        np.testing.assert_allclose(model(**alone).logits[0], recorded[id], rtol=0, atol=TOLERANCE)
    # Saved again after use, it is the same model.
    model.save_pretrained(tmp_path / "again")
    again = AutoModelForAudioClassification.from_pretrained(tmp_path / "again")
    assert torch.equal(again(**given).logits, together)
    assert again.config.id2label == dict(enumerate(read_record(runs[name]).corpus.labels))


def test_pipelines_take_arrays_lists_datasets_and_files(
    runs: dict[str, Path], tiny: Path, waveforms: dict[str, np.ndarray], tmp_path: Path
) -> None:
    folder = exported("tiny", "transformers", runs, tiny, tmp_path)
    classify = pipeline("audio-classification", model=str(folder))
    ids = sorted(waveforms)[:4]
    listed = classify([waveforms[id] for id in ids], top_k=None)
    batched = classify([waveforms[id] for id in ids], top_k=None, batch_size=4)
    corpus = load_dataset("emobox/demo", "all", split="train")
    rows = [list(corpus["id"]).index(id) for id in ids]
    streamed = list(classify(KeyDataset(corpus.select(rows), "audio"), top_k=None))
    for id, one, two, three in zip(ids, listed, batched, streamed, strict=True):
        file = tmp_path / f"{id}.wav"
        soundfile.write(file, waveforms[id], RATE, subtype="PCM_16")
        (said,) = predict(runs["tiny"], file, model=str(tiny)).predictions
        for answer in (one, two, three):
            scores = {entry["label"]: entry["score"] for entry in answer}
            assert scores == pytest.approx(said.probabilities, abs=1e-5)


def test_pipelines_take_paths_where_a_decoder_is(
    runs: dict[str, Path], tiny: Path, waveforms: dict[str, np.ndarray], tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg on the path, by which transformers reads files; apt-get install ffmpeg")
    folder = exported("tiny", "transformers", runs, tiny, tmp_path)
    id = sorted(waveforms)[0]
    soundfile.write(tmp_path / "file.wav", waveforms[id], RATE, subtype="PCM_16")
    answer = pipeline("audio-classification", model=str(folder))(str(tmp_path / "file.wav"), top_k=None)
    (said,) = predict(folder, tmp_path / "file.wav").predictions
    scores = {entry["label"]: entry["score"] for entry in answer}
    assert scores == pytest.approx(said.probabilities, abs=1e-5)


def test_importing_emobox_probe_imports_no_torch() -> None:
    code = "import sys, emobox_probe; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("first", ["emobox_probe", "transformers"])
def test_exports_load_in_whatever_order_is_imported(
    first: str, runs: dict[str, Path], tiny: Path, tmp_path: Path
) -> None:
    folder = exported("logmel", "transformers", runs, tiny, tmp_path)
    imports = ["import emobox_probe", "from transformers import AutoModelForAudioClassification"]
    lines = imports if first == "emobox_probe" else imports[::-1]
    lines.append(f"print(type(AutoModelForAudioClassification.from_pretrained({str(folder)!r})).__name__)")
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "EmoBoxForAudioClassification"


@onnx_only
@pytest.mark.parametrize("name", ["logmel", "tiny", "strict"])
def test_onnx_says_what_the_record_says(
    name: str, runs: dict[str, Path], tiny: Path, waveforms: dict[str, np.ndarray], tmp_path: Path
) -> None:
    import onnxruntime

    folder = exported(name, "onnx", runs, tiny, tmp_path, fold="fold1", seed=0)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

    def run(some: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.array([len(waveform) for waveform in some])
        padded = np.stack([np.pad(w, (0, max(lengths) - len(w))) for w in some])
        return session.run(["logits", "probabilities"], {"waveform": padded, "length": lengths})

    recorded = logits_of(runs[name], "fold1")
    wanted = np.array(list(recorded.values()))
    logits, probabilities = run([waveforms[id] for id in recorded])
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(probabilities, torch.tensor(wanted).softmax(-1), rtol=0, atol=TOLERANCE)
    for id in list(recorded)[:5]:
        np.testing.assert_allclose(run([waveforms[id]])[0][0], recorded[id], rtol=0, atol=TOLERANCE)
    file = tmp_path / "file.wav"
    id = next(iter(recorded))
    soundfile.write(file, waveforms[id], RATE, subtype="PCM_16")
    (said,) = predict(folder, file).predictions
    np.testing.assert_allclose(said.logits, recorded[id], rtol=0, atol=TOLERANCE)


@onnx_only
@pytest.mark.slow
def test_eight_bits_change_little_and_are_said(
    runs: dict[str, Path], tiny: Path, waveforms: dict[str, np.ndarray], tmp_path: Path
) -> None:
    whole = exported("tiny", "onnx", runs, tiny, tmp_path)
    small = exported("tiny", "onnx", runs, tiny, tmp_path / "small", int8=True)
    for folder in (whole, small):  # sent to others: nothing tells of this machine
        for file in (path for path in folder.rglob("*") if path.is_file()):
            for place in (tmp_path, tiny, Path(onnx_graph.__file__).parents[3]):
                assert str(place).encode() not in file.read_bytes(), file
    assert read_export(small).quantised == "int8"
    assert "8 bits" in (small / "README.md").read_text()
    file = tmp_path / "file.wav"
    soundfile.write(file, next(iter(waveforms.values())), RATE, subtype="PCM_16")
    ours, theirs = (predict(folder, file).predictions[0] for folder in (small, whole))
    np.testing.assert_allclose(ours.logits, theirs.logits, atol=0.05)
    assert ours.logits != theirs.logits


def test_classified_as_it_is_an_export_is_known_to_have_been_trained_on_its_corpora(
    runs: dict[str, Path], tiny: Path, tmp_path: Path
) -> None:
    folder = exported("logmel", "transformers", runs, tiny, tmp_path)
    assert classify(folder, "demo", output_dir=tmp_path / "runs").training == "fine-tuned on demo"
    other = "fine-tuned on others than emodb"
    assert training_of(SimpleNamespace(name=str(folder)), corpora.load("emodb")) == other  # type: ignore[arg-type]
    encoded = exported("tiny", "transformers", runs, tiny, tmp_path)
    said = training_of(SimpleNamespace(name=str(encoded)), corpora.load("emodb"))  # type: ignore[arg-type]
    assert said == f"{other}; what its encoder heard is not known"


def test_the_card_says_what_to_expect(runs: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    folder = exported("strict", "transformers", runs, tiny, tmp_path)
    record, card = read_record(runs["strict"]), (folder / "README.md").read_text()
    assert f"UA {100 * record.pooled.ua:.1f} (95 % interval {record.interval.text('ua')})" in card
    assert "What it is not for" in card
    assert "under protocol strict" in " ".join(card.split())
    assert "which tests on speakers that heads had not heard" in card
    assert "expect less" not in card
    assert "| gender | female |" in card
    assert "| none (2 speakers) | 160 |" in card
    assert "Thirds" not in card
    assert "a single rater with probability" in card
    assert "| demo | Apache-2.0" in card
    for label in record.corpus.labels:
        assert f"\n| {label} | " in card
    assert (
        str(tmp_path)
        not in card + (folder / "config.json").read_text() + (folder / "emobox.json").read_text()
    )


@pytest.mark.parametrize("part", [{"limit": 3}, {"folds": ("fold1",)}])
def test_of_a_smoke_test_exports_say_so_and_nothing_is_fitted(
    part: dict[str, Any], quick_protocols: None, tmp_path: Path
) -> None:
    probe("builtin:logmel", "demo", output_dir=tmp_path / "runs", **part)
    run = next((tmp_path / "runs").rglob("result.json")).parent
    folder = export(run, "transformers", out=tmp_path / "export")
    (trained,) = read_export(folder).corpora
    assert trained.subset == read_record(run).corpus.subset != ""
    assert f"{trained.subset[1:]}: not comparable with others." in (folder / "README.md").read_text()
    for ensemble in (False, True):
        with pytest.raises(ProbeError, match="Expected a run on all of demo, but it is on a part of it"):
            fit(run, ensemble=ensemble, out=tmp_path / "fit")


def test_files_that_are_not_those_of_the_export_are_refused(
    runs: dict[str, Path], tiny: Path, tmp_path: Path
) -> None:
    folder = exported("logmel", "transformers", runs, tiny, tmp_path)
    with pytest.raises(ProbeError, match="Expected no --fold with an export"):
        predict(folder, tmp_path / "a.wav", fold="fold1")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(ProbeError, match=r"Expected model.safetensors in .* as it was exported"):
        predict(folder, tmp_path / "a.wav")
    record = json.loads((folder / "emobox.json").read_text())
    record["files"]["../elsewhere"] = "0" * 64
    (folder / "emobox.json").write_text(json.dumps(record))
    with pytest.raises(ProbeError, match="name of a file inside"):
        predict(folder, tmp_path / "a.wav")


def test_an_export_replaces_nothing_else(runs: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    folder = exported("logmel", "transformers", runs, tiny, tmp_path)
    with pytest.raises(ProbeError, match="or --overwrite to replace it"):
        exported("logmel", "transformers", runs, tiny, tmp_path)
    assert exported("logmel", "transformers", runs, tiny, tmp_path, overwrite=True) == folder
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ProbeError, match="to be new, empty or an earlier export"):
        export(runs["logmel"], "transformers", out=tmp_path / "mine", overwrite=True)


def test_an_export_is_no_run_or_fit(runs: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    folder = exported("logmel", "transformers", runs, tiny, tmp_path)
    with pytest.raises(
        ProbeError, match=r"the folder of a run or a fit, but .* is an export; give the run or fit"
    ):
        export(folder, "onnx", out=tmp_path / "again")
    with pytest.raises(ProbeError, match=r"the folder of a run, but .* is an export; give the run or fit"):
        fit(folder, out=tmp_path / "again")
    with pytest.raises(
        ProbeError, match=r"Expected the folder of a run or a fit, but .* has no result\.json"
    ):
        export(tmp_path, "onnx", out=tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_fit_is_not_written_into_what_is_none(
    overwrite: bool, runs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"mine")
    for folder in (tmp_path, runs["logmel"], tmp_path / "a.wav"):
        with pytest.raises(ProbeError, match="to be new, empty or an earlier fit, but it is not"):
            fit(runs["logmel"], ensemble=True, out=folder, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    # What a killed one left is no hindrance.
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "heads.safetensors").write_bytes(b"")
    assert fit(runs["logmel"], ensemble=True, out=tmp_path / "killed").way == "ensemble"


def test_no_bar_is_shown_of_files_that_are_written(runs: dict[str, Path], tmp_path: Path, capfd: Any) -> None:
    export(runs["logmel"], "transformers", out=tmp_path / "export")
    assert "Writing model" not in capfd.readouterr().err


def test_what_cannot_be_exported_is_refused(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    with pytest.raises(ProbeError, match="Expected --int8 with --to onnx or web"):
        export(runs["logmel"], "transformers", out=tmp_path / "a", int8=True)
    with pytest.raises(ProbeError, match="matrix products, but builtin:logmel has none; leave it out"):
        export(runs["logmel"], "onnx", out=tmp_path / "a", int8=True)
    with pytest.raises(ProbeError, match="Expected the npm package onnxruntime-web"):
        export(runs["logmel"], "web", out=tmp_path / "a", onnxruntime_web=tmp_path)
    monkeypatch.setattr(onnx_graph, "find_spec", lambda name: None if name == "onnxruntime" else object())
    words = ("export", str(runs["logmel"]), "--to", "onnx", "--out", str(tmp_path / "a"))
    assert run_command(*words) == 1
    assert "pip install emobox[onnx]" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
