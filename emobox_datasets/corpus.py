"""What a module in `corpora/` fills in (`Corpus`) and what reading a corpus yields (`Utterance`)."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emobox_datasets.errors import CorpusError
from emobox_datasets.folder import CorpusFolder, base_name, stem
from emobox_datasets.labels import ordered

logger = logging.getLogger(__name__)

RELEASED = Path(__file__).parent / "released"
# In its folder, beside the lists of folds: the balanced test set of the paper's Section 2.3.
BALANCED = "balanced"
# What `Utterance.language` says where a corpus has several and does not tell which one an utterance is in.
MIXED = "mix"
PARTS = ("train", "validation", "test")
# What a copy of a corpus that is not whole cannot give.
INCOMPARABLE = "scores are not comparable with published ones"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labelled span of audio.

    `start` and `end` are seconds into the file (None: the whole file); `channel` counts from 1 (None: average
    all); `split` is the part of the corpus's own split (train, validation, test; None: in none of them, or the
    corpus has no split that the benchmark uses); `details` holds what else the corpus tells.
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

# What a corpus's names or annotation files tell of one file: the fields of Utterance but path and label, and
# the corpus's `details` by name. `id` is the base name without extension unless told. `origin`, where told,
# is the annotation file and line that errors should name instead of the audio file.
Fields = Mapping[str, Any]
# (path relative to the root, fields) of every utterance; path None: annotated, but its audio is not there.
Reader = Callable[[CorpusFolder], Iterable[tuple[str | None, Fields]]]


def from_names(
    pattern: str,
    fields: Callable[[re.Match[str]], Fields] = re.Match.groupdict,
    name: Callable[[str], str] = stem,
) -> Reader:
    """A reader for corpora whose file names tell everything.

    Args:
        pattern: regular expression for the base name (or the last path parts) of an audio file.
        fields: from a match to the fields it tells; by default the pattern's named groups.
        name: from the path to the id (without its prefix), unless `fields` tells one.
    """

    def read(folder: CorpusFolder) -> Iterator[tuple[str, Fields]]:
        for path, match in folder.find(pattern):
            yield path, {"id": name(match.string), **fields(match)}

    return read


def gender(letter: str) -> str:
    """What the first letter of a name's gender part stands for.

    >>> gender("F"), gender("male"), gender("W")
    ('female', 'male', 'female')
    """
    return {"f": "female", "w": "female", "m": "male"}[letter[0].lower()]


def gender_of_number(number: str) -> str:
    """Odd numbers are men and even ones women in the corpora that count their actors so."""
    return "female" if int(number) % 2 == 0 else "male"


@dataclass(frozen=True)
class Corpus:
    """The card of one corpus: facts, and how to read a copy of it.

    `labels` maps raw labels to labels; `unscored` are labels of the release that a score should leave out,
    because they name no emotion or cannot be tested: they stay in the released folds and in `all`, and are in
    no completed or strict fold. `utterances` is the number in the release; `speakers` is 0 where the corpus
    does not tell them; `same_speaker` maps a speaker to the one that it most likely is, mistyped: strict folds
    keep both together. `details` names further columns and their types. `beyond_release`: why a copy may hold
    utterances that the released lists do not name (they are left out); empty: it may not. `copies`: the
    archive as published holds some files twice, byte for byte. `example` is a path such as a user would see;
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
    folds: Folds
    example: str
    id_prefix: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    unscored: tuple[str, ...] = ()
    same_speaker: Mapping[str, str] = field(default_factory=dict)
    beyond_release: str = ""
    copies: bool = False
    synthesise: Callable[[Path], None] | None = None

    @property
    def whence(self) -> str:
        """Where a copy comes from, to end a sentence with."""
        return self.homepage or "the package itself: leave data_dir out, and it is made"

    @cached_property
    def label_list(self) -> tuple[str, ...]:
        """The corpus's fixed label list, in the order of the vocabulary."""
        return ordered(self.labels.values())

    @cached_property
    def scored_labels(self) -> tuple[str, ...]:
        """The label list without the labels that a score should leave out."""
        return tuple(label for label in self.label_list if label not in self.unscored)

    @cached_property
    def _released_lines(self) -> dict[str, list[tuple[str, str]]]:
        """List name to (id, base name of its file or empty) of every line."""
        files = sorted((RELEASED / self.name).glob("*.txt"))
        return {
            file.stem: [line.partition("\t")[::2] for line in file.read_text(encoding="utf-8").splitlines()]
            for file in files
            if file.stem != BALANCED
        }

    @cached_property
    def released_ids(self) -> dict[str, list[str]]:
        """`fold1` …: the ids each released fold tests; `train`: those that none does. Empty without lists."""
        return {name: [id for id, _ in lines] for name, lines in self._released_lines.items()}

    @cached_property
    def balanced_ids(self) -> frozenset[str]:
        """The published balanced test set, `released/<corpus>/balanced.txt`; empty where there is none."""
        file = RELEASED / self.name / f"{BALANCED}.txt"
        return frozenset(file.read_text(encoding="utf-8").splitlines() if file.is_file() else ())

    @cached_property
    def released_names(self) -> dict[str, str]:
        """Id to base name, where the release says which of several recordings it means."""
        return {id: name for lines in self._released_lines.values() for id, name in lines if name}

    @cached_property
    def listed_ids(self) -> frozenset[str]:
        """Every id of the release, where it is lists; empty where a rule makes the folds."""
        return frozenset(id for ids in self.released_ids.values() for id in ids)

    def scan(self, root: str | Path, allow_missing: bool = False) -> list[Utterance]:
        """Find and read every utterance below `root`, sorted by id.

        Raises:
            CorpusError: nothing or less than the whole corpus is there (less is fine with `allow_missing`),
                more than the corpus is there, two files claim one id, or a label is not in the corpus's map.
        """
        findings = self.find(root)
        check_complete(self, root, findings, allow_missing)
        self.warn_of_missing(len(findings.utterances))
        if findings.left_out:
            logger.warning(
                f"Left out {len(findings.left_out)} files of {self.display_name} that the release does not mean, "
                f"first {findings.left_out[0].path}. {self.beyond_release or self.notes}"
            )
        return findings.utterances

    def warn_of_missing(self, loaded: int) -> None:
        """Say how many utterances a copy lacks of which so many were loaded; nothing where it is whole."""
        if missing := self.utterances - loaded:
            logger.warning(
                f"Loaded {loaded:,} of {self.utterances:,} utterances of {self.display_name}: {missing:,} missing; "
                f"{INCOMPARABLE}."
            )

    def find(self, root: str | Path) -> "Findings":
        """What is below `root`, complete or not.

        Raises:
            CorpusError: two files claim one id, or a label is not in the corpus's map.
        """
        folder = CorpusFolder(root)
        claims: dict[str, list[Utterance]] = {}
        absent = []
        for path, fields in self.read(folder):
            if path is None:
                absent.append(self._full_id(fields["id"]))
            else:
                utterance = self._utterance(f"{folder.root}/{path}", fields)
                claims.setdefault(utterance.id, []).append(utterance)
        found, left_out = [], []
        for id, claimed in sorted(claims.items()):
            chosen = None if self.beyond_release and id not in self.listed_ids else self._chosen(claimed)
            found += [claim for claim in claimed if claim is chosen]
            left_out += [claim for claim in claimed if claim is not chosen]
        return Findings(found, sorted(absent), left_out)

    def _chosen(self, claims: list[Utterance]) -> Utterance:
        """Of the files that claim one id: the one that the release names, or any of equal copies."""
        id = claims[0].id
        named = [claim for claim in claims if base_name(claim.path) == self.released_names.get(id)]
        first, *others = named or claims
        if others and not (self.copies and all(_same_bytes(first, other) for other in others)):
            raise CorpusError(
                f"Expected one file for utterance {id} of {self.display_name}, but got {first.path} and "
                f"{others[0].path}; remove the copy that is not the corpus's."
            )
        return first

    def _full_id(self, name: str) -> str:
        return f"{self.id_prefix or self.name}-{name}"

    def _utterance(self, file: str, fields: Fields) -> Utterance:
        values = {"id": stem(file), **fields}
        origin = values.pop("origin", file)
        raw_label = values["raw_label"]
        if raw_label not in self.labels:
            raise CorpusError(
                f"Expected one of the raw labels {', '.join(self.labels)} in {origin}, but got {raw_label!r}; "
                f"compare it with the corpus from {self.whence}."
            )
        if values.get("split") not in (None, *PARTS):
            raise ValueError(f"Expected split to be one of {PARTS} or None, but got {values['split']!r}.")
        values["id"] = self._full_id(values["id"])
        values.setdefault("language", self.languages[0] if len(self.languages) == 1 else MIXED)
        details = {
            name: _detail(name, dtype, values.pop(name, None), origin) for name, dtype in self.details.items()
        }
        return Utterance(path=file, label=self.labels[raw_label], details=details, **values)


# Regular expressions and tables yield text; the columns that `Corpus.details` declares may be numbers.
_NUMBERS: Mapping[str, Callable[[Any], float]] = {"int32": int, "float32": float}


def _detail(name: str, dtype: str, value: Any, origin: str) -> Any:
    if value is None or dtype not in _NUMBERS:
        return value
    try:
        return _NUMBERS[dtype](value)
    except ValueError:
        raise CorpusError(
            f"Expected a number as {name} in {origin}, but got {value!r}; replace the file with the original."
        ) from None


def _same_bytes(one: Utterance, other: Utterance) -> bool:
    return one.path != other.path and Path(one.path).read_bytes() == Path(other.path).read_bytes()


@dataclass(frozen=True)
class Findings:
    """What a folder holds of a corpus.

    `utterances` sorted by id; `absent`: ids that an annotation file lists but whose audio is not there;
    `left_out`: files that the release does not mean (see `Corpus.beyond_release`, `Corpus.copies` and
    `Corpus.released_names`); `converted`: those of `utterances` in another container than published;
    `equal_copies`: second files of utterances, byte for byte; `ignored`: what cannot be read, as "path: why".
    """

    utterances: list[Utterance]
    absent: list[str]
    left_out: list[Utterance]
    converted: list[Utterance] = field(default_factory=list)
    equal_copies: list[Utterance] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def check_complete(corpus: Corpus, root: str | Path, findings: Findings, allow_missing: bool) -> None:
    """Hold the findings against the numbers and lists of the release.

    Raises:
        CorpusError: nothing, less (unless `allow_missing`) or more than the release was found.
    """
    if not findings.utterances:
        raise CorpusError(
            f"Expected the files of {corpus.display_name} (such as {corpus.example}) below {root}, but found "
            f"none; point data_dir at the folder that holds them. The corpus comes from {corpus.whence}."
        )
    if unexpected := _unexpected(corpus, findings):
        raise CorpusError(
            f"Expected {corpus.utterances} utterances of {corpus.display_name} below {root}, but got "
            f"{len(findings.utterances)}; {unexpected}; keep only the corpus as it comes "
            f"from {corpus.whence}."
        )
    missing = corpus.utterances - len(findings.utterances)
    if missing > 0 and not allow_missing:
        raise CorpusError(
            f"Expected {corpus.utterances} utterances of {corpus.display_name} below {root}, but got "
            f"{len(findings.utterances)}: {missing} missing.{_which_missing(corpus, findings)} Complete the copy "
            f"from {corpus.whence}, or pass allow_missing=True (--allow-missing) to go on with what is there; "
            f"scores are then not comparable with published ones, and the number missing is recorded."
        )


def _unexpected(corpus: Corpus, findings: Findings) -> str:
    """What was found but is not the corpus's; empty if all is well."""
    found = findings.utterances
    if corpus.listed_ids and (unlisted := [u.id for u in found if u.id not in corpus.listed_ids]):
        return f"the release does not have {len(unlisted)} of them, first {', '.join(unlisted[:5])}"
    rule = corpus.folds
    if isinstance(rule, SpeakerFolds):
        known = {speaker for group in rule.groups for speaker in group}
        if strangers := {u.speaker: u.path for u in found if u.speaker not in known}:
            speaker, path = next(iter(strangers.items()))
            return f"{path} is of speaker {speaker}, whom the corpus does not have"
    if isinstance(rule, OwnSplit):
        counts = Counter(u.split for u in found)
        for part, size in rule.sizes.items():
            if counts[part] > size:
                return f"its {part} part should have {size}, but has {counts[part]}"
    return "that is more than it has" if len(found) > corpus.utterances else ""


def _which_missing(corpus: Corpus, findings: Findings) -> str:
    """Names of what is missing, as far as lists, annotation files or speakers tell."""
    found = {utterance.id for utterance in findings.utterances}
    if names := sorted(corpus.listed_ids - found) or findings.absent:
        return f" Missing first: {', '.join(names[:5])}."
    if not isinstance(corpus.folds, SpeakerFolds):
        return ""
    counts = Counter(utterance.speaker for utterance in findings.utterances)
    speakers = sorted((counts[speaker], speaker) for group in corpus.folds.groups for speaker in group)
    fewest = ", ".join(f"{speaker} ({count})" for count, speaker in speakers[:5])
    return f" Speakers with the fewest utterances: {fewest}."
