"""What a run leaves behind: the record, the predictions, pictures, and a table on the terminal."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.pictures import plot_confusion, plot_layers
from emobox_probe.rescoring import METRICS, PREDICTIONS_FILE
from emobox_probe.results import RESULT_FILE, ResultRecord, Scores
from emobox_probe.scoring import Outcome


def write(folder: Path, record: ResultRecord, outcomes: Sequence[Outcome], about: pd.DataFrame) -> None:
    """Write predictions and pictures and, last, `result.json`: where it is, the rest is too.

    `about` says what else is known of utterances (id, gender, language); it is kept beside their predictions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).unlink(missing_ok=True)
    pooled = pd.concat([outcome.predictions for outcome in outcomes])
    pooled = pooled.merge(about, on="id", how="left", validate="many_to_one")
    pooled.to_parquet(folder / PREDICTIONS_FILE, index=False)
    plot_confusion(record, folder / "confusion.png")
    if record.layers:
        plot_layers(record, folder / "layers.png")
    record.write(folder)


def score_rows(record: ResultRecord) -> list[tuple[str, ...]]:
    """Name, UA, WA, F1 in percent and utterances tested: every fold (mean over seeds), then the whole."""
    folds = pd.DataFrame([{"name": f.name, "test": f.test, **f.scores.model_dump()} for f in record.folds])
    rows = [
        (str(name), *_percent(Scores(**fold[METRICS].mean())), str(fold["test"].iloc[0]))
        for name, fold in folds.groupby("name", sort=False)
    ]
    tested = str(folds.groupby("name")["test"].first().sum())
    rows.append(("mean", *_percent(record.mean), tested))
    if record.spread:
        rows.append(("± over folds", *_percent(record.spread), ""))
    if record.seed_spread:
        rows.append(("± over seeds", *_percent(record.seed_spread), ""))
    rows.append(("pooled", *_percent(record.pooled), tested))
    bounds = [getattr(record.interval, name) for name in METRICS]
    name = f"{record.interval.confidence:.0%} interval, {record.interval.resampled} resampled"
    rows.append((name, *(f"{100 * low:.1f} to {100 * high:.1f}" for low, high in bounds), ""))
    if record.weighted_sum:
        rows.append(("learned sum of layers", *_percent(record.weighted_sum.scores), ""))
    if record.test_selected:
        rows.append(("if chosen on test (optimistic)", *_percent(record.test_selected), ""))
    return rows


def print_table(record: ResultRecord, folder: Path) -> None:
    """The scores of a run, in percent."""
    title = f"{record.encoder.name} on {record.corpus.name}, protocol {record.protocol['name']} (percent)"
    table = Table("", *(name.upper() for name in METRICS), "tested", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *cells in score_rows(record):
        if name == "mean":
            table.add_section()
        table.add_row(name, *cells)
    console = Console()
    console.print(table)
    for remark in remarks(record):
        console.print(remark)
    console.print(f"written to {folder}", soft_wrap=True)


def remarks(record: ResultRecord) -> list[str]:
    """What a reader of the scores must know."""
    kinds = {fold.kind for fold in record.folds}
    told = []
    if record.corpus.missing:
        told.append(f"{record.corpus.incomplete}: not comparable with others.")
    if record.protocol["folds"] not in kinds:
        told.append("The released folds stand in: they share no speaker, or speakers are not known.")
    return told


def counts(record: ResultRecord) -> str:
    """How many utterances are at the edges of what encoders take, in words; empty where none is."""
    corpus = record.corpus
    told = {
        "silent": corpus.silent,
        "longer than 30 s": corpus.over_30_seconds,
        "shorter than 25 ms": corpus.under_25_milliseconds,
        "lengthened for the encoder": record.encoder.lengthened,
    }
    return ", ".join(f"{count:,} {what}" for what, count in told.items() if count)


def _percent(scores: Scores) -> list[str]:
    return [f"{100 * getattr(scores, name):.2f}" for name in METRICS]
