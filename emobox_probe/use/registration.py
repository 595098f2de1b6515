"""Exported classifiers are known to the Auto classes of `transformers` once `emobox_probe` is imported.

Neither `transformers` nor torch is imported for that: what `transformers` imports by itself later is waited for.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def _register_configuration() -> None:
    importlib.import_module("emobox_probe.use.export.emobox_config").register()


def _register_model() -> None:
    importlib.import_module("emobox_probe.use.export.emobox_model").register()


# What is done once a module of `transformers` has been imported.
_AFTER: dict[str, Callable[[], None]] = {
    "transformers.models.auto.configuration_auto": _register_configuration,
    "transformers.models.auto.modeling_auto": _register_model,
}


def register_when_imported() -> None:
    """Register at once what can be, and the rest when the module of `transformers` that it needs is imported."""
    for name in list(_AFTER):
        if name in sys.modules:
            _AFTER.pop(name)()
    if _AFTER:
        sys.meta_path.insert(0, _Waiting())


class _Waiting(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _AFTER:
            return None
        action = _AFTER.pop(name)
        if not _AFTER:
            sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, action)
        return spec


class _Then(Loader):
    """Loads as another loader does, and then does something."""

    def __init__(self, loader: Loader, action: Callable[[], None]):
        self._loader, self._action = loader, action

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._action()
