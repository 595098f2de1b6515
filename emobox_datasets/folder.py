"""The files of one copy of a corpus: listed once, found by base name or the few path parts that make it unique."""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

from emobox_datasets.errors import CorpusError


class CorpusFolder:
    """The files below a corpus's root, listed once, in an order that does not depend on the file system."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    @cached_property
    def entries(self) -> list[tuple[str, os.stat_result]]:
        """(path relative to the root with forward slashes, stat) of every file, sorted by path."""
        return [(path, entry.stat()) for path, entry in self._sorted]

    @cached_property
    def paths(self) -> list[str]:
        """The path of every file relative to the root, with forward slashes, sorted."""
        return [path for path, _ in self._sorted]

    @cached_property
    def _sorted(self) -> list[tuple[str, os.DirEntry[str]]]:
        return sorted(self._walk(self.root, ""), key=lambda found: found[0])

    def _walk(self, folder: Path | str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                # Archive tools leave copies that are not audio: `.DS_Store`, `._name.wav`, `__MACOSX/`.
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if entry.is_dir():
                    yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name, entry

    def find(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Files whose last path parts match `pattern`: a base name, or as many folders as the pattern names.

        What is matched is the path with composed accents (Unicode form C), however the disk spells them.
        """
        tail = re.compile(rf"(?:.*/)?(?:{pattern})")
        for path in self.paths:
            if match := tail.fullmatch(composed(path)):
                yield path, match

    def find_one(self, tail: str) -> str:
        """The path, relative to the root, of the one file whose last path parts are `tail`.

        Raises:
            CorpusError: there is no such file, or more than one.
        """
        found = [path for path, _ in self.find(re.escape(composed(tail)))]
        if not found:
            raise CorpusError(
                f"Expected the file {tail} below {self.root}, but found none; copy it there from the corpus "
                f"as published, or point data_dir at the folder that holds it."
            )
        if len(found) > 1:
            raise CorpusError(
                f"Expected one file {tail} below {self.root}, but found {len(found)}: {', '.join(found[:3])}; "
                f"remove the copies that are not the corpus's."
            )
        return found[0]

    def by_name(self, pattern: str) -> dict[str, str]:
        """Base name to path of the files that match `pattern`, for annotation files that list base names.

        Raises:
            CorpusError: two files have one base name.
        """
        named: dict[str, str] = {}
        for path, match in self.find(pattern):
            name = base_name(match.string)
            if (twin := named.setdefault(name, path)) is not path:
                raise CorpusError(
                    f"Expected one file {name} below {self.root}, but found {twin} and {path}; remove the copy "
                    f"that is not the corpus's."
                )
        return named


def composed(path: str) -> str:
    """The path with composed accents: what macOS and some archives spell as letter and accent is one letter."""
    return path if path.isascii() else normalize("NFC", path)


def base_name(path: str) -> str:
    """The last part of a path.

    >>> base_name("subject 1/anger/s1_an_1.avi")
    's1_an_1.avi'
    """
    return path.rpartition("/")[2]


def stem(path: str) -> str:
    """The base name without its extension.

    >>> stem("m5.s_nie_2.wav")
    'm5.s_nie_2'
    """
    return base_name(path).rpartition(".")[0]


def dashed_stem(path: str) -> str:
    """The base name without its extension, underscores as dashes: how the release spells many ids.

    >>> dashed_stem("AudioWAV/1060_IOM_NEU_XX.wav")
    '1060-IOM-NEU-XX'
    """
    return stem(path).replace("_", "-")
