"""What a cross-corpus run leaves behind: the record, the predictions, a heat map, and a matrix on the terminal."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.cross_results import CROSS_FILE, CrossRecord
from emobox_probe.heat_map import plot_cross
from emobox_probe.pictures import shortened
from emobox_probe.rescoring import METRICS, PREDICTIONS_FILE


def write(folder: Path, record: CrossRecord, predictions: pd.DataFrame) -> None:
    """Write predictions and picture and, last, `cross.json`: where it is, the rest is too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CROSS_FILE).unlink(missing_ok=True)
    predictions.to_parquet(folder / PREDICTIONS_FILE, index=False)
    scores = {(pair.source, pair.target): pair.scores.ua for pair in record.pairs}
    starred = [(pair.source, pair.target) for pair in record.pairs if pair.overlap]
    model = shortened(Path(record.encoder.name).name)
    plot_cross(scores, f"UA of {model}, protocol {record.protocol['name']}", folder / "cross.png", starred)
    record.write(folder)


def print_matrix(record: CrossRecord, folder: Path) -> None:
    """Every pair with its scores, then what they share and how the test sets were made."""
    title = f"{record.encoder.name}, protocol {record.protocol['name']}, tested on {record.test} (percent)"
    columns = [metric.upper() for metric in METRICS]
    table = Table("train", "test", *columns, "95 % interval of UA", "tested", title=title)
    for pair in record.pairs:
        low, high = pair.interval.ua
        scores = [f"{100 * getattr(pair.scores, metric):.2f}" for metric in METRICS]
        table.add_row(
            pair.source, pair.target, *scores, f"{100 * low:.1f} to {100 * high:.1f}", str(pair.test)
        )
    if record.average:
        scores = [f"{100 * getattr(record.average, metric):.2f}" for metric in METRICS]
        table.add_row("mean of pairs", "", *scores, "", "", style="bold")
    console = Console()
    console.print(table)
    for sentence in dict.fromkeys(sentence for pair in record.pairs for sentence in pair.overlap):
        console.print(sentence)
    missing = [
        f"{corpus.incomplete}: not comparable with others." for corpus in record.corpora if corpus.missing
    ]
    for sentence in (*missing, *record.remarks):
        console.print(sentence)
    console.print(f"Written to {folder}", soft_wrap=True)
