"""What a module in `corpora/` fills in: the card of a corpus (`Corpus`), and how its names are read."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import emobox_datasets.copy.placeholders as placeholders
from emobox_datasets.copy.completeness import check_complete
from emobox_datasets.copy.duplicates import choose
from emobox_datasets.copy.folder import AUDIO, CorpusFolder, composed, stem
from emobox_datasets.copy.raters.tables import (
    OptionalTable,
    Scale,
    annotated,
    read_ratings,
    say_what_is_off_scale,
)
from emobox_datasets.copy.utterance import (
    INCOMPARABLE,
    PARTS,
    Findings,
    Folds,
    OwnSplit,
    ReleasedLists,
    SpeakerFolds,
    Utterance,
)
from emobox_datasets.errors import CorpusError, printable
from emobox_datasets.labels import ordered
from emobox_datasets.released.utterances import RELEASED, released_utterances
from emobox_datasets.sources.source import Recipe, Source

__all__ = [
    "BALANCED",
    "INCOMPARABLE",
    "MIXED",
    "PARTS",
    "RELEASED",
    "Corpus",
    "Fields",
    "Findings",
    "Folds",
    "OwnSplit",
    "Reader",
    "ReleasedLists",
    "SpeakerFolds",
    "Utterance",
    "check_complete",
    "from_names",
    "gender",
    "gender_of_number",
]

logger = logging.getLogger(__name__)

# In its folder, beside the lists of folds: the balanced test set of the paper's Section 2.3.
BALANCED = "balanced"
# What `Utterance.language` says where a corpus has several and does not tell which one an utterance is in.
MIXED = "mix"
# What a corpus's names or annotation files tell of one file: the fields of Utterance but path and label, and
# the corpus's `details` by name. `id` is the base name without extension unless told. `origin`, where told,
# is the annotation file and line that errors should name instead of the audio file. `ending`, where told, is how the
# published name of this file ends, if it is not as in `Corpus.example`.
Fields = Mapping[str, Any]
# (path relative to the root, fields) of every utterance; path None: annotated, but its audio is not there.
Reader = Callable[[CorpusFolder], Iterable[tuple[str | None, Fields]]]


def from_names(
    pattern: str,
    fields: Callable[[re.Match[str]], Fields] = re.Match.groupdict,
    name: Callable[[str], str] = stem,
    spelling: Callable[[str], str] | None = None,
) -> Reader:
    """A reader for corpora whose file names tell everything.

    Args:
        pattern: regular expression for the base name (or the last path parts) of an audio file as published.
            It should end in the published ending, such as `\\.wav`: files of another audio ending match too, and
            yield the same id.
        fields: from a match to the fields it tells; by default the pattern's named groups.
        name: from the path to the id (without its prefix), unless `fields` tells one.
        spelling: `str.lower` or `str.upper`, where published names are all of one case: a copy need not be.
    """

    def read(folder: CorpusFolder) -> Iterator[tuple[str, Fields]]:
        for path, match in folder.find(pattern, spelling):
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
    utterances that the released lists do not name (they are left out); empty: it may not. `example` is a path
    such as a user would see, and ends as published audio files end; with `speakers_of_release` the release says
    who speaks, whatever the copy's tables say; `tables` are what a copy may lack, such as raters' votes; `intended`:
    the label is what was acted, while raters said what they perceived; `scales` are the lowest and the highest rating
    that numbers among the details could have; `synthesise` writes the corpus into an empty folder (built-in corpora
    only). `download` is the record from which anyone may fetch the corpus, or how to ask for it.
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
    speakers_of_release: bool = False
    tables: tuple[OptionalTable, ...] = ()
    intended: bool = False
    scales: Mapping[str, Scale] = field(default_factory=dict)
    synthesise: Callable[[Path], None] | None = None
    download: Source | Recipe | None = None

    @property
    def whence(self) -> str:
        """Where a copy comes from, to end a sentence with."""
        return self.homepage or "the package itself: leave data_dir out, and it is made"

    @property
    def made_up(self) -> str:
        """What of it is no recording of people and no answer of theirs, in words; empty where nothing is."""
        made = "Utterances and raters" if self.tables else "Utterances"
        return f"{made} of {self.display_name} are made up" if self.synthesise else ""

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
    def released_speakers(self) -> dict[str, str]:
        """Id to speaker in the release, where editions of the corpus's tables differ in who speaks; else empty."""
        told = released_utterances(self.name) if self.speakers_of_release else {}
        return {id: released.speaker for id, released in told.items() if released.speaker}

    @cached_property
    def released_names(self) -> dict[str, str]:
        """Id to base name, where the release says which of several recordings it means."""
        return {id: name for lines in self._released_lines.values() for id, name in lines if name}

    @cached_property
    def listed_ids(self) -> frozenset[str]:
        """Every id of the release, where it is lists; empty where a rule makes the folds."""
        return frozenset(id for ids in self.released_ids.values() for id in ids)

    @cached_property
    def ending(self) -> str:
        """How the names of the published audio files end, in lower case; empty where `example` does not say."""
        ending = Path(self.example).suffix.lower()
        return ending if ending in AUDIO else ""

    def scan(self, root: str | Path, allow_missing: bool = False) -> list[Utterance]:
        """Find and read every utterance below `root`, sorted by id.

        Raises:
            CorpusError: nothing or less than the whole corpus is there (less is fine with `allow_missing`),
                more than the corpus is there, two files that differ claim one id, a label is not in the corpus's
                map, or files are placeholders (`placeholders.recognise`), which count as missing with
                `allow_missing`.
        """
        findings = self.find(root)
        if allow_missing:
            findings.utterances[:] = placeholders.without(self.display_name, findings.utterances)
        check_complete(self, root, findings, allow_missing)
        placeholders.check(self.display_name, findings.utterances)
        self.warn_of_missing(len(findings.utterances))
        self._log(findings)
        return self._annotated(root, findings.utterances)

    def ratings(self, root: str | Path) -> dict[str, dict[str, Any]]:
        """What raters said, by id, from the tables in `root`, where there need be no audio.

        Raises:
            CorpusError: there is no such table, or one is not as published.
        """
        told = read_ratings(self.tables, CorpusFolder(root), self.id_prefix or self.name)
        if not told:
            known = " and ".join(table.name for table in self.tables if table.by == "id")
            raise CorpusError(
                f"Expected what raters said of {self.display_name} below {root}, but got no "
                f"{known or 'such table: none is known of this corpus'}; "
                f"{f'copy it there from {self.whence}' if known else 'choose another corpus'}."
            )
        return told

    def _annotated(self, root: str | Path, utterances: list[Utterance]) -> list[Utterance]:
        if not (self.tables or self.scales):
            return utterances
        say_what_is_off_scale(utterances, self.scales, self.display_name)
        prefix = self.id_prefix or self.name
        return annotated(utterances, self.tables, CorpusFolder(root), self.display_name, prefix)

    def warn_of_missing(self, loaded: int) -> None:
        """Say how many utterances a copy lacks of which so many were loaded; nothing where it is whole."""
        if missing := self.utterances - loaded:
            logger.warning(
                f"Loaded {loaded:,} of {self.utterances:,} utterances of {self.display_name}: {missing:,} missing; "
                f"{INCOMPARABLE}."
            )

    def _log(self, findings: Findings) -> None:
        """What a user should know of a copy that loads."""
        name, why = self.display_name, self.beyond_release or self.notes
        noted = (
            ("Left out", findings.left_out, f"files of {name} that the release does not mean", why),
            ("Read", findings.converted, f"files of {name} that are in another container than published", ""),
            ("Left out", findings.surplus, f"converted files of {name} beside the published ones", ""),
            ("Left out", findings.equal_copies, f"second copies of files of {name}, equal byte for byte", ""),
        )
        for verb, utterances, what, remark in noted:
            if utterances:
                first = printable(utterances[0].path)
                logger.warning(f"{verb} {len(utterances)} {what}, first {first}. {remark}".strip())
        if findings.ignored:
            logger.warning(
                f"Ignored {len(findings.ignored)} entries in the folder of {name}, first {findings.ignored[0]}."
            )

    def find(self, root: str | Path) -> Findings:
        """What is below `root`, complete or not.

        Raises:
            CorpusError: two files that differ claim one id, what should be a file of the corpus is none, or a label
                is not in the corpus's map.
        """
        folder = CorpusFolder(root)
        claims: dict[str, list[Utterance]] = {}
        absent, converted = [], set()
        for path, fields in self.read(folder):
            if path is None:
                absent.append(self._full_id(fields["id"]))
                continue
            utterance = self._utterance(f"{folder.root}/{path}", fields)
            claims.setdefault(utterance.id, []).append(utterance)
            ending = fields.get("ending", self.ending)
            if not (path.endswith(ending) or path.lower().endswith(ending)):
                converted.add(utterance.path)
        findings = Findings([], sorted(absent), [])
        for id, claimed in sorted(claims.items()):
            if self.beyond_release and id not in self.listed_ids:
                findings.left_out.extend(claimed)
            elif len(claimed) == 1:
                findings.utterances.extend(claimed)
            else:
                self._sort_out(claimed, findings)
        findings.converted.extend(
            utterance for utterance in findings.utterances if utterance.path in converted
        )
        _note_copies(folder, findings)
        return findings

    def _sort_out(self, claims: list[Utterance], findings: Findings) -> None:
        """Put each of the files that claim one id where it belongs: the release may say which it means."""
        id, paths = claims[0].id, [claim.path for claim in claims]
        if len(set(paths)) < len(paths):
            raise CorpusError(
                f"Expected utterance {id} of {self.display_name} once, but got it twice, from {paths[0]}; replace the "
                f"annotation files with the originals."
            )
        name = stem(self.released_names.get(id, ""))
        named = [path for path in paths if name and stem(composed(path)) == name]
        choice = choose(named or paths, self.ending, f"utterance {id} of {self.display_name}")
        for claim in claims:
            if claim.path == choice.file:
                findings.utterances.append(claim)
            elif claim.path in choice.equal:
                findings.equal_copies.append(claim)
            elif claim.path in choice.converted:
                findings.surplus.append(claim)
            else:
                findings.left_out.append(claim)

    def _full_id(self, name: str) -> str:
        return f"{self.id_prefix or self.name}-{name}"

    def _utterance(self, file: str, fields: Fields) -> Utterance:
        values = {"id": stem(file), **fields}
        origin = values.pop("origin", file)
        values.pop("ending", None)
        raw_label = values["raw_label"]
        if raw_label not in self.labels:
            raise CorpusError(
                f"Expected one of the raw labels {', '.join(self.labels)} in {origin}, but got {raw_label!r}; "
                f"compare it with the corpus from {self.whence}."
            )
        if values.get("split") not in (None, *PARTS):
            raise ValueError(f"Expected split to be one of {PARTS} or None, but got {values['split']!r}.")
        id = values["id"] = self._full_id(values["id"])
        if id in self.released_speakers:
            values["speaker"] = self.released_speakers[id]
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


def _note_copies(folder: CorpusFolder, findings: Findings) -> None:
    """Add to the findings what reading the folder passed over: copies of single files, and what is no file."""
    used = {utterance.path: utterance for utterance in findings.utterances} if folder.copies else {}
    for choice in folder.copies.values():
        if utterance := used.get(choice.file):
            findings.equal_copies.extend(replace(utterance, path=path) for path in choice.equal)
            findings.surplus.extend(replace(utterance, path=path) for path in choice.converted)
        else:
            first = folder.relative(choice.file)
            findings.ignored.extend(f"{folder.relative(path)}: equal to {first}" for path in choice.equal)
    findings.ignored.extend(f"{printable(path)}: {reason}" for path, reason in folder.ignored.items())
    findings.ignored.sort()
    read = {utterance.path for utterance in findings.utterances} if folder.other_case else set()
    findings.other_case.extend(
        sorted(printable(path) for path in folder.other_case if f"{folder.root}/{path}" not in read)
    )
