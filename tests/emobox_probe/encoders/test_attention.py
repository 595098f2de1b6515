"""Masks made at once, against those of the library."""

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emobox_probe.encoders.attention import SDPA_AT_ONCE, mask_at_once


@pytest.mark.parametrize("lengths", [(4000, 8000), (8000, 8000)], ids=["padded", "full"])
@pytest.mark.parametrize("given", [True, False], ids=["mask", "no mask"])
def test_frames_are_those_of_the_library(lengths: tuple[int, ...], given: bool) -> None:
    torch.manual_seed(0)
    config = Wav2Vec2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    config.feat_extract_norm = "layer"
    model = Wav2Vec2Model(config).eval()
    mask = torch.arange(8000) < torch.tensor(lengths)[:, None]
    waveforms = torch.randn(2, 8000) * mask
    masks = {"attention_mask": mask.long()} if given else {}
    with torch.inference_mode():
        expected = model(waveforms, **masks).last_hidden_state
        mask_at_once(model)
        assert model.config._attn_implementation == SDPA_AT_ONCE
        torch.testing.assert_close(model(waveforms, **masks).last_hidden_state, expected)
