"""Families whose feature extractors need torchaudio, as they are: batches change nothing with the real one either."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from species import ZOO
from zoo import encoder_of, make_checkpoint, utterances

from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError

TOLERANCE = 1e-4
HERE = importlib.util.find_spec("torchaudio") is not None
# Feature extractor, and what the encoder is to take in: 80 bands, stacked in twos; else as it is configured.
REAL = {
    "granite_speech": ("GraniteSpeechFeatureExtractor", {"input_dim": 160}),
    "granite_speech5": ("GraniteSpeech5FeatureExtractor", {}),
    "fun_asr_nano": ("FunAsrNanoFeatureExtractor", {}),
}


@pytest.mark.slow
@pytest.mark.skipif(not HERE, reason="torchaudio is not installed (extra torchaudio, beside a CUDA torch)")
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", REAL)
def test_batch_is_as_each_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor, inputs = REAL[name]
    settings = dict(ZOO[name].settings)
    if inputs:
        settings["encoder_config"] = {**settings["encoder_config"], **inputs}
    species = replace(ZOO[name], settings=settings, extractor=extractor, preprocessing=None)
    monkeypatch.setitem(ZOO, name, species)
    encoder = encoder_of(name, tmp_path)
    encoder.budget.seconds = encoder.budget.overhead = 1000.0
    waveforms = utterances(0.61, 2.37, 1.0, 2.37, 0.3)
    alone = [encoder.encode([waveform])[0] for waveform in waveforms]
    together = encoder.encode(waveforms)
    spread = torch.cat(alone).std()
    assert [len(frames) for frames in together] == [len(frames) for frames in alone]
    differences = [float((a - b).abs().max() / spread) for a, b in zip(alone, together, strict=True)]
    print(
        f"{name}: {encoder.facts.way}, {encoder.facts.frame_rate:g} frames a second, {max(differences):.0e}"
    )
    assert max(differences) < TOLERANCE


@pytest.mark.skipif(HERE, reason="torchaudio is installed")
@pytest.mark.parametrize("name", ["granite_speech", "fun_asr_nano"])
def test_the_extra_is_named_where_it_is_missing(name: str, tmp_path: Path) -> None:
    folder = make_checkpoint(name, tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_extractor_type": REAL[name][0]}))
    with pytest.raises(
        ProbeError, match=r"Expected torchaudio for the feature .* extra emobox\[torchaudio\]"
    ):
        load_encoder(str(folder), torch.device("cpu"))
