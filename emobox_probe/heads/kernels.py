"""Kernels of our own for GPUs, in Triton's language, which comes with CUDA's torch; all else works without them."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from emobox_probe.heads.adam import ADAM_BETAS


@cache
def kernels_work(device: torch.device) -> bool:
    """Whether Triton compiles kernels for a device and they are right; where a GPU does without, that is said once."""
    if device.type != "cuda":
        return False
    try:
        hidden = torch.tensor([[[1.0], [-2.0], [5.0]]], device=device)
        bias, owner = hidden.new_full((1, 1), 1.0), torch.zeros(1, 3, dtype=torch.long, device=device)
        mean = float(pooled_relu(hidden, bias, owner, torch.tensor([[3]], device=device)))
        reason = "" if abs(mean - 8 / 3) < 1e-6 else f"they made {mean} of what is 8/3"
    # Triton is not there, it has no compiler, or its driver or version does not fit: whatever it is, heads are trained.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
    if reason:
        warnings.warn(
            f"Expected Triton to compile kernels for {torch.cuda.get_device_name(device)}, but got: {reason}. Heads "
            f"are trained with torch's own, two to three times as slowly; install triton and a C compiler.",
            stacklevel=2,
        )
    return not reason


def pooled_relu(hidden: Tensor, bias: Tensor, owner: Tensor, lengths: Tensor) -> Tensor:
    """(G, B, W) float32 means over each utterance's frames of ReLU of hidden units (G, T, W) with biases (G, W).

    `owner` (G, T) and `lengths` (G, B) are those of a batch.
    """
    from emobox_probe.heads.frame_kernels import PooledReLU

    pooled: Tensor = PooledReLU.apply(hidden, bias, owner, lengths)
    return pooled


def adam_steps(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    moments: Sequence[dict[str, Any]],
    rates: Sequence[Tensor],
    epsilon: float,
) -> None:
    """A step of Adam for every parameter (G, ...), whose `rates` are broadcast over it."""
    from emobox_probe.heads.adam_kernel import adam_step

    left = corrections(moments)
    for parameter, gradient, moment, rate in zip(parameters, gradients, moments, rates, strict=True):
        adam_step(parameter, gradient, moment["exp_avg"], moment["exp_avg_sq"], rate, left, epsilon)


def corrections(moments: Sequence[dict[str, Any]]) -> Tensor:
    """What first and second moments are divided by at the step that begins now, (2,) float32; it is counted."""
    steps = [moment["step"] for moment in moments]
    torch._foreach_add_(steps, 1)
    count = steps[0].double()
    return torch.stack([1 - torch.pow(beta, count) for beta in ADAM_BETAS]).float()
