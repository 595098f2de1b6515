"""What a run leaves behind: the record, the predictions, pictures, and a table on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from emobox_probe.features.shards import write_whole
from emobox_probe.protocol import STRICT_V1
from emobox_probe.records.classified import ClassifiedRecord
from emobox_probe.records.cross_result import CrossRecord, Pair, Source
from emobox_probe.records.heads_file import HEADS_FILE
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.rated import RatedRecord
from emobox_probe.records.result import HEADLINE, METRICS, CorpusRecord, Fold, ResultRecord
from emobox_probe.records.shown import ShownRecord
from emobox_probe.records.stress_record import CLEAN, StressRecord
from emobox_probe.report.percent import score_text


def write(
    folder: Path, record: ShownRecord, predictions: pd.DataFrame | None, heads: bytes | None = None
) -> None:
    """Write predictions, heads and pictures and, last, the record: where it is, the rest is too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / record.FILE).unlink(missing_ok=True)
    if predictions is not None:
        write_whole(folder / PREDICTIONS_FILE, lambda file: predictions.to_parquet(file, index=False))
    if heads is not None:
        write_whole(folder / HEADS_FILE, heads)
    draw(folder, record)
    record.write(folder)


def draw(folder: Path, record: ShownRecord, missing: bool = False) -> None:
    """Write the pictures of a record; where `missing`, only those that are not there."""
    for name, picture in record.pictures().items():
        if not (missing and (folder / name).exists()):
            write_whole(folder / name, picture.content())


def score_rows(record: ResultRecord) -> list[tuple[str, ...]]:
    """Name, UA, WA, F1 in percent and utterances tested: every fold (mean over seeds), then the whole."""
    rows = []
    for row in record.table().to_dict("records"):
        scores = [score_text(row[metric]) for metric in METRICS]
        rows.append((row[""], *scores, "" if pd.isna(row["tested"]) else str(int(row["tested"]))))
        if row[""] == HEADLINE:
            rows.append(_interval_row(record))
    return rows


def _interval_row(record: ResultRecord) -> tuple[str, ...]:
    interval = record.interval
    name = f"{100 * interval.confidence:.0f} % interval, {interval.basis} resampled"
    return (name, *(interval.text(metric) for metric in METRICS), "")


def show(record: ShownRecord, folder: Path, console: Console) -> None:
    """The scores of a record, in percent, and what a reader of them must know."""
    console.print(_table(record))
    for sentence in remarks(record):
        console.print(sentence)
    if isinstance(record, ResultRecord):
        _show_trust(record, console)
    if isinstance(record, CrossRecord):
        for pair in record.pairs:
            _show_trust(pair, console, f"{pair.source} on {pair.target}: ")
    console.print(f"written to {folder}", soft_wrap=True)


def _show_trust(scored: ResultRecord | Pair, console: Console, where: str = "") -> None:
    """Calibration and gaps, as far as the record knows them."""
    sentences = [scored.calibration.sentence] if scored.calibration else []
    for sentence in [*sentences, *(scored.gaps.sentences if scored.gaps else [])]:
        console.print(where + sentence)


def _table(record: ShownRecord) -> Table:
    if isinstance(record, CrossRecord):
        return _of_pairs(record)
    if isinstance(record, ClassifiedRecord):
        return _of_parts(record)
    if isinstance(record, RatedRecord):
        return _of_ratings(record)
    if isinstance(record, StressRecord):
        return _of_perturbations(record)
    assert isinstance(record, ResultRecord)
    return _of_folds(record)


def rated_rows(record: RatedRecord) -> list[tuple[str, ...]]:
    """Name, every score, and utterances tested: every fold (mean over seeds), then the whole with its interval."""
    return [
        (
            row[""],
            *("" if pd.isna(row[name]) else f"{row[name]:.{record.DECIMALS}f}" for name in record.scores),
            "" if pd.isna(row["tested"]) else str(int(row["tested"])),
        )
        for row in record.table().to_dict("records")
    ]


def _of_ratings(record: RatedRecord) -> Table:
    title = f"{record.title}\nof {record.learned}"
    return _framed(map(record.heading, record.scores), title, rated_rows(record))


def _of_folds(record: ResultRecord) -> Table:
    return _framed((metric.upper() for metric in METRICS), f"{record.title} (percent)", score_rows(record))


def _framed(columns: Iterable[str], title: str, rows: Iterable[tuple[str, ...]]) -> Table:
    """Rows of scores in these columns, folds apart from the whole."""
    table = Table("", *columns, "tested", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *cells in rows:
        if name == HEADLINE:
            table.add_section()
        table.add_row(name, *cells)
    return table


def _of_pairs(record: CrossRecord) -> Table:
    columns = [metric.upper() for metric in METRICS]
    table = Table(
        "train", "test", *columns, "95 % interval of UA", "tested", title=f"{record.title} (percent)"
    )
    for row, pair in zip_longest(record.table().to_dict("records"), record.pairs):
        scores = [score_text(row[metric]) for metric in METRICS]
        mean = pd.isna(row["tested"])
        bounds = pair.interval.text("ua") if pair else ""
        tested = "" if mean else str(int(row["tested"]))
        table.add_row(row["train"], row["test"], *scores, bounds, tested, style="bold" if mean else "")
    return table


def _of_parts(record: ClassifiedRecord) -> Table:
    columns = ("folds", *(metric.upper() for metric in METRICS), "95 % interval of UA", "outside", "tested")
    table = Table(*columns, title=f"{record.title} (percent)")
    for row, part in zip_longest(record.table().to_dict("records"), record.parts):
        *scores, outside = (score_text(row[name]) for name in (*METRICS, "outside"))
        bounds, tested = (part.interval.text("ua"), str(part.test)) if part else ("", "")
        table.add_row(row["folds"], *scores, bounds, outside, tested)
    return table


def stress_rows(record: StressRecord) -> list[tuple[str, ...]]:
    """Perturbation, UA, its change with interval, share of unchanged predictions, in percent; clean audio first."""
    clean, again = score_text(100 * record.clean.ua), score_text(100 * record.reproduced)
    rows: list[tuple[str, ...]] = [(CLEAN, clean, "", "", again)]
    rows += [
        (
            one.name,
            score_text(100 * one.scores.ua),
            f"{round(100 * one.ua_change.difference, 1) + 0.0:+.1f}",  # no -0.0
            record.interval_text(one.ua_change),
            score_text(100 * one.unchanged),
        )
        for one in record.perturbations
    ]
    return rows + [(one.name, "not run", "", "", "") for one in record.not_run]


def _of_perturbations(record: StressRecord) -> Table:
    columns = ("UA", "change", "95 % interval of the change", "unchanged")
    table = Table("perturbation", *columns, title=f"{record.title} (percent)")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in stress_rows(record):
        table.add_row(*row)
        if row[0] == CLEAN:
            table.add_section()
    return table


def remarks(record: ShownRecord) -> list[str]:
    """What a reader of the scores must know."""
    unusual = list(dict.fromkeys(interval.remark for interval in record.intervals if interval.remark))
    if isinstance(record, CrossRecord):
        shared = dict.fromkeys(sentence for pair in record.pairs for sentence in pair.overlap)
        missing = [sentence for corpus in record.corpora for sentence in _incomplete(corpus)]
        return [*shared, *missing, *record.remarks, *remarks_on_validation(record.sources), *unusual]
    assert isinstance(record, (ClassifiedRecord, RatedRecord, ResultRecord, StressRecord))
    sentences = _incomplete(record.corpus)
    if isinstance(record, RatedRecord):
        return [*sentences, *record.sentences]
    if isinstance(record, StressRecord):
        return [*sentences, *record.remarks]
    if isinstance(record, ClassifiedRecord):
        return [*sentences, *record.remarks, *unusual]
    kinds = {fold.kind for fold in record.folds}
    if record.protocol["folds"] not in kinds:
        # In version 1 of strict they also stood in where nobody knew whether they do.
        perhaps = ", or speakers are not known" if record.protocol_id.startswith(STRICT_V1) else ""
        sentences.append(f"The released folds stand in: they share no speaker{perhaps}.")
    if record.seed_0:
        sentences.append(
            f"Made with {len(record.protocol['seeds'])} seeds: of these scores only that of seed 0 compares with "
            f"published ones."
        )
    if record.humans:
        sentences.append(record.humans.sentence)
    return [*sentences, *record.remarks, *remarks_on_validation(record.folds), *unusual]


def _incomplete(corpus: CorpusRecord) -> list[str]:
    words = corpus.incomplete
    return [f"{words[0].upper()}{words[1:]}: not comparable with others."] if words else []


def remarks_on_validation(folds: Sequence[Fold | Source]) -> list[str]:
    """Which validation parts lack labels that were trained on, and what was done: a sentence a kind of part."""
    lacking: dict[str, dict[str, list[str]]] = {}
    for fold in folds:
        for label in fold.unvalidated or ():
            seeds = lacking.setdefault(str(fold.held_out), {}).setdefault(f"{label} in {fold.name}", [])
            seeds.append(str(fold.seed))
    several = len({fold.seed for fold in folds}) > 1
    return [
        f"Validation has no utterance of {_listed(labels, several)}; {_WHAT_WAS_DONE[way]}, and these labels had no "
        f"part in what was chosen."
        for way, labels in lacking.items()
    ]


def _listed(labels: Mapping[str, Sequence[str]], several: bool) -> str:
    return ", ".join(
        f"{label} (seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)})" if several else label
        for label, seeds in labels.items()
    )


_WHAT_WAS_DONE = {
    "speakers": "no speakers to hold out were found that have more of the labels and leave some to train on",
    "utterances": "a fifth of so few utterances is none",
    "released": "the release's own part is as it is",
    "mixed": "each corpus gave what it has",
}


def counts(record: ResultRecord | RatedRecord) -> str:
    """How many utterances are at the edges of what encoders take, in words; empty where none is."""
    corpus = record.corpus
    numbers = {
        "silent": corpus.silent,
        "longer than 30 s": corpus.over_30_seconds,
        "shorter than 25 ms": corpus.under_25_milliseconds,
        "lengthened for the encoder": record.encoder.lengthened,
    }
    return ", ".join(f"{count:,} {what}" for what, count in numbers.items() if count)
