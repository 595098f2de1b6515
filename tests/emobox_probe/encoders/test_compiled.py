"""Layers that are compiled give the features that they give as they are, of every family."""

import json
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from datasets import Dataset
from torch._dynamo.utils import counters
from zoo import ZOO, encoder_of, make_checkpoint, utterances

from emobox_probe.config import ExtractConfig
from emobox_probe.encoders import compiled
from emobox_probe.encoders.compiled import COMPILE_SECONDS, SAVED_SHARE, WORK_PER_SECOND, why_not
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.errors import ProbeError
from emobox_probe.features import corpus as features_of_corpus
from emobox_probe.features.corpus import encoder_of as encoder_of_settings
from emobox_probe.features.corpus import filled_store
from emobox_probe.protocol import PAPER

CUDA = torch.device("cuda")
BATCHES = [(1.3, 1.2), (2.2, 2.2), (3.1,), (1.7, 1.1, 0.9), (2.5, 1.0, 1.0, 1.0)]
RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
FAST = ("wav2vec2 (base)", "whisper", "wavlm (large)")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _from_nothing() -> None:
    torch._dynamo.reset()
    counters.clear()


def features(encoder: Any) -> list[np.ndarray]:
    return [frames.numpy() for seconds in BATCHES for frames in encoder.encode(utterances(*seconds))]


def held_against_eager(name: str, folder: Path) -> int:
    """Compile the layers of a species; how many kernels that made."""
    encoder = encoder_of(name, folder)
    as_they_are = features(encoder)
    encoder._compiled.compile()
    spread = np.concatenate([frames.ravel() for frames in as_they_are]).std()
    for frames, expected in zip(features(encoder), as_they_are, strict=True):
        np.testing.assert_allclose(frames / spread, expected / spread, atol=2e-5)
    return int(counters["stats"]["unique_graphs"])


@pytest.mark.parametrize("name", FAST)
def test_layers_are_traced_once_for_batches_of_any_shape(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Traced as for the compiler, which takes long and is tried in the slow test; then run as they are.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    assert 0 < held_against_eager(name, tmp_path) <= 24


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for a CPU needs a C++ compiler")
@pytest.mark.parametrize("name", ZOO)
def test_compiled_layers_give_the_same_features(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held_against_eager(name, tmp_path)


def test_compiling_that_takes_longer_than_it_saves_is_not_done() -> None:
    enough = COMPILE_SECONDS / SAVED_SHARE * WORK_PER_SECOND / 315_400_000
    assert why_not(CUDA, 1.001 * enough, 315_400_000) is None
    reason = why_not(CUDA, 0.5 * enough, 315_400_000)
    assert "from 209 h of audio on, but there are 104.5 h" in str(reason)
    assert why_not(torch.device("cpu"), 1e9, 315_400_000) == "compiling is for GPUs"


def test_what_compiling_takes_and_saves_is_as_measured() -> None:
    figures = json.loads((RESULTS / "extract.cuda.json").read_text())["models"]["hubert-large"]
    rates = figures["times_real_time"]
    assert pytest.approx(figures["compiled"]["compile_seconds"], rel=0.05) == COMPILE_SECONDS
    assert pytest.approx(1 - rates["project"] / rates["compiled"], abs=0.01) == SAVED_SHARE
    assert pytest.approx(rates["project"] * 315.4e6, rel=0.01) == WORK_PER_SECOND


def test_a_compiler_that_fails_leaves_the_model_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_triton(*_: Any) -> Any:
        raise ImportError("Cannot find a working triton installation.")

    encoder = encoder_of("wav2vec2 (base)", tmp_path)
    before = features(encoder)
    monkeypatch.setattr(compiled, "why_not", lambda *_: None)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=without_triton))
    with pytest.warns(UserWarning, match=r"is not compiled, and runs as it is: compiling failed .*triton"):
        encoder.giving("all").compile_for(36_000.0, 10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        encoder.compile_for(36_000.0, 10_000)
    for frames, expected in zip(features(encoder), before, strict=True):
        np.testing.assert_array_equal(frames, expected)


def test_what_it_has_to_pay_over_is_all_that_the_encoder_runs_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(ModelEncoder, "compile_for", lambda _, *audio: asked.append(audio))
    monkeypatch.setattr(features_of_corpus, "extract", lambda *_: None)
    whole = Dataset.from_dict({"id": ["a", "b"], "duration": [1.0, 2.0], "audio": [b"", b""]})
    config = ExtractConfig(model="made here", corpus="demo", compile=True, features_dir=tmp_path)
    given = config, encoder_of("wav2vec2 (base)", tmp_path), whole, "fingerprint", Accelerator(cpu=True)
    filled_store(*given)
    filled_store(*given, (36_000.0, 9_000))
    assert asked == [(3.0, 2), (36_000.0, 9_000)]


def test_what_is_no_model_of_the_library_is_not_compiled() -> None:
    config = ExtractConfig(model="builtin:logmel", corpus="demo", compile=True)
    with pytest.raises(
        ProbeError, match="Expected a model of transformers to compile, but got builtin:logmel"
    ):
        encoder_of_settings(config, torch.device("cpu"), PAPER)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", FAST)
def test_on_a_gpu_compiled_layers_give_the_same_features(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "why_not", lambda *_: None)
    folder = str(make_checkpoint(name, tmp_path))
    encoder = encoder_of_settings(ExtractConfig(model=folder, corpus="demo", compile=True), CUDA, PAPER)
    as_they_are = features(encoder)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*is not compiled")
        encoder.compile_for(36_000.0, 10_000)
    assert encoder._compiled.layers
    spread = np.concatenate([frames.ravel() for frames in as_they_are]).std()
    for frames, expected in zip(features(encoder), as_they_are, strict=True):
        np.testing.assert_allclose(frames / spread, expected / spread, atol=2e-5)
