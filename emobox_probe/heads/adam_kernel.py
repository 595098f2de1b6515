"""A step of Adam as one Triton kernel: weights of heads that differ in their rates pass through memory once."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import triton
import triton.language as tl
from torch import Tensor

from emobox_probe.heads.adam import ADAM_BETAS

BLOCK = 1024
FIRST_BETA, SECOND_BETA = (tl.constexpr(beta) for beta in ADAM_BETAS)


def adam_step(
    weights: Tensor,
    gradient: Tensor,
    means: Tensor,
    squares: Tensor,
    rates: Tensor,
    corrections: Tensor,
    epsilon: float,
) -> None:
    """Step weights (G, ..., C) and their moments in place.

    `rates` are broadcast over them; `corrections` (2,) are what the moments are divided by.
    """
    groups, columns = weights.shape[0], weights.shape[-1]
    rows = weights[0].numel() // columns
    by_group, by_row, by_column = rates.expand_as(weights).view(groups, rows, columns).stride()
    size = rows * columns
    _step[triton.cdiv(size, BLOCK), groups](
        weights,
        gradient.contiguous(),
        means,
        squares,
        rates,
        corrections,
        epsilon,
        columns,
        size,
        by_group,
        by_row,
        by_column,
        BLOCK=BLOCK,
    )


@triton.jit
def adam(weights, means, squares, at, inside, value, slope, rate, corrections, epsilon):
    """Step weights `at` these places, which are `value` now; their new values."""
    mean = tl.load(means + at, mask=inside, other=0.0)
    square = tl.load(squares + at, mask=inside, other=0.0)
    mean = mean * FIRST_BETA + slope * (1 - FIRST_BETA)
    square = square * SECOND_BETA + slope * slope * (1 - SECOND_BETA)
    tl.store(means + at, mean, mask=inside)
    tl.store(squares + at, square, mask=inside)
    first, second = tl.load(corrections), tl.load(corrections + 1)
    value -= rate * (mean / first / (tl.sqrt(square / second) + epsilon))
    tl.store(weights + at, value, mask=inside)
    return value


@triton.jit
def _step(
    weights,
    gradients,
    means,
    squares,
    rates,
    corrections,
    epsilon,
    columns,
    size,
    by_group,
    by_row,
    by_column,
    BLOCK: tl.constexpr,
):
    """Some weights of one group."""
    group = tl.program_id(1).to(tl.int64)
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    at = group * size + place
    rate = tl.load(
        rates + group * by_group + place // columns * by_row + place % columns * by_column,
        mask=inside,
        other=0.0,
    )
    slope = tl.load(gradients + at, mask=inside, other=0.0)
    value = tl.load(weights + at, mask=inside, other=0.0)
    adam(weights, means, squares, at, inside, value, slope, rate, corrections, epsilon)
