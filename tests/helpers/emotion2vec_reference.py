"""The reference implementation of emotion2vec and data2vec 2.0, from the `funasr` package, and checkpoints of it.

Only the files of the model are imported: the package itself imports all of its models and much that they need.
"""

import importlib
import importlib.util
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

FRONT = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
TINY_FRONT = "[(24, 10, 5)] + [(24, 3, 2)] * 4 + [(24,2,2)] + [(24,2,2)]"


def reference_class() -> Any:
    """FunASR's `Emotion2vec`; skips where funasr or omegaconf is not installed."""
    pytest.importorskip("omegaconf", reason="pip install --no-deps funasr omegaconf")
    if "funasr" not in sys.modules:
        specification = importlib.util.find_spec("funasr")
        if specification is None:
            pytest.skip("funasr is not installed: pip install --no-deps funasr omegaconf")
        package = types.ModuleType("funasr")
        package.__path__ = list(specification.submodule_search_locations or [])
        sys.modules["funasr"] = package
        audio = types.ModuleType("funasr.utils.load_utils")  # needs librosa, and reads files only
        audio.load_audio_text_image_video = None
        sys.modules["funasr.utils.load_utils"] = audio
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("funasr.models.emotion2vec.model").Emotion2vec


def settings(tiny: bool = False, decoder: bool = False, **changes: Any) -> dict[str, Any]:
    """The `model_conf` of emotion2vec base as published, or of a tiny model; `audio_…` changes its front."""
    size = {"embed_dim": 48, "num_heads": 6, "depth": 3} if tiny else {}
    front = {"feature_encoder_spec": TINY_FRONT, "prenet_depth": 2} if tiny else {}
    audio = {name.removeprefix("audio_"): changes.pop(name) for name in list(changes) if "audio_" in name}
    model = {
        **{"depth": 8, "embed_dim": 768, "num_heads": 12, "mlp_ratio": 4.0, "layer_norm_first": False},
        **{"norm_eps": 1e-5, "norm_affine": True, "end_of_block_targets": False, "layerdrop": 0.05},
        **{"encoder_dropout": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.0, "post_mlp_drop": 0.1},
        **{"dropout_input": 0.0, "start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0, "clone_batch": 8},
        **{"average_top_k_layers": 8, "loss_beta": 0.0, "loss_scale": None, "normalize": True},
        **size,
        **changes,
    }
    model["modalities"] = {
        "audio": {
            **{"extractor_mode": "layer_norm", "feature_encoder_spec": FRONT, "prenet_depth": 4},
            **{"conv_pos_width": 95, "conv_pos_groups": 16, "conv_pos_depth": 5, "conv_pos_pre_ln": False},
            **{"prenet_layerdrop": 0.05, "prenet_dropout": 0.1, "local_grad_mult": 1.0},
            **{"start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0},
            **{"num_extra_tokens": 10, "init_extra_token_zero": True},
            **{"use_alibi_encoder": True, "alibi_scale": 1.0, "learned_alibi": False, "alibi_max_pos": None},
            **{"learned_alibi_scale": True, "learned_alibi_scale_per_head": True},
            **{"learned_alibi_scale_per_layer": False},
            "num_alibi_heads": model["num_heads"],
            "model_depth": model["depth"],
            "decoder": _decoder() if decoder else None,
            **front,
            **audio,
        }
    }
    return model


def _decoder() -> dict[str, Any]:
    return {
        **{"decoder_dim": 32, "decoder_groups": 16, "decoder_kernel": 7, "decoder_layers": 4},
        **{"input_dropout": 0.1, "add_positions_masked": False, "add_positions_all": False},
        **{"decoder_residual": True, "projection_layers": 1, "projection_ratio": 2.0},
    }


def reference(model_conf: dict[str, Any], classes: int = -1) -> Any:
    """A reference model of these settings in evaluation mode, with every weight random, the same every time."""
    torch.manual_seed(0)
    model = reference_class()(model_conf=model_conf, vocab_size=classes).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            _randomise(name, weight)
    return model.requires_grad_(False)


def _randomise(name: str, weight: torch.Tensor) -> None:
    """Nothing is left zero or one, so that no weight can be ignored unseen."""
    if "alibi_scale" in name:
        nn.init.uniform_(weight, 0.2, 2.0)
        weight.flatten()[1:2] = -0.5  # which counts as zero
    elif "extra_tokens" in name:
        nn.init.normal_(weight)
    elif weight.dim() > 1:
        nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    elif name.endswith("weight"):
        nn.init.normal_(weight, 1.0, 0.2)
    else:
        nn.init.normal_(weight, std=0.2)


def frames(model: Any, waveform: torch.Tensor) -> torch.Tensor:
    """What the reference makes of one waveform `(N,)` alone, normalised as it does: `(T, D)`."""
    with torch.inference_mode():
        normalised = torch.nn.functional.layer_norm(waveform, waveform.shape)
        found: torch.Tensor = model.extract_features(normalised[None], padding_mask=None)["x"][0]
        return found


def published_state(model_conf: dict[str, Any], classes: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the published names, for tests that need no reference; sizes as `settings` gives them."""
    size, front, audio = (
        model_conf["embed_dim"],
        "modality_encoders.AUDIO.",
        model_conf["modalities"]["audio"],
    )
    channels = 24 if audio["feature_encoder_spec"] == TINY_FRONT else 512
    shapes: dict[str, tuple[int, ...]] = {f"{front}alibi_scale": (1, 1, model_conf["num_heads"], 1, 1)}
    if audio["num_extra_tokens"]:
        shapes[f"{front}extra_tokens"] = (1, audio["num_extra_tokens"], size)
    for place, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        layer = f"{front}local_encoder.conv_layers.{place}"
        shapes |= {f"{layer}.0.weight": (channels, channels if place else 1, kernel)}
        shapes |= _affine(f"{layer}.2.1", channels)
    shapes |= _affine(f"{front}project_features.1", channels)
    shapes |= _affine(f"{front}project_features.2", size, channels)
    for place in range(1, 6):
        shapes |= _affine(f"{front}relative_positional_encoder.{place}.0", size, size // 16, 19)
    shapes |= _affine(f"{front}context_encoder.norm", size)
    blocks = [f"{front}context_encoder.blocks.{number}" for number in range(audio["prenet_depth"])]
    for block in [*blocks, *(f"blocks.{number}" for number in range(model_conf["depth"]))]:
        shapes |= _affine(f"{block}.norm1", size) | _affine(f"{block}.norm2", size)
        shapes |= _affine(f"{block}.attn.qkv", 3 * size, size) | _affine(f"{block}.attn.proj", size, size)
        shapes |= _affine(f"{block}.mlp.fc1", 4 * size, size) | _affine(f"{block}.mlp.fc2", size, 4 * size)
    if classes:
        shapes |= _affine("proj", classes, size)
    torch.manual_seed(0)
    state = {name: torch.empty(shape) for name, shape in shapes.items()}
    for name, weight in state.items():
        _randomise(name, weight)
    return state


def _affine(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def save_funasr(state: dict[str, torch.Tensor], path: Path, prefix: str = "d2v_model.") -> Path:
    """As emotion2vec+ is published: the encoder under a prefix and the classifier without."""
    named = {name if name.startswith("proj.") else prefix + name: weight for name, weight in state.items()}
    torch.save({"model": named}, path)
    return path


def save_fairseq(state: dict[str, torch.Tensor], model_conf: dict[str, Any], path: Path, **more: Any) -> Path:
    """As data2vec 2.0 is published: with the teacher's weights, settings and a state of training."""
    teacher = {name: weight + 1 for name, weight in state.items() if "blocks" in name}
    content = {
        "args": None,
        "cfg": {
            "_name": None,
            "model": {"_name": "data2vec_multi", **model_conf},
            "task": {"normalize": True},
        },
        "model": {**state, "_ema": teacher},
        "criterion": {},
        "optimizer_history": [{"optimizer_name": "FairseqAdam", "num_updates": 400_000}],
        "task_state": {},
        "extra_state": {"previous_training_time": 1.5, "metrics": [("default", [])]},
        "last_optimizer_state": None,
    }
    torch.save({**content, **more}, path)
    return path
