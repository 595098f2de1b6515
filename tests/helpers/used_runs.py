"""Short real runs for tests of their use: `builtin:logmel` and a tiny random encoder on the demo corpus."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Audio, load_dataset
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emobox_datasets.audio_files.audio import from_flac
from emobox_probe.protocol import PAPER, STRICT

# Six epochs instead of a hundred, two seeds instead of five: what is tested does not depend on how good heads are.
QUICK = replace(PAPER, epochs=6, warm_up_epochs=2, hidden_sizes=(8,))
QUICK_STRICT = replace(STRICT, epochs=4, warm_up_epochs=2, hidden_sizes=(8,), seeds=(0, 1))


def make_tiny_encoder(folder: Path) -> Path:
    """A random wav2vec 2.0 of a few thousand parameters with a group norm, saved as people save models."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(10, 32),
        conv_kernel=(20, 32),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def demo_waveforms() -> dict[str, Any]:
    """The 16 kHz waveform of every utterance of the demo corpus, by its id."""
    rows = load_dataset("emobox/demo", "all", split="train").cast_column("audio", Audio(decode=False))
    return {row["id"]: from_flac(row["audio"]["bytes"]) for row in rows}


def logits_of(folder: Path, fold: str, seed: int = 0) -> dict[str, list[float]]:
    """What a run's record follows from: the logits of every utterance that a fold tested."""
    table = pd.read_parquet(folder / "predictions.parquet")
    chosen = table[(table["fold"] == fold) & (table["seed"] == seed)]
    return {id: logits.tolist() for id, logits in zip(chosen["id"], chosen["logits"], strict=True)}
