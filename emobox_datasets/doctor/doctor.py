"""`emobox doctor`: is this copy of a corpus the one the benchmark means?

Findings that make it another corpus are problems and end in exit status 1. What is true of the corpus itself, such
as clipped recordings or the same voice in train and test, is noted and harms no one.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from emobox_datasets import corpora
from emobox_datasets.copy import manifest
from emobox_datasets.doctor.diagnosis import Diagnosis, Observation, as_json, show
from emobox_datasets.doctor.examination import examine
from emobox_datasets.errors import CorpusError
from emobox_datasets.location import find_root


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name of the corpus, such as emodb")
    parser.add_argument("folder", nargs="?", help="folder that holds it (default: below $EMOBOX_DATA)")
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


def run(arguments: argparse.Namespace) -> int:
    """Examine a copy and print the diagnosis; 0 if it is the one the benchmark means, else 1."""
    try:
        diagnosis = diagnose(arguments)
    except CorpusError as error:
        if not arguments.json:
            print(error, file=sys.stderr)
            return 1
        observation = Observation("not examined", str(error), harmful=True)
        diagnosis = Diagnosis(arguments.corpus, arguments.folder or "", {}, (observation,))
    if arguments.json:
        print(as_json(diagnosis))
    else:
        show(diagnosis, Console(markup=False, emoji=False))  # names of folders are no markup
    return 0 if diagnosis.healthy else 1


def diagnose(arguments: argparse.Namespace) -> Diagnosis:
    """What the command line asks for.

    Raises:
        CorpusError: there is no such corpus or folder, a file or folder cannot be read, or the manifest is none or
            cannot be written.
    """
    corpus = corpora.load(arguments.corpus)
    root = find_root(corpus, arguments.folder)
    try:
        return with_manifest(examine(corpus, root, arguments.jobs, progress=sys.stderr.isatty()), arguments)
    except OSError as error:
        raise CorpusError(
            f"Expected files that can be read and written, but got {error}; correct the path or its permissions."
        ) from error


def with_manifest(diagnosis: Diagnosis, arguments: argparse.Namespace) -> Diagnosis:
    """Write the manifest that was asked for, or compare with the one that is there."""
    kept = manifest.default_path(diagnosis.corpus)
    writing, reading = arguments.write_manifest, arguments.manifest
    if not writing and not reading and not kept.is_file():
        return diagnosis
    now = manifest.hashes(diagnosis.root, arguments.jobs)
    if writing:
        file = kept if writing is True else writing
        manifest.write(file, now)
        added: tuple[Observation, ...] = (Observation("manifest", f"Wrote {len(now)} files to {file}."),)
    else:
        added = tuple(unchanged(diagnosis.root, reading or kept, now))
    return replace(diagnosis, observations=(*diagnosis.observations, *added))


def unchanged(root: str | Path, file: Path, now: Mapping[str, str]) -> Iterator[Observation]:
    """The copy against a manifest of it that was written before.

    Raises:
        CorpusError: `file` is no manifest.
    """
    changes = manifest.compare(manifest.read(file), dict(now))
    for kind, paths in (("changed", changes.changed), ("gone", changes.gone)):
        if paths:
            message = f"Files below {root} that are {kind} since {file} was written: {len(paths)}."
            yield Observation(kind, message, tuple(paths), harmful=True)
    if changes.new:
        yield Observation("new", f"Files that are not in {file}: {len(changes.new)}.", tuple(changes.new))


def main(argv: Sequence[str] | None = None) -> int:
    """The command on its own: `python -m emobox_datasets.doctor.doctor emodb /data/emodb`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
