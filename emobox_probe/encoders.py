"""Any Hub speech model to frame features: what goes in is 16 kHz audio, what comes out is frames (T, D).

The features of an utterance never depend on other utterances: a model runs on one utterance at a time, but for
those whose window is fixed. "Last layer" is `last_hidden_state`.
"""

import hashlib
import inspect
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import MODEL_MAPPING, AutoConfig, AutoFeatureExtractor, AutoModel, PreTrainedModel
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from emobox_datasets.audio import SAMPLING_RATE
from emobox_datasets.errors import nearest
from emobox_probe.errors import ProbeError

BUILTIN = "builtin:"
SPEECH_INPUTS = ("input_values", "input_features")


@dataclass(frozen=True)
class EncoderFacts:
    """What a score can be traced to: which weights, and what was taken from them."""

    name: str
    architecture: str
    revision: str | None
    weights_sha256: str | None
    preprocessor_sha256: str | None
    parameters: int
    dimension: int
    frame_rate: float
    layer: str

    @property
    def identity(self) -> dict[str, Any]:
        """What features depend on; not the name, so that a copy of a model finds its features again."""
        return {name: value for name, value in asdict(self).items() if name not in ("name", "revision")}


class Encoder(Protocol):
    """A frozen model that turns 16 kHz mono waveforms into frames."""

    facts: EncoderFacts

    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """float32 waveforms `(samples,)` to frames `(T, D)`, each as if it were alone."""
        ...


def load_encoder(
    name: str, device: torch.device, revision: str | None = None, trust_remote_code: bool = False
) -> Encoder:
    """Load an encoder by Hub id, local folder, or `builtin:<name>`.

    Raises:
        ProbeError: there is no such model, it is no speech encoder, its weights are not safetensors, or the Hub
            cannot be reached.
    """
    if name.startswith(BUILTIN):
        return _builtin(name)
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    config = _config(name, options)
    extractor = _extractor(name, options)
    model = _encoder(name, config, options).to(device)
    kind = WindowEncoder if config.model_type == "whisper" else SingleEncoder
    return kind(name, config, model, extractor)


class LogMel:
    """`builtin:logmel`: 80 log-mel bands, 25 ms windows every 20 ms, no weights."""

    WINDOW, HOP, FFT, BANDS = 400, 320, 512, 80

    def __init__(self) -> None:
        self.facts = EncoderFacts(
            name=f"{BUILTIN}logmel",
            architecture="logmel",
            revision=None,
            weights_sha256=None,
            preprocessor_sha256=None,
            parameters=0,
            dimension=self.BANDS,
            frame_rate=SAMPLING_RATE / self.HOP,
            layer="log-mel bands",
        )
        self._window = window_function(self.WINDOW, "hann")
        self._filters = mel_filter_bank(
            self.FFT // 2 + 1,
            self.BANDS,
            20.0,
            SAMPLING_RATE / 2,
            SAMPLING_RATE,
            norm="slaney",
            mel_scale="slaney",
        )

    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        return [torch.from_numpy(self._frames(waveform)) for waveform in waveforms]

    def _frames(self, waveform: np.ndarray) -> np.ndarray:
        bands: np.ndarray = spectrogram(
            np.pad(waveform, (0, max(self.WINDOW - len(waveform), 0))),
            self._window,
            self.WINDOW,
            self.HOP,
            fft_length=self.FFT,
            power=2.0,
            center=True,
            pad_mode="constant",
            mel_filters=self._filters,
            log_mel="log",
            mel_floor=1e-10,
            dtype=np.float32,
        )
        return bands.T.copy()


class SingleEncoder:
    """Any encoder of the library, one utterance at a time: nothing is padded, so nothing can leak."""

    def __init__(self, name: str, config: Any, model: PreTrainedModel, extractor: Any):
        self._model, self._extractor = model.eval(), extractor
        accepted = inspect.signature(model.forward).parameters
        self._inputs = {model.main_input_name, "attention_mask"} & set(accepted)
        self.facts = self._facts(name, config)

    @torch.inference_mode()
    def encode(self, waveforms: Sequence[np.ndarray]) -> list[torch.Tensor]:
        return [self._frames(waveform) for waveform in waveforms]

    def _frames(self, waveform: np.ndarray) -> torch.Tensor:
        inputs = self._extractor(waveform, sampling_rate=SAMPLING_RATE, return_tensors="pt")
        given = {name: value.to(self._model.device) for name, value in inputs.items() if name in self._inputs}
        frames: torch.Tensor = self._model(**given).last_hidden_state
        return frames[0]

    def _facts(self, name: str, config: Any) -> EncoderFacts:
        two, four = self.encode([np.zeros(seconds * SAMPLING_RATE, dtype=np.float32) for seconds in (2, 4)])
        return EncoderFacts(
            name=name,
            architecture=config.model_type,
            revision=getattr(config, "_commit_hash", None),
            weights_sha256=weights_hash(self._model),
            preprocessor_sha256=hashlib.sha256(self._extractor.to_json_string().encode()).hexdigest(),
            parameters=sum(parameter.numel() for parameter in self._model.parameters()),
            dimension=two.shape[1],
            frame_rate=(len(four) - len(two)) / 2,
            layer="last_hidden_state",
        )


class WindowEncoder(SingleEncoder):
    """Whisper's encoder: 30 s windows of log-mel, of which the frames that cover the audio are kept.

    Audio over 30 s goes through in consecutive windows.
    """

    WINDOW = 30 * SAMPLING_RATE
    SAMPLES_PER_FRAME = 320

    def _frames(self, waveform: np.ndarray) -> torch.Tensor:
        windows = [waveform[start : start + self.WINDOW] for start in range(0, len(waveform), self.WINDOW)]
        return torch.cat([self._covered(window) for window in windows])

    def _covered(self, window: np.ndarray) -> torch.Tensor:
        return super()._frames(window)[: math.ceil(len(window) / self.SAMPLES_PER_FRAME)]


def weights_hash(model: torch.nn.Module) -> str:
    """sha256 over the names, shapes and values of all parameters and buffers, as float32, sorted by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().to(torch.float32).contiguous()
        digest.update(f"{name}{tuple(values.shape)}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _config(name: str, options: dict[str, Any]) -> Any:
    try:
        config = AutoConfig.from_pretrained(name, **options)
        model_class = MODEL_MAPPING[type(config)]
    except (OSError, ValueError, KeyError) as error:
        raise ProbeError(_not_found(name, error)) from error
    if model_class.main_input_name not in SPEECH_INPUTS:
        raise ProbeError(
            f"Expected a speech encoder, but {name} is a {config.model_type} model whose input is "
            f"{model_class.main_input_name}; choose a model that takes {' or '.join(SPEECH_INPUTS)}."
        )
    return config


def _extractor(name: str, options: dict[str, Any]) -> Any:
    try:
        return AutoFeatureExtractor.from_pretrained(name, **options)
    except (OSError, ValueError) as error:
        raise ProbeError(
            f"Expected {name} to have a feature extractor (preprocessor_config.json), but got: "
            f"{_first_line(error)} Save the one that the model was trained with beside it."
        ) from error


def _encoder(name: str, config: Any, options: dict[str, Any]) -> PreTrainedModel:
    """The encoder in float32, whatever the checkpoint stores; only safetensors are read, never a pickle."""
    try:
        model, report = AutoModel.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **options
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ProbeError(
            f"Expected {name} to have weights as safetensors, but got: {_first_line(error)} If it only has "
            f"pytorch_model.bin, load it where you trust it and save_pretrained() it to a folder."
        ) from error
    part = "encoder." if config.is_encoder_decoder else ""
    # The embedding of masked spans is used in pre-training only, and many checkpoints leave it out.
    missing = [
        key for key in report["missing_keys"] if key.startswith(part) and "masked_spec_embed" not in key
    ]
    if missing:
        raise ProbeError(
            f"Expected {name} to hold all weights of its encoder, but {len(missing)} are missing, such as "
            f"{min(missing)}; they would be random. Choose a checkpoint that holds the whole encoder."
        )
    encoder: PreTrainedModel = model.get_encoder() if config.is_encoder_decoder else model
    return encoder


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") + "."


def _not_found(name: str, error: Exception) -> str:
    reason = _first_line(error)
    path = Path(name)
    if path.is_dir():
        return f"Expected a Hub model in the folder {name}, but got: {reason} Save it there with save_pretrained()."
    siblings = [item.name for item in path.parent.iterdir() if item.is_dir()] if path.parent.is_dir() else []
    near = [str(path.parent / sibling) for sibling in get_close_matches(path.name, siblings, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"Expected a Hub id, a local folder or {BUILTIN}logmel as model, but {name!r} cannot be loaded: {reason}"
        f"{hint} Check the name and the network; a model in the local cache loads with HF_HUB_OFFLINE=1."
    )


def _builtin(name: str) -> Encoder:
    known = {f"{BUILTIN}logmel": LogMel}
    if name not in known:
        raise ProbeError(f"Expected a built-in encoder, but got {name!r}. {nearest(name, known)}")
    return known[name]()
