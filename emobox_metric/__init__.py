"""The metric room: `from emobox_metric import scores, intervals, compare`, plain functions of arrays.

After `import emobox_metric`, `evaluate.load("emobox/ser_metric")` needs no network. So do `emobox/ser_distributions`,
`emobox/ser_dimensions` and `emobox/ser_raters`. `evaluate` looks for a name in the working directory, then on the Hub.
The hook below answers for these names between the two, so that a folder of your own still wins, and the code that runs
is the code that is installed. Without the import, `evaluate.load(emobox_metric.metric_path())` does the same.
`evaluate` itself is not imported here.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emobox_metric.when_imported import when_imported

if TYPE_CHECKING:
    from emobox_metric.ser_metric.functions import compare, intervals, scores

__all__ = ["__version__", "compare", "intervals", "metric_path", "scores"]

OWNER = "emobox/"
METRICS = ("ser_metric", "ser_distributions", "ser_dimensions", "ser_raters")


def __getattr__(name: str) -> Any:
    # When they are asked for: a command line's help need not wait for scipy.
    if name == "__version__":
        from importlib.metadata import version

        return version("emobox")
    if name in __all__:
        from emobox_metric.ser_metric import functions

        return getattr(functions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def metric_path(name: str = "ser_metric") -> str:
    """Return the folder of a metric, for `evaluate.load`.

    Example:
        >>> sorted(os.listdir(metric_path()))[:2]
        ['README.md', '__init__.py']
    """
    return str(Path(__file__).with_name(name))


def _answer_for_our_names() -> None:
    """Wrap the function by which `evaluate.load` finds the script of a metric, once."""
    loading = sys.modules["evaluate.loading"]
    find = loading.evaluation_module_factory
    if hasattr(find, "emobox_metric"):
        return

    @functools.wraps(find)
    def find_ours_first(
        path: str, module_type: Any = None, revision: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        # Asking for a revision is asking for the Hub.
        name = path.removeprefix(OWNER)
        is_ours = path.startswith(OWNER) and name in METRICS
        if is_ours and revision is None and not os.path.isfile(f"{path}/{name}.py"):
            path = metric_path(name)
        return find(path, module_type, revision, *args, **kwargs)

    find_ours_first.emobox_metric = True  # type: ignore[attr-defined]
    loading.evaluation_module_factory = find_ours_first  # type: ignore[attr-defined]


when_imported("evaluate.loading", _answer_for_our_names)
