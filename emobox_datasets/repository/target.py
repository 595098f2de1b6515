"""The folder that a repository is written to: all of a repository or nothing, whenever a run is killed.

    <out>               a finished repository, if any
    .<out>.incomplete   one that is being written, or that a killed run goes on with
    .<out>.old          the former one, while the new one takes its place
    .<out>.lock         who is at work

Each goes to its name by one renaming, and the next run ends what a killed one began.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

import emobox_datasets.repository.prepared as prepared
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import UNFINISHED, remove_abandoned, write_whole

# What a repository is made from; hidden, so it is neither loaded nor published.
SOURCE_FILE = ".source"


def check(corpus: Corpus, out: Path) -> None:
    """Refuse to write over anything but a repository of the same corpus.

    Raises:
        CorpusError: there is something else at `out`.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / prepared.FILE).is_file():
        raise CorpusError(
            f"Expected a repository that emobox prepare made, or nothing, at {out}, but got something else; choose "
            f"another --out, or remove it."
        )
    # A repository of another format is replaced: it is ours, whatever it says.
    name = prepared.corpus_of(out)
    if name != corpus.name:
        raise CorpusError(
            f"Expected a repository of {corpus.name} at {out}, but got one of {name or 'no corpus that it names'}; "
            f"choose another --out, or remove it."
        )


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """One run a target at a time, on whichever machine; the other one finds its work done.

    What a run that was killed has left in the way is put back or removed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(out.with_name(f".{out.name}.lock")):
        remove_abandoned(out)
        former = _former_of(out)
        if former.exists() and not out.exists():
            former.rename(out)
        shutil.rmtree(former, ignore_errors=True)
        yield


def unfinished_of(out: Path) -> Path:
    """Where a repository is until all of it is there."""
    return out.with_name(f".{out.name}{UNFINISHED}")


def start(unfinished: Path, source: str) -> None:
    """Keep the shards of a killed run, unless they were made from something else."""
    file = unfinished / SOURCE_FILE
    if unfinished.is_dir() and (not file.is_file() or file.read_text() != source):
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True, exist_ok=True)
    for half in unfinished.rglob(f"*{UNFINISHED}"):
        half.unlink()
    if not file.is_file():
        write_whole(file, source.encode())


def replace(out: Path, finished: Path) -> None:
    """Put a finished repository in the place of what was there, which `locked` puts back if this run is killed."""
    former = _former_of(out)
    if out.exists():
        out.rename(former)
    finished.rename(out)
    shutil.rmtree(former, ignore_errors=True)


def _former_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")
