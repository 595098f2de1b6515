"""What a run leaves behind: the record, the predictions, a picture, and a table on the terminal."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.results import ResultRecord, Scores
from emobox_probe.scoring import Outcome

matplotlib.use("Agg")
from matplotlib import pyplot


def write(folder: Path, record: ResultRecord, outcomes: Sequence[Outcome]) -> None:
    """Write `predictions.parquet`, `confusion.png` and, last, `result.json`: where it is, the rest is too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").unlink(missing_ok=True)
    pooled = pd.concat([outcome.predictions for outcome in outcomes])
    pooled.to_parquet(folder / "predictions.parquet", index=False)
    plot_confusion(record, folder / "confusion.png")
    record.write(folder)


def print_table(record: ResultRecord, folder: Path) -> None:
    """A row per fold, the mean with its spread, and the pooled score with its interval, in percent."""
    table = Table(
        title=f"{record.encoder.name} on {record.corpus.name}, protocol {record.protocol['name']} (percent)"
    )
    for heading in ("", "UA", "WA", "F1", "tested", "chosen on validation"):
        table.add_column(heading, justify="left" if heading in ("", "chosen on validation") else "right")
    for fold in record.folds:
        chosen = f"rate {fold.learning_rate:g}, hidden {fold.hidden}, epoch {fold.epoch}"
        table.add_row(fold.name, *_percent(fold.scores), str(fold.test), chosen)
    table.add_section()
    tested = str(sum(fold.test for fold in record.folds))
    table.add_row("mean over folds", *_percent(record.mean), tested)
    if record.spread:
        table.add_row("± spread over folds", *_percent(record.spread))
    table.add_row("pooled", *_percent(record.pooled), tested)
    low_high = [getattr(record.interval, name) for name in ("ua", "wa", "f1")]
    bounds = [f"{100 * low:.1f}–{100 * high:.1f}" for low, high in low_high]
    table.add_row(f"{record.interval.confidence:.0%} interval", *bounds, f"over {record.interval.resampled}")
    console = Console()
    console.print(table)
    if record.corpus.missing:
        console.print(f"{record.corpus.missing} utterances of the corpus are missing: not comparable.")
    console.print(f"written to {folder}", soft_wrap=True)


def _percent(scores: Scores) -> list[str]:
    return [f"{100 * value:.2f}" for value in (scores.ua, scores.wa, scores.f1)]


def plot_confusion(record: ResultRecord, path: Path) -> None:
    """Draw the pooled confusion matrix: the share of each true label, with counts."""
    counts = np.array(record.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.4 + 0.62 * len(counts)
    figure, axes = pyplot.subplots(figsize=(size + 0.6, size), layout="constrained")
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(
            column,
            row,
            f"{100 * share:.0f}\n({counts[row, column]})",
            ha="center",
            va="center",
            fontsize=7,
            color="black" if share > 0.5 else "white",
        )
    axes.set_xticks(range(len(counts)), record.corpus.labels, rotation=45, ha="right")
    axes.set_yticks(range(len(counts)), record.corpus.labels)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    model = record.encoder.name.rstrip("/").rsplit("/", 1)[-1]
    axes.set_title(f"{model} on {record.corpus.name}, protocol {record.protocol['name']}", fontsize=9)
    figure.colorbar(
        image, ax=axes, label="percent of the true label", shrink=0.8, format=lambda x, _: f"{100 * x:.0f}"
    )
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
