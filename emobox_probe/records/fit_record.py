"""The record of a classifier that was made to be used: what it was trained on, and what score is to be expected."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from pydantic import Field, model_validator

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.protocol import STRICT
from emobox_probe.records.interval import Interval, Scores, Share, score_line
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.result import CorpusRecord, Provenance, percent
from emobox_probe.records.shown import ShownRecord
from emobox_probe.report.pictures import Picture

FIT_FILE = "fit.json"


class GroupScore(Record):
    """Scores of the tested utterances of one group, such as one gender, or of one pair of corpora.

    `interval` is None in older records.
    """

    by: str
    group: str
    utterances: int
    scores: Scores
    interval: Interval | None = None


class Expected(Record):
    """What a protocol says of such classifiers: the score of heads on utterances that they were not trained on.

    Never a score of the classifier on what it was trained on. `recall` is of every label, all tested utterances
    together (None: none was tested); `confusion` (C, C) is theirs. `interval` is None between corpora, where each pair
    has its own. `new_speakers`: whether nobody who was tested had been trained on (None: not known, and in older
    records).
    """

    of: str
    protocol: str
    scores: Scores
    interval: Interval | None
    recall: dict[str, Share | None]
    confusion: list[list[int]]
    groups: list[GroupScore]
    remarks: list[str]
    new_speakers: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _new_by_protocol(cls, content: Any) -> Any:
        """Older records do not say it, but `strict` has no other speakers."""
        if isinstance(content, dict) and content.get("protocol") == STRICT.name:
            return {"new_speakers": True, **content}
        return content

    @property
    def text(self) -> str:
        """UA in percent with its interval, and of what it is."""
        interval = f" ({self.interval.text('ua')})" if self.interval else ""
        return f"UA {100 * self.scores.ua:.1f}{interval}: {self.of}"


class FitSettings(Record):
    """What validation chose most often over folds and seeds, and how much was trained on."""

    layer: str
    learning_rate: float
    hidden: int
    epochs: int
    seeds: list[int]
    training: int


class FitRecord(ShownRecord):
    """A classifier to be used. `way`: trained on all of its corpora, or the heads of all folds and seeds together.

    `settings` are None of an ensemble, whose heads have their own. `heads_sha256` is of the file of heads beside it.
    """

    FILE: ClassVar[str] = FIT_FILE

    kind: Literal["fit"] = "fit"
    schema_version: Literal[1] = 1
    way: Literal["whole", "ensemble"]
    encoder: EncoderFacts
    store_dtype: str
    labels: list[str] = Field(min_length=2)
    corpora: list[CorpusRecord]
    protocol: dict[str, Any]
    settings: FitSettings | None
    expected: Expected
    heads_sha256: str
    provenance: Provenance

    @property
    def title(self) -> str:
        trained = " and ".join(corpus.name for corpus in self.corpora)
        how = "trained on all of" if self.way == "whole" else "the heads of all folds and seeds on"
        return f"{self.encoder.name}, {how} {trained}"

    @property
    def intervals(self) -> list[Interval]:
        return [self.expected.interval] if self.expected.interval else []

    def table(self) -> pd.DataFrame:
        """What is to be expected, in percent: all together, then every group."""
        rows = [{"expected of": "new recordings", **percent(self.expected.scores)}]
        rows += [{"expected of": f"{g.by} {g.group}", **percent(g.scores)} for g in self.expected.groups]
        return pd.DataFrame(rows)

    def pictures(self) -> dict[str, Picture]:
        """The confusion matrix of what is to be expected."""
        from emobox_probe.report.pictures import confusion_picture

        title = f"Expected: {self.expected.of}\n{score_line(self.expected.scores, self.expected.interval)} (percent)"
        counted = "predictions of all folds and seeds"
        return {
            "confusion.png": confusion_picture(self.expected.confusion, self.labels, title, counted=counted)
        }


def read_fit(folder: str | Path) -> FitRecord:
    """Read `fit.json` of a folder.

    Raises:
        ProbeError: there is none, or it is no such record.
    """
    return read_json(Path(folder) / FIT_FILE, FitRecord, "record of a fit", run="run `emobox fit`")
