"""Pictures of a result: the confusion matrix, and UA by layer."""

from pathlib import Path
from textwrap import wrap

import matplotlib
import numpy as np

from emobox_probe.results import ResultRecord

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.figure import Figure

# Of Okabe and Ito's palette; with cividis, what people with and without colour vision read alike.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#57606a"
DOTS_PER_INCH = 150
LONGEST_NAME = 34
# Of a title, in points; a wide picture has a larger one, of fewer characters an inch.
TITLE_SIZE, TITLE_CHARACTERS_PER_INCH = 9.0, 13


def plot_confusion(record: ResultRecord, path: Path) -> None:
    """Draw the pooled confusion matrix: percent of each true label, with counts."""
    counts = np.array(record.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.4 + 0.62 * len(counts)
    figure, axes = pyplot.subplots(figsize=(size + 0.6, size), layout="constrained")
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{100 * share:.0f}\n({counts[row, column]})"
        colour = "black" if share > 0.5 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    labels = [shortened(label, 26) for label in record.corpus.labels]
    axes.set_xticks(range(len(counts)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(counts)), labels)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    figure.colorbar(
        image, ax=axes, label="percent of the true label", shrink=0.8, format=lambda x, _: f"{100 * x:.0f}"
    )
    save(figure, _title(record), path)


def plot_layers(record: ResultRecord, path: Path) -> None:
    """Draw UA on validation and on test of every layer: 0 is what goes into the first layer."""
    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), layout="constrained")
    layers = [layer.layer for layer in record.layers]
    axes.plot(layers, [100 * layer.ua for layer in record.layers], "o-", color=BLUE, label="test")
    axes.plot(
        layers,
        [100 * layer.validation_ua for layer in record.layers],
        "s--",
        color=ORANGE,
        label="validation",
    )
    if record.weighted_sum:
        learned = 100 * record.weighted_sum.scores.ua
        axes.axhline(learned, color=GREY, linestyle=":", label="learned sum of layers, test")
    axes.set_xlabel("layer")
    axes.set_ylabel("UA (percent)")
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, _title(record), path)


def save(figure: Figure, title: str, path: Path) -> None:
    """Write a figure below its title, which is broken into lines that fit."""
    inches = figure.get_figwidth()
    size = min(16.0, max(TITLE_SIZE, 0.7 * inches))
    width = int(TITLE_CHARACTERS_PER_INCH * inches * TITLE_SIZE / size)
    figure.suptitle(
        "\n".join(line for part in title.split("\n") for line in wrap(part, width)), fontsize=size
    )
    figure.savefig(path, dpi=DOTS_PER_INCH)
    pyplot.close(figure)


def _title(record: ResultRecord) -> str:
    model = shortened(record.encoder.name.rstrip("/").rsplit("/", 1)[-1])
    return f"{model} on {shortened(record.corpus.name)}, protocol {shortened(str(record.protocol['name']))}"


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits: one line, `$` not read as mathematics, the middle of a long one left out.

    >>> shortened("a\\nvery " + "long " * 20 + "name", 20)
    'a very lo…long name'
    """
    flat = " ".join(name.split())
    half = longest // 2
    flat = flat if len(flat) <= longest else f"{flat[: half - 1]}…{flat[-half + 1 :]}"
    return flat.replace("$", r"\$")
