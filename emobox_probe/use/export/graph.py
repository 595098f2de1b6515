"""A whole classifier as one graph: waveforms and their lengths in, logits and probabilities out.

What encoders, padding, windows and heads do elsewhere in Python and NumPy is here in tensors alone, so that it can be
exported; every utterance of a padded batch comes out as if it were alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_probe.encoders.builtin import BUILTIN, LogMel
from emobox_probe.encoders.exactness import Validity, output_length, settle_weights, shortest_input
from emobox_probe.encoders.families import Family
from emobox_probe.encoders.inputs import Loaded, Raw, Windows
from emobox_probe.encoders.outputs import Output, masked_waveforms, trimmed_frames
from emobox_probe.errors import ProbeError
from emobox_probe.heads.heads import combined
from emobox_probe.use.export.side_by_side import Heads
from emobox_probe.use.export.spectrograms import BuiltinLogMel, WhisperLogMel

# Added to the variance of a waveform by Wav2Vec2FeatureExtractor.
VARIANCE_FLOOR = 1e-7  # data2vec 2.0 has another


class Front(nn.Module):
    """Waveforms `(B, N)` at 16 kHz, zero-padded behind `length` `(B,)` samples each, to frames.

    `shortest` is the fewest samples that give a frame: what is shorter counts as that long.
    """

    shortest = 1

    def forward(self, waveform: Tensor, length: Tensor) -> Output:
        raise NotImplementedError


class LogMelFront(Front):
    """`builtin:logmel`."""

    shortest = LogMel.shortest_samples

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = BuiltinLogMel()

    def forward(self, waveform: Tensor, length: Tensor) -> Output:
        return Output(self.spectrogram(waveform), (), length // LogMel.HOP + 1)


class RawFront(Front):
    """wav2vec 2.0 and its kin: the waveform, normalised where the model was trained so."""

    def __init__(self, loaded: Loaded, family: Family, layers: bool):
        super().__init__()
        self.model, self._loaded, self._layers = loaded.model, loaded, layers
        self._validity, self._run = Validity(), family.run
        self._convolutions = family.convolutions(loaded.config)
        self._normalise = bool(getattr(loaded.extractor, "do_normalize", False))
        self._floor = float(getattr(loaded.extractor, "EPSILON", VARIANCE_FLOOR))
        self.shortest = shortest_input(self._convolutions)
        family.secure(loaded.model, self._validity)

    def forward(self, waveform: Tensor, length: Tensor) -> Output:
        padded = waveform.shape[1]
        inside = torch.arange(padded, device=waveform.device) < length[:, None]
        if self._normalise:
            waveform = _normalised(waveform, inside, length, self._floor)
        with self._validity.of(length, padded, self._convolutions):
            output = self._run(self._loaded, {"input_values": waveform}, self._validity, self._layers)
        return output._replace(valid=output_length(length, self._convolutions))


def _normalised(waveform: Tensor, inside: Tensor, length: Tensor, floor: float) -> Tensor:
    """Zero mean and unit variance of what is inside, zero behind it."""
    count = length[:, None].to(waveform.dtype)
    mean = waveform.sum(1, keepdim=True) / count  # zeros behind it add nothing
    centred = (waveform - mean) * inside
    return centred / (centred.square().sum(1, keepdim=True) / count + floor).sqrt()


class WindowFront(Front):
    """Encoders of 30 s windows of Whisper's log-mel spectrogram; long audio goes in consecutive windows."""

    def __init__(self, loaded: Loaded, family: Family, layers: bool):
        super().__init__()
        assert isinstance(family.prepare, Windows)
        self.model, self._layers = loaded.model, layers
        self.spectrogram = WhisperLogMel(loaded.extractor)
        self._size = loaded.extractor.n_samples
        self._samples_per_frame = family.prepare.samples_per_frame

    def forward(self, waveform: Tensor, length: Tensor) -> Output:
        whole = F.pad(waveform, (0, self._size))
        count = (waveform.shape[1] + self._size - 1) // self._size  # windows
        windows = whole[:, : count * self._size].reshape(-1, self._size)
        output = self.model(input_features=self.spectrogram(windows), output_hidden_states=self._layers)
        layers = output.hidden_states if self._layers else ()
        joined = [self._joined(states, waveform.shape[0]) for states in (output.last_hidden_state, *layers)]
        frames = (length + self._samples_per_frame - 1) // self._samples_per_frame
        return Output(joined[0], joined[1:], frames)

    def _joined(self, states: Tensor, batch: int) -> Tensor:
        """`(B x windows, T, D)` to `(B, windows x T, D)`."""
        return states.reshape(batch, -1, states.shape[-1])


class ClassifierGraph(nn.Module):
    """Waveforms `(B, N)` and lengths `(B,)` to logits and probabilities `(B, C)`."""

    def __init__(self, front: Front, heads: Heads):
        super().__init__()
        self.front, self.heads = front, heads

    def forward(self, waveform: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        shortest = self.front.shortest
        # Always, so that no path depends on the length; what is behind an utterance changes nothing.
        waveform, length = F.pad(waveform, (0, shortest - 1)), length.clamp(min=shortest)
        logits = combined(self.heads(self.front(waveform, length)))
        return logits, logits.softmax(-1)


def front_of(loaded: Loaded | None, family: Family | None, layers: bool, name: str) -> Front:
    """The encoder in tensors alone.

    Raises:
        ProbeError: nobody has written it down in tensors alone.
    """
    if loaded is None or family is None:
        if name == f"{BUILTIN}logmel":
            return LogMelFront()
        raise _not_in_tensors(name)
    loaded.model.eval().requires_grad_(False)
    settle_weights(loaded.model)
    way = family.way_for(loaded.config)
    if isinstance(family.prepare, Windows) and way == "window" and family.run is not trimmed_frames:
        return WindowFront(loaded, family, layers)
    rate = getattr(loaded.extractor, "sampling_rate", SAMPLING_RATE)
    raw = isinstance(family.prepare, Raw) or family.run is masked_waveforms
    if raw and way == "masked" and rate == SAMPLING_RATE and family.convolutions(loaded.config):
        return RawFront(loaded, family, layers)
    raise _not_in_tensors(name)


def _not_in_tensors(name: str) -> ProbeError:
    return ProbeError(
        f"Expected an encoder that is written in tensors from the waveform on, as those of raw waveforms, Whisper and "
        f"{BUILTIN}logmel are, but {name} is another; export it --to transformers."
    )
