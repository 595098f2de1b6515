"""Features that do not depend on the batch: what padding would leak is masked inside the loaded model.

Padded to the length of the longest, a batch holds frames that are no audio. Attention is told so by the model's own
mask, but convolutions and group norms are not. The modules here are swapped for, or hooked to, ones that treat
padding as if it were not there, without a copy of any modelling code. Nor do features depend on the number of threads,
by which sums of a large weight would differ in the last bit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers.masking_utils import create_bidirectional_mask

Convolution = tuple[int, int]  # (kernel, stride), without padding


def output_length(length: Any, convolutions: Sequence[Convolution]) -> Any:
    """Frames that a chain of convolutions makes of `length` samples; works on numbers and on tensors.

    >>> output_length(400, [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)])
    1
    """
    for kernel, stride in convolutions:
        length = (length - kernel) // stride + 1
    return length


def shortest_input(convolutions: Sequence[Convolution]) -> int:
    """The fewest samples that give one frame.

    >>> shortest_input([(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)])
    400
    """
    length = 1
    for kernel, stride in reversed(convolutions):
        length = (length - 1) * stride + kernel
    return length


class Validity:
    """How much of the batch at hand is audio, at every level of the model that a hook looks at."""

    def __init__(self) -> None:
        self._lengths: dict[int, torch.Tensor] = {}
        self._masks: dict[int, torch.Tensor] = {}
        self._active = False

    @contextmanager
    def of(self, lengths: torch.Tensor, padded: int, convolutions: Sequence[Convolution]) -> Iterator[None]:
        """While inside, `lengths` `(B,)` of `padded` steps are audio, and so on through the convolutions."""
        self._active = True
        self._lengths = {_number(padded): lengths}
        for convolution in convolutions:
            padded, lengths = output_length(padded, [convolution]), output_length(lengths, [convolution])
            self._lengths[_number(padded)] = lengths
        try:
            yield
        finally:
            self._active = False
            self._lengths, self._masks = {}, {}

    def lengths(self, padded: int) -> torch.Tensor | None:
        """Valid steps `(B,)` at the level that is `padded` steps long; None while nothing is padded."""
        if not self._active:
            return None
        if _number(padded) not in self._lengths:
            known = ", ".join(map(str, self._lengths))
            raise RuntimeError(
                f"Expected a padded length among {known}, but a hook met {padded}: padding would leak."
            )
        return self._lengths[_number(padded)]

    def mask(self, padded: int) -> torch.Tensor | None:
        """True where there is audio, `(B, padded)`; None while nothing is padded."""
        lengths = self.lengths(padded)
        if lengths is None:
            return None
        if _number(padded) not in self._masks:
            self._masks[_number(padded)] = torch.arange(padded, device=lengths.device) < lengths[:, None]
        return self._masks[_number(padded)]


def _number(padded: Any) -> int:
    """A length as a number: while a model is exported with any length, that of the example."""
    return int(padded.node.hint) if isinstance(padded, torch.SymInt) else int(padded)


class MaskedGroupNorm(nn.GroupNorm):
    """Group norm over `(B, C, T)` whose statistics are those of the valid steps alone."""

    def __init__(self, norm: nn.GroupNorm, validity: Validity):
        super().__init__(norm.num_groups, norm.num_channels, norm.eps, norm.affine)
        self.weight, self.bias = norm.weight, norm.bias
        self._validity = validity

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = self._validity.mask(x.shape[-1])
        lengths = self._validity.lengths(x.shape[-1])
        if mask is None or lengths is None:
            return super().forward(x)
        # Statistics are float32 whatever the model is; sum and norm accumulate so without a float32 copy of x.
        x = x.masked_fill(~mask[:, None], 0)  # (B, C, T)
        grouped = x.reshape(x.shape[0], self.num_groups, -1)  # (B, G, C/G * T)
        count = (lengths * (self.num_channels // self.num_groups))[:, None]  # (B, 1)
        mean = grouped.sum(-1, dtype=torch.float32) / count  # (B, G)
        square = torch.linalg.vector_norm(grouped, dim=-1, dtype=torch.float32).square() / count
        scale = torch.rsqrt((square - mean.square()).clamp(min=0) + self.eps)
        mean, scale = (self._per_channel(part) for part in (mean, scale))  # (B, C, 1)
        scale = scale * self.weight.float()[:, None]
        shift = self.bias.float()[:, None] - mean * scale
        with torch.no_grad():  # models are frozen here, and x is a copy already
            return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype), out=x)

    def _per_channel(self, statistic: torch.Tensor) -> torch.Tensor:
        return statistic.repeat_interleave(self.num_channels // self.num_groups, dim=1)[:, :, None]


def mask_group_norms(module: nn.Module, validity: Validity) -> None:
    """Swap every group norm inside for one that leaves padding out; the weights stay the same tensors."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.GroupNorm:
                setattr(parent, name, MaskedGroupNorm(child, validity))


def mask_convolutions(module: nn.Module, validity: Validity) -> None:
    """Give every convolution over time inside zeros where there is padding, as its own edge padding does."""

    def zero_padding(_: nn.Module, arguments: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
        (x,) = arguments  # (B, C, T)
        mask = validity.mask(x.shape[-1])
        return None if mask is None else (x.masked_fill(~mask[:, None], 0),)

    for child in module.modules():
        if isinstance(child, nn.Conv1d) and child.kernel_size[0] > 1:
            child.register_forward_pre_hook(zero_padding)


def mask_frames(model: nn.Module, validity: Validity) -> None:
    """Give the model the mask of its frames, which it would make itself, with a wait for the GPU."""
    own: Any = getattr(model, "_get_feature_vector_attention_mask", None)
    if own is None:
        return

    def mask(frames: int, attention_mask: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        valid = validity.mask(frames)
        return own(frames, attention_mask, *rest, **more) if valid is None else valid

    model._get_feature_vector_attention_mask = mask  # type: ignore[assignment]


def mask_attention(layers: nn.ModuleList, config: Any, validity: Validity) -> None:
    """Give layers that are called as `layer(frames, None)` the mask that their model does not make."""

    def with_mask(_: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        frames, *rest = arguments  # (B, T, D)
        valid = validity.mask(frames.shape[1])
        if valid is None:
            return None
        mask = create_bidirectional_mask(config=config, inputs_embeds=frames, attention_mask=valid)
        return (frames, mask, *rest[1:]), keywords

    for layer in layers:
        layer.register_forward_pre_hook(with_mask, with_kwargs=True)


def settle_weights(model: nn.Module) -> None:
    """Make weights that are computed from others, by weight norm, once and by one thread, not anew for every batch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            names: Any = module.parametrizations
            for name in list(names):
                parametrize.remove_parametrizations(module, name)
    torch.set_num_threads(threads)
