"""What an object of the user's holds besides its weights, as a hash: numbers, words, arrays, the code of functions.

Two objects of one class and equal weights may still compute different things: another layer, another scale.
"""

import functools
import hashlib
import inspect
import json
import os
import sysconfig
import types
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

# Code below these is of libraries, ours too: it goes by its name, what it is given is looked at.
OURS = Path(__file__).parents[3]
LIBRARIES = (
    *{sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")},
    *(str(OURS / room) for room in ("emobox_datasets", "emobox_metric", "emobox_probe")),
)
DEEPEST = 16
PLAIN = (type(None), bool, int, float, complex, bytes, np.generic, torch.dtype, Enum, range, slice)
CALLED_FROM_C = (types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType)
# What torch keeps of every module, and Python of every class.
OF_MODULES = frozenset(vars(nn.Module()))
OF_CLASSES = frozenset(("__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__"))
OF_FILES = frozenset(("__name__", "__file__", "__builtins__", "__package__", "__spec__"))
OF_LIBRARIES = frozenset(("name_or_path", "transformers_version", "dtype", "torch_dtype"))


class Settings(NamedTuple):
    """A hash, and whether it is of all that the object holds: compiled code and open files cannot be looked into."""

    sha256: str
    whole: bool


def settings_of_object(own: Any, weights: Mapping[str, Any]) -> Settings:
    """The hash of what an object holds; not of where it runs, or of where its files lie.

    Args:
        own: the object, a function too; of several, a list.
        weights: tensors whose values are hashed elsewhere.
    """
    known = {value.data_ptr() for value in weights.values() if isinstance(value, torch.Tensor)}
    description = _Description(known - {0})
    content = json.dumps(description.of(own, 0))
    return Settings(hashlib.sha256(content.encode()).hexdigest(), description.whole)


class _Description:
    """Lists and strings in place of an object, each part of it once."""

    def __init__(self, known: Collection[int]):
        self.whole = True
        self._known = known
        self._order: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no other object gets the id of one that was described

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, str | Path):
            return _word(str(value))
        if isinstance(value, PLAIN):
            return [type(value).__name__, repr(value)]
        if isinstance(value, torch.device):
            return "device"
        if id(value) in self._order:
            return ["again", self._order[id(value)]]
        self._order[id(value)] = len(self._order)
        self._alive.append(value)
        if depth > DEEPEST:
            return self._unknown(value)
        try:
            return self._compound(value, depth + 1)
        except Exception:  # an object of others may refuse to be looked into in any way
            return self._unknown(value)

    def _compound(self, value: Any, depth: int) -> Any:
        if isinstance(value, torch.Tensor | np.ndarray):
            return self._array(value, depth)
        if isinstance(value, Mapping):
            return self._table(value, depth)
        if isinstance(value, list | tuple):
            return [type(value).__name__, *(self.of(part, depth) for part in value)]
        if isinstance(value, set | frozenset):
            return ["set", *sorted(json.dumps(self.of(part, depth)) for part in value)]
        if isinstance(value, types.ModuleType):
            return _module(value)
        if isinstance(value, type):
            return self._class(value, depth)
        return self._callable(value, depth) or self._object(value, depth)

    def _array(self, value: Any, depth: int) -> Any:
        if isinstance(value, torch.Tensor):
            if value.data_ptr() in self._known or value.is_meta or value.layout != torch.strided:
                self.whole &= value.data_ptr() in self._known
                return ["tensor", str(value.dtype), list(value.shape)]
            values = value.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
            content = values.view(torch.uint8).numpy().tobytes()
        elif value.dtype == object:
            return self.of(value.tolist(), depth)
        else:
            content = value.tobytes()
        return ["array", str(value.dtype), list(value.shape), hashlib.sha256(content).hexdigest()]

    def _table(self, value: Mapping[Any, Any], depth: int) -> Any:
        return [type(value).__name__, *([self.of(key, depth), self.of(value[key], depth)] for key in value)]

    def _callable(self, value: Any, depth: int) -> Any:
        """None where it is none of Python's callables."""
        if isinstance(value, functools.partial):
            return ["partial", *(self.of(part, depth) for part in (value.func, value.args, value.keywords))]
        if isinstance(value, types.MethodType):
            return ["method", self.of(value.__func__, depth), self.of(value.__self__, depth)]
        if isinstance(value, staticmethod | classmethod):
            return self.of(value.__func__, depth)
        if isinstance(value, property):
            return ["property", self.of(value.fget, depth)]
        if isinstance(value, types.FunctionType):
            return self._function(value, depth)
        if isinstance(value, CALLED_FROM_C):
            bound = getattr(value, "__self__", None)
            return [
                value.__qualname__,
                None if isinstance(bound, types.ModuleType) else self.of(bound, depth),
            ]
        if callable(wrapped := getattr(value, "__wrapped__", None)):
            return ["wrapped", self.of(wrapped, depth)]
        return None

    def _function(self, function: types.FunctionType, depth: int) -> Any:
        given = [_content(cell) for cell in function.__closure__ or ()]
        given += [function.__defaults__, function.__kwdefaults__]
        parts = [function.__qualname__, *(self.of(part, depth) for part in given)]
        if _of_library(function.__code__.co_filename):
            return parts
        names = sorted(_names(function.__code__) & function.__globals__.keys() - OF_FILES)
        used = [[name, self.of(function.__globals__[name], depth)] for name in names]
        return [*parts, _code(function), used]

    def _class(self, kind: type, depth: int) -> Any:
        if _is_of_library(kind):
            return ["class", f"{kind.__module__}.{kind.__qualname__}"]
        bases = [self.of(base, depth) for base in kind.__bases__]
        members = {name: value for name, value in vars(kind).items() if name not in OF_CLASSES}
        return ["class", kind.__qualname__, bases, self._members(members, depth)]

    def _object(self, value: Any, depth: int) -> Any:
        kind = self.of(type(value), depth)
        library = _is_of_library(type(value))
        if library and type(value).__module__.startswith("transformers.") and hasattr(value, "to_dict"):
            return ["object", kind, self._members(_public(value.to_dict()), depth)]
        members = dict(vars(value)) if hasattr(value, "__dict__") else {}
        members |= {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
        if library:
            members = _public(members)
        if isinstance(value, nn.Module):
            members = {name: part for name, part in members.items() if name not in OF_MODULES}
            members |= dict(value._modules) | dict(value._parameters) | dict(value._buffers)
        elif library:
            self.whole = False
        return ["object", kind, self._members(members, depth)]

    def _members(self, members: Mapping[str, Any], depth: int) -> Any:
        return [[name, self.of(members[name], depth)] for name in sorted(members, key=str)]

    def _unknown(self, value: Any) -> Any:
        self.whole = False
        return ["unknown", type(value).__qualname__]


def _word(value: str) -> str:
    """Where files lie is not what they hold."""
    return "path" if os.sep in value and os.path.exists(value) else value


def _public(members: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in members.items() if not str(k).startswith("_") and k not in OF_LIBRARIES}


def _slots(kind: type) -> list[str]:
    slots = [getattr(base, "__slots__", ()) for base in kind.__mro__]
    return [name for some in slots for name in ([some] if isinstance(some, str) else some)]


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value yet
        return None


def _names(code: types.CodeType) -> set[str]:
    """Names that a function looks up, those of functions inside it too."""
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return set(code.co_names).union(*inner)


def _code(function: types.FunctionType) -> str:
    """Its text; several lambdas may share a line, and then what they were compiled to tells them apart."""
    if function.__name__ != "<lambda>":
        try:
            return inspect.getsource(function)
        except (OSError, TypeError):
            pass
    return _compiled(function.__code__)


def _compiled(code: types.CodeType) -> str:
    constants = [
        _compiled(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts
    ]
    return json.dumps([code.co_code.hex(), code.co_names, code.co_varnames, constants])


def _module(module: types.ModuleType) -> Any:
    """A library by its name, a file of the user's by what it holds."""
    file = getattr(module, "__file__", None)
    if not file or _of_library(file) or not Path(file).is_file():
        return ["module", module.__name__]
    return ["module", hashlib.sha256(Path(file).read_bytes()).hexdigest()]


def _of_library(file: str) -> bool:
    return file.startswith((*LIBRARIES, "<frozen"))


def _is_of_library(kind: type) -> bool:
    try:
        return _of_library(inspect.getfile(kind))
    except (OSError, TypeError):  # built in, or typed into an interpreter
        return kind.__module__ != "__main__"
