"""Where an encoder of one's own comes from: a Python object, `python:<module>:<function>`, or `hear:<module>`.

Code is run only because its user names it.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.facts import OwnSource
from emobox_probe.encoders.families import Family
from emobox_probe.encoders.inputs import Loaded, Waveform
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.encoders.names import model_name
from emobox_probe.encoders.outputs import own_frames
from emobox_probe.encoders.own.own_model import HearModel, OwnModel, own_model
from emobox_probe.encoders.own.settings import settings_of_object
from emobox_probe.encoders.own.trial import output_hash, trial
from emobox_probe.errors import RAISED_BY_USERS, ProbeError

PYTHON, HEAR = "python:", "hear:"


def is_own(name: str) -> bool:
    """Whether a model's name is that of an encoder of one's own.

    >>> is_own("python:mine:load"), is_own("openai/whisper-base")
    (True, False)
    """
    return name.startswith((PYTHON, HEAR))


def load_own(name: str, device: torch.device, dtype: str, layers: str) -> ModelEncoder:
    """The encoder that a name says, loaded and tried.

    Raises:
        ProbeError: there is no such module or function, it raises, or what it gives is no encoder.
    """
    if name.startswith(HEAR):
        where, _, weights = name.removeprefix(HEAR).partition("@")
        module = _module(name, where)
        model: OwnModel = _hear_model(name, module, weights)
        return _encoder(model, source_of(name, module), device, dtype, layers)
    made, module = object_named(name)
    return _encoder(own_model(made, name), source_of(name, module), device, dtype, layers)


def object_named(name: str) -> tuple[Any, ModuleType]:
    """What `python:<module>:<function>` names, made, and the module it is from.

    Raises:
        ProbeError: there is no such module or function, or it raises.
    """
    where, _, function = name.removeprefix(PYTHON).rpartition(":")
    if not where or not function:
        raise ProbeError(
            f"Expected {PYTHON}<module>:<function> or {PYTHON}<file>.py:<function> as model, but got {name!r}; name "
            f"the function that returns it."
        )
    module = _module(name, where)
    target = getattr(module, function, None)
    if target is None:
        raise ProbeError(f"Expected {function} in {where}, but it has none of that name; correct --model.")
    made = target if isinstance(target, nn.Module) or not callable(target) else _called(name, target)
    return made, module


def encoder_of_object(own: Any, device: torch.device, dtype: str, layers: str) -> ModelEncoder:
    """An encoder of an object in memory, tried.

    Raises:
        ProbeError: it is no encoder.
    """
    name = name_of_object(own)
    return _encoder(own_model(own, name), source_of(name, _defined_as(own)), device, dtype, layers)


def name_of_object(own: Any) -> str:
    """What records call an object: its own `name`, else where it was defined.

    >>> name_of_object(Path("."))
    'python:pathlib:PosixPath'
    """
    if isinstance(name := getattr(own, "name", None), str) and name:
        return name if is_own(name) else f"{PYTHON}{name}"
    defined = _defined_as(own)
    qualified = defined.__qualname__.replace("<locals>.", "").replace("<lambda>", "lambda")
    return f"{PYTHON}{defined.__module__}:{qualified}"


def _defined_as(own: Any) -> Any:
    """The function that it is, else its class."""
    return own if inspect.isfunction(own) else type(own)


def _encoder(
    model: OwnModel, source: OwnSource, device: torch.device, dtype: str, layers: str
) -> ModelEncoder:
    if dtype != "float32" and not isinstance(model.own, nn.Module):
        raise ProbeError(
            f"Expected a torch.nn.Module to compute in {dtype}, but {model.name} is none; leave out --dtype."
        )
    model.eval()
    weights = model.state_dict()
    known = {"settings_sha256": settings_of_object(model.parts, weights).sha256}  # before use changes it
    model.to(device, DTYPES[dtype])
    way = trial(model, device, dtype)
    if not weights:
        known["output_sha256"] = output_hash(model, device)
    source = source.model_copy(update=known)
    family = Family(Waveform(), way, "tried before the run", run=own_frames, layer=model.layer)
    layers = "last" if layers in ("available", "statistics") and not model.has_layers else layers
    return ModelEncoder(
        model.name,
        Loaded(None, model, None),
        family,
        type(model.own).__name__,
        device,
        dtype,
        "all" if layers == "available" else layers,
        source,
    )


def _hear_model(name: str, module: ModuleType, weights: str) -> HearModel:
    calls = ("get_timestamp_embeddings", "get_scene_embeddings")
    if not hasattr(module, "load_model") or not any(hasattr(module, call) for call in calls):
        raise ProbeError(
            f"Expected load_model and {' or '.join(calls)} in the module of {name}, as HEAR's API has them, but they "
            f"are not there; correct --model."
        )
    if weights and not Path(weights).exists():
        raise ProbeError(
            f"Expected weights at {weights}, but there are none; correct what follows the @ in {name}."
        )
    own = _called(name, module.load_model, *([weights] if weights else []))
    return HearModel(module, own, name)


def _called(name: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except RAISED_BY_USERS as error:
        raise ProbeError(
            f"Expected an encoder from {name}, but it raised {type(error).__name__}: {error}; correct it."
        ) from error


def _module(name: str, where: str) -> ModuleType:
    """The module of a file `<path>.py`, or by its import path, also beside the working directory."""
    path = Path(where)
    try:
        if path.suffix != ".py":
            with _first_on_path(Path.cwd()):
                return importlib.import_module(where)
        if not path.is_file():
            raise ProbeError(f"Expected a Python file at {where}, but there is none; correct --model.")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)  # other processes find what it defines by its module
        with _first_on_path(path.resolve().parent):
            spec.loader.exec_module(module)
        return module
    except ProbeError:
        raise
    except RAISED_BY_USERS as error:
        raise ProbeError(
            f"Expected to import {where} for {name}, but got {type(error).__name__}: {error}; correct --model, or "
            f"the module."
        ) from error


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    """While a module is imported, modules beside it are found, as when it is run."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def source_of(name: str, defined: Any) -> OwnSource:
    """Where code comes from, and the hash of it: of a module's file, of the text of a class or function."""
    shown = model_name(name)
    try:
        code = inspect.getsource(defined)
    except (OSError, TypeError):  # typed into an interpreter, or compiled
        return OwnSource(import_path=shown)
    return OwnSource(import_path=shown, code_sha256=hashlib.sha256(code.encode()).hexdigest())
