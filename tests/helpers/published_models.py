"""Tiny models in the layouts of published repositories, and the same weights as safetensors.

File names are those on the Hub: facebook/hubert-large-ll60k, microsoft/wavlm-large, facebook/data2vec-audio-base,
openai/whisper-large-v3 (without its safetensors) and emotion2vec/emotion2vec_plus_base.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emotion2vec_reference as emotion2vec
import torch
import yaml
from safetensors.torch import load_file
from transformers import (
    Data2VecAudioConfig,
    HubertConfig,
    Wav2Vec2FeatureExtractor,
    WavLMConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
)
from zoo import random_model

from emobox_probe.encoders.convert_checkpoint import convert_checkpoint

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8, 8),
    "conv_stride": (10, 32),
    "conv_kernel": (20, 32),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
# As those two large models have it.
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
CONF = emotion2vec.settings(tiny=True)
LABELS = ["angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised"]
# What else is in the repositories; nothing of it is read.
BESIDE = {
    "facebook/hubert-large-ll60k": (".gitattributes", "README.md", "tf_model.h5"),
    "microsoft/wavlm-large": (".gitattributes", "README.md"),
    "facebook/data2vec-audio-base": (".gitattributes", "README.md"),
    "openai/whisper-large-v3": (
        *(".gitattributes", "README.md", "added_tokens.json", "flax_model.msgpack", "generation_config.json"),
        *("merges.txt", "normalizer.json", "special_tokens_map.json", "tokenizer.json"),
        *("tokenizer_config.json", "vocab.json"),
    ),
    "emotion2vec/emotion2vec_plus_base": (".gitattributes", "README.md", "logo.png"),
}


def _wav2vec2_like(config: Any) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        random_model(config).save_pretrained(folder)
        Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)

    return save


def _whisper(folder: Path) -> None:
    """Windows of one second instead of thirty."""
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 1) | {"d_model": 16}
    sizes |= dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 16)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    config = WhisperConfig(
        **sizes, num_mel_bins=128, vocab_size=8, max_source_positions=50, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    random_model(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128, chunk_length=1).save_pretrained(folder)


SAFE = {
    "facebook/hubert-large-ll60k": _wav2vec2_like(HubertConfig(**TINY, **LARGE)),
    "microsoft/wavlm-large": _wav2vec2_like(WavLMConfig(**TINY, **LARGE)),
    "facebook/data2vec-audio-base": _wav2vec2_like(Data2VecAudioConfig(**TINY)),
    "openai/whisper-large-v3": _whisper,
}
NAMES = (*SAFE, "emotion2vec/emotion2vec_plus_base")


def save_as_safetensors(name: str, folder: Path) -> Path:
    """The model with its weights as safetensors: for emotion2vec, what `emobox convert-checkpoint` makes."""
    if name in SAFE:
        SAFE[name](folder)
    else:
        published = folder.with_name(f"{folder.name}-published")
        convert_checkpoint(save_as_published(name, published) / "model.pt", folder)
    return folder


def save_as_published(name: str, folder: Path) -> Path:
    """The model in the layout of the Hub."""
    folder.mkdir(parents=True)
    if name in SAFE:
        SAFE[name](folder)
        weights = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        # As it was when these models were published.
        old = {
            ".parametrizations.weight.original0": ".weight_g",
            ".parametrizations.weight.original1": ".weight_v",
        }
        for new, before in old.items():
            weights = {key.replace(new, before): weight for key, weight in weights.items()}
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_as_funasr(folder)
    for file in BESIDE[name]:
        (folder / file).write_bytes(b"{}\n")
    return folder


def save_as_funasr(folder: Path, checkpoint: str = "model.pt") -> Path:
    """A checkpoint of emotion2vec+ with the files that FunASR keeps beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    emotion2vec.save_funasr(emotion2vec.published_state(CONF, classes=9), folder / checkpoint)
    (folder / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": CONF}))
    (folder / "tokens.txt").write_text("".join(f"某/{label}\n" for label in LABELS) + "<unk>\n")
    description = {"file_path_metas": {"init_param": checkpoint, "config": "config.yaml"}}
    (folder / "configuration.json").write_text(json.dumps({"framework": "pytorch", **description}))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """What a folder holds, for a repository."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
