"""From the published names and settings of data2vec 2.0 and emotion2vec to ours: no weight unused, none missing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from emobox_probe.encoders.data2vec2.data2vec2 import Data2Vec2Config, Data2Vec2Model
from emobox_probe.encoders.data2vec2.data2vec2_classifier import (
    EMOTION2VEC_PLUS_LABELS,
    Data2Vec2ForAudioClassification,
)
from emobox_probe.encoders.data2vec2.data2vec2_settings import AUDIO, configuration, scale_shape
from emobox_probe.errors import ProbeError

FIRST_WEIGHT = f"{AUDIO}local_encoder.conv_layers.0.0.weight"

# What stands before the encoder's names: nothing in pre-trained checkpoints, `d2v_model.` in emotion2vec+.
PREFIXES = ("", "d2v_model.", "module.")

# Parts that only training needs, by how their names begin.
TRAINING_ONLY = {
    "_ema": "the teacher (a moving average of the weights)",
    f"{AUDIO}decoder.": "the decoder of masked spans",
    "shared_decoder.": "the decoder of masked spans",
    "recon_proj.": "the projection for reconstruction",
}

_BLOCK = {
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.output",
    "norm1": "attention_norm",
    "mlp.fc1": "widen",
    "mlp.fc2": "narrow",
    "norm2": "norm",
}

# Published name -> ours, in full; "#" is the first number between dots, which is kept.
NAMES = {
    f"{AUDIO}local_encoder.conv_layers.#.0": "front.#.convolution",
    f"{AUDIO}local_encoder.conv_layers.#.2.1": "front.#.norm",
    f"{AUDIO}project_features.1": "front_norm",
    f"{AUDIO}project_features.2": "projection",
    f"{AUDIO}relative_positional_encoder.#.0": "positions.#",
    f"{AUDIO}alibi_scale": "alibi_scale",
    f"{AUDIO}extra_tokens": "extra_tokens",
    f"{AUDIO}context_encoder.norm": "norm",
    **{f"{AUDIO}context_encoder.blocks.#.{old}": f"prenet.#.{new}" for old, new in _BLOCK.items()},
    **{f"blocks.#.{old}": f"blocks.#.{new}" for old, new in _BLOCK.items()},
    "proj": "classifier",
}


NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


@dataclass(frozen=True)
class Converted:
    """A model with the weights of a checkpoint, and what of the checkpoint was left out, by name."""

    model: Any
    left_out: dict[str, int]
    assumed: list[str]


def convert(
    source: str, weights: Mapping[str, Any], settings: Mapping[str, Any], labels: list[str]
) -> Converted:
    """The model of published weights: a classifier where they have the layer of one, else the encoder.

    Args:
        source: what messages call the checkpoint.
        weights: published name -> tensor.
        settings: as fairseq's `model` or FunASR's `model_conf`; empty where the checkpoint has none.
        labels: of the classifier, in order; empty for those of emotion2vec+.

    Raises:
        ProbeError: it is another architecture, a weight is missing, left over or of another shape, or a setting is
            one that the encoder does not have.
    """
    found, left_out = _encoder_weights(source, weights)
    assumed: list[str] = []
    config = configuration(source, found, settings, assumed)
    state, unknown = _renamed(found)
    model: Any
    with torch.device("meta"):
        if "classifier.weight" in state:
            _label(source, config, len(state["classifier.weight"]), labels, assumed)
            model = Data2Vec2ForAudioClassification(config)
            state = {
                name if name.startswith("classifier.") else f"data2vec2.{name}": t
                for name, t in state.items()
            }
        else:
            model = Data2Vec2Model(config)
    _check(source, model.state_dict(), state, unknown)
    model.load_state_dict({name: t.to(torch.float32, copy=True) for name, t in state.items()}, assign=True)
    return Converted(model.eval(), left_out, assumed)


def _encoder_weights(source: str, weights: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Weights without prefix and without what only training needs, and how many of that there were."""
    for prefix in PREFIXES:
        if f"{prefix}{FIRST_WEIGHT}" in weights:
            break
    else:
        raise ProbeError(
            f"Expected a checkpoint of data2vec 2.0 or emotion2vec for speech, but {source} has no {FIRST_WEIGHT}; "
            f"it holds {_some(sorted(map(str, weights))) or 'nothing'}. Other architectures are not converted."
        )
    found, left_out = {}, dict.fromkeys(TRAINING_ONLY.values(), 0)
    for name, value in weights.items():
        bare = str(name).removeprefix(prefix)
        if bare in found:
            raise ProbeError(
                f"Expected every weight once in {source}, but {bare} is there with and without {prefix}; it may have "
                f"been put together from two models."
            )
        reason = next((why for begin, why in TRAINING_ONLY.items() if bare.startswith(begin)), None)
        if reason is None:
            found[bare] = value
        else:
            left_out[reason] += len(value) if isinstance(value, Mapping) else 1
    return found, {reason: count for reason, count in left_out.items() if count}


def _renamed(found: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Our names, and the published names that there is no place for."""
    state: dict[str, torch.Tensor] = {}
    unknown = []
    for name, value in found.items():
        new = _our_name(name)
        if (
            new is None
            or new in state
            or not isinstance(value, torch.Tensor)
            or not value.is_floating_point()
        ):
            unknown.append(name)
        else:
            state[new] = value.reshape(scale_shape(value.shape)) if new == "alibi_scale" else value
    return state, unknown


def _our_name(name: str) -> str | None:
    """Of one published name; None where there is none.

    >>> _our_name("blocks.3.mlp.fc1.bias"), _our_name("blocks.3.mlp.fc3.bias")
    ('blocks.3.widen.bias', None)
    """
    stem, dot, kind = name.rpartition(".")
    if kind not in ("weight", "bias"):
        stem, dot, kind = name, "", ""
    number = NUMBER.search(stem)
    new = NAMES.get(NUMBER.sub("#", stem, count=1))
    if new is None:
        return None
    if number and "#" in new:
        # The published sequence of position convolutions begins with a transposition.
        new = new.replace("#", str(int(number[0]) - new.startswith("positions")))
    return new + dot + kind


def _label(source: str, config: Data2Vec2Config, classes: int, labels: list[str], assumed: list[str]) -> None:
    """Names for the classes; FunASR never gives those that it calls unuse…."""
    if not labels:
        assumed.append("the labels of emotion2vec+")
        labels = list(EMOTION2VEC_PLUS_LABELS)
    if len(labels) != classes:
        raise ProbeError(
            f"Expected a label for each of the {classes} classes of {source}, but got {len(labels)}: "
            f"{', '.join(labels)}; put its own tokens.txt beside it."
        )
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    config.unused_classes = [number for number, label in enumerate(labels) if label.startswith("unuse")]


def _check(
    source: str, expected: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], unknown: list[str]
) -> None:
    missing = sorted(expected.keys() - state.keys())
    left = sorted([*unknown, *(state.keys() - expected.keys())])
    if missing or left:
        said = [f"{len(missing)} are missing ({_some(missing)})"] if missing else []
        said += [f"{len(left)} are left over ({_some(left)})"] if left else []
        raise ProbeError(
            f"Expected every weight of the encoder once in {source}, but {' and '.join(said)}. A checkpoint is "
            f"converted whole or not at all; if it is a published one, it may be of another architecture."
        )
    for name, tensor in expected.items():
        if tensor.shape != state[name].shape:
            raise ProbeError(
                f"Expected {name} of {source} to be {tuple(tensor.shape)} as the other weights are, but it is "
                f"{tuple(state[name].shape)}; it may be of another architecture."
            )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
