"""Tables of docs/metric.md, the metric's card and docs/publishing.md: how far intervals and ranks can be trusted."""

from collections.abc import Callable
from typing import Any

from documents.cells import markdown, result


def intervals() -> str:
    """How often each interval holds the true UA, worst over how labels are spread over speakers."""
    kinds = ["percentile", "BCa", "linearised t", "wild", "jackknife t", "t", "logit t"]
    cases: dict[tuple[float, int], list[dict[str, Any]]] = {}
    for row in result("intervals.cpu")["coverage"]:
        cases.setdefault((row["ua"], row["speakers"]), []).append(row)
    rows = []
    for (ua, speakers), some in cases.items():
        worst = [f"{min(row['coverage'][kind] for row in some):.1f}" for kind in kinds]
        width = max(row["width"]["logit t"] for row in some)
        rows.append([str(speakers), f"{100 * ua:.0f}", *worst, f"{width:.0f}"])
    header = ["speakers", "true UA", *kinds[:-1], "this one (logit t)", "its width, points"]
    return markdown(header, rows, 0)


def paired() -> str:
    """How often a paired test takes equal systems for different, worst over true UA and spread of labels."""
    cases: dict[int, list[dict[str, float]]] = {}
    for row in result("intervals.cpu")["paired"]:
        cases.setdefault(row["speakers"], []).append(row["false_alarms"])
    rows = [
        [str(speakers), *(f"{max(one[kind] for one in some):.1f}" for kind in ("percentile", "t"))]
        for speakers, some in cases.items()
    ]
    return markdown(["speakers", "percentiles of the bootstrap", "this one (t)"], rows, 0)


def ranks() -> str:
    """Tables of equal models that are split, and pairs of different models told apart, by correction."""
    kinds = ["percentile", "t", "Tukey", "Bonferroni", "Holm", "Holm, not paired"]
    cases: dict[int, list[dict[str, Any]]] = {}
    for row in result("ranks.cpu")["tables"]:
        cases.setdefault(row["speakers"], []).append(row)
    rows = [
        [name, str(speakers), *(f"{choose(row[part][kind] for row in some):.1f}" for kind in kinds)]
        for part, name, choose in (
            ("split", "equal models split, at most", max),
            ("told apart", "different pairs told apart, at least", min),
        )
        for speakers, some in cases.items()
    ]
    return markdown(["percent", "speakers", *kinds], rows, 1)


TABLES: dict[str, Callable[[], str]] = {"intervals": intervals, "paired": paired, "ranks": ranks}
