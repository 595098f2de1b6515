"""An object of the user's as a model: three forms of calling it, one form of what comes out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from emobox_datasets.audio_files.audio import SAMPLING_RATE, resample
from emobox_probe.encoders.outputs import Output
from emobox_probe.errors import RAISED_BY_USERS, ProbeError, UtteranceError

# Frames may be this many more or fewer than the frame rate says, for what models do at both ends.
EDGE_FRAMES, EDGE_SHARE = 4.0, 0.05


class OwnModel(nn.Module, ABC):
    """What computes frames, whatever it is.

    Attributes:
        name: what messages call it.
        mixed: whether one call takes utterances of different lengths.
        layer: what is taken, in words.
        frame_rate: frames a second, and how many more there are in all; None until they were measured.
        dimension: D; None until it was measured.
        has_layers: whether it gives hidden states of its layers too.
    """

    mixed = False
    layer = "frames"

    def __init__(self, own: Any, name: str):
        super().__init__()
        self.own = own  # a submodule if it is a module, so that it moves to the device
        self.name = name
        self.frame_rate: tuple[float, float] | None = None
        self.dimension: int | None = None
        self.has_layers = False

    @abstractmethod
    def compute(self, waveforms: torch.Tensor, lengths: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """Frames `(T, D)` of every utterance; hidden states `(B, T', D)` of every layer, none if it gives none.

        Args:
            waveforms: 16 kHz, float32, `(B, samples)`.
            lengths: valid samples of each; all the same unless `mixed`.
        """

    def forward(self, waveforms: torch.Tensor, length: torch.Tensor, layers: bool) -> Output:
        """Frames of a batch, checked.

        Raises:
            UtteranceError: it raised, or gave what are no frames; says for which position of the batch.
        """
        lengths = length.tolist()
        try:
            frames, hidden = self.compute(waveforms, lengths)
            self.has_layers = len(hidden) > 0
            if len(frames) != len(lengths):
                raise self.problem(
                    0, f"Expected frames of {len(lengths)} utterances from {self.name}, but got {len(frames)}"
                )
            checked = [
                self._checked(part, samples, place)
                for place, (part, samples) in enumerate(zip(frames, lengths, strict=True))
            ]
        except (UtteranceError, torch.OutOfMemoryError):
            raise
        except RAISED_BY_USERS as error:
            raise self._raised(error, waveforms, lengths) from error
        device = waveforms.device
        valid = torch.tensor([len(part) for part in checked])
        states = [torch.as_tensor(state).to(device) for state in hidden] if layers else []
        return Output(pad_sequence([part.to(device) for part in checked], batch_first=True), states, valid)

    def state_dict(self, *arguments: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """The weights, by the names that the user knows; empty where there are none to be found."""
        if isinstance(self.own, nn.Module):
            return self.own.state_dict(*arguments, **options)
        parts = vars(self.own) if hasattr(self.own, "__dict__") else {}
        modules = {key: part for key, part in parts.items() if isinstance(part, nn.Module)}
        return nn.ModuleDict(modules).state_dict()

    @property
    def parts(self) -> list[Any]:
        """What of the user's computes the frames."""
        return [self.own]

    def problem(self, place: int, message: str) -> UtteranceError:
        """An error about an utterance of the batch, with what to do."""
        return UtteranceError(place, f"{message}; correct the encoder (docs: An encoder of your own).")

    def _raised(
        self, error: BaseException, waveforms: torch.Tensor, lengths: Sequence[int]
    ) -> UtteranceError:
        """Which utterance of the batch it raised for: the first that it raises for alone."""
        if len(lengths) > 1:
            for place, samples in enumerate(lengths):
                try:
                    self.compute(waveforms[place : place + 1, :samples], [samples])
                except torch.OutOfMemoryError:
                    raise
                except RAISED_BY_USERS as alone:
                    return self._raised_for(place, samples, alone)
        return self._raised_for(0, lengths[0], error)

    def _raised_for(self, place: int, samples: int, error: BaseException) -> UtteranceError:
        reason = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        return self.problem(
            place,
            f"Expected frames of {samples / SAMPLING_RATE:.2f} s of audio from {self.name}, but it raised "
            f"{type(error).__name__}{f': {reason}' if reason else ''}",
        )

    def _checked(self, frames: Any, samples: int, place: int) -> torch.Tensor:
        """Frames `(T, D)` as float tensor."""
        of = f"of {samples / SAMPLING_RATE:.2f} s of audio from {self.name}"
        if not isinstance(frames, (torch.Tensor, np.ndarray)):
            kind = type(frames).__name__
            raise self.problem(place, f"Expected a tensor or an array of frames {of}, but got {kind}")
        tensor = torch.as_tensor(frames)
        if tensor.ndim != 2 or not tensor.is_floating_point() or 0 in tensor.shape or tensor.is_meta:
            shape = f"{tensor.dtype} of shape {tuple(tensor.shape)} on {tensor.device}"
            raise self.problem(place, f"Expected floating-point frames (T, D) {of}, but got {shape}")
        if self.dimension not in (None, tensor.shape[1]):
            raise self.problem(place, f"Expected {self.dimension} dimensions {of}, but got {tensor.shape[1]}")
        if not torch.isfinite(tensor).all():
            raise self.problem(place, f"Expected finite frames {of}, but got NaN or infinity")
        self._check_length(len(tensor), samples, place, of)
        return tensor

    def _check_length(self, count: int, samples: int, place: int, of: str) -> None:
        if self.frame_rate is None:
            return
        rate, more = self.frame_rate
        expected = rate * samples / SAMPLING_RATE + more
        if abs(count - expected) > max(EDGE_FRAMES, EDGE_SHARE * expected):
            raise self.problem(
                place,
                f"Expected about {max(expected, 1):.0f} frames {of}, {rate:g} a second, but got {count}",
            )


class TensorModel(OwnModel):
    """A module or function called with waveforms `(B, samples)` of one length.

    It returns frames `(B, T, D)`, or them and the hidden states of its layers `(B, T', D)`, or what has them as
    `last_hidden_state` and `hidden_states`.
    """

    def compute(self, waveforms: torch.Tensor, lengths: Sequence[int]) -> tuple[list[Any], list[Any]]:
        if isinstance(self.own, nn.Module):
            parameter = next(self.own.parameters(), waveforms)
            waveforms = waveforms.to(parameter.dtype)
        output = self.own(waveforms)
        hidden: Sequence[Any] = ()
        if hasattr(output, "last_hidden_state"):
            output, hidden = output.last_hidden_state, getattr(output, "hidden_states", None) or ()
        elif isinstance(output, tuple) and len(output) == 2:
            output, hidden = output
        if getattr(output, "ndim", None) != 3 or len(output) != len(waveforms):
            got = f"shape {tuple(output.shape)}" if hasattr(output, "shape") else type(output).__name__
            raise self.problem(
                0,
                f"Expected frames (batch, time, dimension) from {self.name} for waveforms "
                f"{tuple(waveforms.shape)}, but got {got}",
            )
        return list(output), list(hidden)


class ListModel(OwnModel):
    """An object whose `encode` takes a list of float32 arrays `(samples,)` and returns a list of frames `(T, D)`."""

    mixed = True

    def compute(self, waveforms: torch.Tensor, lengths: Sequence[int]) -> tuple[list[Any], list[Any]]:
        rows = zip(waveforms.cpu().numpy(), lengths, strict=True)
        return list(self.own.encode([row[:samples].copy() for row, samples in rows])), []


class HearModel(OwnModel):
    """A module with the API of HEAR 2021 (https://hearbenchmark.com/hear-api.html).

    Timestamp embeddings are the frames; without them, the scene embedding is the only frame.
    """

    def __init__(self, module: Any, own: Any, name: str):
        super().__init__(own, name)
        self._rate = int(getattr(own, "sample_rate", SAMPLING_RATE))
        self._timestamps: Callable[..., Any] | None = getattr(module, "get_timestamp_embeddings", None)
        self._scene: Callable[..., Any] | None = getattr(module, "get_scene_embeddings", None)
        self.layer = "timestamp embeddings" if self._timestamps else "scene embeddings"

    @property
    def parts(self) -> list[Any]:
        return [self.own, self._timestamps or self._scene]

    def compute(self, waveforms: torch.Tensor, lengths: Sequence[int]) -> tuple[list[Any], list[Any]]:
        if self._rate != SAMPLING_RATE:
            resampled = [resample(row, SAMPLING_RATE, self._rate) for row in waveforms.cpu().numpy()]
            waveforms = torch.from_numpy(np.stack(resampled)).to(waveforms.device)
        if self._timestamps is not None:
            embeddings, _ = self._timestamps(waveforms, self.own)
            return list(embeddings), []
        assert self._scene is not None
        return [scene[None] for scene in self._scene(waveforms, self.own)], []


def own_model(own: Any, name: str) -> OwnModel:
    """The form in which an object is called: a module, an object with `encode`, or any other callable.

    Raises:
        ProbeError: it is none of these.
    """
    if not isinstance(own, nn.Module) and callable(getattr(own, "encode", None)):
        return ListModel(own, name)
    if callable(own):
        return TensorModel(own, name)
    raise ProbeError(
        f"Expected {name} to be a torch.nn.Module, a function of waveforms (B, samples), or an object with "
        f"encode(waveforms), but got {type(own).__name__}; return one of these."
    )
