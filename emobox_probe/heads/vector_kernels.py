"""The kernels of `vector_steps`, in Triton's language: what looks like Python here is compiled for a GPU.

Names in capitals are constants of a compilation. Blocks are powers of two, and what they hold beyond a tensor's edge is
masked.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import triton
import triton.language as tl

from emobox_probe.heads.adam_kernel import adam


@triton.jit
def second_layer(
    hidden,
    slopes,
    targets,
    first_bias,
    second,
    second_bias,
    first_bias_means,
    first_bias_squares,
    second_means,
    second_squares,
    second_bias_means,
    second_bias_squares,
    edges,
    rates,
    shares,
    corrections,
    CLASSES: tl.constexpr,
    UNITS: tl.constexpr,
    HEADS: tl.constexpr,
    UTTERANCES: tl.constexpr,
    CLASS_BLOCK: tl.constexpr,
    UNIT_BLOCK: tl.constexpr,
    UTTERANCE_BLOCK: tl.constexpr,
    LOSS_SCALE: tl.constexpr,
    epsilon,
):
    """One head of one group."""
    group, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    start, end = tl.load(edges + head), tl.load(edges + head + 1)
    rate = tl.load(shares + group) * tl.load(rates + head)
    utterance = tl.arange(0, UTTERANCE_BLOCK)
    category = tl.arange(0, CLASS_BLOCK)
    unit = start + tl.arange(0, UNIT_BLOCK)
    units = unit < end

    hidden_at = (group * UTTERANCES + utterance[:, None]) * UNITS + unit[None, :]
    hidden_inside = (utterance < UTTERANCES)[:, None] & units[None, :]
    active = tl.load(hidden + hidden_at, mask=hidden_inside, other=0.0)
    weights_at = (group * CLASSES + category[:, None]) * UNITS + unit[None, :]
    weights_inside = (category < CLASSES)[:, None] & units[None, :]
    weights = tl.load(second + weights_at, mask=weights_inside, other=0.0)
    bias_at = (group * HEADS + head) * CLASSES + category
    # Classes that only fill the block have no probability.
    bias = tl.load(second_bias + bias_at, mask=category < CLASSES, other=float("-inf"))

    logits = tl.dot(active, tl.trans(weights), input_precision="tf32") + bias[None, :]
    target = tl.load(targets + group * UTTERANCES + utterance, mask=utterance < UTTERANCES, other=-100)
    counts = (target >= 0).to(tl.float32)
    share = counts / tl.sum(counts) * LOSS_SCALE
    exponentials = tl.exp(logits - tl.max(logits, 1)[:, None])
    probabilities = exponentials / tl.sum(exponentials, 1)[:, None]
    truth = (category[None, :] == target[:, None]).to(tl.float32)
    of_logits = (probabilities - truth) * share[:, None]

    of_hidden = tl.where(active > 0, tl.dot(of_logits, weights, input_precision="tf32"), 0.0)
    tl.store(slopes + hidden_at, of_hidden, mask=hidden_inside)
    of_weights = tl.dot(tl.trans(of_logits), active, input_precision="tf32")
    adam(
        second,
        second_means,
        second_squares,
        weights_at,
        weights_inside,
        weights,
        of_weights,
        rate,
        corrections,
        epsilon,
    )
    adam(
        second_bias,
        second_bias_means,
        second_bias_squares,
        bias_at,
        category < CLASSES,
        bias,
        tl.sum(of_logits, 0),
        rate,
        corrections,
        epsilon,
    )
    first_at = group * UNITS + unit
    first = tl.load(first_bias + first_at, mask=units, other=0.0)
    adam(
        first_bias,
        first_bias_means,
        first_bias_squares,
        first_at,
        units,
        first,
        tl.sum(of_hidden, 0),
        rate,
        corrections,
        epsilon,
    )


@triton.jit
def first_layer(
    vectors,
    rows,
    following,
    slopes,
    hidden,
    first_bias,
    first,
    means,
    squares,
    unit_rates,
    shares,
    corrections,
    DIMENSION: tl.constexpr,
    UNITS: tl.constexpr,
    UTTERANCES: tl.constexpr,
    INPUT_BLOCK: tl.constexpr,
    UNIT_BLOCK: tl.constexpr,
    UTTERANCE_BLOCK: tl.constexpr,
    epsilon,
    UPDATE: tl.constexpr,
):
    """Some hidden units of one group, over all inputs."""
    group = tl.program_id(1).to(tl.int64)
    unit = tl.program_id(0) * UNIT_BLOCK + tl.arange(0, UNIT_BLOCK)
    utterance = tl.arange(0, UTTERANCE_BLOCK)
    units, utterances = unit < UNITS, utterance < UTTERANCES
    rows_at = group * UTTERANCES + utterance
    row = tl.load(rows + rows_at, mask=utterances, other=-1)
    next_row = tl.load(following + rows_at, mask=utterances, other=-1)
    hidden_at = rows_at[:, None] * UNITS + unit[None, :]
    hidden_inside = utterances[:, None] & units[None, :]
    of_hidden = tl.load(slopes + hidden_at, mask=hidden_inside & UPDATE, other=0.0)
    rate = tl.load(shares + group) * tl.load(unit_rates + unit, mask=units, other=0.0)

    sums = tl.zeros((UTTERANCE_BLOCK, UNIT_BLOCK), tl.float32)
    for begin in range(0, DIMENSION, INPUT_BLOCK):
        entry = begin + tl.arange(0, INPUT_BLOCK)
        entries = entry < DIMENSION
        at = (group * DIMENSION + entry[:, None]) * UNITS + unit[None, :]
        inside = entries[:, None] & units[None, :]
        value = tl.load(first + at, mask=inside, other=0.0)
        if UPDATE:
            seen = _taken(vectors, row, entry, DIMENSION)
            slope = tl.dot(tl.trans(seen), of_hidden, input_precision="tf32")
            value = adam(first, means, squares, at, inside, value, slope, rate[None, :], corrections, epsilon)
        sums = tl.dot(_taken(vectors, next_row, entry, DIMENSION), value, sums, input_precision="tf32")
    bias = tl.load(first_bias + group * UNITS + unit, mask=units, other=0.0)
    tl.store(hidden + hidden_at, tl.maximum(sums + bias[None, :], 0.0), mask=hidden_inside)


@triton.jit
def _taken(vectors, row, entry, DIMENSION: tl.constexpr):
    """Entries of rows of the vectors, zero where there is no row."""
    inside = (row >= 0)[:, None] & (entry < DIMENSION)[None, :]
    return tl.load(vectors + row.to(tl.int64)[:, None] * DIMENSION + entry[None, :], mask=inside, other=0.0)
