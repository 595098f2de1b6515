"""The layers of a model compiled, where there is so much audio that it pays.

Layers are compiled, not the model: those of one kind share their kernels, so that it takes seconds, and what depends
on how far a batch is padded (exactness.py) stays outside.
"""

import warnings
from collections.abc import Callable, Iterator

import torch
import torch._dynamo
from torch import nn

from emobox_probe.encoders.exactness import MaskedGroupNorm

# Of hubert-large in bfloat16 on an H100 (benchmarks/results/extract.cuda.json): what compiling takes, the share of the
# time that it saves, and seconds of audio, times parameters, in a second.
COMPILE_SECONDS, SAVED_SHARE = 29.0, 0.18
WORK_PER_SECOND = 4668 * 315.4e6
# Kernels of one function: for every kind of layer, with and without a mask, for one utterance and for several.
MOST_VARIANTS = 64
# What a compiler says of how it chose kernels, and of TF32, which is off because features are to be float32.
COMPILER_ADVICE = ("Online softmax is disabled", "TensorFloat32 tensor cores")


def why_not(device: torch.device, seconds: float, parameters: int) -> str | None:
    """Why a model with so many parameters is not to be compiled for `seconds` of audio; None where it pays."""
    if device.type != "cuda":
        return "compiling is for GPUs"
    fewest = COMPILE_SECONDS / SAVED_SHARE * WORK_PER_SECOND / max(parameters, 1)
    if seconds >= fewest:
        return None
    return (
        f"that takes about {COMPILE_SECONDS:.0f} s, and saves more only from {fewest / 3600:.0f} h of audio on, but "
        f"there are {seconds / 3600:.1f} h"
    )


class CompiledLayers:
    """The layers of one model: as they are, or compiled."""

    def __init__(self, model: nn.Module):
        self._model = model
        self._begun = False
        self.layers: list[nn.Module] = []

    def begin(
        self, name: str, device: torch.device, seconds: float, parameters: int, trial: Callable[[], None]
    ) -> None:
        """Compile them if that pays over `seconds` of audio, by `trial`, which runs the model; say once why not."""
        if self._begun:
            return
        self._begun = True
        reason = why_not(device, seconds, parameters) or self._fault(trial)
        if reason is not None:
            self.leave()
            warnings.warn(f"{name} is not compiled, and runs as it is: {reason}.", stacklevel=3)

    def _fault(self, trial: Callable[[], None]) -> str | None:
        self.compile()
        if not self.layers:
            return "it has no layers that can be"
        try:
            trial()
        except Exception as error:  # of a compiler, or of another one that it calls
            return f"compiling failed ({type(error).__name__}: {str(error).strip().splitlines()[0][:200]})"
        return None

    def compile(self) -> None:
        """Let the layers that the model has several of be compiled when they first run, for batches of any shape."""
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, MOST_VARIANTS)
        for message in COMPILER_ADVICE:
            warnings.filterwarnings("ignore", rf"\s*{message}")
        self.layers = list(_layers(self._model))
        for layer in self.layers:
            layer.forward = torch.compile(layer.forward, dynamic=True)

    def leave(self) -> None:
        """Let the layers be as they were."""
        for layer in self.layers:
            del layer.forward  # that of its class is there again
        self.layers = []


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    for part in model.modules():
        if isinstance(part, nn.ModuleList) and len(part) > 1:
            yield from (layer for layer in part if _is_free(layer))


def _is_free(layer: nn.Module) -> bool:
    """Whether nothing within looks at padding, whose length is a number to the compiler: it would compile for each."""
    inside = [part for part in layer.modules() if part is not layer]
    watched = any(part._forward_pre_hooks or isinstance(part, MaskedGroupNorm) for part in inside)
    nested = any(isinstance(part, nn.ModuleList) and len(part) > 1 for part in inside)
    return not watched and not nested
