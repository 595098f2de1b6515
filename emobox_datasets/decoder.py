"""Decoding and encoding for `datasets.Audio` where torchcodec cannot be used.

`datasets` decodes audio with torchcodec only, which needs a build that fits torch and FFmpeg's shared libraries.
Where it cannot be imported, `install` gives `datasets` a decoder built on soundfile with the same manners:
`["array"]`, `["sampling_rate"]`, `get_all_samples()`. Where torchcodec works, nothing is changed.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import soundfile
from datasets.formatting.np_formatter import NumpyFormatter
from datasets.utils.file_utils import xopen

from emobox_datasets.audio import resample

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AudioSamples:
    """Decoded samples: `data` float32 `(channels, samples)`; `sample_rate` in Hz; times in seconds."""

    data: "torch.Tensor"
    sample_rate: int
    pts_seconds: float
    duration_seconds: float


class SoundfileDecoder:
    """Stands in for `torchcodec.decoders.AudioDecoder` as `datasets` hands it out. Decodes at first use."""

    def __init__(self, stored: dict[str, Any], sampling_rate: int | None, num_channels: int | None):
        self.stored = stored
        self._sampling_rate = sampling_rate
        self._num_channels = num_channels

    @cached_property
    def _decoded(self) -> tuple[np.ndarray, int]:
        """float32 `(channels, samples)` and the sampling rate."""
        source = self.stored["bytes"]
        if source is None:
            with xopen(self.stored["path"], "rb") as file:
                source = file.read()
        samples, rate = soundfile.read(io.BytesIO(source), dtype="float32", always_2d=True)
        channels = samples.T
        if self._num_channels == 1:
            channels = channels.mean(axis=0, keepdims=True)
        elif self._num_channels not in (None, len(channels)):
            raise ValueError(
                f"Expected `num_channels` to be None, 1 or the {len(channels)} of the stored audio, but got "
                f"{self._num_channels}; install torchcodec for other mixes."
            )
        target = self._sampling_rate or rate
        return np.stack([resample(channel, rate, target) for channel in channels]), target

    def __getitem__(self, key: str) -> Any:
        samples, rate = self._decoded
        if key == "array":
            return samples.mean(axis=0)
        if key == "sampling_rate":
            return rate
        raise TypeError(f"Expected the key 'array' or 'sampling_rate', but got {key!r}.")

    def get_all_samples(self) -> AudioSamples:
        """All samples as a torch tensor `(channels, samples)`."""
        return self.get_samples_played_in_range(0.0)

    def get_samples_played_in_range(
        self, start_seconds: float = 0.0, stop_seconds: float | None = None
    ) -> AudioSamples:
        """The samples played from `start_seconds` up to `stop_seconds` (None: the end)."""
        import torch

        samples, rate = self._decoded
        last = None if stop_seconds is None else round(stop_seconds * rate)
        data = torch.from_numpy(samples[:, round(start_seconds * rate) : last])
        return AudioSamples(data, rate, start_seconds, data.shape[1] / rate)


def torchcodec_works() -> bool:
    """Whether torchcodec can be imported; an installed wheel for another torch or without FFmpeg cannot."""
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def install() -> None:
    """Let `datasets` decode and encode with soundfile if torchcodec cannot be used.

    It treats torchcodec's decoders apart in three more places: writing what `map` returns, and the torch and
    NumPy formats. There the stand-in is treated like them.
    """
    if torchcodec_works() or datasets.Audio.decode_example is _decode_example:
        return
    datasets.Audio.decode_example = _decode_example
    datasets.Audio.encode_example = _encode_example
    _pass_through(datasets.features.features, "_cast_to_python_objects", lambda audio: (audio.stored, True))
    _pass_through(NumpyFormatter, "_tensorize", lambda audio: audio)
    if datasets.config.TORCH_AVAILABLE:
        from datasets.formatting.torch_formatter import TorchFormatter

        _pass_through(TorchFormatter, "_tensorize", lambda audio: audio)


def _pass_through(owner: Any, name: str, result: Callable[["SoundfileDecoder"], Any]) -> None:
    """Let a function or method of `datasets` return `result(value)` where its value is a stand-in."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value = next((arg for arg in args if isinstance(arg, SoundfileDecoder)), None)
        return original(*args, **kwargs) if value is None else result(value)

    setattr(owner, name, wrapped)


def _decode_example(
    feature: datasets.Audio, value: Any, token_per_repo_id: dict[str, Any] | None = None
) -> Any:
    if not feature.decode:
        raise RuntimeError("Decoding is disabled for this feature. Please use Audio(decode=True) instead.")
    if not isinstance(value, dict):
        return value  # already a decoder
    if value["bytes"] is None and value["path"] is None:
        raise ValueError(f"Expected an audio sample with 'path' or 'bytes', but both are None in {value}.")
    return SoundfileDecoder(value, feature.sampling_rate, feature.num_channels)


def _encode_example(feature: datasets.Audio, value: Any) -> dict[str, Any]:
    if isinstance(value, SoundfileDecoder):
        return value.stored
    if isinstance(value, (str, Path)):
        return {"bytes": None, "path": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value), "path": None}
    if isinstance(value, dict) and value.get("array") is not None:
        buffer = io.BytesIO()
        soundfile.write(
            buffer, np.asarray(value["array"]).T, value["sampling_rate"], format="WAV", subtype="FLOAT"
        )
        return {"bytes": buffer.getvalue(), "path": None}
    if isinstance(value, dict) and (value.get("bytes") is not None or value.get("path") is not None):
        return {"bytes": value.get("bytes"), "path": value.get("path")}
    raise ValueError(
        f"Expected a path, bytes, or a dictionary with 'path', 'bytes' or 'array', but got {type(value).__name__}."
    )
