"""One labelled span of audio, the kinds of folds that utterances are cut into, and what a folder holds of a corpus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PARTS = ("train", "validation", "test")
# What a copy of a corpus that is not whole cannot give.
INCOMPARABLE = "scores are not comparable with published ones"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labelled span of audio.

    `start` and `end` are seconds into the file (None: the whole file); `channel` counts from 1 (None: average
    all); `split` is the part of the corpus's own split (train, validation, test; None: in none of them, or the
    corpus has no split that the benchmark uses); `details` holds what else the corpus tells, `annotations` what tables
    do that a copy may lack.
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
    annotations: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleasedLists:
    """Folds that no rule regenerates: `released/<corpus>/fold<k>.txt` lists the ids tested in fold k.

    One id a line. After a tab may stand the base name of the file that the release means, where a corpus has
    several recordings that claim one id.
    """

    count: int


@dataclass(frozen=True)
class SpeakerFolds:
    """Fold k tests the speakers of group k and trains on all others."""

    groups: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        return len(self.groups)


@dataclass(frozen=True)
class OwnSplit:
    """The one fold is the corpus's own split, told by `Utterance.split`; the numbers are its published sizes.

    `shares_speakers`: known speakers are in both train and test, so that strict folds are worth having.
    """

    train: int
    test: int
    validation: int = 0
    shares_speakers: bool = False
    count: int = field(default=1, init=False)

    @property
    def sizes(self) -> dict[str, int]:
        """Part to number of utterances, parts that the corpus lacks left out."""
        return {part: size for part in PARTS if (size := getattr(self, part))}


Folds = ReleasedLists | SpeakerFolds | OwnSplit


@dataclass(frozen=True)
class Findings:
    """What a folder holds of a corpus.

    `utterances` sorted by id; `absent`: ids that an annotation file lists but whose audio is not there;
    `left_out`: files that the release does not mean (see `Corpus.beyond_release` and `Corpus.released_names`);
    `converted`: those of `utterances` whose file is in another container than the published one; `surplus`:
    converted files that lie beside the published one, which is used; `equal_copies`: second copies, equal byte for
    byte; `ignored`: `path: reason` of what below the folder cannot be read as a file or a folder and is no file of the
    corpus, paths relative, made printable; `other_case`: files that differ from published names in case only, paths
    relative, made printable.
    """

    utterances: list[Utterance]
    absent: list[str]
    left_out: list[Utterance]
    converted: list[Utterance] = field(default_factory=list)
    surplus: list[Utterance] = field(default_factory=list)
    equal_copies: list[Utterance] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    other_case: list[str] = field(default_factory=list)
