"""Tables that a copy of a corpus may lack, and how they meet the utterances: their absence changes nothing else."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.utterance import Utterance
from emobox_datasets.errors import CorpusError

logger = logging.getLogger(__name__)

# As types of a column: counts by label, of the labels in `OptionalTable.voted`, and what may be shares where a file
# tells no counts; then the type of the numbers in each.
VOTES, SHARES = "votes", "shares"
VOTE_TYPES = {VOTES: "int32", SHARES: "float64"}
# The lowest and the highest number that raters could give.
Scale = tuple[float, float]
# What a table says: key to column to value.
Table = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class OptionalTable:
    """A publisher's table on utterances or on speakers.

    `files` are the names it may have, any of which will do (none: it is in files that are always there); `read` reads
    it from a copy that has one of them, by ids without the corpus's prefix or, with `by="speaker"`, by speakers.
    `columns` names what it tells and its type, which is one of `datasets` or of `VOTE_TYPES`; `voted` are the labels
    that raters could choose; `scales` the lowest and the highest number.
    """

    files: tuple[str, ...]
    read: Callable[[CorpusFolder], Table]
    columns: Mapping[str, str]
    by: Literal["id", "speaker"] = "id"
    voted: tuple[str, ...] = ()
    scales: Mapping[str, Scale] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The names that it may have, in words."""
        return " or ".join(self.files) or "the annotation files"

    def read_if_there(self, folder: CorpusFolder) -> Table | None:
        """What it says; None where the copy lacks it.

        Raises:
            CorpusError: it is not as published, has votes for a label that none could choose, or numbers off the scale.
        """
        if self.files and not any(any(folder.find(re.escape(file))) for file in self.files):
            return None
        table = self.read(folder)
        for key, values in table.items():
            self._check(key, values)
        return table

    def _check(self, key: str, values: Mapping[str, Any]) -> None:
        for column, dtype in self.columns.items():
            value = values.get(column)
            if dtype in VOTE_TYPES and (unknown := (value or {}).keys() - set(self.voted)):
                raise CorpusError(
                    f"Expected votes for {', '.join(self.voted)} in {self.name}, but got one for "
                    f"{min(unknown)!r} ({key}); replace the file with the original."
                )
            if column in self.scales and is_off_scale(value, self.scales[column]):
                low, high = self.scales[column]
                raise CorpusError(
                    f"Expected {column} of {low:g} to {high:g} in {self.name}, but got {value:g} ({key}); replace the "
                    f"file with the original."
                )


def is_off_scale(value: float | None, scale: Scale) -> bool:
    """Whether a rating is there and none that could be given; NaN is none."""
    return value is not None and not scale[0] <= value <= scale[1]


def say_what_is_off_scale(utterances: Iterable[Utterance], scales: Mapping[str, Scale], corpus: str) -> None:
    """Say which ratings among the details could not be given; they are kept as the corpus has them."""
    for column, (low, high) in scales.items():
        off = [u.id for u in utterances if is_off_scale(u.details.get(column), (low, high))]
        if off:
            logger.warning(
                f"{corpus} has {len(off)} utterances whose {column} is not in {low:g} to {high:g}, first "
                f"{', '.join(off[:3])}; they are kept as they are."
            )


def votes_of(choices: Iterable[str], voted: Sequence[str]) -> dict[str, int]:
    """How many chose each label, of all that could be chosen and any other that was.

    >>> votes_of(["Sad", "Angry", "Sad"], ("Angry", "Neutral", "Sad"))
    {'Angry': 1, 'Neutral': 0, 'Sad': 2}
    """
    counts = Counter(choices)
    return {label: counts.pop(label, 0) for label in voted} | counts


def read_ratings(
    tables: Sequence[OptionalTable], folder: CorpusFolder, prefix: str
) -> dict[str, dict[str, Any]]:
    """What the tables on utterances tell, by full id, of a folder that has them; it needs no audio.

    Raises:
        CorpusError: a table is not as published.
    """
    ratings: dict[str, dict[str, Any]] = {}
    for table in tables:
        if table.by == "id":
            for key, values in (table.read_if_there(folder) or {}).items():
                ratings.setdefault(f"{prefix}-{key}", {}).update(values)
    return ratings


def annotated(
    utterances: Sequence[Utterance],
    tables: Sequence[OptionalTable],
    folder: CorpusFolder,
    corpus: str,
    prefix: str,
) -> list[Utterance]:
    """The utterances with what optional tables tell of them; says which table is not there or lacks utterances.

    Args:
        utterances: of the copy.
        tables: of the corpus.
        folder: the copy.
        corpus: its name, for messages.
        prefix: what its ids begin with and those of the tables do not.

    Raises:
        CorpusError: a table is not as published, or knows none of the utterances.
    """
    found = list(utterances)
    for table in tables:
        columns = ", ".join(table.columns)
        rows = table.read_if_there(folder)
        if rows is None:
            logger.warning(
                f"{corpus} is without {table.name}: nothing is in {columns}. Copy it there as published to have "
                f"them."
            )
            continue
        keys = [_key(utterance, table, prefix) for utterance in found]
        _say_what_is_missing(keys, rows, table, corpus)
        found = [
            replace(utterance, annotations={**utterance.annotations, **rows.get(key, {})})
            for utterance, key in zip(found, keys, strict=True)
        ]
    return found


def _key(utterance: Utterance, table: OptionalTable, prefix: str) -> str:
    return utterance.id.removeprefix(f"{prefix}-") if table.by == "id" else utterance.speaker or ""


def _say_what_is_missing(keys: Sequence[str], rows: Table, table: OptionalTable, corpus: str) -> None:
    missing = list(dict.fromkeys(key for key in keys if key not in rows))
    if keys and not set(keys) & rows.keys():
        raise CorpusError(
            f"Expected rows for utterances of {corpus} in {table.name}, but got {len(rows)} rows and none for "
            f"{keys[0]}; replace the file with the original, or remove it."
        )
    if missing:
        logger.warning(
            f"{table.name} of {corpus} lacks {len(missing)} of {len(set(keys))} {table.by}s, first "
            f"{', '.join(missing[:3])}: nothing is in their {', '.join(table.columns)}."
        )
