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
    "results": ("hub_cards.results_table", "tabulate many results, beside the paper's"),
    "card": ("hub_cards.cards", "write the model card of a run"),
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
