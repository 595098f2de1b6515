"""Two convolutions of raw-waveform models in a form that a GPU does several times faster, with the same results.

Libraries of convolutions have no tensor-core kernels for one input channel, nor for groups of 48 channels in half
precision, as the position embeddings of base-sized models have: those alone took four fifths of such a model's time
(benchmarks/results/extract.cuda.json has the figures since).
"""

import torch
import torch.nn.functional as F
from torch import nn

# Channels of a group for which there are tensor-core kernels.
GROUP_CHANNELS = 64


class WindowedConvolution(nn.Conv1d):
    """A convolution (B, 1, N) -> (B, C, T) without padding, as a product of windows with its weights."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = x[:, 0].unfold(-1, self.kernel_size[0], self.stride[0])  # (B, T, K)
        return F.linear(windows, self.weight[:, 0], self.bias).transpose(1, 2)


class WideGroups(nn.Conv1d):
    """A grouped convolution (B, C, T) -> (B, C', T') whose groups are widened with channels of zeros."""

    def __init__(self, convolution: nn.Conv1d):
        groups = convolution.groups
        outputs, inputs = convolution.out_channels // groups, convolution.in_channels // groups
        width = groups * GROUP_CHANNELS
        super().__init__(
            width,
            width,
            convolution.kernel_size[0],
            convolution.stride[0],
            convolution.padding[0],
            groups=groups,
            bias=False,
        )
        self.outputs, self.missing = outputs, GROUP_CHANNELS - inputs
        weight = convolution.weight.detach().unflatten(0, (groups, outputs))  # (G, C'/G, C/G, K)
        weight = F.pad(weight, (0, 0, 0, self.missing, 0, GROUP_CHANNELS - outputs)).flatten(0, 1)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.narrow_bias = convolution.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.pad(x.unflatten(1, (self.groups, -1)), (0, 0, 0, self.missing)).flatten(1, 2)
        x = super().forward(x).unflatten(1, (self.groups, -1))[:, :, : self.outputs].flatten(1, 2)
        return x if self.narrow_bias is None else x + self.narrow_bias[:, None]


def for_tensor_cores(model: nn.Module) -> None:
    """Swap the convolutions that are slow on a GPU, before anything is hooked to them, in the final data type."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Conv1d) or child.dilation != (1,) or isinstance(child.padding, str):
                continue
            if type(child) is nn.Conv1d and child.in_channels == 1 and child.padding == (0,):
                setattr(parent, name, _windowed(child))
            elif child.groups > 1 and _narrow(child) and child.weight.dtype != torch.float32:
                setattr(parent, name, WideGroups(child))


def _narrow(convolution: nn.Conv1d) -> bool:
    """Whether groups are a little narrower than tensor cores like: widening depth-wise ones would cost more."""
    channels = {convolution.in_channels // convolution.groups, convolution.out_channels // convolution.groups}
    return all(GROUP_CHANNELS // 2 <= count < GROUP_CHANNELS for count in channels)


def _windowed(convolution: nn.Conv1d) -> WindowedConvolution:
    swapped = WindowedConvolution(
        1, convolution.out_channels, convolution.kernel_size[0], convolution.stride[0]
    )
    swapped.weight, swapped.bias = convolution.weight, convolution.bias
    return swapped
