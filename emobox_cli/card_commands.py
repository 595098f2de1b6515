"""Commands about what the world sees: tables, pictures, cards, and what goes to the Hub."""

import argparse
from pathlib import Path

from emobox_cli.console import tables
from emobox_cli.options import WordsError, add_format, add_options, settings_of
from emobox_probe.errors import ProbeError
from hub_cards.settings import LeaderboardConfig, PublishConfig, PublishDatasetConfig


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders that hold runs, at any depth")
    add_format(parser, "text", "csv", "json", "latex")


def run_results(arguments: argparse.Namespace) -> int:
    """Print the tables of many results."""
    from hub_cards.tables.results import show

    show(arguments.runs, arguments.format, tables())
    return 0


def add_leaderboard(parser: argparse.ArgumentParser) -> None:
    add_options(parser, LeaderboardConfig, words=("results",))


def run_leaderboard(arguments: argparse.Namespace) -> int:
    """Write the site, and show what would be sent, or send it."""
    from hub_cards.leaderboard.leaderboard import make_leaderboard

    make_leaderboard(settings_of(LeaderboardConfig, arguments), tables())
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
    print(f"{len(written)} picture{'s' * (len(written) != 1)} written to {arguments.out}")
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
    add_options(parser, PublishConfig, words=("runs",))


def run_publish(arguments: argparse.Namespace) -> int:
    """Show what would change on the Hub, or change it."""
    from hub_cards.publish.benchmark import publish_benchmark
    from hub_cards.publish.model_folder import publish_model_folder
    from hub_cards.publish.results import publish_results

    config = settings_of(PublishConfig, arguments)
    publish = {
        "runs": publish_results,
        "model_folder": publish_model_folder,
        "benchmark": publish_benchmark,
    }
    try:
        sent = config.sent
    except ProbeError as error:
        raise WordsError(str(error)) from None
    publish[sent](config, tables())
    return 0


def add_publish_dataset(parser: argparse.ArgumentParser) -> None:
    add_options(parser, PublishDatasetConfig, words=("folder",))


def run_publish_dataset(arguments: argparse.Namespace) -> int:
    """Show what would be sent, or send it."""
    from hub_cards.publish.dataset import publish_dataset

    publish_dataset(settings_of(PublishDatasetConfig, arguments), tables())
    return 0
