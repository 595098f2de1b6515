"""A list of the files of one copy of a corpus with their SHA-256, to see later whether anything changed.

The format is that of `sha256sum`, so that `sha256sum --check` in the corpus's folder reads it too.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import cache_folder, sha256, write_whole

_ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r"}
_ESCAPED = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\[\\nr]")


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
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise CorpusError(f"Expected a manifest at {file}, but got {error}; correct the path.") from error
    digests = {}
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        escaped = line.startswith("\\")
        digest, separator, path = line[escaped:].partition("  ")
        if len(digest) != 64 or not separator or not path:
            raise CorpusError(
                f"Expected a SHA-256, two spaces and a path in {file}, line {number}, but got {line[:80]!r}; write "
                f"the manifest again with --write-manifest."
            )
        digests[_ESCAPE.sub(lambda match: _ESCAPED[match[0]], path) if escaped else path] = digest
    return digests


def _line(path: str, digest: str) -> str:
    """A line of `sha256sum`, which starts with a backslash where characters of the path are escaped."""
    escaped = "".join(_ESCAPES.get(character, character) for character in path)
    return f"{chr(92) * (escaped != path)}{digest}  {escaped}\n"
