"""`emobox download`, and `load_dataset` without `data_dir`: an open corpus, fetched, verified, unpacked and examined.

Beside the folder of a corpus lies, while it is fetched, `.<corpus>.download` with what has arrived. The folder itself
appears whole or not at all. Whatever is killed whenever goes on from there with the next call.
"""

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

import httpx2
from datasets.utils import are_progress_bars_disabled, tqdm
from filelock import FileLock, Timeout

from emobox_datasets.copy.folder import AUDIO, CorpusFolder
from emobox_datasets.corpus import Corpus
from emobox_datasets.doctor.diagnosis import UNHEALTHY, Diagnosis
from emobox_datasets.doctor.examination import examine
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import whole_folder, write_whole
from emobox_datasets.sources import hub, large_files, records
from emobox_datasets.sources.location import candidate_root, downloaded_root, holds_files, named_folder
from emobox_datasets.sources.parallel import run_all
from emobox_datasets.sources.permission import source_of
from emobox_datasets.sources.source import RemoteFile, Source, megabytes
from emobox_datasets.sources.transfer import REFUSED, Download, client, fetch, set_aside
from emobox_datasets.sources.unpack import is_archive, place, unpack

logger = logging.getLogger(__name__)

THREADS = 4
# In the folder of a corpus that was fetched; hidden, so that it is no file of the corpus.
RECORD = ".emobox-download.json"


@dataclass(frozen=True)
class Fetched:
    """A corpus on this machine: where, and what the doctor says of it if it was fetched just now, or was not whole."""

    root: Path
    diagnosis: Diagnosis | None


def target_root(corpus: Corpus, folder: str | Path | None = None) -> Path:
    """Where a corpus is fetched to: below `folder`, else below `EMOBOX_DATA`, else in the cache."""
    if folder is not None:
        return named_folder(folder, "--to") / corpus.name
    return candidate_root(corpus, None) or downloaded_root(corpus)


def download(
    corpus: Corpus,
    folder: str | Path | None = None,
    *,
    accept_licence: bool = False,
    keep_archives: bool = False,
    progress: bool = False,
    announce: Callable[[str], object] = logger.warning,
) -> Fetched:
    """Fetch an open corpus, unless it is there already.

    Args:
        corpus: which.
        folder: where to, with a sub-folder for every corpus; default: `EMOBOX_DATA`, else the cache.
        accept_licence: the user accepts the corpus's licence, where it is not open.
        keep_archives: leave what was fetched in `<corpus>.archives` beside the folder.
        progress: show bars.
        announce: is told in a few lines what is fetched, of what size and licence, before it begins.

    Raises:
        CorpusError: the corpus has no source, its licence is not accepted, the network is not to be used or fails, what
            comes is not what the publisher states, the archive is broken, not to be trusted or without the corpus, or
            the disk is full.
    """
    root = target_root(corpus, folder)
    if _is_healthy(root):
        return Fetched(root, None)
    source = None if holds_files(root) else source_of(corpus, accept_licence)
    if source:
        _check_target(root)
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with _alone(root, announce):
            if _is_healthy(root):  # another process has fetched it meanwhile
                return Fetched(root, None)
            if source and not holds_files(root):
                _bring(corpus, source, root, progress, announce)
            _tidy(root, keep_archives)
            return Fetched(root, _examined(corpus, root, progress))
    except CorpusError:
        raise
    except OSError as error:
        raise CorpusError(
            f"Expected to write {corpus.display_name} to {root}, but got: {error}; correct the path or its "
            f"permissions, or name another folder with --to."
        ) from error


def fetch_missing(corpus: Corpus, data_dir: str | None) -> bool:
    """Fetch an open corpus of which the user has named no copy; whether it had to be fetched.

    Raises:
        CorpusError: as `download` does.
    """
    root = downloaded_root(corpus)
    if not isinstance(corpus.download, Source) or data_dir != str(root) or _is_done(root):
        return False
    was_there = holds_files(root)
    bars = sys.stderr.isatty() and not are_progress_bars_disabled()
    remind(download(corpus, root.parent, progress=bars).root)
    return not was_there


def remind(root: Path) -> None:
    """Say again what the doctor found wrong when the corpus was fetched, if it was fetched and anything was."""
    if problems := _record(root).get("problems"):
        logger.warning(f"{UNHEALTHY} {' '.join(map(str, problems))} It is at {root}.")


def _record(root: Path) -> dict[str, Any]:
    """What was noted of a corpus that was fetched; empty of any other. It only informs, so it may be damaged."""
    try:
        record = json.loads((root / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _is_done(root: Path) -> bool:
    """Whether a corpus is there and, if it was fetched, the doctor has seen it: a call may be killed before that."""
    return holds_files(root) and _record(root).get("problems", ()) is not None


def _is_healthy(root: Path) -> bool:
    """Whether nothing is left to do or to say; of a copy with problems, the doctor says each time what they are."""
    return holds_files(root) and _record(root).get("problems", []) == []


def _check_target(root: Path) -> None:
    """Say before the first byte that something else is where the folder is to be."""
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise CorpusError(
            f"Expected an empty folder or none at {root}, but something else is there; move it away, or name another "
            f"folder with --to."
        )


def _announcement(corpus: Corpus, source: Source, root: Path) -> str:
    note = f" {source.note}" if source.note else ""
    return (
        f"{corpus.display_name}: {megabytes(source.size)} from {source.page} to {root}.{note}\n"
        f"Its licence: {corpus.licence}. Its homepage: {corpus.homepage}"
    )


@contextmanager
def _alone(root: Path, announce: Callable[[str], object]) -> Iterator[None]:
    """One process at a time fetches a corpus to one place."""
    lock = FileLock(root.with_name(f".{root.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        announce(f"Another process fetches it to {root}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _arriving(root: Path) -> Path:
    """Where what is fetched lies until all is in place."""
    return root.with_name(f".{root.name}.download")


def _tidy(root: Path, keep_archives: bool) -> None:
    """The archives go once all is in place."""
    arrived, kept = _arriving(root), root.with_name(f"{root.name}.archives")
    if not arrived.is_dir():
        return
    if keep_archives:
        shutil.rmtree(kept, ignore_errors=True)  # of an earlier call
        arrived.rename(kept)
    else:
        shutil.rmtree(arrived)


def _bring(
    corpus: Corpus, source: Source, root: Path, progress: bool, announce: Callable[[str], object]
) -> None:
    """Fetch and unpack."""
    arrived = _arriving(root)
    arrived.mkdir(exist_ok=True)
    with client() as http:
        source = records.complete(http, source)
        announce(_announcement(corpus, source, root))
        files = _fetch_files(http, corpus, source, arrived, progress)
        with whole_folder(root) as unfinished:
            for file, remote in files:
                commit = source.revision if source.publisher == "github" else ""
                if is_archive(file.name):
                    unpack(file, remote, unfinished, source.page, commit)
                else:
                    place(file, unfinished / remote.name)
            if source.large_files is not None:
                _fill_pointers(http, corpus, source, arrived, unfinished, progress)
            _check_content(corpus, source, unfinished, [file for file, _ in files])
            _write_record(source, unfinished)


def _check_content(corpus: Corpus, source: Source, folder: Path, archives: list[Path]) -> None:
    """Let a copy that lacks something become the corpus's folder, but not what holds nothing of it."""
    try:
        findings = corpus.find(folder)
        is_there = bool(findings.utterances or findings.left_out)
    except CorpusError:  # such as a table that is missing, of which the doctor tells
        is_there = any(Path(path).suffix.lower() in AUDIO for path in CorpusFolder(folder).paths)
    if not is_there:
        refused = ", ".join(str(set_aside(archive)) for archive in archives)
        raise CorpusError(
            f"Expected recordings of {corpus.display_name} from {source.page}, but there are none in what came; it is "
            f"kept aside as {refused}. Try again; if it comes so a second time, look at {source.page}."
        )


def _fetch_files(
    http: httpx2.Client, corpus: Corpus, source: Source, arrived: Path, progress: bool
) -> list[tuple[Path, RemoteFile]]:
    if source.publisher == "hub":
        return hub.fetch(source, arrived)
    names = {file: _local_name(source, file) for file in source.files}
    wanted = [
        Download(source.url(file), arrived / name, file.size, file.checksum, source.page)
        for file, name in names.items()
    ]
    _fetch_all(http, corpus, iter(wanted), _total(wanted), arrived, progress)
    return [(arrived / name, file) for file, name in names.items()]


def _local_name(source: Source, file: RemoteFile) -> str:
    """The name in the folder of what has arrived; a name from a record leads nowhere else."""
    return f"{source.revision}.tar.gz" if source.publisher == "github" else file.name.replace("/", "_")


def _total(wanted: list[Download]) -> int | None:
    sizes = [download.size for download in wanted]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _fetch_all(
    http: httpx2.Client,
    corpus: Corpus,
    wanted: Iterator[Download],
    total: int | None,
    arrived: Path,
    progress: bool,
) -> None:
    """Fetch side by side, under one bar of all bytes."""
    _check_room(corpus, total, arrived)
    counting = Lock()
    bar = tqdm(total=total, unit="B", unit_scale=True, desc=corpus.display_name, disable=not progress)

    def advance(count: int) -> None:
        with counting:
            bar.update(count)

    def job(download: Download, stopped: Event) -> None:
        advance(download.received)
        fetch(http, download, advance, stopped)

    with bar:
        run_all((partial(job, download) for download in wanted), THREADS)


def _check_room(corpus: Corpus, total: int | None, arrived: Path) -> None:
    """Say before the first byte that they will not fit."""
    here = sum(
        file.stat().st_size for file in arrived.rglob("*") if file.is_file() and file.suffix != REFUSED
    )
    missing = (total or 0) - here
    if missing > (free := shutil.disk_usage(arrived).free):
        raise CorpusError(
            f"Expected room for {megabytes(missing)} of {corpus.display_name} in {arrived.parent}, but the disk has "
            f"{megabytes(free)}; make room, and as much again to unpack it, or name another folder with --to."
        )


def _fill_pointers(
    http: httpx2.Client, corpus: Corpus, source: Source, arrived: Path, folder: Path, progress: bool
) -> None:
    """Put the files in place of the pointers that the archive of a Git repository has."""
    kept = arrived / "large"
    kept.mkdir(exist_ok=True)
    found = list(large_files.pointers(folder))
    missing = {oid: size for _, oid, size in found if not (kept / oid).is_file()}
    wanted = large_files.downloads(http, source, missing, kept)
    _fetch_all(http, corpus, wanted, sum(missing.values()), arrived, progress)
    for pointer, oid, _ in found:
        place(kept / oid, pointer)


def _write_record(source: Source, folder: Path) -> None:
    """What was fetched from where and when; the doctor's problems are null until it has looked."""
    record: dict[str, Any] = {
        "from": source.page,
        "files": [asdict(file) for file in source.files],
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "problems": None,
    }
    write_whole(folder / RECORD, json.dumps(record, indent=2).encode())


def _examined(corpus: Corpus, root: Path, progress: bool) -> Diagnosis:
    """What the doctor says of it, noted in the record for later calls."""
    diagnosis = examine(corpus, root, progress=progress)
    problems = [observation.message for observation in diagnosis.observations if observation.harmful]
    write_whole(root / RECORD, json.dumps({**_record(root), "problems": problems}, indent=2).encode())
    return diagnosis
