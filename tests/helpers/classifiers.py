"""Small emotion classifiers, trained here and saved in a folder as they would come from the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
)


def tiny(classes: Sequence[str], sampling_rate: int = 16_000) -> tuple[Any, Any]:
    """A random wav2vec 2.0 of a few thousand parameters with a head, and its feature extractor."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(32, 32),
        conv_stride=(10, 32),
        conv_kernel=(40, 32),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=64,
        id2label=dict(enumerate(classes)),
    )
    model = Wav2Vec2ForSequenceClassification(config).eval()
    return model, Wav2Vec2FeatureExtractor(sampling_rate=sampling_rate, do_normalize=False)


def whisper(encoder: Path, classes: Sequence[str]) -> tuple[Any, Any]:
    """A real Whisper encoder with a head, and its feature extractor; for 10 s instead of 30, which is faster."""
    torch.manual_seed(0)
    model = WhisperForAudioClassification.from_pretrained(
        encoder, id2label=dict(enumerate(classes)), dtype=torch.float32, ignore_mismatched_sizes=True
    )
    positions = model.encoder.embed_positions.weight[:500].clone()
    model.encoder.embed_positions = torch.nn.Embedding.from_pretrained(positions)
    model.config.max_source_positions = 500
    return model.eval(), WhisperFeatureExtractor(chunk_length=10)


def fit(model: Any, extractor: Any, waveforms: Sequence[np.ndarray], labels: Sequence[int]) -> None:
    """Train the last layer of a model, all else left as it is."""
    pooled: list[np.ndarray] = []
    hook = model.classifier.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0][0].numpy()))
    for waveform in waveforms:
        logits(model, extractor, waveform)
    hook.remove()
    scale, regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(
        np.stack(pooled), labels
    )
    weight = regression.coef_ / scale.scale_
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(weight))
        model.classifier.bias.copy_(torch.from_numpy(regression.intercept_ - weight @ scale.mean_))


@torch.no_grad()
def logits(model: Any, extractor: Any, waveform: np.ndarray) -> np.ndarray:
    """Scores `(C,)` of one utterance, by the model itself."""
    inputs = extractor(waveform, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return np.asarray(model(**inputs).logits[0])


def save(folder: Path, model: Any, extractor: Any) -> Path:
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder
