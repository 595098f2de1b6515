"""The sizes and settings of a published data2vec 2.0 or emotion2vec checkpoint as our configuration.

What the weights show is read from their shapes, and held against what the settings say.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from emobox_probe.encoders.data2vec2.data2vec2 import Data2Vec2Config
from emobox_probe.errors import ProbeError

AUDIO = "modality_encoders.AUDIO."

# Settings that the encoder is written for, with all published speech models; others are refused.
FIXED = {
    "layer_norm_first": False,
    "norm_affine": True,
    "normalize": True,
    "audio.extractor_mode": "layer_norm",
    "audio.conv_pos_pre_ln": False,
    "audio.use_alibi_encoder": True,
    "audio.learned_alibi": False,
}
KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


def scale_shape(published: Sequence[int]) -> tuple[int, int]:
    """`(L or 1, H or 1)` of ALiBi scales `(L or 1, 1, H or 1, 1, 1)`, which old checkpoints have without the L.

    >>> scale_shape((1, 1, 12, 1, 1)), scale_shape((12, 1, 1))
    ((1, 12), (1, 12))
    """
    layers, _, heads, _, _ = (1, 1, 1, 1, 1, *published)[-5:]
    return layers, heads


class _Shapes:
    """The shapes of weights by their published names, without prefix."""

    def __init__(self, source: str, weights: Mapping[str, Any]):
        self._source, self._weights = source, weights

    def of(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Of one weight, which must be there."""
        weight = self._weights.get(name)
        if not isinstance(weight, torch.Tensor):
            raise ProbeError(
                f"Expected {self._source} to hold all weights of its encoder, but {name} is missing; no part of it "
                f"is converted."
            )
        if weight.dim() != dimensions:
            raise ProbeError(
                f"Expected {name} of {self._source} to have {dimensions} dimensions, but it is {tuple(weight.shape)}; "
                f"it may be of another architecture."
            )
        return tuple(weight.shape)

    def alibi(self) -> tuple[int, int]:
        name = f"{AUDIO}alibi_scale"
        old = isinstance(scale := self._weights.get(name), torch.Tensor) and scale.dim() == 4
        return scale_shape(self.of(name, 4 if old else 5))

    def extra_tokens(self) -> int:
        name = f"{AUDIO}extra_tokens"
        return self.of(name, 3)[1] if name in self._weights else 0

    def count(self, begin: str, first: int = 0) -> int:
        """How many parts are numbered from `first` on."""
        pattern = re.compile(rf"{re.escape(begin)}\.(\d+)\.")
        numbers = [int(match[1]) for name in self._weights if (match := pattern.match(name))]
        return max(numbers, default=first - 1) + 1 - first


def configuration(
    source: str, weights: Mapping[str, Any], settings: Mapping[str, Any], assumed: list[str]
) -> Data2Vec2Config:
    """Sizes as the weights have them; what weights do not show as the settings say, or as published.

    Args:
        source: what messages call the checkpoint.
        weights: by their published names, without prefix.
        settings: as fairseq's `model` or FunASR's `model_conf`; empty where there are none.
        assumed: what neither weights nor settings say is added to it.

    Raises:
        ProbeError: a weight that tells a size is missing, a setting is not that of the weights, or the encoder is
            not written for it.
    """
    settings, shapes = _flat(settings), _Shapes(source, weights)
    for name, value in FIXED.items():
        if settings.get(name, value) != value:
            raise ProbeError(
                f"Expected {name} = {value} as in all published speech models, but {source} has "
                f"{settings[name]!r}, which the encoder is not written for."
            )
    scale_layers, scale_heads = shapes.alibi()
    sizes = {
        "depth": shapes.count("blocks"),
        "embed_dim": shapes.of("blocks.0.mlp.fc1.weight", 2)[1],
        "num_heads": scale_heads if scale_heads > 1 else _stated_heads(source, settings),
        "audio.prenet_depth": shapes.count(f"{AUDIO}context_encoder.blocks"),
        "audio.num_extra_tokens": shapes.extra_tokens(),
        "audio.conv_pos_depth": shapes.count(f"{AUDIO}relative_positional_encoder", 1),
    }
    for name, size in sizes.items():
        if settings.get(name, size) != size:
            raise ProbeError(
                f"Expected the weights of {source} to be as its settings say, but {name} is {settings[name]} in the "
                f"settings and {size} in the weights; put its own config.yaml beside it."
            )
    if "norm_eps" not in settings:
        assumed.append("layer norms with 1e-5, as published")
    convolutions = _convolutions(source, settings, shapes, assumed)
    position = shapes.of(f"{AUDIO}relative_positional_encoder.1.0.weight", 3)
    return Data2Vec2Config(
        hidden_size=sizes["embed_dim"],
        num_prenet_layers=sizes["audio.prenet_depth"],
        num_hidden_layers=sizes["depth"],
        num_attention_heads=sizes["num_heads"],
        intermediate_size=shapes.of("blocks.0.mlp.fc1.weight", 2)[0],
        layer_norm_eps=float(settings.get("norm_eps", 1e-5)),  # YAML takes 1e-05 for a text
        conv_dim=[channels for channels, _, _ in convolutions],
        conv_kernel=[kernel for _, kernel, _ in convolutions],
        conv_stride=[stride for _, _, stride in convolutions],
        num_position_convolutions=sizes["audio.conv_pos_depth"],
        position_kernel=position[2],
        position_groups=max(position[0] // position[1], 1),
        num_extra_tokens=sizes["audio.num_extra_tokens"],
        alibi_scale_per_head=scale_heads > 1,
        alibi_scale_per_layer=scale_layers > 1,
    )


def _stated_heads(source: str, settings: Mapping[str, Any]) -> int:
    if "num_heads" not in settings:
        raise ProbeError(
            f"Expected {source} to tell its attention heads, but its ALiBi scale is one for all of them and there are "
            f"no settings; put its config.yaml beside it."
        )
    return int(settings["num_heads"])


def _convolutions(
    source: str, settings: Mapping[str, Any], shapes: _Shapes, assumed: list[str]
) -> list[tuple[int, int, int]]:
    """(channels, kernel, stride) of the front end; strides are in no weight."""
    begin = f"{AUDIO}local_encoder.conv_layers"
    weights = [shapes.of(f"{begin}.{place}.0.weight", 3) for place in range(shapes.count(begin))]
    held = [(channels, kernel) for channels, _, kernel in weights]
    stated = settings.get("audio.feature_encoder_spec")
    if stated is None and [kernel for _, kernel in held] == list(KERNELS):
        assumed.append(f"strides {', '.join(map(str, STRIDES))}, as published")
        return [(*each, stride) for each, stride in zip(held, STRIDES, strict=True)]
    convolutions = _listed(str(stated))
    if convolutions is None or [each[:2] for each in convolutions] != held:
        says = f"{stated}, as its settings say" if stated else f"of the kernels {KERNELS}, without settings"
        raise ProbeError(
            f"Expected the first convolutions of {source} (channels, kernel, stride) to be {says}, but its weights "
            f"have (channels, kernel) {held}; put its own config.yaml beside it."
        )
    return convolutions


def _listed(text: str) -> list[tuple[int, int, int]] | None:
    """Sums and multiples of lists of triples, as fairseq writes them, read without running them.

    >>> _listed("[(8, 10, 5)] + [(8, 3, 2)] * 2")
    [(8, 10, 5), (8, 3, 2), (8, 3, 2)]
    >>> _listed("__import__('os').system('id')")
    """

    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return value(node.left) + value(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            times = value(node.right)
            return value(node.left) * (times if isinstance(times, int) and 0 < times < 100 else None)
        return ast.literal_eval(node)

    try:
        listed = [tuple(map(int, each)) for each in value(ast.parse(text, mode="eval").body)]
    except (ValueError, TypeError, SyntaxError):
        return None
    return listed if all(len(each) == 3 for each in listed) else None  # type: ignore[return-value]


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the model and, as `audio.…`, those of its front; None, which says nothing, left out."""
    modalities = settings.get("modalities")
    audio = modalities.get("audio") if isinstance(modalities, Mapping) else None
    audio = audio if isinstance(audio, Mapping) else {}
    flat = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    flat |= {f"audio.{name}": value for name, value in audio.items()}
    return {name: value for name, value in flat.items() if value is not None}
