"""`emobox doctor`: is this copy of a corpus the one the benchmark means?

Findings that make it another corpus are problems. What is true of the corpus itself, such as clipped recordings or the
same voice in train and test, is noted and harms no one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import emobox_datasets.copy.manifest as manifests
import emobox_datasets.corpora as corpora
from emobox_datasets.doctor.diagnosis import Diagnosis, Observation
from emobox_datasets.doctor.examination import examine
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.location import find_root


def diagnose(
    corpus: str,
    folder: str | None = None,
    jobs: int = 1,
    manifest: Path | None = None,
    write_manifest: Path | bool = False,
    progress: bool = False,
) -> Diagnosis:
    """Examine a copy of a corpus, and hold it against a manifest.

    Args:
        corpus: its name, such as `emodb`.
        folder: where the copy is; default: below `EMOBOX_DATA`.
        jobs: how many files to decode at a time.
        manifest: what the files are compared with; default: the manifest in the cache, if there is one.
        write_manifest: where to store the SHA-256 of every file instead; True: in the cache.
        progress: show a bar.

    Raises:
        CorpusError: there is no such corpus or folder, a file or folder cannot be read, or the manifest is none or
            cannot be written.
    """
    card = corpora.load(corpus)
    root = find_root(card, folder)
    try:
        diagnosis = examine(card, root, jobs, progress)
        kept = manifests.default_path(card.name)
        if write_manifest:
            target = kept if isinstance(write_manifest, bool) else write_manifest
            return _with(diagnosis, [_written(root, target, jobs)])
        if manifest or kept.is_file():
            return _with(diagnosis, unchanged(root, manifest or kept, manifests.hashes(root, jobs)))
    except OSError as error:
        raise CorpusError(
            f"Expected files that can be read and written, but got {error}; correct the path or its permissions."
        ) from error
    return diagnosis


def _with(diagnosis: Diagnosis, observations: Iterable[Observation]) -> Diagnosis:
    return replace(diagnosis, observations=(*diagnosis.observations, *observations))


def _written(root: Path, file: Path, jobs: int) -> Observation:
    now = manifests.hashes(root, jobs)
    manifests.write(file, now)
    return Observation("manifest", f"Wrote {len(now)} files to {file}.")


def unchanged(root: str | Path, file: Path, now: Mapping[str, str]) -> Iterator[Observation]:
    """The copy against a manifest of it that was written before.

    Raises:
        CorpusError: `file` is no manifest.
    """
    before = manifests.read(file)
    changed = [path for path in before.keys() & now.keys() if before[path] != now[path]]
    for kind, paths in (("changed", changed), ("gone", before.keys() - now.keys())):
        if paths:
            message = f"Files below {root} that are {kind} since {file} was written: {len(paths)}."
            yield Observation(kind, message, tuple(sorted(paths)), harmful=True)
    if new := sorted(now.keys() - before.keys()):
        yield Observation("new", f"Files that are not in {file}: {len(new)}.", tuple(new))
