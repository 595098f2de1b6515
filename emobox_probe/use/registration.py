"""Exported classifiers are known to the Auto classes of `transformers` once `emobox_probe` is imported.

Neither `transformers` nor torch is imported for that: what `transformers` imports by itself later is waited for.
"""

import importlib

from emobox_metric.when_imported import when_imported


def _register_configuration() -> None:
    importlib.import_module("emobox_probe.use.export.emobox_config").register()


def _register_model() -> None:
    importlib.import_module("emobox_probe.use.export.emobox_model").register()


def register_when_imported() -> None:
    """Register at once what can be, and the rest when the module of `transformers` that it needs is imported."""
    when_imported("transformers.models.auto.configuration_auto", _register_configuration)
    when_imported("transformers.models.auto.modeling_auto", _register_model)
