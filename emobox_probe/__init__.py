"""Frozen speech models, small heads, scores with intervals.

from emobox_probe import probe, cross, extract, fit, export, predict, stress, mteb_tasks, mteb_encoder

record = probe("openai/whisper-base", "emodb", protocol="strict", data_dir="/data/emodb")
record.table()
"""

from typing import TYPE_CHECKING, Any

from emobox_probe.use.registration import register_when_imported

if TYPE_CHECKING:
    from emobox_probe.experiment import cross, extract, probe, read_run
    from emobox_probe.trust.stress import stress
    from emobox_probe.use.export.export import export
    from emobox_probe.use.fit import fit
    from emobox_probe.use.mteb_bridge.bridge import mteb_encoder, mteb_tasks
    from emobox_probe.use.predict import predict

__all__ = [
    "__version__",
    "cross",
    "export",
    "extract",
    "fit",
    "mteb_encoder",
    "mteb_tasks",
    "predict",
    "probe",
    "read_run",
    "stress",
]

# What is imported when it is asked for, and from where: the command line's help need not wait for torch.
_FROM = {
    "cross": "experiment",
    "extract": "experiment",
    "probe": "experiment",
    "read_run": "experiment",
    "export": "use.export.export",
    "fit": "use.fit",
    "mteb_encoder": "use.mteb_bridge.bridge",
    "mteb_tasks": "use.mteb_bridge.bridge",
    "predict": "use.predict",
    "stress": "trust.stress",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("emobox")
    if name in _FROM:
        from importlib import import_module

        return getattr(import_module(f"emobox_probe.{_FROM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


register_when_imported()
