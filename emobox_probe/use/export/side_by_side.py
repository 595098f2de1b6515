"""Heads side by side as one module, in tensors alone: frames of an encoder in, logits of every head out."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.outputs import Output
from emobox_probe.heads.batches import EPSILON
from emobox_probe.heads.heads import Head
from emobox_probe.records.heads_file import LAST


class Heads(nn.Module):
    """K heads side by side: frames of an encoder to logits `(B, K, C)`.

    Args:
        heads: those of one layer together.
        layers: of each head, `last` or the number of a layer.
        store_dtype: what frames were stored as when the heads were trained; they see them rounded to that.
    """

    def __init__(self, heads: Sequence[Head], layers: Sequence[str], store_dtype: str):
        super().__init__()
        self.layers, self.store_dtype = list(layers), store_dtype
        self.names = list(dict.fromkeys(layers))
        self.widths = {
            name: [len(head.first) for head, layer in zip(heads, layers, strict=True) if layer == name]
            for name in self.names
        }
        for name in self.names:
            chosen = [head for head, layer in zip(heads, layers, strict=True) if layer == name]
            self._keep(f"first_{name}", torch.cat([head.first for head in chosen]))
            self._keep(f"first_bias_{name}", torch.cat([head.first_bias for head in chosen]))
        for number, head in enumerate(heads):
            self._keep(f"second_{number}", head.second)
            self._keep(f"second_bias_{number}", head.second_bias)

    def _keep(self, name: str, values: Tensor) -> None:
        self.register_parameter(name, nn.Parameter(values.float(), requires_grad=False))

    def heads(self) -> list[Head]:
        """Each by itself again."""
        firsts, biases = (
            {name: iter(getattr(self, f"{part}_{name}").split(self.widths[name])) for name in self.names}
            for part in ("first", "first_bias")
        )
        return [
            Head(
                next(firsts[layer]),
                next(biases[layer]),
                getattr(self, f"second_{number}"),
                getattr(self, f"second_bias_{number}"),
            )
            for number, layer in enumerate(self.layers)
        ]

    def forward(self, output: Output) -> Tensor:
        assert output.valid is not None
        pooled = {name: iter(self._pooled(name, output)) for name in self.names}
        logits = [
            F.linear(
                next(pooled[layer]), getattr(self, f"second_{number}"), getattr(self, f"second_bias_{number}")
            )
            for number, layer in enumerate(self.layers)
        ]
        return torch.stack(logits, dim=1)

    def _pooled(self, name: str, output: Output) -> Sequence[Tensor]:
        """Mean hidden units `(B, H)` of every head on a layer."""
        weight, bias = getattr(self, f"first_{name}"), getattr(self, f"first_bias_{name}")
        if name == LAST:
            frames = output.frames.to(DTYPES[self.store_dtype]).float()
            inside, count = _inside(frames, output.valid, output.frames.shape[1])
            normalised = _whole_normalised(frames, inside, count)
            pooled = (F.linear(normalised, weight, bias).relu() * inside).sum(1) / count
        else:
            states = output.layers[int(name)].float()
            inside, count = _inside(states, output.valid, output.frames.shape[1])
            mean = (states * inside).sum(1) / count  # (B, D)
            pooled = F.linear(F.layer_norm(mean, mean.shape[1:]), weight, bias).relu()
        return list(pooled.split(self.widths[name], dim=1))


def _inside(states: Tensor, valid: Any, frames: Any) -> tuple[Tensor, Tensor]:
    """Where steps `(B, T', 1)` cover audio, and how many do `(B, 1)`; T' may be a multiple of the frames."""
    steps = states.shape[1]
    count = (valid * steps + frames - 1) // frames
    inside = torch.arange(steps, device=states.device) < count[:, None]
    return inside[..., None].to(states.dtype), count[:, None].to(states.dtype)


def _whole_normalised(frames: Tensor, inside: Tensor, count: Tensor) -> Tensor:
    """Each utterance's matrix of valid frames with zero mean and unit variance, zero behind them."""
    size = (count * frames.shape[2])[..., None]  # (B, 1, 1)
    mean = (frames * inside).sum((1, 2), keepdim=True) / size
    centred = (frames - mean) * inside
    variance = centred.square().sum((1, 2), keepdim=True) / size
    return centred * (variance + EPSILON).rsqrt()
