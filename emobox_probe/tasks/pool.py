"""The utterances that an experiment is on: one corpus, or several one after another, as rows of their features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import datasets
import pandas as pd
import torch
from torch import Tensor

import emobox_datasets.folds.balanced as balanced
from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.partition import partition
from emobox_datasets.loading.builder import StoredItem, stored_items
from emobox_probe.config import TestSet
from emobox_probe.errors import ProbeError
from emobox_probe.tasks.ratings import Ratings
from emobox_probe.tasks.subset import first_of_each_label

# Stands for a label that heads must not see: outside the label space, or of a tested utterance.
HIDDEN = -1
# What a table of predictions says of utterances beside who speaks, where the corpus tells it.
NUMBERED = ("age", "sentence", "intensity")
ABOUT = ["id", "gender", "language", "duration", "age", "race", "sentence", "intensity"]
# What a table of speakers may have in place of a gender in the names of files (CREMA-D).
SEX = "sex"


@dataclass
class Pool:
    """The utterances of several corpora, one after another, as rows of the features that heads see.

    With `limit`, parts have no more than that many utterances of each label. `ratings` are what raters said of every
    row, where heads learn that.
    """

    labels: tuple[str, ...]
    corpora: dict[str, Corpus] = field(default_factory=dict)
    items: dict[str, list[StoredItem]] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    audio: dict[str, datasets.Dataset] = field(default_factory=dict)
    limit: int | None = None
    ratings: Ratings | None = None

    @property
    def outputs(self) -> int:
        """How many numbers heads give: one a label, or one for each that raters gave."""
        return len(self.labels) if self.ratings is None else len(self.ratings.names)

    def add(self, corpus: Corpus, whole: datasets.Dataset) -> None:
        """Append a corpus as it is stored."""
        self.first[corpus.name] = sum(map(len, self.items.values()))
        self.corpora[corpus.name] = corpus
        self.items[corpus.name] = stored_items(whole, corpus)
        self.audio[corpus.name] = whole
        # Every task looks at these: they are kept until a corpus is added.
        for derived in ("all_items", "label_ids", "speakers"):
            self.__dict__.pop(derived, None)

    @cached_property
    def all_items(self) -> list[StoredItem]:
        return [item for items in self.items.values() for item in items]

    @cached_property
    def label_ids(self) -> Tensor:
        """Of every row (N,), `HIDDEN` where the label is outside the label space."""
        labels = [item.label for item in self.all_items]
        return torch.tensor(
            [self.labels.index(label) if label in self.labels else HIDDEN for label in labels]
        )

    @cached_property
    def speakers(self) -> list[str | None]:
        """Of every row; a name counts within its corpus."""
        return [
            None
            if item.speaker is None
            else f"{name} {self.corpora[name].same_speaker.get(item.speaker, item.speaker)}"
            for name, items in self.items.items()
            for item in items
        ]

    def parts(self, name: str, configuration: str) -> dict[str, Tensor]:
        """Rows of a corpus by the parts of a configuration, of the label space only."""
        items, first = self.items[name], self.first[name]
        parts = partition(self.corpora[name], configuration, items)
        if self.limit is not None:
            parts = {part: first_of_each_label(rows, items, self.limit) for part, rows in parts.items()}
        return {
            part: torch.tensor([row for row in rows if items[row].label in self.labels], dtype=torch.long)
            + first
            for part, rows in parts.items()
        }

    def rows(self, name: str, configuration: str, part: str) -> Tensor:
        """Rows of a corpus in one part of a configuration; none where it has no such part."""
        return self.parts(name, configuration).get(part, torch.empty(0, dtype=torch.long))

    def about(self) -> pd.DataFrame:
        """What else is known of every utterance: a column each of `ABOUT`, as far as corpora tell it."""
        tables = [_about(whole) for whole in self.audio.values()]
        if len(tables) > 1:  # corpora may number what others name
            tables = [
                table.astype({name: "string" for name in NUMBERED if name in table}) for table in tables
            ]
        return pd.concat(tables)

    def votes(self, name: str) -> dict[str, Mapping[str, float] | None]:
        """How many raters chose which label, or their share, by id, as far as the stored corpus tells."""
        whole = self.audio[name]
        return dict(zip(whole["id"], whole["votes"], strict=True)) if "votes" in whole.column_names else {}

    def tested(self, name: str, test: TestSet) -> Tensor:
        """Rows that a corpus is tested on.

        Raises:
            ProbeError: this copy of it has none of them.
        """
        rows = self.rows(name, "balanced", "test") if test == "balanced" else self.rows(name, "all", "train")
        if not len(rows):
            raise ProbeError(
                f"Expected utterances of {', '.join(self.labels)} in {name}, but got none; complete it."
            )
        return rows

    def remarks(self, targets: Sequence[str], test: TestSet) -> list[str]:
        """What a reader must know of the test sets."""
        if test == "all":
            tested = "all utterances" if self.limit is None else "utterances"
            return [f"Tested are {tested} of the labels {', '.join(self.labels)}."]
        told = []
        for name in targets:
            told += [f"{name}: {sentence}" for sentence in balanced.remarks(self.corpora[name])]
            here, listed = len(self.tested(name, test)), len(self.corpora[name].balanced_ids)
            if here < listed and self.limit is None:
                told.append(
                    f"{name}: {listed - here} of {listed} utterances are missing or outside the label space."
                )
        return told


def _about(whole: datasets.Dataset) -> pd.DataFrame:
    named = [name for name in (*ABOUT, SEX) if name in whole.column_names]
    table: pd.DataFrame = whole.select_columns(named).to_pandas()
    if SEX in table and table["gender"].isna().all():
        table["gender"] = table[SEX].str.lower()
    return table.drop(columns=SEX, errors="ignore")
