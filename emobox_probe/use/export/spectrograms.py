"""Log-mel spectrograms in operations that every runtime has: convolutions with the waves of the Fourier transform."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_probe.encoders.builtin import LogMel
from emobox_probe.encoders.inputs import SILENCE


class Power(nn.Module):
    """Power of the short-time Fourier transform: `(B, N)` to `(B, bins, T)`."""

    waves: Tensor

    def __init__(self, window: Tensor, size: int, hop: int):
        super().__init__()
        self.hop = hop
        turns = torch.outer(torch.arange(size // 2 + 1), torch.arange(len(window))) % size
        angles = turns.double() * (2 * math.pi / size)
        waves = torch.cat([angles.cos(), -angles.sin()]) * window.double()  # (2 x bins, window)
        self.register_buffer("waves", waves.float()[:, None])

    def forward(self, samples: Tensor) -> Tensor:
        real, imaginary = F.conv1d(samples[:, None], self.waves, stride=self.hop).chunk(2, dim=1)
        return real.square() + imaginary.square()


class WhisperLogMel(nn.Module):
    """What WhisperFeatureExtractor makes of whole windows: `(B, samples of a window)` to `(B, bands, steps)`."""

    filters: Tensor

    def __init__(self, extractor: Any):
        super().__init__()
        self.reach, self.steps = extractor.n_fft // 2, extractor.nb_max_frames
        window = torch.hann_window(extractor.n_fft, dtype=torch.float64)
        self.power = Power(window, extractor.n_fft, extractor.hop_length)
        filters = torch.from_numpy(np.asarray(extractor.mel_filters)).float()  # (bins, bands)
        self.register_buffer("filters", filters.T[..., None].contiguous())

    def forward(self, windows: Tensor) -> Tensor:
        padded = F.pad(windows[:, None], (self.reach, self.reach), mode="reflect")[:, 0]
        power = self.power(padded)[..., : self.steps]
        mel = F.conv1d(power, self.filters).clamp(min=10.0**SILENCE).log10()
        loudest = mel.amax(dim=(1, 2), keepdim=True)
        return (mel.maximum(loudest - 8.0) + 4.0) / 4.0


class BuiltinLogMel(nn.Module):
    """What `builtin:logmel` makes: `(B, N)` to `(B, T, bands)`.

    In float64, for as float32 what is silent beside a loud tone would be lost in rounding; the logarithm shows it.
    """

    waves: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        described = LogMel()
        self.size, self.hop = LogMel.WINDOW, LogMel.HOP
        turns = torch.outer(torch.arange(self.size), torch.arange(LogMel.FFT // 2 + 1)) % LogMel.FFT
        angles = turns.double() * (2 * math.pi / LogMel.FFT)
        waves = torch.cat([angles.cos(), angles.sin()], dim=1)  # (window, 2 x bins)
        self.register_buffer("waves", waves * torch.from_numpy(described.window)[:, None])
        self.register_buffer("filters", torch.from_numpy(described.filters))  # (bins, bands)

    def forward(self, samples: Tensor) -> Tensor:
        samples = F.pad(samples, (self.size // 2, self.size // 2))
        frames = samples.unfold(1, self.size, self.hop).double()  # (B, T, window)
        real, imaginary = (frames @ self.waves).chunk(2, dim=2)
        mel = (real.square() + imaginary.square()) @ self.filters
        return mel.clamp(min=1e-10).log().float()
