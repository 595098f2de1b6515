"""Commands about what the world sees: tables, pictures, cards, and what goes to the Hub."""

import argparse
from pathlib import Path

from emobox_cli.console import tables

SEND = "send; without this, only show what would be sent"


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders that hold runs, at any depth")
    parser.add_argument(
        "--format", choices=("text", "csv", "json", "latex"), default="text", help="default: %(default)s"
    )


def run_results(arguments: argparse.Namespace) -> int:
    """Print the tables of many results."""
    from hub_cards.tables.results import show

    show(arguments.runs, arguments.format, tables())
    return 0


def add_leaderboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results", type=Path, nargs="+", help="folders that hold result records, at any depth"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the site: new, empty, or an earlier one"
    )
    parser.add_argument("--space", help="also send it, as a static Space, such as my-lab/emobox-leaderboard")
    parser.add_argument("--private", action="store_true", help="a Space only for those whom you let in")
    parser.add_argument("--send", action="store_true", help=SEND)


def run_leaderboard(arguments: argparse.Namespace) -> int:
    """Write the site, and show what would be sent, or send it."""
    from hub_cards.leaderboard.leaderboard import make_leaderboard

    make_leaderboard(
        arguments.results, arguments.out, tables(), arguments.space, arguments.private, arguments.send
    )
    return 0


def add_plots(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders that hold result records, at any depth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="default: %(default)s")
    parser.add_argument("--metric", choices=("ua", "wa", "f1"), default="ua", help="default: %(default)s")
    parser.add_argument("--published", action="store_true", help="also of the tables in the paper, apart")


def run_plots(arguments: argparse.Namespace) -> int:
    """Draw all there is to draw, and say what there is not."""
    from hub_cards.tables.plots import draw

    written = draw(arguments.runs, arguments.out, arguments.format, arguments.metric, arguments.published)
    print(f"{len(written)} pictures written to {arguments.out}")
    return 0


def add_card(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        help="folders of runs, such as runs/<model>/<corpus>/<protocol>, or above them",
    )
    parser.add_argument(
        "--readme", type=Path, help="put the scores into this card, which keeps everything else that is in it"
    )
    parser.add_argument(
        "--out", type=Path, help="file to write (default: --readme; else README.md beside the only result)"
    )


def run_card(arguments: argparse.Namespace) -> int:
    """Write a card beside the result, or where told."""
    from hub_cards.cards.model_card import write_card

    print(f"written to {write_card(arguments.runs, arguments.readme, arguments.out)}")
    return 0


def add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs of one model, or above them")
    parser.add_argument(
        "--to", required=True, metavar="MODEL", help="the model on the Hub, such as my-lab/encoder"
    )
    parser.add_argument(
        "--results-repo",
        metavar="DATASET",
        help="also add records and predictions to this dataset of results",
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help="a dataset of results that has to be made is public (default: private)",
    )
    parser.add_argument(
        "--no-pull-request", action="store_true", help="commit on main, where you have the right to"
    )
    parser.add_argument("--send", action="store_true", help=SEND)


def run_publish(arguments: argparse.Namespace) -> int:
    """Show what would change on the Hub, or change it."""
    from hub_cards.publish.results import publish_results

    publish_results(
        arguments.runs,
        arguments.to,
        tables(),
        results_repo=arguments.results_repo,
        public=arguments.public,
        pull_request=not arguments.no_pull_request,
        send=arguments.send,
    )
    return 0
