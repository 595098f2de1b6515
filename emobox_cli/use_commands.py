"""Commands that make a classifier of a run, and use it."""

import argparse
import sys

from emobox_cli.console import FAILED, print_json, tables
from emobox_cli.options import add_options, settings_of, words_of_the_command
from emobox_probe.config import ExportConfig, FitConfig, PredictConfig
from emobox_probe.trust.config import StressConfig


def add_fit(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FitConfig, words=("run",))


def run_fit(arguments: argparse.Namespace) -> int:
    """Make a classifier of a run, and say what is to be expected of it."""
    from emobox_probe.use.fit import run

    folder, record = run(settings_of(FitConfig, arguments))
    console = tables()
    console.print(record.title)
    console.print(f"expected of new recordings: {record.expected.text}", soft_wrap=True)
    for sentence in record.expected.remarks:
        console.print(sentence)
    console.print(f"written to {folder}", soft_wrap=True)
    return 0


def add_export(parser: argparse.ArgumentParser) -> None:
    add_options(parser, ExportConfig, ("to", "out", "int8"), words=("classifier",))


def run_export(arguments: argparse.Namespace) -> int:
    """Write a classifier in a form of others, and say what it takes."""
    from emobox_probe.use.export.export import run

    folder = run(settings_of(ExportConfig, arguments))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB; its README.md says how to use it, and what to expect")
    return 0


def add_predict(parser: argparse.ArgumentParser) -> None:
    add_options(parser, PredictConfig, ("segments", "window", "plots"), words=("classifier", "files"))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with logits")
    form.add_argument("--csv", action="store_true", help="print CSV, a row a recording or part")


def run_predict(arguments: argparse.Namespace) -> int:
    """Label recordings; 1 if one of them got no label."""
    from emobox_probe.use.predict import run
    from emobox_probe.use.shown_predictions import as_json, draw, remarks, show

    config = settings_of(PredictConfig, arguments)
    made = run(config)
    if arguments.json:
        print_json(as_json(made))
    elif arguments.csv:
        print(made.table().to_csv(index=False, float_format="%.6f"), end="")
    else:
        show(made, tables())
    if config.plots:
        draw(made, config.plots)
    for sentence in remarks(made):
        print(f"remark: {sentence}", file=sys.stderr)
    for error in made.not_labelled:
        print(f"not labelled: {error}", file=sys.stderr)
    return FAILED if made.not_labelled else 0


def add_stress(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox stress`."""
    add_options(parser, StressConfig, ("suite", "only", "data_dir", "model"), words=("run",))


def run_stress(arguments: argparse.Namespace) -> int:
    """Score a run's heads on perturbed audio, and show what changes."""
    from emobox_probe.report.report import show
    from emobox_probe.trust.perturbations.suite import perturbations_of
    from emobox_probe.trust.stress import run

    config = settings_of(StressConfig, arguments)
    with words_of_the_command():
        perturbations_of(config.suite, config.only)
    folder, record = run(config)
    show(record, folder, tables())
    return 0
