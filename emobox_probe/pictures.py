"""Pictures of a result: the confusion matrix, and UA by layer."""

from pathlib import Path

import matplotlib
import numpy as np

from emobox_probe.results import ResultRecord

matplotlib.use("Agg")
from matplotlib import pyplot


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
    axes.set_xticks(range(len(counts)), record.corpus.labels, rotation=45, ha="right")
    axes.set_yticks(range(len(counts)), record.corpus.labels)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    axes.set_title(_title(record), fontsize=9)
    figure.colorbar(
        image, ax=axes, label="percent of the true label", shrink=0.8, format=lambda x, _: f"{100 * x:.0f}"
    )
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def plot_layers(record: ResultRecord, path: Path) -> None:
    """Draw UA on validation and on test of every layer: 0 is what goes into the first layer."""
    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), layout="constrained")
    layers = [layer.layer for layer in record.layers]
    axes.plot(layers, [100 * layer.ua for layer in record.layers], "o-", color="#0072B2", label="test")
    axes.plot(
        layers,
        [100 * layer.validation_ua for layer in record.layers],
        "s--",
        color="#E69F00",
        label="validation",
    )
    axes.set_xlabel("layer")
    axes.set_ylabel("UA (percent)")
    axes.set_title(_title(record), fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _title(record: ResultRecord) -> str:
    model = record.encoder.name.rstrip("/").rsplit("/", 1)[-1]
    return f"{model} on {record.corpus.name}, protocol {record.protocol['name']}"
