"""Any Hub speech model to frame features: what goes in is 16 kHz audio, what comes out is frames (T, D).

The features of an utterance do not depend on what else is in its batch; docs/encoders.md says for every family how
that is kept, and to what tolerance. "Last layer" is `last_hidden_state`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import emobox_probe.encoders.weights as loading
from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.errors import nearest
from emobox_probe.encoders.batching import Budget, plan
from emobox_probe.encoders.builtin import BUILTIN, BUILTINS, Descriptors
from emobox_probe.encoders.encoder import Encoded, Encoder, Pending, lengthened
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.encoders.names import TRIMMED
from emobox_probe.encoders.own.doors import encoder_of_object, is_own, load_own
from emobox_probe.errors import ProbeError

# Audio that one process describes at a time.
BUILTIN_SECONDS = 30.0

__all__ = ["TRIMMED", "Encoder", "load_encoder", "with_batches"]


def load_encoder(
    model: Any,
    device: torch.device,
    revision: str | None = None,
    trust_remote_code: bool = False,
    dtype: str = "float32",
    layers: str = "last",
) -> Encoder:
    """Load an encoder by Hub id, local folder, `builtin:<name>`, or as the user's own.

    Args:
        model: a name, with `:trimmed` behind it, a Whisper model on the true length of the audio instead of 30 s
            windows; `python:<module>:<function>` or `hear:<module>[@<weights>]`; or an object (own/own_model.py).
        device: where it runs.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: run the repository's own code.
        dtype: what the model computes in, of `DTYPES`.
        layers: `last`, or `all` for the means of all layers beside the frames of the last; `available` for `all`
            where the encoder has layers, `statistics` for means and standard deviations where it has.

    Raises:
        ProbeError: there is no such model, it is no speech encoder, its weights are refused or not complete, it has no
            layers to take means of, or cannot honour another setting, the Hub cannot be reached, or an own encoder is
            none.
    """
    if not isinstance(model, str):
        _check_without_revision(f"the object {type(model).__name__}", revision)
        return encoder_of_object(model, device, dtype, layers)
    name = model
    if is_own(name) or name.startswith(BUILTIN):
        _check_without_revision(name, revision)
    if is_own(name):
        return load_own(name, device, dtype, layers)
    if name.startswith(BUILTIN):
        if layers == "all":
            raise ProbeError(f"Expected an encoder with layers, but {name} has none; leave out --layers all.")
        if name not in BUILTINS:
            raise ProbeError(f"Expected a built-in encoder, but got {name!r}. {nearest(name, BUILTINS)}")
        if dtype != "float32":
            raise ProbeError(
                f"Expected no --dtype {dtype} with {name}, which is computed in float32; leave it out (--store-dtype "
                f"says what features are stored in)."
            )
        return BuiltinEncoder(name, BUILTINS[name]())
    loaded, family, architecture = loading.load(name, revision, trust_remote_code)
    if device.type == "cuda" and dtype == "float32":
        torch.backends.cudnn.allow_tf32 = False  # 10 bits of mantissa would not be float32
    layers = "all" if layers == "available" else layers
    return ModelEncoder(name, loaded, family, architecture, device, dtype, layers)


def with_batches(encoder: Encoder, seconds: float | None) -> Encoder:
    """The encoder, with batches of so many seconds of audio at first, padding included, unless None."""
    if seconds is not None and isinstance(encoder, ModelEncoder):
        encoder.budget.seconds = seconds
    return encoder


def check_compilable(name: str, encoder: Encoder) -> None:
    """Raise ProbeError where the encoder is no model of the library, whose layers can be compiled."""
    if not isinstance(encoder, ModelEncoder) or encoder.facts.own is not None:
        remedy = "leave out --compile (an encoder of your own may compile itself)"
        raise ProbeError(f"Expected a model of transformers to compile, but got {name}; {remedy}.")


def _check_without_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise ProbeError(f"Expected no --revision with {name}, which is not from the Hub; leave it out.")


class BuiltinEncoder:
    """Frames computed on the CPU, without a model: the work is done in `collate`."""

    busy_seconds = 0.0
    needs_cores = False

    def __init__(self, name: str, descriptors: Descriptors):
        self._descriptors = descriptors
        second = descriptors.frames(np.zeros(SAMPLING_RATE, dtype=np.float32))
        self.facts = EncoderFacts(
            name=name,
            architecture=name.removeprefix(BUILTIN),
            revision=descriptors.revision,
            weights_sha256=None,
            preprocessor_sha256=None,
            parameters=0,
            dimension=second.shape[1],
            frame_rate=descriptors.frame_rate,
            layer=descriptors.layer,
            layers="last",
            dtype="float32",
            way="alone",
            shortest_samples=descriptors.shortest_samples,
        )

    def plan(self, seconds: Sequence[float]) -> list[list[int]]:
        return plan(seconds, [0] * len(seconds), Budget(BUILTIN_SECONDS))

    def collate(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        shortest = self.facts.shortest_samples
        return [torch.from_numpy(self._descriptors.frames(lengthened(w, shortest))) for w in waveforms]

    def run(self, batch: list[torch.Tensor], dtype: torch.dtype | None = None) -> Pending:
        return lambda: [Encoded(frames.to(dtype or frames.dtype)) for frames in batch]

    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        return self.collate(waveforms)
