"""Configuration and weights that are not of one model: refused by name, whatever the weights are in."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from classifiers import save, tiny
from safetensors.torch import load_file, save_file
from zoo import make_checkpoint

from emobox_probe.encoders.classifier import load_classifier
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError

CPU = torch.device("cpu")


def configure(folder: Path, **settings: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def write(folder: Path, weights: dict[str, torch.Tensor], binary: bool = False) -> None:
    if binary:
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("binary", [False, True])
def test_a_weight_of_another_shape(tmp_path: Path, binary: bool) -> None:
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    weights = weights_of(folder)
    name = next(key for key in weights if "layers.1." in key and key.endswith("k_proj.bias"))
    write(folder, {**weights, name: torch.zeros(3)}, binary)
    with pytest.raises(ProbeError, match=rf"{name} .* in the shape \(.*but got \(3,\)"):
        load_encoder(str(folder), CPU)


@pytest.mark.parametrize("setting", [{"hidden_size": "x"}, {"num_attention_heads": 0}])
def test_a_configuration_that_is_none(tmp_path: Path, setting: dict[str, Any]) -> None:
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    configure(folder, **setting)
    with pytest.raises(ProbeError, match=r"Expected .* but got: "):
        load_encoder(str(folder), CPU)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", ["wav2vec2 (base)", "data2vec2 (emotion2vec)", "parakeet"])
def test_layers_beyond_the_configuration(name: str, tmp_path: Path, binary: bool) -> None:
    """With the names of an encoder alone, and with those of the part of a whole model."""
    folder = make_checkpoint(name, tmp_path)
    write(folder, weights_of(folder), binary)
    config = json.loads((folder / "config.json").read_text())
    part = config.get("encoder_config", config)
    part["num_hidden_layers"] -= 1
    configure(folder, **config)
    with pytest.raises(ProbeError, match=r"no more layers in .* such as \S*(layers|blocks)\.1\."):
        load_encoder(str(folder), CPU)


def test_heads_decoders_and_quantisers_are_left_out(tmp_path: Path) -> None:
    """Of a decoder with more layers than the encoder too."""
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    others = (
        "lm_head.weight",
        "quantizer.codevectors",
        "decoder.layers.99.weight",
        "adapter.layers.9.weight",
    )
    write(folder, weights_of(folder) | {name: torch.zeros(2) for name in others})
    assert load_encoder(str(folder), CPU).facts.weights_sha256


def test_a_classifier_with_layers_beyond_its_configuration(tmp_path: Path) -> None:
    folder = save(tmp_path / "classifier", *tiny(("angry", "sad")))
    weights = weights_of(folder)
    layer = {key: value for key, value in weights.items() if "encoder.layers.0." in key}
    write(
        folder,
        weights | {key.replace("layers.0.", "layers.1."): value.clone() for key, value in layer.items()},
    )
    with pytest.raises(ProbeError, match="Expected no more layers"):
        load_classifier(str(folder), CPU)


def test_complex_weights(tmp_path: Path) -> None:
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    weights = weights_of(folder)
    name = next(iter(weights))
    write(folder, {**weights, name: weights[name] * 1j}, binary=True)
    with pytest.raises(ProbeError, match=f"{name} is complex"):
        load_encoder(str(folder), CPU)


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    weights = weights_of(folder)
    name = next(key for key in weights if "layers.1." in key)
    write(folder, {**weights, name: torch.full_like(weights[name], torch.nan)})
    with pytest.raises(ProbeError, match=f"{name} holds NaN; get its files again"):
        load_encoder(str(folder), CPU)


def test_a_file_that_breaks_off_says_what_to_do(tmp_path: Path) -> None:
    folder = make_checkpoint("wav2vec2 (base)", tmp_path)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ProbeError, match=r"to be whole .* Get its files again"):
        load_encoder(str(folder), CPU)
