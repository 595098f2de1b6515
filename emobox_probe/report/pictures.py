"""Pictures of a result: the confusion matrix, and UA by layer.

They are drawn without pyplot, so that a notebook's own way of showing figures is left as it is.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from emobox_probe.features.shards import write_whole

# Of Okabe and Ito's palette; with cividis, what people with and without colour vision read alike.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#57606a"
DOTS_PER_INCH = 150
LONGEST_NAME = 34
# More layers than these have small names.
MANY_LAYERS = 16
# Of a title, in points; a wide picture has a larger one, of fewer characters an inch.
TITLE_SIZE, TITLE_CHARACTERS_PER_INCH = 9.0, 13


class Picture(Figure):
    """A figure that notebooks show, whatever backend is chosen."""

    def __init__(self, width: float, height: float, title: str):
        super().__init__(figsize=(width, height), layout="constrained")
        self._write_title(title)

    def _write_title(self, title: str) -> None:
        """Above the picture, broken into lines that fit."""
        inches = self.get_figwidth()
        size = min(16.0, max(TITLE_SIZE, 0.7 * inches))
        characters = int(TITLE_CHARACTERS_PER_INCH * inches * TITLE_SIZE / size)
        lines = [line for part in title.split("\n") for line in wrap(part, characters)]
        self.suptitle("\n".join(lines), fontsize=size)

    def content(self, format: str = "png") -> bytes:
        """It as a file of that format."""
        content = io.BytesIO()
        self.savefig(content, format=format, dpi=DOTS_PER_INCH)
        return content.getvalue()

    def write(self, path: str | Path) -> None:
        """Write it to a file; its ending says in which format."""
        write_whole(Path(path), self.content(Path(path).suffix.removeprefix(".")))

    def _repr_png_(self) -> bytes:
        return self.content()


def confusion_picture(
    confusion: Sequence[Sequence[int]],
    names: Sequence[str],
    title: str,
    answers: Sequence[str] | None = None,
    counted: str = "utterances",
) -> Picture:
    """The confusion matrix (C, A): percent of each true label, with counts.

    Args:
        confusion: the counts.
        names: of the C true labels.
        title: stands above it, with the score.
        answers: of the A columns; `names` where they are those.
        counted: what the counts, in brackets, are of.
    """
    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    height, width = (2.4 + 0.62 * count for count in counts.shape)
    picture = Picture(width + 0.6, height, title)
    axes = picture.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{100 * share:.0f}\n({counts[row, column]})"
        colour = "black" if share > 0.5 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    rows, columns = ([shortened(name, 26) for name in of] for of in (names, answers or names))
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(f"predicted label\n(in brackets: {counted})")
    axes.set_ylabel("true label")
    picture.colorbar(
        image, ax=axes, label="percent of the true label", shrink=0.8, format=lambda x, _: f"{100 * x:.0f}"
    )
    return picture


def layers_picture(
    curve: Mapping[str, tuple[float, float]],
    title: str,
    learned: float | None = None,
    chance: float | None = None,
    interval: tuple[float, float] | None = None,
    chosen: Mapping[str, int] | None = None,
) -> Picture:
    """UA on validation and on test (0..1) of every layer: 0 is what goes into the first layer.

    Args:
        curve: (UA on validation, UA on test) by layer.
        title: stands above it.
        learned: UA on test of a learned sum of the layers, where there is one.
        chance: UA of who guesses.
        interval: of the score, whose layers were chosen on validation.
        chosen: how many heads of the score each layer was chosen for; none where it was not chosen among these.
    """
    picture = Picture(6.4, 4.2, title)
    axes = picture.subplots()
    layers = list(curve)
    validation, test = ([100 * uas[place] for uas in curve.values()] for place in (0, 1))
    if interval is not None:
        low, high = (100 * bound for bound in interval)
        axes.axhspan(low, high, color=BLUE, alpha=0.12, linewidth=0, label="95 % interval of the score")
    axes.plot(layers, test, "o-", color=BLUE, label="test")
    axes.plot(layers, validation, "s--", color=ORANGE, label="validation")
    if learned is not None:
        axes.axhline(100 * learned, color=GREY, linestyle="-.", label="learned sum of layers, test")
    if chance is not None:
        axes.axhline(100 * chance, color=GREY, linestyle=":", label="chance")
    counts = {layer: count for layer, count in (chosen or {}).items() if layer in curve}
    names = [f"{layer}\n{counts[layer]}×" if layer in counts else layer for layer in layers]
    axes.set_xticks(range(len(layers)), names, fontsize=9 if len(layers) <= MANY_LAYERS else 6)
    heads = (
        f"\n(below a layer: how many of {sum(counts.values())} heads chose it on validation)"
        if counts
        else ""
    )
    axes.set_xlabel(f"layer{heads}")
    axes.set_ylabel("UA (percent)")
    axes.grid(alpha=0.3)
    picture.legend(loc="outside lower center", ncols=3, fontsize=8)
    return picture


class PlottedScore(NamedTuple):
    """A score by name with its bounds, and what it is held against; None where there is none."""

    name: str
    value: float | None
    bounds: tuple[float, float] | None
    baseline: float | None


def scores_picture(
    panels: Sequence[tuple[str, Sequence[PlottedScore]]], baseline: str, title: str
) -> Picture:
    """Scores with their bounds, in panels that have an axis each, beside a baseline.

    Args:
        panels: what an axis says, and the scores on it.
        baseline: what the baseline is.
        title: stands above all.
    """
    heights = [0.5 + 0.4 * len(rows) for _, rows in panels]
    picture = Picture(7.0, 1.2 + sum(heights), title)
    every = picture.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (words, rows) in zip(every, panels, strict=True):
        for place, row in enumerate(rows):
            if row.baseline is not None:
                axes.plot(row.baseline, place, "D", color=ORANGE, markersize=6, label=baseline)
            if row.bounds is not None:
                axes.plot(row.bounds, [place, place], color=BLUE, marker="|", label="95 % interval")
            if row.value is not None:
                axes.plot(row.value, place, "o", color=BLUE, label="score")
        axes.set_yticks(range(len(rows)), [shortened(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.margins(x=0.08)
        axes.set_xlabel(words, fontsize=8)
        axes.grid(axis="x", alpha=0.3)
    marks = {
        name: mark for axes in every for mark, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    picture.legend(marks.values(), marks.keys(), loc="outside lower center", ncols=3, fontsize=8)
    return picture


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits: one line, `$` not read as mathematics, the middle of a long one left out.

    >>> shortened("a\\nvery " + "long " * 20 + "name", 20)
    'a very lo…long name'
    """
    flat = " ".join(name.split())
    half = longest // 2
    flat = flat if len(flat) <= longest else f"{flat[: half - 1]}…{flat[-half + 1 :]}"
    return flat.replace("$", r"\$")
