"""Convolutions in the form that a GPU likes, against the library's own, with the same weights."""

import pytest
import torch
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emobox_probe.encoders.convolution import WideGroups, WindowedConvolution, for_tensor_cores


@pytest.mark.parametrize("bias", [True, False])
def test_windows_equal_the_convolution(bias: bool) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv1d(1, 12, 10, 5, bias=bias)
    swapped = nn.Sequential(nn.Sequential(convolution))
    for_tensor_cores(swapped)
    assert type(swapped[0][0]) is WindowedConvolution
    assert swapped[0][0].weight is convolution.weight
    waveforms = torch.randn(3, 1, 777)
    assert torch.allclose(swapped(waveforms), convolution(waveforms), atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_wide_groups_equal_the_convolution(bias: bool, stride: int) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv1d(4 * 48, 4 * 40, 16, stride, padding=8, groups=4, bias=bias)
    frames = torch.randn(3, 4 * 48, 50)
    assert torch.allclose(WideGroups(convolution)(frames), convolution(frames), atol=1e-5)


def test_a_whole_model_stays_what_it_is() -> None:
    torch.manual_seed(0)
    config = Wav2Vec2Config(hidden_size=96, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    config.num_conv_pos_embedding_groups = 2  # of 48 channels, as in models of the base size
    model = Wav2Vec2Model(config).eval()
    waveforms = torch.randn(2, 8000)
    with torch.inference_mode():
        expected = model(waveforms).last_hidden_state
        model.to(torch.bfloat16)  # where tensor cores are; compared in float32
        for_tensor_cores(model)
        model.float()
        found = model(waveforms).last_hidden_state
    assert type(model.feature_extractor.conv_layers[0].conv) is WindowedConvolution
    assert type(model.encoder.pos_conv_embed.conv) is WideGroups
    assert (found - expected).abs().max() < 0.05 * expected.std()  # weights went through bfloat16


def test_what_would_not_gain_stays() -> None:
    kept = nn.Sequential(nn.Conv1d(8, 8, 3), nn.Conv1d(64, 64, 3, groups=64), nn.Conv1d(1, 4, 3, padding=1))
    before = list(kept)
    for_tensor_cores(kept.to(torch.bfloat16))
    assert list(kept) == before
    single = nn.Sequential(nn.Conv1d(96, 96, 3, groups=2))
    for_tensor_cores(single)
    assert type(single[0]) is nn.Conv1d  # float32 has no tensor cores to gain from
