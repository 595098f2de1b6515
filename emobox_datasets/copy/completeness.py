"""Whether what a folder holds of a corpus is all of the release, and nothing else."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from emobox_datasets.copy.utterance import Findings, Folds, OwnSplit, SpeakerFolds
from emobox_datasets.errors import CorpusError

NAMES_SHOWN = 5


class Card(Protocol):
    """What of the card of a corpus a copy is held against."""

    @property
    def display_name(self) -> str: ...
    @property
    def example(self) -> str: ...
    @property
    def whence(self) -> str: ...
    @property
    def utterances(self) -> int: ...
    @property
    def listed_ids(self) -> frozenset[str]: ...
    @property
    def folds(self) -> Folds: ...


def check_complete(corpus: Card, root: str | Path, findings: Findings, allow_missing: bool) -> None:
    """Hold the findings against the numbers and lists of the release.

    Raises:
        CorpusError: nothing, less (unless `allow_missing`) or more than the release was found.
    """
    if not findings.utterances:
        raise CorpusError(_nothing(corpus, root, findings))
    if unexpected := _unexpected(corpus, findings):
        missing_names = _names_missing(corpus, findings)
        raise CorpusError(
            f"Expected {corpus.utterances} utterances of {corpus.display_name} below {root}, but got "
            f"{len(findings.utterances)}; {unexpected}; keep only the corpus as it comes from {corpus.whence}."
            + (f" Missing: {len(missing_names)}, first {_first(missing_names)}." if missing_names else "")
        )
    missing = corpus.utterances - len(findings.utterances)
    if missing > 0 and not allow_missing:
        raise CorpusError(
            f"Expected {corpus.utterances} utterances of {corpus.display_name} below {root}, but got "
            f"{len(findings.utterances)}: {missing} missing.{_which_missing(corpus, findings)}{_ignored(findings)} "
            f"Complete the copy from {corpus.whence}, or pass allow_missing=True (--allow-missing) to go on with what "
            f"is there; scores are then not comparable with published ones, and the number missing is recorded."
        )


def _nothing(corpus: Card, root: str | Path, findings: Findings) -> str:
    """What to say where no utterance has its audio: annotation files may be there all the same."""
    if findings.absent:
        return (
            f"Expected the audio of {corpus.display_name} (such as {corpus.example}) below {root}, but found none; the "
            f"annotation is there and lists {len(findings.absent)} utterances, first "
            f"{', '.join(findings.absent[:NAMES_SHOWN])}.{_ignored(findings)} Copy the audio there from "
            f"{corpus.whence}."
        )
    return (
        f"Expected the files of {corpus.display_name} (such as {corpus.example}) below {root}, but found none; "
        f"name the folder that holds them.{_ignored(findings)} The corpus comes from {corpus.whence}."
    )


def _unexpected(corpus: Card, findings: Findings) -> str:
    """What was found but is not the corpus's; empty if all is well."""
    found = findings.utterances
    if corpus.listed_ids and (unlisted := [u.id for u in found if u.id not in corpus.listed_ids]):
        return f"the release does not have {len(unlisted)} of them, first {', '.join(unlisted[:NAMES_SHOWN])}"
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


def _which_missing(corpus: Card, findings: Findings) -> str:
    """Names of what is missing, as far as lists, annotation files or speakers tell."""
    if names := _names_missing(corpus, findings):
        return f" Missing first: {_first(names)}."
    if not isinstance(corpus.folds, SpeakerFolds):
        return ""
    counts = Counter(utterance.speaker for utterance in findings.utterances)
    speakers = sorted((counts[speaker], speaker) for group in corpus.folds.groups for speaker in group)
    fewest = ", ".join(f"{speaker} ({count})" for count, speaker in speakers[:NAMES_SHOWN])
    return f" Speakers with the fewest utterances: {fewest}."


def _names_missing(corpus: Card, findings: Findings) -> list[str]:
    """Ids of what is missing, as far as lists or annotation files tell."""
    found = {utterance.id for utterance in findings.utterances}
    return sorted(corpus.listed_ids - found) or findings.absent


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN])


def _ignored(findings: Findings) -> str:
    """What lies below the folder but was not looked into: what is missing may be there."""
    told = f" Ignored there: {_first(findings.ignored)}." if findings.ignored else ""
    if findings.other_case:
        told += (
            f" Files that differ from the published names in case only: {len(findings.other_case)}, first "
            f"{_first(findings.other_case)}; give them the published names."
        )
    return told
