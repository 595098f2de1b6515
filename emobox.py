"""The `emobox` command: the rooms' sub-commands under one name."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

# Sub-command: the module that has `add_arguments` and `run`, and what it does. Imported when asked for only.
COMMANDS = {
    "corpora": (
        "emobox_datasets.catalogue",
        "list the corpora, their folds and licences, and which are here",
    ),
    "doctor": ("emobox_datasets.doctor", "is this copy of a corpus the one the benchmark means?"),
    "prepare": ("hub_cards.prepare", "write a corpus as a repository that plain `datasets` loads"),
    "publish-dataset": ("hub_cards.publish_dataset", "send a prepared repository to the Hub"),
    "protocols": ("emobox_probe.protocol", "list the protocols, or describe one: what a score means"),
    "probe": ("emobox_probe.probe", "score a model on a corpus"),
    "cross": ("emobox_probe.cross_corpus", "train on corpora, test on others"),
    "score": ("emobox_probe.rescoring", "scores from kept predictions: by speaker, gender or language"),
    "convert-checkpoint": (
        "emobox_probe.convert_checkpoint",
        "make a model folder of a data2vec 2.0 or emotion2vec checkpoint",
    ),
    "balance": ("emobox_probe.balance", "choose a test set that is balanced in speakers and emotions"),
    "bench": ("hub_cards.bench.command", "run a whole plan of models, corpora and protocols"),
    "results": ("hub_cards.results_table", "tabulate many results, beside the paper's"),
    "leaderboard": ("hub_cards.leaderboard", "one page of many results; as a static Space too"),
    "plots": ("hub_cards.plots", "pictures of results, as files"),
    "card": ("hub_cards.cards", "write the model card of runs, or put their scores into a card"),
    "publish": ("hub_cards.publish_results", "scores into a model's card on the Hub, records into a dataset"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the sub-command that `argv` (default: the command line) names."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="emobox", description="EmoBox, the speech emotion recognition benchmark."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name in words[:1]:
            import_module(module).add_arguments(command)
    arguments = parser.parse_args(words)
    sys.exit(import_module(COMMANDS[arguments.command][0]).run(arguments))


if __name__ == "__main__":
    main()
