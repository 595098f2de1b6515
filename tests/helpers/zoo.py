"""Tiny random checkpoints of every family, made in a folder as they would come from the Hub."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from species import ZOO, Species
from transformers import AutoModel

from emobox_probe.encoders import data2vec2 as models
from emobox_probe.encoders.families import FAMILIES
from emobox_probe.encoders.inputs import Loaded
from emobox_probe.encoders.load import load_encoder
from emobox_probe.encoders.model_encoder import ModelEncoder


def whole_config(species: Species) -> Any:
    named = isinstance(species.config, str)
    config_class = getattr(transformers, species.config) if named else species.config
    return config_class(**species.settings)


def make_checkpoint(name: str, folder: Path) -> Path:
    """Write config, feature extractor and random weights of a species; the folder."""
    species = ZOO[name]
    config = whole_config(species)
    model = random_model(config)
    config.save_pretrained(folder)
    if species.prefix:
        weights = {f"{species.prefix}{key}": value.contiguous() for key, value in model.state_dict().items()}
        save_file(
            {**weights, "lm_head.unused": torch.zeros(2)}, folder / "model.safetensors", {"format": "pt"}
        )
    else:
        model.save_pretrained(folder)
    if isinstance(species.extractor, str):
        extractor_class = getattr(transformers, species.extractor, None) or getattr(models, species.extractor)
        extractor_class(**species.preprocessing or {}).save_pretrained(folder)
    return folder


def random_model(config: Any) -> Any:
    """The encoder of a configuration, in evaluation mode, with random weights that are the same every time."""
    torch.manual_seed(0)
    part = FAMILIES[config.model_type].part
    if part is None:
        return _lively(AutoModel.from_config(config).eval())
    module, class_name = part.model.split(":")
    model_class = getattr(importlib.import_module(f"transformers.models.{module}"), class_name)
    own = config
    for step in filter(None, part.config.split(".")):
        own = getattr(own, step)
    return _lively(model_class._from_config(own).eval())


def _lively(model: Any) -> Any:
    """Weights large enough that what leaks at one end of an utterance is seen at the other."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and "norm" not in name:
            torch.nn.init.normal_(parameter, std=1.0 / parameter[0].numel() ** 0.5)
    return model


def encoder_of(name: str, folder: Path, layers: str = "last", suffix: str = "") -> Any:
    """The encoder of a species, loaded from a checkpoint where its feature extractor can be."""
    species = ZOO[name]
    if not isinstance(species.extractor, str):
        config = whole_config(species)
        family = FAMILIES[config.model_type]
        loaded = Loaded(config, random_model(config), species.extractor())
        return ModelEncoder(name, loaded, family, config.model_type, torch.device("cpu"), layers=layers)
    return load_encoder(str(make_checkpoint(name, folder)) + suffix, torch.device("cpu"), layers=layers)


def utterances(*seconds: float) -> list[np.ndarray]:
    """Noise that swells and fades, so that no two spans are alike."""
    generator = np.random.default_rng(0)
    made = []
    for duration in seconds:
        times = np.arange(round(duration * 16_000)) / 16_000
        swell = 0.2 + 0.1 * np.sin(2 * np.pi * times)
        made.append((swell * generator.standard_normal(len(times))).astype(np.float32))
    return made
