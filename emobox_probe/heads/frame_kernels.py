"""Means over each utterance's frames of ReLU of hidden units, as two Triton kernels: each passes over them once.

What stands between the two matrix products of a step waits for a GPU's memory. Sums run over the frames of an utterance
in their order, so they are the same every time.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

# Frames and hidden units of a tile.
FRAMES, UNITS = 64, 128


class PooledReLU(torch.autograd.Function):
    """`pooled_relu` of `kernels`."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, bias: Tensor, owner: Tensor, lengths: Tensor) -> Tensor:
        groups, frames, units = hidden.shape
        utterances = lengths.shape[1]
        # Beside the means, the share of an utterance's frames in which a unit is active: the slope of its bias.
        pooled, active = hidden.new_empty(2, groups, utterances, units, dtype=torch.float32).unbind()
        _pool[triton.cdiv(units, UNITS), utterances, groups](
            hidden,
            bias.contiguous(),
            lengths.cumsum(1),
            lengths,
            pooled,
            active,
            frames,
            units,
            FRAME_BLOCK=FRAMES,
            UNIT_BLOCK=UNITS,
        )
        ctx.save_for_backward(hidden, bias, owner, lengths, active)
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden, bias, owner, lengths, active = ctx.saved_tensors
        groups, frames, units = hidden.shape
        of_pooled, of_hidden = gradients[0].contiguous(), torch.empty_like(hidden)
        _unpool[triton.cdiv(units, UNITS), triton.cdiv(frames, FRAMES), groups](
            hidden,
            bias.contiguous(),
            owner,
            lengths,
            of_pooled,
            of_hidden,
            frames,
            units,
            UTTERANCES=lengths.shape[1],
            FRAME_BLOCK=FRAMES,
            UNIT_BLOCK=UNITS,
        )
        return of_hidden, (of_pooled * active).sum(1), None, None


@triton.jit
def _pool(
    hidden,
    bias,
    ends,
    lengths,
    pooled,
    active,
    frames,
    units,
    FRAME_BLOCK: tl.constexpr,
    UNIT_BLOCK: tl.constexpr,
):
    """Some hidden units of one utterance."""
    group = tl.program_id(2).to(tl.int64)
    place = group * tl.num_programs(1) + tl.program_id(1)
    unit = tl.program_id(0) * UNIT_BLOCK + tl.arange(0, UNIT_BLOCK)
    known = unit < units
    length = tl.load(lengths + place)
    start = group * frames + tl.load(ends + place) - length
    shift = tl.load(bias + group * units + unit, mask=known, other=0.0)
    sums = tl.zeros((FRAME_BLOCK, UNIT_BLOCK), tl.float32)
    counts = tl.zeros((FRAME_BLOCK, UNIT_BLOCK), tl.float32)
    for begin in range(0, length, FRAME_BLOCK):
        frame = begin + tl.arange(0, FRAME_BLOCK)
        inside = (frame < length)[:, None] & known[None, :]
        values = tl.load(hidden + (start + frame)[:, None] * units + unit[None, :], mask=inside, other=0.0)
        values = tl.where(inside, values.to(tl.float32) + shift[None, :], 0.0)
        sums += tl.maximum(values, 0.0)
        counts += (values > 0).to(tl.float32)
    divisor = tl.maximum(length, 1)
    tl.store(pooled + place * units + unit, tl.sum(sums, 0) / divisor, mask=known)
    tl.store(active + place * units + unit, tl.sum(counts, 0) / divisor, mask=known)


@triton.jit
def _unpool(
    hidden,
    bias,
    owner,
    lengths,
    of_pooled,
    of_hidden,
    frames,
    units,
    UTTERANCES: tl.constexpr,
    FRAME_BLOCK: tl.constexpr,
    UNIT_BLOCK: tl.constexpr,
):
    """Some hidden units of some frames of a group; those that pad the batch have no slope."""
    group = tl.program_id(2).to(tl.int64)
    frame = tl.program_id(1) * FRAME_BLOCK + tl.arange(0, FRAME_BLOCK)
    unit = tl.program_id(0) * UNIT_BLOCK + tl.arange(0, UNIT_BLOCK)
    utterance = tl.load(owner + group * frames + frame, mask=frame < frames, other=UTTERANCES)
    owned = utterance < UTTERANCES
    place = group * UTTERANCES + utterance
    length = tl.load(lengths + place, mask=owned, other=1)
    of_mean = tl.load(
        of_pooled + place[:, None] * units + unit[None, :],
        mask=owned[:, None] & (unit < units)[None, :],
        other=0.0,
    )
    at = (group * frames + frame)[:, None] * units + unit[None, :]
    inside = (frame < frames)[:, None] & (unit < units)[None, :]
    stored = tl.load(hidden + at, mask=inside, other=0.0)
    shift = tl.load(bias + group * units + unit, mask=unit < units, other=0.0)
    values = stored.to(tl.float32) + shift[None, :]
    slope = tl.where(values > 0, of_mean / length[:, None].to(tl.float32), 0.0)
    tl.store(of_hidden + at, slope.to(stored.dtype), mask=inside)
