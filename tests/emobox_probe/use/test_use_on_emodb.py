"""EmoDB with a real Whisper encoder and a random wav2vec 2.0: every way to use a run gives the logits of its record.

Of every fold, a head is exported, and what its record holds of its test utterances, all 535 over the folds, is held
against `predict`, the `transformers` folder, ONNX Runtime and the page in Chromium, in batches and one by one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from browser_pages import (
    RUNTIME,
    classified,
    headless_chromium,
    needs_chromium,
    needs_runtime,
    playwright,
    served,
)
from conftest import shared_assets
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
)

from emobox_datasets.audio_files.audio import as_stored, read_waveform
from emobox_probe import export, predict, probe
from emobox_probe.config import PredictConfig
from emobox_probe.use.load_predictor import load_predictor

onnxruntime = pytest.importorskip(
    "onnxruntime", reason="onnxruntime is not installed: pip install emobox[onnx]"
)
pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install emobox[onnx]")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), needs_chromium, needs_runtime]
RATE, TOLERANCE, BATCH = 16_000, 1e-4, 8
Logits = Callable[[Sequence[np.ndarray]], np.ndarray]


def whisper(_: Path) -> Path:
    return shared_assets() / "models" / "whisper-tiny.en-encoder"


def wav2vec2(folder: Path) -> Path:
    """The shape of wav2vec 2.0 base, whose group norm sees whole utterances, but narrow, and two layers deep."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    Wav2Vec2Model(config).save_pretrained(folder / "wav2vec2")
    Wav2Vec2FeatureExtractor().save_pretrained(folder / "wav2vec2")
    return folder / "wav2vec2"


# One by one, so many of each fold: Whisper's batches are never padded, as every utterance fills its window of 30 s.
@pytest.mark.parametrize(("make_encoder", "alone"), [(whisper, 8), (wav2vec2, 535)])
def test_every_way_gives_the_logits_of_the_record(
    make_encoder: Callable[[Path], Path],
    alone: int,
    quick_protocols: None,
    tmp_path: Path,
) -> None:
    emodb, encoder = shared_assets() / "corpora" / "emodb", make_encoder(tmp_path)
    record = probe(str(encoder), "emodb", data_dir=emodb, output_dir=tmp_path / "runs")
    run = tmp_path / "runs" / encoder.name / "emodb" / record.protocol_id
    labels = record.corpus.labels
    largest: dict[str, float] = {}  # differences from the record

    def compare(way: str, given: np.ndarray, wanted: np.ndarray) -> None:
        np.testing.assert_allclose(given, wanted, rtol=0, atol=TOLERANCE, err_msg=way)
        largest[way] = max(largest.get(way, 0.0), float(np.abs(given - wanted).max()))

    for fold, wanted in recorded(run).items():
        given = {"fold": fold, "model": str(encoder)}
        files = [emodb / "wav" / f"{id.removeprefix('emodb-')}.wav" for id in wanted.index]
        logits = np.stack(wanted.tolist())
        said = predict(run, files, **given).predictions
        compare("predict", np.array([prediction.logits for prediction in said]), logits)
        assert [prediction.label for prediction in said] == [labels[best] for best in logits.argmax(1)]

        waveforms = [as_stored(read_waveform(file)) for file in files]
        web = export(run, "web", out=tmp_path / fold / "web", onnxruntime_web=RUNTIME, **given)
        ways: dict[str, Logits] = {
            "transformers": of_transformers(
                export(run, "transformers", out=tmp_path / fold / "transformers", **given)
            ),
            "onnxruntime": of_onnxruntime(web / "model.onnx"),
        }
        predictor = load_predictor(PredictConfig(classifier=run, files=("-",), **given)).predictor
        for name, way in ways.items():
            together = [way(waveforms[start : start + BATCH]) for start in range(0, len(files), BATCH)]
            compare(f"{name}, batches", np.concatenate(together), logits)
        for name, way in {"predict": predictor.logits, **ways}.items():
            singly = [way([waveform]) for waveform in waveforms[:alone]]
            compare(f"{name}, one by one", np.concatenate(singly), logits[:alone])

        shown = on_the_page(web, files)
        compare("page", np.array([shown[file.stem][1] for file in files]), logits)
        assert [shown[file.stem][0] for file in files] == [labels[best] for best in logits.argmax(1)]
        print(f"{fold}: {largest}", flush=True)


def recorded(run: Path) -> dict[str, pd.Series]:
    """Logits by id, fold by fold: every utterance is tested in one fold."""
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["id"].nunique() == len(table) == 535
    return {str(fold): part.set_index("id")["logits"] for fold, part in table.groupby("fold")}


def of_transformers(folder: Path) -> Logits:
    model = AutoModelForAudioClassification.from_pretrained(folder)
    extractor = AutoFeatureExtractor.from_pretrained(folder)

    def logits(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        given = extractor(list(waveforms), sampling_rate=RATE, padding=True, return_tensors="pt")
        return model(**given).logits.numpy()

    return logits


def of_onnxruntime(graph: Path) -> Logits:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def logits(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        lengths = np.array([len(waveform) for waveform in waveforms])
        padded = np.stack([np.pad(w, (0, max(lengths) - len(w))) for w in waveforms])
        return session.run(["logits"], {"waveform": padded, "length": lengths})[0]

    return logits


def on_the_page(folder: Path, files: Sequence[Path]) -> dict[str, tuple[str, list[float]]]:
    """Label and logits by the name of the file without its ending."""
    with headless_chromium() as browser, served(folder) as address:
        page = browser.new_page()
        page.goto(address)
        playwright.expect(page.locator("#status")).to_contain_text("Ready", timeout=120_000)
        page.set_input_files("#files", files)
        playwright.expect(page.locator("#status")).to_contain_text(f"{len(files)} done", timeout=1_800_000)
        return classified(page)
