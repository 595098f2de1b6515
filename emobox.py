"""The `emobox` command: the rooms' sub-commands under one name."""
# PYTHON_ARGCOMPLETE_OK

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from emobox_cli.console import guarded
from emobox_cli.parser import Parser


class Command(NamedTuple):
    """Where `add_<name>` and `run_<name>` are, what the command does, and a command line that shows it."""

    module: str
    purpose: str
    example: str


# In the order of the help; a module is imported when its command is asked for only.
COMMANDS = {
    "corpora": Command(
        "dataset_commands",
        "list the corpora, their folds and licences, and which are here",
        "emobox corpora --json",
    ),
    "download": Command(
        "download_commands",
        "fetch an open corpus, or say how to ask for another",
        "emobox download ravdess --to /data",
    ),
    "doctor": Command(
        "dataset_commands",
        "is this copy of a corpus the one the benchmark means?",
        "emobox doctor emodb /data/emodb --jobs 4",
    ),
    "prepare": Command(
        "dataset_commands",
        "write a corpus as a repository that plain `datasets` loads",
        "emobox prepare emodb /data/emodb --out emobox/emodb",
    ),
    "publish-dataset": Command(
        "card_commands",
        "send a prepared repository to the Hub",
        "emobox publish-dataset emobox/emodb --repo-id my-lab/emodb --private",
    ),
    "protocols": Command(
        "probe_commands",
        "list the protocols, or describe one: what a score means",
        "emobox protocols strict",
    ),
    "probe": Command(
        "probe_commands",
        "score a model on a corpus",
        "emobox probe --model openai/whisper-base --corpus emodb --data-dir /data/emodb",
    ),
    "extract": Command(
        "probe_commands",
        "make the features of a model on a corpus",
        "emobox extract --model openai/whisper-base --corpus emodb --layers all",
    ),
    "classify": Command(
        "probe_commands",
        "score a classifier of others as it is, without training",
        "emobox classify --model superb/wav2vec2-base-superb-er --corpus emodb",
    ),
    "cross": Command(
        "probe_commands",
        "train on corpora, test on others",
        "emobox cross --model openai/whisper-base --train emodb,urdu",
    ),
    "score": Command(
        "probe_commands",
        "scores from kept predictions: by speaker, gender or language",
        "emobox score runs/openai--whisper-base/emodb/paper --by gender",
    ),
    "curve": Command(
        "probe_commands",
        "score a model with little data: few utterances, few speakers",
        "emobox curve runs/openai--whisper-base/emodb/linear",
    ),
    "stress": Command(
        "use_commands",
        "score a run's own heads on noisy, coded, cut and otherwise changed audio",
        "emobox stress runs/openai--whisper-base/emodb/paper --data-dir /data/emodb",
    ),
    "fit": Command(
        "use_commands",
        "make a classifier to be used of a run",
        "emobox fit runs/openai--whisper-base/emodb/paper --data-dir emodb=/data/emodb",
    ),
    "export": Command(
        "use_commands",
        "write a classifier for transformers, ONNX Runtime or browsers",
        "emobox export runs/openai--whisper-base/emodb/paper/fit --to onnx",
    ),
    "predict": Command(
        "use_commands",
        "label recordings, or the parts of long ones",
        "emobox predict runs/openai--whisper-base/emodb/paper/fit interview.mp3 --segments",
    ),
    "convert-checkpoint": Command(
        "probe_commands",
        "make a model folder of a data2vec 2.0 or emotion2vec checkpoint",
        "emobox convert-checkpoint base_libri.pt data2vec2-base",
    ),
    "balance": Command(
        "probe_commands",
        "choose a test set that is balanced in speakers and emotions",
        "emobox balance emodb --per-speaker 2 --classifier my/classifier --out emodb-balanced.txt",
    ),
    "bench": Command(
        "bench_commands",
        "run a whole plan of models, corpora and protocols",
        "emobox bench plan.yaml --dry-run",
    ),
    "results": Command(
        "card_commands",
        "tabulate many results, beside the paper's",
        "emobox results runs/ --format csv",
    ),
    "leaderboard": Command(
        "card_commands",
        "one page of many results; as a static Space too",
        "emobox leaderboard runs/ --out site/",
    ),
    "plots": Command("card_commands", "pictures of results, as files", "emobox plots runs/ --out plots/"),
    "card": Command(
        "card_commands",
        "write the model card of runs, or put their scores into a card",
        "emobox card runs/openai--whisper-base/emodb/paper",
    ),
    "publish": Command(
        "card_commands",
        "scores into a model's card on the Hub, records into a dataset",
        "emobox publish runs/openai--whisper-base --to my-lab/encoder",
    ),
}
# What keeps libraries from showing progress; set before they are imported.
QUIET = {
    "TQDM_DISABLE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the sub-command that `argv` (default: the command line) names; ends the process with its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser_of(*os.environ.get("COMP_LINE", "").split()[1:2]))
    sys.exit(guarded(lambda: _run(words)))


def _run(words: Sequence[str]) -> int:
    arguments = parser_of(words[0] if words else "").parse_args(words)
    if arguments.quiet:
        os.environ.update(QUIET)
    status: int = _function(arguments.command, "run")(arguments)
    return status


def parser_of(command: str = "") -> Parser:
    """The parser of the command line, with the options of one command."""
    parser = Parser(prog="emobox", description="EmoBox, the speech emotion recognition benchmark.")
    parser.add_argument("--version", action=_Version, help="say which version this is")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, purpose, example) in COMMANDS.items():
        options = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,  # the example stays one line
        )
        if name == command:
            options.add_argument("--quiet", action="store_true", help="show no progress")
            _function(name, "add")(options)
    return parser


def _function(command: str, kind: str) -> Any:
    """What adds the options of a command, or runs it."""
    module = import_module(f"emobox_cli.{COMMANDS[command].module}")
    return getattr(module, f"{kind}_{command.replace('-', '_')}")


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None):
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"emobox {version('emobox')}")
        parser.exit()


if __name__ == "__main__":
    main()
