"""What a module in `corpora/` fills in (`Corpus`) and what reading a corpus yields (`Utterance`)."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emobox_datasets.errors import CorpusError
from emobox_datasets.labels import ordered

RELEASED = Path(__file__).parent / "released"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labelled span of audio.

    `start` and `end` are seconds into the file (None: the whole file); `channel` counts from 1 (None: average
    all); `split` is the corpus's own split where it has one; `details` holds what else the corpus tells.
    """

    id: str
    path: str
    raw_label: str
    label: str
    language: str
    speaker: str | None = None
    gender: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    split: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleasedLists:
    """Folds that no rule regenerates: `released/<corpus>/fold<k>.txt` lists the ids tested in fold k."""

    count: int


@dataclass(frozen=True)
class SpeakerFolds:
    """Fold k tests the speakers of group k and trains on all others."""

    groups: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        return len(self.groups)


class CorpusFolder:
    """The files below a corpus's root, listed once, in an order that does not depend on the file system."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    @cached_property
    def entries(self) -> list[tuple[str, os.stat_result]]:
        """(path relative to the root with forward slashes, stat) of every file, sorted by path."""
        return sorted(self._walk(self.root, ""), key=lambda entry: entry[0])

    def _walk(self, folder: Path | str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                # Archive tools leave copies that are not audio: `.DS_Store`, `._name.wav`, `__MACOSX/`.
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if entry.is_dir():
                    yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name, entry.stat()

    def find(self, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Files whose last path parts match `pattern`: a base name, or as many folders as the pattern names."""
        tail = re.compile(rf"(?:.*/)?(?:{pattern})")
        for path, _ in self.entries:
            if match := tail.fullmatch(path):
                yield path, match


# What a corpus's names or annotation files tell of one file: the fields of Utterance but path, label, language.
Fields = Mapping[str, Any]
Reader = Callable[[CorpusFolder], Iterable[tuple[str, Fields]]]


def from_names(pattern: str, fields: Callable[[re.Match[str]], Fields] = re.Match.groupdict) -> Reader:
    """A reader for corpora whose file names tell everything.

    Args:
        pattern: regular expression for the base name (or the last path parts) of an audio file.
        fields: from a match to the fields it tells; by default the pattern's named groups.
    """

    def read(folder: CorpusFolder) -> Iterator[tuple[str, Fields]]:
        for path, match in folder.find(pattern):
            yield path, fields(match)

    return read


@dataclass(frozen=True)
class Corpus:
    """The card of one corpus: facts, and how to read a copy of it.

    `labels` maps raw labels to labels; `speakers` is 0 where the corpus does not tell them; `read` yields
    (path relative to the root, fields) of every utterance; `example` is a path such as a user would see;
    `synthesise` writes the corpus into an empty folder (built-in corpora only).
    """

    name: str
    display_name: str
    languages: tuple[str, ...]
    source: str
    licence: str
    homepage: str
    citation: str
    labels: Mapping[str, str]
    utterances: int
    hours: float
    speakers: int
    read: Reader
    folds: ReleasedLists | SpeakerFolds
    example: str
    id_prefix: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    synthesise: Callable[[Path], None] | None = None

    @cached_property
    def label_list(self) -> tuple[str, ...]:
        """The corpus's fixed label list, in the order of the vocabulary."""
        return ordered(self.labels.values())

    @cached_property
    def released_ids(self) -> dict[str, list[str]]:
        """`fold1` …: the ids each released fold tests; `train`: those that none does. Empty without lists."""
        files = sorted((RELEASED / self.name).glob("*.txt"))
        return {file.stem: file.read_text(encoding="utf-8").splitlines() for file in files}

    def scan(self, root: str | Path, allow_missing: bool = False) -> list[Utterance]:
        """Find and read every utterance below `root`, sorted by id.

        Raises:
            CorpusError: nothing or less than the whole corpus is there (less is fine with `allow_missing`),
                two files claim one id, or a label is not in the corpus's map.
        """
        utterances: dict[str, Utterance] = {}
        for path, fields in self.read(CorpusFolder(root)):
            utterance = self._utterance(Path(root), path, fields)
            if (twin := utterances.setdefault(utterance.id, utterance)) is not utterance:
                raise CorpusError(
                    f"Expected one file for utterance {utterance.id} of {self.display_name}, but got "
                    f"{twin.path} and {utterance.path}; remove the copy that is not the corpus's."
                )
        self._check_complete(root, utterances, allow_missing)
        return [utterances[id] for id in sorted(utterances)]

    def _utterance(self, root: Path, path: str, fields: Fields) -> Utterance:
        values = {"id": Path(path).stem, "language": self.languages[0], **fields}
        values["id"] = f"{self.id_prefix or self.name}-{values['id']}"
        raw_label = values["raw_label"]
        if raw_label not in self.labels:
            raise CorpusError(
                f"Expected {root / path} to carry one of the raw labels {', '.join(self.labels)}, but got "
                f"{raw_label!r}; compare the file with the corpus at {self.homepage}."
            )
        return Utterance(path=str(root / path), label=self.labels[raw_label], **values)

    def _check_complete(self, root: str | Path, found: Mapping[str, Utterance], allow_missing: bool) -> None:
        if not found:
            raise CorpusError(
                f"Expected the files of {self.display_name} (such as {self.example}) below {root}, but found "
                f"none; point data_dir at the folder that holds them. The corpus comes from {self.homepage}."
            )
        missing = self.utterances - len(found)
        if missing > 0 and not allow_missing:
            listed = [id for ids in self.released_ids.values() for id in ids if id not in found]
            names = f" Missing first: {', '.join(sorted(listed)[:5])}." if listed else ""
            raise CorpusError(
                f"Expected {self.utterances} utterances of {self.display_name} below {root}, but got "
                f"{len(found)}: {missing} missing.{names} Complete the copy from {self.homepage}, or pass "
                f"allow_missing=True (--allow-missing) to go on with what is there; scores are then not "
                f"comparable with published ones, and the number missing is recorded."
            )
        if missing < 0:
            raise CorpusError(
                f"Expected {self.utterances} utterances of {self.display_name} below {root}, but got "
                f"{len(found)}; remove what is not part of the corpus as published at {self.homepage}."
            )
