"""`emobox prepare`: a corpus on disk becomes a repository that plain `datasets` loads, card and all."""

import argparse
import sys
from pathlib import Path

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_datasets.repository import prepare
from emobox_datasets.roots import find_root
from hub_cards.dataset_card import describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox prepare`."""
    parser.add_argument("corpus", help="name of the corpus, such as emodb")
    parser.add_argument("folder", nargs="?", help="folder that holds it (default: below $EMOBOX_DATA)")
    parser.add_argument("--out", type=Path, help="folder to write (default: emobox/<corpus>)")
    parser.add_argument("--jobs", type=int, default=1, help="how many shards to write at a time (default: 1)")
    parser.add_argument("--allow-missing", action="store_true", help="go on with an incomplete copy")


def run(arguments: argparse.Namespace) -> int:
    """Prepare a corpus and say what was written; the exit status."""
    try:
        corpus = corpora.load(arguments.corpus)
        out = arguments.out or Path("emobox") / corpus.name
        made = prepare(
            corpus,
            find_root(corpus, arguments.folder),
            out,
            describe,
            allow_missing=arguments.allow_missing,
            jobs=arguments.jobs,
            progress=sys.stderr.isatty(),
        )
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = sum(shard.size for shard in made.shards)
    print(
        f"{out}: {made.utterances:,} utterances in {len(made.shards)} shards, {size / 1e6:.1f} MB, version "
        f"{made.version}\nload_dataset({str(out)!r}, {next(iter(made.configurations))!r})"
    )
    return 0
