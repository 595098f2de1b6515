"""EmoDB with a real Whisper encoder: every way to use a run gives the logits of its record, on all 535 utterances."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import shared_assets

from emobox_datasets.audio_files.audio import as_stored, read_waveform
from emobox_probe import export, predict, probe
from emobox_probe.config import PredictConfig
from emobox_probe.records.result import read_record
from emobox_probe.use.load_predictor import load_predictor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
# Of every fold, so many one at a time, too.
TOLERANCE, ALONE = 1e-4, 8


@pytest.fixture(scope="module")
def emodb() -> Path:
    return shared_assets() / "corpora" / "emodb"


@pytest.fixture(scope="module")
def encoder() -> Path:
    return shared_assets() / "models" / "whisper-tiny.en-encoder"


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, emodb: Path, encoder: Path, quick_protocols: None
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("runs")
    record = probe(str(encoder), "emodb", data_dir=emodb, output_dir=folder)
    return folder / encoder.name / "emodb" / record.protocol_id


def recorded(run: Path) -> dict[str, dict[str, list[float]]]:
    """Fold to id to logits: every utterance is tested in one fold."""
    table = pd.read_parquet(run / "predictions.parquet")
    assert table["id"].nunique() == len(table) == 535
    return {
        str(fold): dict(zip(part["id"], map(list, part["logits"]), strict=True))
        for fold, part in table.groupby("fold")
    }


def files_of(emodb: Path, ids: list[str]) -> list[Path]:
    names = {path.stem: path for path in emodb.rglob("*.wav")}
    return [names[id.removeprefix("emodb-")] for id in ids]


def check(said: Any, wanted: dict[str, list[float]], run: Path) -> None:
    labels = read_record(run).corpus.labels
    for prediction, logits in zip(said, wanted.values(), strict=True):
        np.testing.assert_allclose(prediction.logits, logits, rtol=0, atol=TOLERANCE)
        assert prediction.label == labels[int(np.argmax(logits))]


@pytest.mark.parametrize("to", ["predict", "transformers", "onnx"])
def test_all_utterances(to: str, run: Path, emodb: Path, encoder: Path, tmp_path: Path) -> None:
    for fold, wanted in recorded(run).items():
        files, given = files_of(emodb, list(wanted)), {"fold": fold, "model": str(encoder)}
        if to == "predict":
            check(predict(run, files, **given).predictions, wanted, run)
            continue
        folder = export(run, to, out=tmp_path / fold, **given)
        check(predict(folder, files).predictions, wanted, run)
        alone = load_predictor(PredictConfig(classifier=folder, files=("-",))).predictor
        for file, logits in list(zip(files, wanted.values(), strict=True))[:ALONE]:
            waveform = as_stored(read_waveform(file))
            np.testing.assert_allclose(alone.logits([waveform])[0], logits, rtol=0, atol=TOLERANCE)
