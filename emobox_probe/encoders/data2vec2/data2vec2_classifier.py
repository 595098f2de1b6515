"""emotion2vec+ as an audio classifier: emotion2vec, the mean of its frames, and one linear layer."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput

from emobox_probe.encoders.data2vec2.data2vec2 import (
    Data2Vec2Config,
    Data2Vec2Model,
    Data2Vec2PreTrainedModel,
)

# In the order of the published `tokens.txt`, which has each also in Chinese, and "<unk>" for the last.
EMOTION2VEC_PLUS_LABELS = (
    "angry",
    "disgusted",
    "fearful",
    "happy",
    "neutral",
    "other",
    "sad",
    "surprised",
    "unk",
)


class Data2Vec2ForAudioClassification(Data2Vec2PreTrainedModel):
    """Scores of classes from normalised 16 kHz waveforms."""

    def __init__(self, config: Data2Vec2Config):
        super().__init__(config)
        self.data2vec2 = Data2Vec2Model(config)
        assert config.num_labels is not None, "the library counts two where a configuration names none"
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_values: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Logits `(B, classes)`, minus infinity for classes that the configuration calls unused.

        Args:
            input_values: normalised samples `(B, N)`.
            attention_mask: ones for samples that are audio, zeros for padding behind them.
            labels: classes `(B,)`; given, the output has their cross-entropy as `loss`.
            output_hidden_states: give also those of the encoder.
        """
        output = self.data2vec2(input_values, attention_mask, output_hidden_states=output_hidden_states)
        logits = self.classifier(self._mean(output.last_hidden_state, attention_mask))
        logits[:, list(self.config.unused_classes)] = -torch.inf
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=output.hidden_states)

    def _mean(self, frames: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
        if attention_mask is None:
            return frames.mean(1)
        valid = self.data2vec2.frame_mask(attention_mask, frames.shape[1])[..., None]  # (B, T, 1)
        return frames.masked_fill(~valid, 0).sum(1) / valid.sum(1)  # (B, D)
