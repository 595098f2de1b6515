"""Commands about corpora and their copies."""

import argparse
import sys
from pathlib import Path

from emobox_cli.console import print_json, tables
from emobox_cli.options import WordsError


def add_corpora(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run_corpora(arguments: argparse.Namespace) -> int:
    """Print every corpus and whether it is found on this machine."""
    import emobox_datasets.catalogue as catalogue
    from emobox_datasets.sources.location import data_variable_problem

    if problem := data_variable_problem():
        print(problem, file=sys.stderr)
    if arguments.json:
        print_json(catalogue.rows())
    else:
        tables().print(catalogue.table())
    return 0


def add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_copy(parser, needed=False)
    parser.add_argument(
        "--suspects",
        type=Path,
        metavar="RUN",
        help="list the utterances whose label the heads of a run confidently deny; with a corpus and its folder, "
        "beside what raters said",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="of --suspects: where the list goes (default: the run's folder)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many files to decode at a time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every name")
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="compare with this manifest (default: the one in the cache, if any)",
    )
    parser.add_argument(
        "--write-manifest",
        type=Path,
        nargs="?",
        const=True,
        metavar="FILE",
        help="store the SHA-256 of every file (default: in the cache), for later runs to compare with",
    )


def run_doctor(arguments: argparse.Namespace) -> int:
    """Examine a copy and print the diagnosis; 0 if it is the one the benchmark means, else 1. Or list suspects."""
    if arguments.suspects is not None:
        from emobox_probe.trust.suspects import write_suspects

        given = arguments.corpus, arguments.folder, arguments.csv
        write_suspects(arguments.suspects, *given, tables(), arguments.json)
        return 0
    if arguments.corpus is None:
        raise WordsError(
            "Expected the name of a corpus, or --suspects with a run, but got neither; give one of them."
        )
    from emobox_datasets.doctor.diagnosis import Diagnosis, Observation, as_json, show
    from emobox_datasets.doctor.doctor import diagnose
    from emobox_datasets.errors import CorpusError

    try:
        diagnosis = diagnose(
            arguments.corpus,
            arguments.folder,
            arguments.jobs,
            arguments.manifest,
            arguments.write_manifest or False,
            progress=sys.stderr.isatty() and not arguments.quiet,
        )
    except CorpusError as error:
        if not arguments.json:
            raise
        problem = Observation("not examined", str(error), harmful=True)
        diagnosis = Diagnosis(arguments.corpus, arguments.folder or "", {}, (problem,))
    if arguments.json:
        print(as_json(diagnosis))
    else:
        show(diagnosis, tables())
    return 0 if diagnosis.healthy else 1


def add_prepare(parser: argparse.ArgumentParser) -> None:
    _add_copy(parser)
    parser.add_argument("--out", type=Path, help="folder to write (default: emobox/<corpus>)")
    parser.add_argument("--jobs", type=int, default=1, help="how many shards to write at a time (default: 1)")
    parser.add_argument("--allow-missing", action="store_true", help="go on with an incomplete copy")


def run_prepare(arguments: argparse.Namespace) -> int:
    """Prepare a corpus and say what was written."""
    import emobox_datasets.corpora as corpora
    from emobox_datasets.repository.write import prepare
    from emobox_datasets.sources.location import find_root
    from hub_cards.cards.dataset_card import describe

    corpus = corpora.load(arguments.corpus)
    out = arguments.out or Path("emobox") / corpus.name
    made = prepare(
        corpus,
        find_root(corpus, arguments.folder),
        out,
        describe,
        allow_missing=arguments.allow_missing,
        jobs=arguments.jobs,
        progress=sys.stderr.isatty() and not arguments.quiet,
    )
    size = sum(shard.size for shard in made.shards)
    print(
        f"{out}: {made.utterances:,} utterances in {len(made.shards)} shards, {size / 1e6:.1f} MB, version "
        f"{made.version}\nload_dataset({str(out)!r}, {next(iter(made.configurations))!r})"
    )
    return 0


def _add_copy(parser: argparse.ArgumentParser, needed: bool = True) -> None:
    parser.add_argument("corpus", nargs=None if needed else "?", help="name of the corpus, such as emodb")
    parser.add_argument("folder", nargs="?", help="folder that holds it (default: below $EMOBOX_DATA)")
