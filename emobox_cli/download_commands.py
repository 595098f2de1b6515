"""The command that fetches open corpora, and says how to ask for the others."""

import argparse
import sys
from typing import TYPE_CHECKING

from emobox_cli.console import FAILED, tables

if TYPE_CHECKING:
    from emobox_datasets.corpus import Corpus


def add_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corpus", nargs="+", help="names of corpora, such as ravdess; emobox corpora lists them"
    )
    parser.add_argument(
        "--to",
        metavar="DIR",
        help="folder to put them in, one sub-folder each (default: $EMOBOX_DATA, else the cache)",
    )
    parser.add_argument(
        "--accept-licence",
        action="store_true",
        help="you have read the licences of these corpora and accept them; open ones need no such word",
    )
    parser.add_argument(
        "--keep-archives",
        action="store_true",
        help="leave the archives beside the folder when they are unpacked",
    )


def run_download(arguments: argparse.Namespace) -> int:
    """Fetch corpora one after the other; 0 if all are here and are what the benchmark means, else 1."""
    import emobox_datasets.corpora as corpora

    cards = [corpora.load(name) for name in dict.fromkeys(arguments.corpus)]
    if len(cards) == 1:
        return _bring(cards[0], arguments)
    return max(_bring_or_say_why_not(card, arguments) for card in cards)


def _bring_or_say_why_not(corpus: "Corpus", arguments: argparse.Namespace) -> int:
    """One that fails does not keep the others away."""
    from emobox_datasets.errors import CorpusError

    try:
        return _bring(corpus, arguments)
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED


def _bring(corpus: "Corpus", arguments: argparse.Namespace) -> int:
    """Fetch a corpus, and show what the doctor says of it; of one that must be asked for, print how."""
    from emobox_datasets.doctor.diagnosis import show
    from emobox_datasets.sources.download import download, target_root
    from emobox_datasets.sources.location import holds_files
    from emobox_datasets.sources.permission import how_to_ask
    from emobox_datasets.sources.source import Source

    if corpus.synthesise is not None:
        print(f"{corpus.display_name} is built in: it is made at first use.")
        return 0
    root = target_root(corpus, arguments.to)
    if not isinstance(corpus.download, Source) and not holds_files(root):
        print(how_to_ask(corpus))
        return FAILED
    fetched = download(
        corpus,
        arguments.to,
        accept_licence=arguments.accept_licence,
        keep_archives=arguments.keep_archives,
        progress=sys.stderr.isatty() and not arguments.quiet,
        announce=lambda text: print(text, flush=True),
    )
    if fetched.diagnosis is None:
        print(
            f"{corpus.display_name} is there already, at {fetched.root}; emobox doctor {corpus.name} examines it."
        )
        return 0
    show(fetched.diagnosis, tables())
    return 0 if fetched.diagnosis.healthy else FAILED
