"""Whether the weights of a checkpoint are those of its configuration: no other shapes, no layers beyond it."""

from collections.abc import Mapping
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn

from emobox_probe.errors import ProbeError

# What a configuration or weights that are not as they should be make the library raise.
LOADING_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ImportError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)
# Weights of other shapes are reported, not raised, so that they can be named.
REPORTED = {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}


def check_fit(name: str, model: nn.Module, report: Mapping[str, Any], part: str = "") -> None:
    """Heads, decoders and quantisers that the model does not have are left out in silence; its own layers are not.

    Args:
        name: what messages call the model.
        model: as it was loaded with `REPORTED`.
        report: the library's of loading it.
        part: what names of the weights that are used begin with.

    Raises:
        ProbeError: a weight has another shape, belongs to a layer beyond those of the configuration, or holds NaN.
    """
    if mismatched := sorted(found for found in report["mismatched_keys"] if found[0].startswith(part)):
        weight, stored, wanted = mismatched[0]
        raise ProbeError(
            f"Expected the weight {weight} of {name} in the shape {tuple(wanted)} of its configuration, but got "
            f"{tuple(stored)}; give configuration and weights of one model."
        )
    if beyond := sorted(key for key in report["unexpected_keys"] if _beyond(model, key, part)):
        raise ProbeError(
            f"Expected no more layers in {name} than its configuration says, but got {len(beyond)} weights beyond "
            f"them, such as {beyond[0]}; they would not be used. Correct config.json."
        )
    # Infinity is fine: some models keep bounds of what they clip in buffers.
    for weight, value in model.state_dict().items():
        if value.isnan().any():
            raise ProbeError(
                f"Expected numbers as weights of {name}, but {weight} holds NaN; get its files again."
            )


def _beyond(model: nn.Module, key: str, part: str) -> bool:
    """Whether a weight is of a layer with a higher number than those of the list of layers that it is named for."""
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    for weight in (key, key.removeprefix(prefix)):
        for path, layers in model.named_modules():
            if isinstance(layers, nn.ModuleList) and weight.startswith(f"{path}.") and path.startswith(part):
                number = weight.removeprefix(f"{path}.").partition(".")[0]
                return number.isdigit() and int(number) >= len(layers)
    return False
