"""Decoding and encoding for `datasets.Audio` where torchcodec cannot be used.

`datasets` decodes audio with torchcodec only, which needs a build that fits torch and FFmpeg's shared libraries.
Where it cannot be imported, `install` gives `datasets` a decoder built on soundfile with the same manners:
`["array"]`, `["sampling_rate"]`, `metadata`, `get_all_samples()`, `get_samples_played_in_range()`. It is a dictionary
too, because that is what the pipelines of transformers take. Where torchcodec works, nothing is changed.
"""

import io
import sys
from collections.abc import Callable, ItemsView, Iterable, Iterator, ValuesView
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import datasets
import numpy as np
import soundfile
from datasets.formatting.np_formatter import NumpyFormatter
from datasets.utils import py_utils
from datasets.utils.file_utils import xopen

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac, resample
from emobox_datasets.copy.placeholders import REPLACE
from emobox_datasets.errors import AudioError

if TYPE_CHECKING:
    import torch


_AGAIN = "load the dataset once with download_mode='force_redownload', which stores it again"


@dataclass(frozen=True)
class AudioSamples:
    """Decoded samples: `data` float32 `(channels, samples)`; times in seconds; `sample_rate` in Hz."""

    data: "torch.Tensor"
    pts_seconds: float
    duration_seconds: float
    sample_rate: int

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class AudioMetadata:
    """What torchcodec's `AudioStreamMetadata` tells of the stored audio; None is what soundfile does not tell."""

    sample_rate: int
    num_channels: int
    duration_seconds: float
    duration_seconds_from_header: float
    begin_stream_seconds: float = 0.0
    begin_stream_seconds_from_header: float = 0.0
    stream_index: int = 0
    bit_rate: float | None = None
    codec: str | None = None
    sample_format: str | None = None
    path: str | None = None


class SoundfileDecoder(dict[str, Any]):
    """Stands in for `torchcodec.decoders.AudioDecoder` as `datasets` hands it out. Decodes at first use.

    As a dictionary it has the keys "array" (float32 `(samples,)`, the mean of the channels) and "sampling_rate" (Hz),
    cannot be written to, and equals only itself, as torchcodec's decoder does.
    """

    def __init__(self, stored: dict[str, Any], sampling_rate: int | None, num_channels: int | None):
        # The keys only: `__getitem__` makes the values.
        super().__init__(array=None, sampling_rate=None)
        self.stored = stored
        self.stream_index = 0
        self._sampling_rate = sampling_rate
        self._num_channels = num_channels

    @cached_property
    def _decoded(self) -> tuple[np.ndarray, int]:
        """float32 `(channels, samples)` and the sampling rate."""
        with self._named():
            samples, rate = _read(self._file())
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

    def _file(self) -> io.BytesIO:
        content = self.stored["bytes"]
        if content is None:
            with xopen(self.stored["path"], "rb") as file:
                content = file.read()
        return io.BytesIO(content)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Tell which utterance it is that cannot be decoded."""
        name = self.stored["path"] or "a stored utterance"
        try:
            yield
        except AudioError as error:
            raise AudioError(name, error.reason, error.remedy, error.detail) from error
        except soundfile.LibsndfileError as error:
            remedy = REPLACE if self.stored["bytes"] is None else _AGAIN
            raise AudioError(name, "it cannot be decoded", remedy, error.error_string.rstrip(".")) from error

    @cached_property
    def metadata(self) -> AudioMetadata:
        """Of the audio as it is stored, before resampling and mixing."""
        with self._named():
            info = soundfile.info(self._file())
        return AudioMetadata(
            info.samplerate, info.channels, info.duration, info.duration, path=self.stored["path"]
        )

    def __getitem__(self, key: str) -> Any:
        if key == "array":
            return self._decoded[0].mean(axis=0)
        if key == "sampling_rate":
            return self._decoded[1]
        raise TypeError(f"Expected the key 'array' or 'sampling_rate', but got {key!r}.")

    def __contains__(self, key: object) -> bool:
        return key in ("array", "sampling_rate")

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401

    def pop(self, key: str, *default: Any) -> Any:
        """The value of `key`, which is no longer iterated over, but stays readable.

        Speech recognition pops what it takes and hands on what is left, so `{**audio}` must become empty; and the row
        of a dataset must still be whole afterwards.
        """
        if key not in self:
            return super().pop(key, *default)
        super().pop(key, None)
        return self[key]

    # A dictionary whose `__iter__` is its own is copied by `dict(audio)` and `{**audio}` through `keys` and
    # `__getitem__`; else they would take the None that stands for each value.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        return ValuesView(self)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        return ItemsView(self)

    def copy(self) -> dict[str, Any]:
        return {"array": self["array"], "sampling_rate": self["sampling_rate"]}

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Expected to read decoded audio, but it is written to; write to its `copy()`.")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = clear = popitem = _refuse

    def __bool__(self) -> bool:
        return True

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.stored['path'] or 'bytes'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.stored, self._sampling_rate, self._num_channels)

    def get_all_samples(self) -> AudioSamples:
        """All samples as a torch tensor `(channels, samples)`."""
        return self.get_samples_played_in_range()

    def get_samples_played_in_range(
        self, start_seconds: float = 0.0, stop_seconds: float | None = None
    ) -> AudioSamples:
        """The samples played from `start_seconds` up to `stop_seconds` (None: the end).

        Raises:
            ValueError: if the range stops before it starts.
            RuntimeError: if it starts at or after the end of the audio, as torchcodec does.
        """
        import torch

        samples, rate = self._decoded
        if stop_seconds is not None and start_seconds > stop_seconds:
            raise ValueError(
                f"Expected start_seconds to be at most stop_seconds, but got {start_seconds} and {stop_seconds}; "
                f"exchange them."
            )
        start = max(start_seconds, 0.0)
        first = round(start * rate)
        last = samples.shape[1] if stop_seconds is None else max(round(stop_seconds * rate), 0)
        if start > 0 and first >= samples.shape[1] and start_seconds != stop_seconds:
            raise RuntimeError(
                f"Expected start_seconds within the {samples.shape[1] / rate} s of the audio, but got {start_seconds}; "
                f"see `metadata.duration_seconds`."
            )
        data = torch.from_numpy(samples[:, first:last])
        return AudioSamples(data, start, data.shape[1] / rate, rate)


def _read(file: io.BytesIO) -> tuple[np.ndarray, int]:
    """float32 `(samples, channels)` and the rate; what a conversion has stored is held against the MD5 that it has."""
    content = file.getvalue()
    if _is_conversion(content):
        return from_flac(content)[:, None], SAMPLING_RATE
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return samples, rate


def _is_conversion(content: bytes) -> bool:
    """Whether the header is that of a conversion of ours: FLAC of 16 kHz, one channel and 16 bits."""
    # STREAMINFO (RFC 9639): 20 bits of sampling rate, 3 of channels less one, 5 of bits a sample less one.
    described = int.from_bytes(content[18:26], "big") >> 36
    return content.startswith(b"fLaC") and described == SAMPLING_RATE << 8 | 15


def torchcodec_works() -> bool:
    """Whether torchcodec can be imported; an installed wheel for another torch or without FFmpeg cannot."""
    before = set(sys.modules)
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        # Half of a package left behind here is taken for a whole one by `datasets` and transformers, which then fail.
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "torchcodec":
                del sys.modules[name]
        return False
    return True


def install() -> None:
    """Let `datasets` decode and encode with soundfile if torchcodec cannot be used.

    It treats torchcodec's decoders apart in three more places: writing what `map` returns, and the torch and
    NumPy formats, which would also take the stand-in apart as a dictionary. There it is treated like them.
    """
    if torchcodec_works() or datasets.Audio.decode_example is _decode_example:
        return
    datasets.Audio.decode_example = _decode_example
    datasets.Audio.encode_example = _encode_example
    _pass_through(datasets.features.features, "_cast_to_python_objects", lambda audio: (audio.stored, True))
    _pass_through(py_utils, "_single_map_nested", lambda audio: audio, lambda packed: packed)
    _pass_through(NumpyFormatter, "recursive_tensorize", lambda audio: audio)
    if datasets.config.TORCH_AVAILABLE:
        from datasets.formatting.torch_formatter import TorchFormatter

        _pass_through(TorchFormatter, "recursive_tensorize", lambda audio: audio)


def _pass_through(
    owner: Any,
    name: str,
    result: Callable[["SoundfileDecoder"], Any],
    inputs: Callable[..., Iterable[Any]] = lambda *args: args,
) -> None:
    """Let a function or method of `datasets` return `result(value)` where one of its `inputs` is a stand-in."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value = next((value for value in inputs(*args) if isinstance(value, SoundfileDecoder)), None)
        return original(*args, **kwargs) if value is None else result(value)

    setattr(owner, name, wrapped)


def _decode_example(
    feature: datasets.Audio, value: Any, token_per_repo_id: dict[str, Any] | None = None
) -> Any:
    if not feature.decode:
        raise RuntimeError("Decoding is disabled for this feature. Please use Audio(decode=True) instead.")
    if not isinstance(value, dict) or isinstance(value, SoundfileDecoder):
        return value  # already a decoder
    if feature.stream_index not in (None, 0):
        raise ValueError(
            f"Expected `stream_index` to be None or 0, but got {feature.stream_index}; install torchcodec for files of "
            f"several streams."
        )
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
