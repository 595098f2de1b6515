"""`emobox publish-dataset`: a prepared corpus goes to the Hub, as far as its licence lets it.

Without --send it only says what would be sent.
"""

import argparse
import sys
from pathlib import Path

from huggingface_hub import HfApi
from rich.console import Console
from rich.table import Table

from emobox_datasets import corpora, prepared
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.licences import redistribution
from emobox_datasets.metadata_only import without_audio
from emobox_datasets.prepared import Prepared
from hub_cards.dataset_card import BENCHMARK, describe
from hub_cards.publish import (
    HUB_FILES,
    Destination,
    Parcel,
    PublishError,
    Remote,
    check_repo_id,
    connect,
    publish,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox publish-dataset`."""
    parser.add_argument("folder", type=Path, help="what emobox prepare wrote, such as emobox/emodb")
    parser.add_argument("--repo-id", required=True, help="where to, such as my-lab/emodb")
    parser.add_argument("--private", action="store_true", help="only for those whom you let in on the Hub")
    parser.add_argument("--create-pr", action="store_true", help="as a pull request")
    parser.add_argument("--metadata-only", action="store_true", help="all but the audio; see its card")
    parser.add_argument(
        "--benchmark",
        action="store_true",
        help=f"send {BENCHMARK} too; the Hub accepts it only once it has listed EmoBox as a benchmark",
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace whatever else the repository holds already"
    )
    parser.add_argument(
        "--send", action="store_true", help="send; without this, only show what would be sent"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show what would be sent, or send it; the exit status."""
    try:
        check_repo_id(arguments.repo_id)
        folder = arguments.folder
        made = prepared.read(folder)
        prepared.check(folder, made)
        corpus = corpora.load(made.corpus)
        check_licence(corpus, made, arguments)
        if arguments.metadata_only and made.audio:
            folder = folder.absolute().with_name(f"{folder.absolute().name}-metadata")
            made = without_audio(arguments.folder, folder, describe)
        destination = Destination(arguments.repo_id, "dataset", arguments.private, arguments.create_pr)
        parcel = parcel_of(folder, made, arguments.benchmark)
        show(parcel, destination, corpus, made, Console())
        if not arguments.send:
            print("Nothing was sent. To send it, run the command again with --send.")
            return 0

        def accept(api: HfApi, remote: Remote) -> None:
            if not arguments.replace:
                check_remote(api, destination, remote, made)

        print(publish(connect(), parcel, destination, accept))
    except (CorpusError, PublishError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def check_licence(corpus: Corpus, made: Prepared, arguments: argparse.Namespace) -> None:
    """Refuse to make audio public that may not be; offer what may.

    Raises:
        PublishError: the corpus's licence does not let its audio be passed on, or is not known.
    """
    told = redistribution(corpus)
    public = made.audio and not arguments.private and not arguments.metadata_only
    if public and told.permission != "granted":
        raise PublishError(
            f"Expected a corpus whose audio may be public, but the licence of {corpus.display_name} {told.reason}; "
            f"publish ids, labels, speakers, folds and checksums without audio (--metadata-only), or share it "
            f"with those who have the right to it (--private)."
        )


def parcel_of(folder: Path, made: Prepared, benchmark: bool) -> Parcel:
    """The files of a prepared repository that go to the Hub.

    Raises:
        PublishError: the benchmark's file is wanted, but the copy of the corpus is not whole.
    """
    if benchmark and not (folder / BENCHMARK).is_file():
        raise PublishError(
            f"Expected a whole copy of {made.corpus} in {folder} for --benchmark, but utterances are missing; complete "
            f"the corpus and prepare it again, or leave --benchmark out."
        )
    paths = [path for path in prepared.files(folder) if benchmark or path != BENCHMARK]
    without = "" if made.audio else " without audio"
    return Parcel(folder, paths, f"EmoBox {made.corpus}{without}, version {made.version}")


def check_remote(api: HfApi, destination: Destination, remote: Remote, made: Prepared) -> None:
    """Let only an empty repository, or an earlier version of the same corpus, be replaced.

    Raises:
        PublishError: the repository holds something else.
    """
    others = sorted(set(remote.paths) - HUB_FILES)
    if not others:
        return
    found = f"{len(others)} other files, such as {others[0]}"
    if prepared.FILE in others:
        file = api.hf_hub_download(
            destination.repo_id, prepared.FILE, repo_type=destination.kind, revision=remote.commit
        )
        try:
            told = prepared.parse(Path(file).read_bytes(), f"{destination.repo_id}/{prepared.FILE}")
        except CorpusError as error:
            found = f"one that cannot be read: {error}"
        else:
            if (told.corpus, told.audio) == (made.corpus, made.audio):
                return
            found = f"{told.corpus} {'with' if told.audio else 'without'} audio"
    raise PublishError(
        f"Expected {destination.repo_id} to be empty, or to hold {made.corpus} {'with' if made.audio else 'without'} "
        f"audio, but it holds {found}; choose another --repo-id, or pass --replace."
    )


def show(parcel: Parcel, destination: Destination, corpus: Corpus, made: Prepared, console: Console) -> None:
    """What goes where, and under which licence."""
    table = Table("file", "bytes", title=parcel.message)
    table.columns[1].justify = "right"
    for path in parcel.paths:
        table.add_row(path, f"{(parcel.folder / path).stat().st_size:,}")
    table.add_row(f"{len(parcel.paths)} files", f"{parcel.size:,}", style="bold")
    console.print(table)
    seen = "private" if destination.private else "public"
    way = "a pull request" if destination.create_pr else "one commit on main"
    console.print(f"from {parcel.folder}", highlight=False, markup=False)
    console.print(f"to {destination.url} ({seen}), as {way}", highlight=False, markup=False)
    licence = f"licence of {corpus.display_name}: {corpus.licence}"
    if made.audio and redistribution(corpus).permission != "granted":
        licence += "; let in only those who have the right to the audio"
    console.print(licence, highlight=False, markup=False)
