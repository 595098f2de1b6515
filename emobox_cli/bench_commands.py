"""The command that runs a plan."""

import argparse

from emobox_cli.console import tables
from emobox_cli.options import add_options, settings_of
from hub_cards.bench.options import BenchConfig


def add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--default", action="store_true", help="print the paper's plan for the corpora found here"
    )
    add_options(parser, BenchConfig, words=("plan",))


def run_bench(arguments: argparse.Namespace) -> int:
    """Print the paper's plan, or show the cost of one and do what is missing."""
    if arguments.default:
        from hub_cards.bench.default import default_plan

        print(default_plan(), end="")
        return 0
    from hub_cards.bench.bench import bench

    config = settings_of(BenchConfig, arguments)
    # What is told in JSON has standard output for itself.
    return bench(config, tables(stderr=config.log == "json"), progress=not arguments.quiet)
