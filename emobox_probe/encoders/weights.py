"""From a Hub id or a folder to a model in memory: no code of others, no pickle run, no weight left to chance."""

import hashlib
import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from transformers import MODEL_MAPPING, AutoConfig, AutoFeatureExtractor, AutoModel
from transformers.utils import logging

# Imported so that the Auto classes know the models that the library lacks.
import emobox_probe.encoders.data2vec2  # noqa: F401
from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.checkpoints.fit import LOADING_ERRORS, REPORTED, check_fit
from emobox_probe.encoders.checkpoints.location import Location, load_weights, locate, weights_place
from emobox_probe.encoders.families import FAMILIES, UNKNOWN, WHISPER_TRIMMED, Family, Part
from emobox_probe.encoders.inputs import Loaded
from emobox_probe.encoders.names import TRIMMED, near_folders
from emobox_probe.errors import ProbeError

SPEECH_INPUTS = ("input_values", "input_features")


def load(name: str, revision: str | None, trust_remote_code: bool) -> tuple[Loaded, Family, str]:
    """A model in float32 on the CPU, the family it belongs to, and the name of its architecture.

    Raises:
        ProbeError: there is no such model, it is no speech encoder, its weights are refused or not complete, or the
            Hub cannot be reached.
    """
    identifier = name.removesuffix(TRIMMED)
    try:
        location = locate(identifier, revision, trust_remote_code)
    except OSError as error:
        raise ProbeError(_not_found(identifier, error)) from error
    config = _config(location)
    family, architecture = _family(name, config)
    extractor = _extractor(location)
    with quiet():
        model = _model(location, config, family)
    if family.part and family.part.config:
        config = attrgetter(family.part.config)(config)
    config._commit_hash = location.commit
    return Loaded(config, model, extractor), family, architecture


def weights_hash(model: torch.nn.Module) -> str:
    """sha256 over the names, shapes and values of all parameters and buffers, as float32, sorted by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().to(torch.float32).contiguous()
        digest.update(f"{name}{tuple(values.shape)}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def preprocessor_hash(extractor: Any) -> str:
    """sha256 over the settings of the feature extractor."""
    return hashlib.sha256(extractor.to_json_string().encode()).hexdigest()


def _family(name: str, config: Any) -> tuple[Family, str]:
    kind: str = config.model_type
    if name.endswith(TRIMMED):
        if kind != "whisper":
            raise ProbeError(
                f"Expected a Whisper model before {TRIMMED}, but {name.removesuffix(TRIMMED)} is a {kind} model, "
                f"which runs on the true length anyway; leave out {TRIMMED}."
            )
        return WHISPER_TRIMMED, f"whisper{TRIMMED}"
    if kind in FAMILIES:
        return FAMILIES[kind], kind
    _check_speech(name, config)
    warnings.warn(
        f"{name} is a {kind} model, which is not among the families of docs/encoders.md: it runs one utterance at "
        f"a time, and its last_hidden_state is taken as frames.",
        stacklevel=4,
    )
    return UNKNOWN, kind


def _check_speech(name: str, config: Any) -> None:
    try:
        model_class: Any = MODEL_MAPPING[type(config)]
    except KeyError as error:
        if "AutoModel" in (getattr(config, "auto_map", None) or {}):
            return  # the repository's own code, which the user trusts: the configuration would not load otherwise
        raise ProbeError(_not_found(name, error)) from error
    main_input = model_class.main_input_name
    if main_input not in SPEECH_INPUTS:
        raise ProbeError(
            f"Expected a speech encoder, but {name} is a {config.model_type} model whose input is {main_input}; "
            f"choose a model that takes {' or '.join(SPEECH_INPUTS)}, or one of the families of docs/encoders.md."
        )


def _config(location: Location) -> Any:
    try:
        return AutoConfig.from_pretrained(location.place, **location.options)
    except (OSError, ValueError, KeyError) as error:
        raise ProbeError(_not_found(location.name, error)) from error
    except LOADING_ERRORS as error:
        raise ProbeError(
            f"Expected a configuration (config.json) of {location.name} that can be read, but got: "
            f"{in_one_line(error)} Save it again as the model was made, with save_pretrained()."
        ) from error


def _extractor(location: Location) -> Any:
    try:
        return AutoFeatureExtractor.from_pretrained(location.place, **location.options)
    except LOADING_ERRORS as error:
        if isinstance(error, ImportError) and "torchaudio" in str(error):
            raise ProbeError(
                f"Expected torchaudio for the feature extractor of {location.name}, but it is not installed; install "
                f"it beside a CUDA build of torch, with the extra emobox[torchaudio] (docs: Install)."
            ) from error
        raise ProbeError(
            f"Expected {location.name} to have a feature extractor (preprocessor_config.json) that loads, but got: "
            f"{first_line(error)} Save the one that the model was trained with beside it."
        ) from error


def _model(location: Location, config: Any, family: Family) -> Any:
    """The encoder in float32, whatever the checkpoint stores."""
    name = location.name
    wanted = {"dtype": torch.float32, **REPORTED}
    own = attrgetter(family.part.config)(config) if family.part and family.part.config else config
    try:
        if family.part is None:
            model, report = load_weights(AutoModel, location, config, **wanted)
        else:
            place = weights_place(location, own)
            model, report = _load_part(place, own, family.part, {**wanted, "revision": location.revision})
    except ProbeError:
        raise
    except (OSError, ValueError, ImportError) as error:
        raise ProbeError(
            f"Expected {name} to have weights as safetensors or pytorch_model.bin, but got: {first_line(error)}"
        ) from error
    except LOADING_ERRORS as error:
        raise ProbeError(
            f"Expected the weights of {name} to be whole and to fit its configuration, but got: {first_line(error)} "
            f"Get its files again, all of one revision."
        ) from error
    whole = family.part is None and config.is_encoder_decoder
    check_fit(name, model, report, "encoder." if whole else "")
    _check_complete(name, report["missing_keys"], "encoder." if whole else "")
    return model.get_encoder() if whole else model


def _load_part(place: str, config: Any, part: Part, wanted: dict[str, Any]) -> Any:
    """The encoder alone: what the checkpoint holds besides is never put into memory."""
    module, class_name = part.model.split(":")
    model_class = getattr(importlib.import_module(f"transformers.models.{module}"), class_name)
    return model_class.from_pretrained(place, config=config, key_mapping={part.keys: ""}, **wanted)


def _check_complete(name: str, missing_keys: list[str], part: str) -> None:
    # The embedding of masked spans is used in pre-training only, and many checkpoints leave it out.
    missing = [key for key in missing_keys if key.startswith(part) and "masked_spec_embed" not in key]
    if missing:
        raise ProbeError(
            f"Expected {name} to hold all weights of its encoder, but {len(missing)} are missing, such as "
            f"{min(missing)}; they would be random. Choose a checkpoint that holds the whole encoder."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's report of weights: unused heads and decoders are not wanted, missing ones are an error."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def first_line(error: BaseException) -> str:
    """The first line of a message of others, as a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."


def in_one_line(error: Exception) -> str:
    """All lines of a message of others, as a sentence: for errors whose first line says little."""
    return " ".join(str(error).split()).rstrip(".") + "."


def _not_found(name: str, error: Exception) -> str:
    reason = first_line(error)
    path = Path(name)
    if path.is_dir():
        return f"Expected a Hub model in the folder {name}, but got: {reason} Save it there with save_pretrained()."
    if "gated" in str(error).lower():
        return (
            f"Expected to be let in to {name}, but it is gated: {reason} Accept its terms on the Hub, then log in "
            f"with `hf auth login`."
        )
    return (
        f"Expected a Hub id, a local folder or {BUILTIN}logmel as model, but {name!r} cannot be loaded: {reason}"
        f"{near_folders(path)} Check the name and the network; a model in the local cache loads with HF_HUB_OFFLINE=1."
    )
