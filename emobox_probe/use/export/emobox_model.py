"""An exported classifier as a model of `transformers`: raw 16 kHz waveforms in, logits out.

It runs what `emobox predict` runs, so that an utterance's logits do not depend on what else is in its batch.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForAudioClassification, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from emobox_probe.use.export.emobox_config import EmoBoxConfig


class EmoBoxForAudioClassification(PreTrainedModel):  # type: ignore[misc,unused-ignore]
    """A frozen encoder and the heads of the EmoBox recipe; for use, not for training."""

    config_class = EmoBoxConfig
    main_input_name = "input_values"
    _supports_sdpa = True

    def __init__(self, config: EmoBoxConfig):
        from emobox_probe.use.export.parts import empty_encoder, empty_heads

        super().__init__(config)
        self.encoder = empty_encoder(config)
        self.heads = empty_heads(config)
        self._made_for: tuple[torch.device, Any] | None = None
        self.post_init()

    @torch.inference_mode()
    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Logits `(B, C)` of waveforms `(B, N)`, of which `attention_mask` `(B, N)` marks the valid samples.

        Raises:
            ValueError: labels are given: the encoder is frozen, and heads are trained by `emobox probe`.
        """
        if labels is not None:
            raise ValueError(
                "Expected no labels, for this model is not to be trained; train heads with emobox probe."
            )
        mask = torch.ones_like(input_values) if attention_mask is None else attention_mask
        rows = zip(input_values.float().cpu().numpy(), mask.sum(-1).tolist(), strict=True)
        logits = torch.from_numpy(self._predictor().logits([row[: int(length)] for row, length in rows]))
        logits = logits.to(input_values.device)
        return SequenceClassifierOutput(logits=logits) if return_dict else (logits,)

    def _init_weights(self, module: Any) -> None:
        """None: all weights are in the folder."""

    def _predictor(self) -> Any:
        from emobox_probe.use.export.parts import predictor_of

        device = next(self.heads.parameters()).device
        if self._made_for is None or self._made_for[0] != device:
            self._made_for = device, predictor_of(self, device)
        return self._made_for[1]


def register() -> None:
    """Let `AutoModelForAudioClassification`, and so pipelines, know it."""
    AutoModelForAudioClassification.register(EmoBoxConfig, EmoBoxForAudioClassification)
