"""From 16 kHz waveforms to what a model takes in: one function per kind of input."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample

SILENCE = -10.0  # log10 of Whisper's floor of 1e-10, which is what zeros become


@dataclass(frozen=True)
class Piece:
    """One utterance, or one window of a long one, as the model takes it, without a batch dimension.

    Attributes:
        inputs: tensors by the name that the model gives them.
        length: valid steps of the main input.
        frames: how many of the frames that come out cover audio; None for all.
    """

    inputs: dict[str, torch.Tensor]
    length: int
    frames: int | None = None


@dataclass(frozen=True)
class Loaded:
    """A model, what it was configured with, and the feature extractor it was trained with."""

    config: Any
    model: Any
    extractor: Any

    @cached_property
    def accepted(self) -> frozenset[str]:
        """The names of the model's inputs."""
        return frozenset(inspect.signature(self.model.forward).parameters)

    def extracted(self, samples: np.ndarray, rate: int, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the feature extractor makes of samples `(N,)`, by name.

        That of Granite Speech takes no options, not even the usual two, and gives tensors anyway.
        """
        known = inspect.signature(self.extractor).parameters.values()
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known)
        names = {parameter.name for parameter in known}
        wanted = {"sampling_rate": rate, "return_tensors": "pt", **options}
        made: Mapping[str, Any] = self.extractor(
            [samples], **{name: value for name, value in wanted.items() if takes_all or name in names}
        )
        return made


@dataclass(frozen=True)
class Raw:
    """Samples `(N,)`, with zero mean and unit variance where the model was trained so."""

    def __call__(self, loaded: Loaded, waveform: np.ndarray) -> list[Piece]:
        samples = resample(waveform, SAMPLING_RATE, loaded.extractor.sampling_rate)
        if loaded.extractor.do_normalize:  # what Wav2Vec2FeatureExtractor does, without its overhead per call
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        tensor = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
        return [Piece({"input_values": tensor}, len(samples))]

    def cost(self, seconds: float) -> float:
        """Seconds that the model runs on for so many seconds of audio, a window's padding included."""
        return seconds


@dataclass(frozen=True)
class Extracted:
    """What the model's own feature extractor makes of one utterance.

    Attributes:
        names: the model's name for what the extractor gives under another.
        options: for the extractor's call.
        window: seconds after which the extractor would cut; longer audio goes in consecutive windows.
        mask: the output that marks valid steps, if there is one.
        samples_per_frame: of models that fill their window, whose last frames cover no audio.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    window: float | None = None
    mask: str | None = None
    samples_per_frame: int | None = None

    def __call__(self, loaded: Loaded, waveform: np.ndarray) -> list[Piece]:
        size = round(self.window * SAMPLING_RATE) if self.window else max(len(waveform), 1)
        return [
            self._piece(loaded, waveform[start : start + size]) for start in range(0, len(waveform), size)
        ]

    def _piece(self, loaded: Loaded, waveform: np.ndarray) -> Piece:
        rate = loaded.extractor.sampling_rate
        samples = resample(waveform, SAMPLING_RATE, rate)
        given = loaded.extracted(samples, rate, self.options)
        named = {self.names.get(name, name): value for name, value in given.items()}
        inputs = {name: torch.as_tensor(named[name])[0] for name in named if name in loaded.accepted}
        mask = inputs.get(self.mask) if self.mask else None
        length = max(value.shape[0] for value in inputs.values()) if mask is None else int(mask.sum())
        frames = math.ceil(len(waveform) / self.samples_per_frame) if self.samples_per_frame else None
        return Piece(inputs, length, frames)

    def cost(self, seconds: float) -> float:
        if self.window and self.samples_per_frame:
            return math.ceil(seconds / self.window) * self.window
        return seconds


@dataclass(frozen=True)
class Windows:
    """Windows of a fixed length, of which the frames that cover audio are kept.

    The log-mel spectrogram is made on the device, by `log_mel`, from the samples of the window that are not zero.
    """

    SECONDS = 30.0

    samples_per_frame: int
    trimmed: bool = False

    def __call__(self, loaded: Loaded, waveform: np.ndarray) -> list[Piece]:
        size = loaded.extractor.n_samples
        return [self._piece(waveform[start : start + size]) for start in range(0, len(waveform), size)]

    def _piece(self, window: np.ndarray) -> Piece:
        samples = torch.from_numpy(np.ascontiguousarray(window, dtype=np.float32))
        frames = math.ceil(len(window) / self.samples_per_frame)
        return Piece({"waveform": samples}, len(window), frames)

    def cost(self, seconds: float) -> float:
        return seconds if self.trimmed else math.ceil(seconds / self.SECONDS) * self.SECONDS


@dataclass(frozen=True)
class Waveform:
    """Samples `(N,)` as they are."""

    def __call__(self, loaded: Loaded, waveform: np.ndarray) -> list[Piece]:
        samples = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
        return [Piece({"waveform": samples}, len(waveform))]

    def cost(self, seconds: float) -> float:
        return seconds


# From a 16 kHz waveform to what a model takes in: one piece, or one for each window of a long waveform.
Prepare = Raw | Extracted | Windows | Waveform


def log_mel(waveforms: torch.Tensor, extractor: Any, steps: int) -> torch.Tensor:
    """What WhisperFeatureExtractor makes of zero-padded windows: `(B, N)` to `(B, bands, steps)`.

    Only the samples up to the longest of the batch are transformed; what follows is silence in any case.
    """
    hop, size = extractor.hop_length, extractor.n_fft
    # Two more steps of zeros, so that the reflection at the end of the transform reflects zeros.
    padded = min(math.ceil(waveforms.shape[1] / hop) + 2, steps) * hop
    waveforms = F.pad(waveforms, (0, max(padded - waveforms.shape[1], 0)))
    window = torch.hann_window(size, device=waveforms.device)
    spectrum = torch.stft(waveforms, size, hop, window=window, return_complex=True)  # (B, bins, steps + 1)
    power = spectrum[..., :-1].abs().square()
    filters = torch.from_numpy(extractor.mel_filters).to(power)  # (bins, bands)
    mel = (filters.T @ power).clamp(min=1e-10).log10()  # (B, bands, steps)
    mel = F.pad(mel, (0, steps - mel.shape[-1]), value=SILENCE)
    loudest = mel.amax(dim=(1, 2), keepdim=True)
    return (mel.maximum(loudest - 8.0) + 4.0) / 4.0
