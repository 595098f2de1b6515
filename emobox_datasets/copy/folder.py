"""The files of one copy of a corpus: listed once, found by base name or the few path parts that make it unique."""

import os
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

from emobox_datasets.copy.duplicates import Choice, choose
from emobox_datasets.errors import CorpusError, printable

# How the names of audio files end, in lower case. A converted copy may have any of them in place of the published one.
_MORE_ENDINGS = (".aac", ".aif", ".aiff", ".caf", ".mka", ".mkv", ".mov", ".oga", ".opus")
AUDIO = frozenset((".avi", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".wav", ".webm", *_MORE_ENDINGS))
# A pattern for audio files says how the published names end, as its last word.
_PATTERN_ENDING = re.compile(r"\\(\.\w+)$")


class CorpusFolder:
    """The files below a corpus's root, listed once, in an order that does not depend on the file system.

    Links to folders are followed; a folder that several paths lead to is listed once. `copies` tells, by the path of a
    file that `by_name` or `find_one` chose among several, which others there are.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self.copies: dict[str, Choice] = {}
        self._unusable: dict[str, str] = {}
        self._claimed: set[str] = set()
        self.other_case: set[str] = set()  # files that would match a pattern if their names were in its case

    @cached_property
    def entries(self) -> list[tuple[str, os.stat_result]]:
        """(path relative to the root with forward slashes, stat) of every file, sorted by path."""
        statuses = ((path, _status(entry)) for path, entry in self._sorted)
        return [(path, status) for path, status in statuses if status]

    @cached_property
    def paths(self) -> list[str]:
        """The path of every file relative to the root, with forward slashes, sorted."""
        return [path for path, _ in self._sorted]

    @property
    def unusable(self) -> dict[str, str]:
        """Path to reason of what is below the root but is neither a file nor a folder that can be listed."""
        _ = self._sorted
        return self._unusable

    @property
    def ignored(self) -> dict[str, str]:
        """Those of `unusable` that no pattern for audio has found."""
        return {path: reason for path, reason in self.unusable.items() if path not in self._claimed}

    @property
    def is_empty(self) -> bool:
        """Whether no file is below the root; looks no further than the first."""
        return next(self._walk(), None) is None

    @cached_property
    def _sorted(self) -> list[tuple[str, os.DirEntry[str]]]:
        return sorted(self._walk(), key=lambda listed: listed[0])

    def _walk(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every folder once, by device and inode: folders that link to each other have more paths than can be listed.

        Links wait until all folders that are there without them are listed, so that none of those gets another path.
        """
        listed: set[tuple[int, int]] = set()
        links = [(os.fspath(self.root), "")]
        while links:
            further: list[tuple[str, str]] = []
            for folder, prefix in sorted(links):
                yield from self._walk_folder(folder, prefix, listed, further)
            links = further

    def _walk_folder(
        self, folder: str, prefix: str, listed: set[tuple[int, int]], links: list[tuple[str, str]]
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """The files of a folder and its folders; those that are links are added to `links`."""
        try:
            status = os.stat(folder)
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            self._unusable[prefix] = f"a folder that cannot be listed ({error.strerror})"
            return
        here = (status.st_dev, status.st_ino)
        if here in listed:
            self._unusable[prefix] = "a link to a folder that is listed already"
            return
        listed.add(here)
        for entry in entries:
            # Archive tools leave copies that are not audio: `.DS_Store`, `._name.wav`, `__MACOSX/`.
            if entry.name.startswith((".", "__MACOSX")):
                continue
            path = prefix + entry.name
            if (kind := _kind(entry)) == "file":
                yield path, entry
            elif kind != "folder":
                self._unusable[path] = kind
            elif entry.is_symlink():
                links.append((entry.path, f"{path}/"))
            else:
                yield from self._walk_folder(entry.path, f"{path}/", listed, links)

    @cached_property
    def _own_name(self) -> str:
        """The name of the root itself: a user may point at the very folder that a pattern names."""
        return os.path.basename(os.path.abspath(self.root))

    def find(
        self, pattern: str, spelling: Callable[[str], str] | None = None
    ) -> Iterator[tuple[str, re.Match[str]]]:
        """Files whose last path parts match `pattern`: a base name, or as many folders as the pattern names.

        What is matched is the published path: with composed accents (Unicode form C), however the disk spells them;
        with the ending that the pattern names (such as `\\.wav`), whatever audio ending the file has; and in the
        `spelling` that all published names have, such as `str.lower`.

        Raises:
            CorpusError: the root cannot be listed, or what matches and is no audio by its name is no file, such as a
                link to nothing.
        """
        if "" in self.unusable:
            raise CorpusError(
                f"Expected a folder with a corpus at {self.root}, but got {self.unusable['']}; correct the path or its "
                f"permissions."
            )
        tail = re.compile(rf"(?s:.*/)?(?:{pattern})")
        any_case = re.compile(tail.pattern, re.IGNORECASE)
        published = self._published(pattern, spelling)
        for path in self.paths:
            name = published(path)
            if match := tail.fullmatch(name):
                yield path, match
            elif any_case.fullmatch(name):
                self.other_case.add(path)
        for path, reason in sorted(self.unusable.items()):
            if not (match := tail.fullmatch(published(path))):
                continue
            if not published_ending(pattern):
                raise CorpusError(
                    f"Expected a file at {self.root}/{path}, but got {reason}; replace it with the original."
                )
            # By name it is audio: what is wrong with it is told once for all files of its kind (`placeholders`).
            self._claimed.add(path)
            yield path, match

    def _published(self, pattern: str, spelling: Callable[[str], str] | None) -> Callable[[str], str]:
        ending = published_ending(pattern)
        size, own_name = len(ending), f"{self._own_name}/"

        def published(path: str) -> str:
            path = composed(own_name + path)
            if not ending:
                return path
            if path.endswith(ending):
                name = path[:-size]
            else:
                name, dot, actual = path.rpartition(".")
                if f"{dot}{actual.lower()}" not in AUDIO:
                    return path
            return (spelling(name) if spelling else name) + ending

        return published

    def find_one(self, tail: str) -> str:
        """The path, relative to the root, of the one file whose last path parts are `tail`.

        Of copies that are equal byte for byte the first is taken, and the others are told in `copies`.

        Raises:
            CorpusError: there is no such file, or several that differ.
        """
        paths = [path for path, _ in self.find(re.escape(composed(tail)))]
        if not paths:
            raise CorpusError(
                f"Expected the file {tail} below {self.root}, but found none; copy it there from the corpus "
                f"as published, or name the folder that holds it."
            )
        return self._choose(paths, "", f"{tail} below {self.root}")

    def by_name(self, pattern: str) -> dict[str, str]:
        """Published base name to path of the files that match `pattern`, for annotation files that list base names.

        Of a file as published and converted ones the former is taken, of equal copies the first.

        Raises:
            CorpusError: two files that differ have one base name.
        """
        paths: dict[str, list[str]] = {}
        for path, match in self.find(pattern):
            paths.setdefault(base_name(match.string), []).append(path)
        ending = published_ending(pattern)
        return {name: self._choose(files, ending, name) for name, files in paths.items()}

    def _choose(self, paths: list[str], ending: str, what: str) -> str:
        if len(paths) == 1:
            return paths[0]
        choice = choose([f"{self.root}/{path}" for path in paths], ending, what)
        self.copies[choice.file] = choice
        return choice.file.removeprefix(f"{self.root}/")

    def relative(self, file: str) -> str:
        """A path below the root, made relative and printable."""
        return printable(file.removeprefix(f"{self.root}/"))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None if it has been removed since its folder was listed."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _kind(entry: os.DirEntry[str]) -> str:
    """`file`, `folder`, or what else it is, in words."""
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "folder"
        return "a link to nothing" if entry.is_symlink() else "neither a file nor a folder"
    except OSError as error:
        return f"a link that cannot be followed ({error.strerror})"


def published_ending(pattern: str) -> str:
    """The audio ending that a pattern ends in, in lower case; empty where it ends in none.

    >>> published_ending(r"\\d+\\.wav"), published_ending(r"Ses[^/]+\\.txt")
    ('.wav', '')
    """
    ending = _PATTERN_ENDING.search(pattern)
    return ending[1] if ending and ending[1] in AUDIO else ""


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
