"""A list of the files of one copy of a corpus with their SHA-256, to see later whether anything changed.

The format is that of `sha256sum`, so that `sha256sum --check` in the corpus's folder reads it too.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import cache_folder, sha256, write_whole

_ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r"}
_ESCAPED = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\[\\nr]")


@dataclass(frozen=True)
class Changes:
    """Files that differ from a manifest, that are gone, and that it does not list; relative paths."""

    changed: list[str]
    gone: list[str]
    new: list[str]


def default_path(corpus: str) -> Path:
    """Where manifests are kept unless a path is given: in the user's cache, never in the corpus's folder."""
    return cache_folder("manifests") / f"{corpus}.sha256"


def hashes(root: str | Path, jobs: int = 1) -> dict[str, str]:
    """SHA-256 of every regular file below `root` by its relative path."""
    # A dangling link has no bytes, and a pipe would never end.
    paths = [path for path in CorpusFolder(root).paths if (Path(root) / path).is_file()]
    with ThreadPoolExecutor(jobs) as pool:  # hashlib lets other threads run
        digests = pool.map(lambda path: sha256(Path(root) / path), paths)
        return dict(zip(paths, digests, strict=True))


def write(file: Path, digests: dict[str, str]) -> None:
    """Write a manifest; no one ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (_line(path, digest) for path, digest in sorted(digests.items()))
    write_whole(file, "".join(lines).encode("utf-8", errors="surrogateescape"))


def read(file: Path) -> dict[str, str]:
    """The manifest in `file`: SHA-256 by relative path.

    Raises:
        CorpusError: the file cannot be read or is no manifest; names the line.
    """
    return dict(_entries(file))


def compare(before: dict[str, str], now: dict[str, str]) -> Changes:
    """What changed between two lists of hashes.

    >>> compare({"a": "1", "b": "2"}, {"a": "3", "c": "4"})
    Changes(changed=['a'], gone=['b'], new=['c'])
    """
    return Changes(
        changed=sorted(path for path in before.keys() & now.keys() if before[path] != now[path]),
        gone=sorted(before.keys() - now.keys()),
        new=sorted(now.keys() - before.keys()),
    )


def _entries(file: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise CorpusError(f"Expected a manifest at {file}, but got {error}; correct the path.") from error
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        escaped = line.startswith("\\")
        digest, separator, path = line[escaped:].partition("  ")
        if len(digest) != 64 or not separator or not path:
            raise CorpusError(
                f"Expected a SHA-256, two spaces and a path in {file}, line {number}, but got {line[:80]!r}; write "
                f"the manifest again with --write-manifest."
            )
        yield (_ESCAPE.sub(lambda match: _ESCAPED[match[0]], path) if escaped else path), digest


def _line(path: str, digest: str) -> str:
    """A line of `sha256sum`, which starts with a backslash where characters of the path are escaped."""
    escaped = "".join(_ESCAPES.get(character, character) for character in path)
    return f"{chr(92) * (escaped != path)}{digest}  {escaped}\n"
