"""The metric room: after `import emobox_metric`, `evaluate.load("emobox/ser_metric")` needs no network.

So do `emobox/ser_distributions`, `emobox/ser_dimensions` and `emobox/ser_raters`. `evaluate` looks for a name in the
working directory, then on the Hub. The hook below answers for these names between the two, so that a folder of your own
still wins, and the code that runs is the code that is installed. Without the import,
`evaluate.load(emobox_metric.metric_path())` does the same.
"""

from __future__ import annotations

import functools
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import evaluate.loading

__version__ = version("emobox")
OWNER = "emobox/"
METRICS = ("ser_metric", "ser_distributions", "ser_dimensions", "ser_raters")


def metric_path(name: str = "ser_metric") -> str:
    """Return the folder of a metric, for `evaluate.load`.

    Example:
        >>> sorted(os.listdir(metric_path()))[:2]
        ['README.md', '__init__.py']
    """
    return str(Path(__file__).with_name(name))


def _answer_for_our_names() -> None:
    """Wrap the function by which `evaluate.load` finds the script of a metric, once."""
    find = evaluate.loading.evaluation_module_factory
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
    evaluate.loading.evaluation_module_factory = find_ours_first


_answer_for_our_names()
