"""Pictures of one or many results: recall by label, and a critical-difference diagram.

The colours are those of `emobox_probe.report.pictures`: blue and orange of Okabe and Ito's palette, and cividis, which
people with and without colour vision read alike; shape or number tells what colour tells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emobox_probe.records.predictions import clusters_of, interval_of
from emobox_probe.report.pictures import BLUE, GREY, ORANGE, Picture, shortened
from hub_cards.tables.critical_difference import ALPHA, CriticalDifference


def recalls(
    predictions: pd.DataFrame, labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall of every label, `(C,)`, and its 95 % interval, `(C, 2)`, in 0..1.

    NaN for labels without an utterance, and for intervals where there are too few speakers, or no spread between them.
    The recall of a label is the accuracy on its utterances, so its interval is made as that of any accuracy.
    """
    shares, bounds = np.full(len(labels), np.nan), np.full((len(labels), 2), np.nan)
    for place, label in enumerate(labels):
        part = predictions[predictions["label"] == label]
        if len(part):
            shares[place] = (part["prediction"] == label).mean()
            interval = interval_of(part, labels, "skip").wa
            bounds[place] = interval or (np.nan, np.nan)
    return shares, bounds


def recalls_picture(predictions: pd.DataFrame, labels: Sequence[str], title: str) -> Picture:
    """The recall of every label with its interval, the hardest at the bottom; the dashed line is their mean."""
    shares, bounds = recalls(predictions, labels)
    order = np.argsort(np.nan_to_num(shares, nan=-1), kind="stable")
    counts = predictions.drop_duplicates("id")["label"].value_counts()
    picture = Picture(6.4, 1.6 + 0.36 * len(labels), title)
    axes = picture.subplots()
    for place, label in enumerate(order):
        if np.isnan(shares[label]):
            continue
        axes.plot(100 * bounds[label], [place, place], color=BLUE, linewidth=2, marker="|", markersize=8)
        axes.plot(100 * shares[label], place, "o", color=BLUE)
    mean = 100 * float(np.nanmean(shares))
    axes.axvline(mean, color=ORANGE, linestyle="--", label=f"UA {mean:.1f}")
    names = [f"{shortened(labels[label], 26)} ({counts.get(labels[label], 0)})" for label in order]
    axes.set_yticks(range(len(labels)), names)
    axes.set_xlim(-2, 102)
    resampled = "speakers" if clusters_of(predictions) == "speaker" else "utterances"
    axes.set_xlabel(f"recall (percent) with 95 % interval over {resampled}")
    axes.set_ylabel("label (utterances)")
    axes.grid(axis="x", alpha=0.3)
    picture.legend(loc="outside lower right", fontsize=8)
    return picture


# More names than these cover each other.
MOST_NAMED = 8


class SizedScore(NamedTuple):
    """A model by name, how many parameters it has, its score and the bounds of that, in 0..1."""

    name: str
    parameters: int
    score: float
    bounds: tuple[float, float] | None


def front(rows: Sequence[SizedScore]) -> list[SizedScore]:
    """The models that no smaller or equally large one beats, smallest first."""
    found: list[SizedScore] = []
    for row in sorted(rows, key=lambda row: (row.parameters, -row.score)):
        if not found or row.score > found[-1].score:
            found.append(row)
    return found


def sizes_picture(rows: Sequence[SizedScore], title: str, metric: str, chance: float | None) -> Picture:
    """Scores by number of parameters, with their intervals; what lies further up and further left is the better buy.

    Of many models only those at the front have names, which would cover each other.
    """
    picture = Picture(7.2, 4.4, title)
    axes = picture.subplots()
    few = len(rows) <= MOST_NAMED
    named = sorted(rows, key=lambda row: row.parameters) if few else front(rows)
    for row in rows:
        low, high = (100 * bound for bound in row.bounds or (row.score, row.score))
        strength = 1 if row in named else 0.35
        axes.plot([row.parameters] * 2, [low, high], color=GREY, marker="_", alpha=strength)
        axes.plot(row.parameters, 100 * row.score, "o", color=BLUE, alpha=strength)
    for place, row in enumerate(named):
        low, high = (100 * bound for bound in row.bounds or (row.score, row.score))
        # Neighbours have their names on other sides: below and above.
        end, offset, side = (low, -6, "top") if place % 2 == 0 else (high, 6, "bottom")
        axes.annotate(
            shortened(row.name, 28),
            (row.parameters, end),
            xytext=(0, offset),
            textcoords="offset points",
            ha="center",
            va=side,
            fontsize=8,
        )
    if chance is not None:
        axes.axhline(100 * chance, color=GREY, linestyle=":", label="chance")
        picture.legend(loc="outside lower right", fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.3)
    axes.xaxis.set_major_formatter(lambda value, _: _parameters(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    words = "" if few else f" (of {len(rows)} models those have names that no smaller one beats)"
    axes.set(xlabel=f"parameters{words}", ylabel=f"{metric} (percent), bars: 95 % interval", ylim=(0, 105))
    axes.grid(alpha=0.3)
    return picture


def _parameters(count: float) -> str:
    """A number of parameters in words.

    >>> _parameters(20_600_000), _parameters(1e9)
    ('20.6 M', '1 G')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.3g}"


def critical_difference_picture(found: CriticalDifference, title: str) -> Picture:
    """Average ranks on a line, best at the left; a bar joins models that do not differ at 5 percent."""
    count = len(found.models)
    order = np.argsort(found.ranks, kind="stable")
    left, right = order[: (count + 1) // 2], order[(count + 1) // 2 :][::-1]
    step, bars, spaced = 1.0, 0.45, 1 + (count - 1) // 15
    first = 0.9 + bars * len(found.groups)
    height = first + step * len(left)
    told = f"average rank over {found.corpora} corpora, 1 is best; Friedman p = {found.p_value:.2g}"
    verdict = "" if found.p_value < ALPHA else ": no difference is shown"
    picture = Picture(8.4, 1.5 + 0.3 * height, f"{title}\n{told}{verdict}")
    axes = picture.subplots()
    axes.set_xlim(1 - 0.62 * (count - 1), count + 0.62 * (count - 1))
    axes.set_ylim(height, -2.4)
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="black", linewidth=1)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.25], color="black", linewidth=1)
        if (rank - 1) % spaced == 0:
            axes.text(rank, -0.4, str(rank), ha="center", va="bottom", fontsize=8)
    for names, end, side in ((left, 1 - 0.04 * count, "right"), (right, count + 0.04 * count, "left")):
        for place, model in enumerate(names):
            rank, depth = found.ranks[model], first + step * place
            axes.plot([rank, rank, end], [0, depth, depth], color=GREY, linewidth=0.9)
            words = [shortened(found.models[model]), f"{rank:.2f}"]
            text = "  ".join(words if side == "right" else words[::-1])
            axes.text(end, depth, f" {text} ", ha=side, va="center", fontsize=8)
    for place, group in enumerate(found.groups):
        ends = found.ranks[group].min() - 0.04, found.ranks[group].max() + 0.04
        axes.plot(ends, [0.5 + bars * place] * 2, color=BLUE, linewidth=4, solid_capstyle="butt")
    axes.plot([1, 1 + found.difference], [-1.6, -1.6], color=ORANGE, linewidth=2, marker="|", markersize=8)
    axes.text(
        1 + found.difference, -1.6, f"  critical difference {found.difference:.2f}", va="center", fontsize=8
    )
    picture.supxlabel(
        "Low is better. A blue bar joins models whose ranks differ by less than the critical difference: at 5 % they "
        "are not told apart.",
        fontsize=7,
    )
    return picture
