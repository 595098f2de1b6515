"""Tables of docs/looking-closer.md and docs/mteb.md: what is read beside a score."""

from collections.abc import Callable
from typing import Any

from documents.cells import bounds, markdown, percent, result


def trust() -> str:
    """What is read beside a score, a column for each encoder."""
    figures = result("trust.cpu")["figures"]
    rows = [[name, *(text(row) for row in figures)] for name, text in _TRUST.items()]
    return markdown(["EmoDB, `linear`", *(row["encoder"] for row in figures)], rows, 1)


def _gap(row: dict[str, Any]) -> dict[str, Any]:
    gap: dict[str, Any] = next(gap for gap in row["gaps"]["gaps"] if gap["of"] == "UA")
    return gap


def _at(row: dict[str, Any], curve: str, size: int) -> str:
    point = next(point for point in row["curve"][curve] if point["size"] == size)
    return f"{percent(point['ua'])} ({bounds(point['interval'])})"


def _calibrated(name: str, scale: float = 100) -> Callable[[dict[str, Any]], str]:
    return lambda row: " → ".join(
        f"{scale * row['calibration'][part][name]:.{1 if scale == 100 else 2}f}"
        for part in ("plain", "scaled")
    )


_TRUST: dict[str, Callable[[dict[str, Any]], str]] = {
    "UA (95 % interval)": lambda row: f"{percent(row['pooled']['ua'])} ({bounds(row['interval'])})",
    "ECE, plain → with temperature": _calibrated("ece"),
    "classwise ECE": _calibrated("classwise_ece"),
    "NLL": _calibrated("nll", 1),
    "area under risk-coverage": _calibrated("aurc"),
    "gap in UA, female minus male": lambda row: f"{100 * _gap(row)['difference']:+.1f}",
    "its 95 % interval": lambda row: " to ".join(f"{100 * bound:+.1f}" for bound in _gap(row)["interval"]),
    "its p value": lambda row: f"{_gap(row)['p']:.2f}",
    "the smallest gap that could be found": lambda row: percent(_gap(row)["detectable"]),
    "gaps that chance alone stays below": lambda row: percent(row["gaps"]["by_chance"]),
    "UA with 1 utterance of each label": lambda row: _at(row, "per_label", 1),
    "UA with 8 utterances of each label": lambda row: _at(row, "per_label", 8),
    "UA with 1 training speaker": lambda row: _at(row, "speakers", 1),
    "UA with 4 training speakers": lambda row: _at(row, "speakers", 4),
    "accuracy of MTEB's head, its splits": lambda row: percent(
        sum(row["curve"]["mteb"]["accuracies"]) / len(row["curve"]["mteb"]["accuracies"])
    ),
    "the same head, new speakers": lambda row: percent(row["curve"]["mteb"]["new_speakers"]),
    "suspects, of 535 utterances": lambda row: str(row["suspects"]),
}


def mteb() -> str:
    """EmoDB by MTEB's client, a column for each encoder."""
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "shuffled folds, 8 of each label: accuracy, by MTEB's client": lambda row: percent(
            sum(row["shuffled_by_mteb"]) / len(row["shuffled_by_mteb"])
        ),
        "the same by `emobox curve`": lambda row: percent(
            sum(row["shuffled_by_curve"]) / len(row["shuffled_by_curve"])
        ),
        "strict folds, 8 of each label: accuracy, by `emobox curve`": lambda row: percent(
            row["new_speakers"]
        ),
        "`released`, all of the training part: UA (95 % interval)": lambda row: _of_task(row["released"]),
        "`strict`, all of the training part: UA (95 % interval)": lambda row: _of_task(row["strict"]),
    }
    figures = result("mteb.cpu")["figures"]
    header = ["EmoDB", *(f"{row['encoder']}, layer {row['layer']}" for row in figures)]
    return markdown(header, [[name, *map(text, figures)] for name, text in rows.items()], 1)


def _of_task(scores: dict[str, Any]) -> str:
    low, high = scores["ua_interval"]
    return f"{percent(scores['ua'])} ({percent(low)} to {percent(high)})"


def gaps() -> str:
    """How well intervals and tests of gaps hold their level."""
    cases = result("gaps.cpu")["cases"]
    rows = []
    for none in (case for case in cases if case["true_gap"] == 0):
        known = next(case for case in cases if case["true_gap"] > 0 and case["speakers"] == none["speakers"])
        values = (none["coverage"], none["found"], known["coverage"], known["found"], none["minimal"])
        rows.append([none["speakers"], *(f"{100 * value:.1f}" for value in values)])
    header = ["speakers", "no gap: interval holds it", "no gap: test finds one"]
    header += ["gap of 15: interval holds it", "gap of 15: test finds it", "smallest gap to be found"]
    return markdown(header, rows, 1)


TABLES: dict[str, Callable[[], str]] = {"trust": trust, "mteb": mteb, "gaps": gaps}
