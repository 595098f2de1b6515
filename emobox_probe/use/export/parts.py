"""The parts of an exported classifier, made of its configuration, and what runs them."""

import importlib
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModel

import emobox_probe.encoders.data2vec2 as own_models
from emobox_probe.encoders.builtin import BUILTINS
from emobox_probe.encoders.encoder import Encoder
from emobox_probe.encoders.exactness import settle_weights
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.families import FAMILIES, UNKNOWN, WHISPER_TRIMMED, Family
from emobox_probe.encoders.inputs import Loaded
from emobox_probe.encoders.load import BuiltinEncoder
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.encoders.names import TRIMMED
from emobox_probe.heads.heads import Head
from emobox_probe.records.heads_file import LAST, KeptHead
from emobox_probe.use.export.emobox_config import EmoBoxConfig
from emobox_probe.use.export.side_by_side import Heads
from emobox_probe.use.predictor import EncoderAndHeads


def family_of(config: EmoBoxConfig) -> Family:
    """How the encoder runs."""
    if config.architecture.endswith(TRIMMED):
        return WHISPER_TRIMMED
    return FAMILIES.get(config.architecture, UNKNOWN)


def encoder_config(config: EmoBoxConfig) -> Any:
    """The encoder's own configuration."""
    content = dict(config.encoder or {})
    return AutoConfig.for_model(content.pop("model_type"), **content)


def empty_encoder(config: EmoBoxConfig) -> nn.Module | None:
    """The encoder, whose weights are yet to be loaded; None of a built-in."""
    if config.encoder is None:
        return None
    own, part = encoder_config(config), family_of(config).part
    if part is None:
        model: Any = AutoModel.from_config(own)
        model = model.get_encoder() if own.is_encoder_decoder else model
    else:
        module, class_name = part.model.split(":")
        model_class = getattr(importlib.import_module(f"transformers.models.{module}"), class_name)
        model = model_class._from_config(own)
    settle_weights(model)
    made: nn.Module = model
    return made


def empty_heads(config: EmoBoxConfig) -> Heads:
    """Heads whose weights are yet to be loaded."""
    dimension, classes = (config.facts or {})["dimension"], len(config.id2label or {})
    sizes = [int(head["hidden"]) for head in config.heads]
    heads = [
        Head(
            torch.zeros(size, dimension), torch.zeros(size), torch.zeros(classes, size), torch.zeros(classes)
        )
        for size in sizes
    ]
    return Heads(heads, [str(head["layer"]) for head in config.heads], config.store_dtype)


def predictor_of(model: Any, device: torch.device) -> EncoderAndHeads:
    """What answers for a loaded model on its device."""
    config = model.config
    kept = [
        KeptHead("", "", number, layer, head.cpu())
        for number, (layer, head) in enumerate(zip(model.heads.layers, model.heads.heads(), strict=True))
    ]
    labels = [config.id2label[number] for number in range(len(config.id2label))]
    return EncoderAndHeads(_encoder_of(model, device), kept, labels, config.store_dtype)


def _encoder_of(model: Any, device: torch.device) -> Encoder:
    config = model.config
    known = EncoderFacts.model_validate(config.facts)
    if model.encoder is None:
        return BuiltinEncoder(known.name, BUILTINS[known.name]())
    loaded = Loaded(encoder_config(config), model.encoder, _extractor(config))
    layers = "last" if set(model.heads.layers) == {LAST} else "all"
    return ModelEncoder(
        known.name, loaded, family_of(config), config.architecture, device, known.dtype, layers, known=known
    )


def _extractor(config: EmoBoxConfig) -> Any:
    content = dict(config.encoder_preprocessor or {})
    kind = content.get("feature_extractor_type", "")
    extractor_class: Any = getattr(transformers, kind, None) or getattr(own_models, kind)
    return extractor_class.from_dict(content)
