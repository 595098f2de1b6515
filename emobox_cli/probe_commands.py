"""Commands of the probe room."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emobox_cli.console import print_json, tables
from emobox_cli.options import add_format, add_options, settings_of, words_of_the_command
from emobox_probe.config import (
    BalanceConfig,
    ClassifyConfig,
    CrossConfig,
    CurveConfig,
    ExtractConfig,
    ProbeConfig,
    names_in,
)
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS

if TYPE_CHECKING:
    from emobox_probe.records.result import RunRecord

FIRST = ("model", "corpus", "protocol", "data_dir", "output_dir")


def add_probe(parser: argparse.ArgumentParser) -> None:
    add_options(parser, ProbeConfig, FIRST)


def run_probe(arguments: argparse.Namespace) -> int:
    """Score a model on a corpus, and show the scores."""
    return _run(settings_of(ProbeConfig, arguments))


def add_cross(parser: argparse.ArgumentParser) -> None:
    add_options(parser, CrossConfig, ("model", "train", "test", "protocol", "data_dir", "output_dir"))


def run_cross(arguments: argparse.Namespace) -> int:
    """Train on corpora, test on others, and show the scores."""
    return _run(settings_of(CrossConfig, arguments))


def _run(config: ProbeConfig | CrossConfig) -> int:
    import emobox_probe.report.report as report
    from emobox_probe.experiment import is_main_process, run

    made = run(config)
    if is_main_process():
        report.show(made.record, made.folder, tables())
        if made.kept:
            print("It was there already, of equal settings; --overwrite makes it again.")
    return 0


def add_classify(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox classify`."""
    add_options(parser, ClassifyConfig, ("model", "corpus", "map", "data_dir", "output_dir"))


def run_classify(arguments: argparse.Namespace) -> int:
    """Score a classifier as it is, and show the scores."""
    from emobox_probe.report.report import show
    from emobox_probe.use.classify import run

    folder, record = run(settings_of(ClassifyConfig, arguments))
    show(record, folder, tables())
    return 0


def add_extract(parser: argparse.ArgumentParser) -> None:
    add_options(parser, ExtractConfig, FIRST[:2])


def run_extract(arguments: argparse.Namespace) -> int:
    """Make the features of a model on a corpus, and say where they are."""
    from emobox_probe.experiment import extract_features, is_main_process

    store = extract_features(settings_of(ExtractConfig, arguments))
    if is_main_process():
        print(f"{len(store.durations)} utterances, {sum(store.durations) / 3600:.2f} h: {store.folder}")
    return 0


def add_protocols(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", choices=PROTOCOLS, help="describe this one")
    parser.add_argument("--json", action="store_true", help="every setting, for programs")


def run_protocols(arguments: argparse.Namespace) -> int:
    """List the protocols, or describe one."""
    from dataclasses import asdict

    from rich.text import Text

    shown = [p for p in PROTOCOLS.values() if arguments.name in (None, p.name)]
    if arguments.json:
        print_json([asdict(protocol) for protocol in shown])
        return 0
    console = tables()
    for protocol in shown:
        summary = Text.assemble((protocol.name, "bold"), f": {protocol.summary}")
        console.print(protocol.description if arguments.name else summary)
    return 0


def add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders that hold runs, at any depth")
    parser.add_argument(
        "--by",
        type=names_in,
        metavar="PROPERTY,…",
        help="score each group apart, and say how far they lie apart: speaker, gender, language, age, race, sentence, "
        "intensity, duration, or several at once",
    )
    parser.add_argument(
        "--gaps", action="store_true", help="of csv and json: the gaps between groups, not their scores"
    )
    parser.add_argument(
        "--calibration", action="store_true", help="also say how far the probabilities can be trusted"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder of the corpus, or of its tables alone: put what its raters said beside the scores",
    )
    add_format(parser, "text", "csv", "json")


def run_score(arguments: argparse.Namespace) -> int:
    """Print scores from kept predictions."""
    import pandas as pd

    from emobox_probe.experiment import read_run
    from emobox_probe.records.cross_result import CROSS_FILE
    from emobox_probe.records.predictions import read_predictions
    from emobox_probe.records.rated import RATED_FILE, RatedRecord
    from emobox_probe.records.record import folders_with
    from emobox_probe.records.result import RESULT_FILE
    from emobox_probe.report.percent import SHARE_DECIMALS
    from emobox_probe.scoring.by_group import gap_rows, rounded, scores_by, show, show_calibration
    from emobox_probe.scoring.grouping import check_properties
    from emobox_probe.scoring.humans import hint_of, kept_beside, rows_beside
    from emobox_probe.scoring.rated_groups import rated_scores_by
    from emobox_probe.scoring.rated_groups import show as show_rated

    with words_of_the_command():
        check_properties(arguments.by, arguments.gaps)
    by = arguments.by or ()
    text = arguments.format == "text"
    kinds = (RESULT_FILE, CROSS_FILE, RATED_FILE)
    found = [
        sorted({folder for kind in kinds for folder in folders_with(kind, [at])}) for at in arguments.runs
    ]
    # Where there is none, reading says what is missing.
    runs = [run for at, below in zip(arguments.runs, found, strict=True) for run in below or [at]]
    scored = []
    hints = []
    for folder, record in _of_one_kind({folder: read_run(folder) for folder in dict.fromkeys(runs)}).items():
        if isinstance(record, RatedRecord):
            if arguments.gaps or arguments.calibration:
                raise ProbeError(
                    f"Expected runs on labels with --gaps and --calibration, but {folder} is on what raters said; "
                    f"leave them out."
                )
            table = rated_scores_by(folder, record, by, arguments.data_dir)
            if text:
                show_rated(table, record, tables())
            table = table.round(SHARE_DECIMALS) if arguments.format == "csv" else table
            table.insert(0, "run", str(folder))
            scored.append(table)
            continue
        predictions = read_predictions(folder, record)
        table = scores_by(predictions, record, by, arguments.calibration)
        raters: pd.DataFrame | None = None
        if arguments.data_dir:
            raters, sentences = rows_beside(predictions, record, arguments.data_dir)
        else:
            raters, sentences = kept_beside(predictions, record, rows_wanted=text and not by)
            hints.append(hint_of(record))
        if text:
            show(table, predictions, record, by, tables(), raters, sentences)
            if arguments.calibration:
                show_calibration(table, tables())
        elif arguments.gaps:
            table, raters = gap_rows(predictions, record, by), None
        table = table if raters is None else pd.concat([table, raters])
        table = rounded(table) if arguments.format == "csv" else table
        table.insert(0, "run", str(folder))
        scored.append(table)
    if text and not by:
        for hint in filter(None, dict.fromkeys(hints)):
            tables().print(hint)
    if not text:
        rows = pd.concat(scored, ignore_index=True)
        print(
            rows.to_csv(index=False).rstrip()
            if arguments.format == "csv"
            else rows.to_json(orient="records", indent=2)
        )
    return 0


def _of_one_kind(records: "dict[Path, RunRecord]") -> "dict[Path, RunRecord]":
    """The records, if one table can hold their scores.

    Raises:
        ProbeError: some are of labels, and some of what raters said.
    """
    from emobox_probe.records.rated import RatedRecord

    rated = [folder for folder, record in records.items() if isinstance(record, RatedRecord)]
    if rated and len(rated) < len(records):
        raise ProbeError(
            f"Expected runs of one kind, but {rated[0]} is on what raters said, and others are on labels; score each "
            f"kind by itself."
        )
    return records


def add_curve(parser: argparse.ArgumentParser) -> None:
    add_options(parser, CurveConfig, ("model", "corpus", "data_dir"), words=("run",))


def run_curve(arguments: argparse.Namespace) -> int:
    """Score heads on little data, and show both curves."""
    from emobox_probe.trust.curve import curve, show

    folder, record = curve(settings_of(CurveConfig, arguments))
    show(record, folder, tables())
    return 0


def add_convert_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="file of fairseq or FunASR (.pt)")
    parser.add_argument("out", type=Path, help="folder to write, new or empty")


def run_convert_checkpoint(arguments: argparse.Namespace) -> int:
    """Convert a checkpoint, and say what was made of what."""
    from emobox_probe.encoders.convert_checkpoint import convert_checkpoint

    print("\n".join(convert_checkpoint(arguments.checkpoint, arguments.out)))
    return 0


def add_balance(parser: argparse.ArgumentParser) -> None:
    add_options(parser, BalanceConfig, words=("corpus",))


def run_balance(arguments: argparse.Namespace) -> int:
    """Choose a balanced test set, and say how to load it."""
    from emobox_probe.balance import balance, show

    config = settings_of(BalanceConfig, arguments)
    show(*balance(config), config, tables())
    return 0
