"""Frozen speech models, small heads, scores with intervals.

from emobox_probe import probe, cross, extract

record = probe("openai/whisper-base", "emodb", protocol="strict", data_dir="/data/emodb")
record.table()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emobox_probe.experiment import cross, extract, probe, read_run

__all__ = ["__version__", "cross", "extract", "probe", "read_run"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line's help need not wait for torch.
    if name == "__version__":
        from importlib.metadata import version

        return version("emobox")
    if name in __all__:
        import emobox_probe.experiment as experiment

        return getattr(experiment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
