"""Attention masks without a wait for the GPU.

Before it makes a mask, transformers asks the device whether anything is masked at all, and the CPU stands still until
the device has come that far. Here a mask is given only where there is padding, so the answer is known.
"""

from typing import Any

from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

SDPA = "sdpa"
SDPA_AT_ONCE = "sdpa_at_once"  # our name for it in the library's register


def _mask_at_once(*arguments: Any, **options: Any) -> Any:
    options["allow_is_bidirectional_skip"] = options.get("attention_mask") is None
    return sdpa_mask(*arguments, **options)


AttentionInterface.register(SDPA_AT_ONCE, sdpa_attention_forward)
AttentionMaskInterface.register(SDPA_AT_ONCE, _mask_at_once)


def mask_at_once(model: nn.Module) -> None:
    """Let every part of a model that uses SDPA make its masks without asking the device."""
    for part in model.modules():
        config: Any = getattr(part, "config", None)
        if getattr(config, "_attn_implementation", None) == SDPA:
            config._attn_implementation = SDPA_AT_ONCE
