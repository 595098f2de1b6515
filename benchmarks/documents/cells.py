"""What tables of documents are written with: results of benchmarks, and numbers as text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


def result(name: str) -> dict[str, Any]:
    """The figures that the benchmark of that name and device wrote last."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """A table whose first `texts` columns are text and whose others are numbers."""
    rule = [":--"] * texts + ["--:"] * (len(header) - texts)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def bounds(interval: dict[str, Any]) -> str:
    if interval["ua"] is None:
        return f"none ({interval['clusters']} {interval['resampled']})"
    low, high = interval["ua"]
    return f"{100 * low:.1f} to {100 * high:.1f}"
