"""The record of a classifier that was used as it is: nothing was trained, so its protocol is its own."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.records.interval import Interval, Scores, score_line
from emobox_probe.records.record import Record, read_json
from emobox_probe.records.result import CorpusRecord, Provenance, percent
from emobox_probe.records.shown import ShownRecord
from emobox_probe.report.pictures import Picture, confusion_picture, shortened

CLASSIFIED_FILE = "classified.json"
# In place of a label: an answer that is none of the corpus's, which is wrong.
OUTSIDE = "(none of the corpus's)"


class ClassifierFacts(Record):
    """Which classifier answered; hashes are None where it has nothing to hash.

    `settings_sha256` is of what a classifier of the user's own holds besides weights; older records have none.
    """

    name: str
    architecture: str
    revision: str | None
    weights_sha256: str | None
    preprocessor_sha256: str | None
    code_sha256: str | None = None
    settings_sha256: str | None = None
    question: str | None = None


class TestedPart(Record):
    """The test utterances of the released or of the strict folds, each of them once.

    `confusion` has a column more than labels, the last: answers that are none of them; `outside` is their share.
    """

    kind: Literal["released", "strict"]
    folds: list[str]
    test: int
    scores: Scores
    interval: Interval
    confusion: list[list[int]]
    outside: float


class ClassifiedRecord(ShownRecord):
    """What a classifier, used as it is, scores on a corpus.

    `label_map` says what its classes were taken to mean; None for none of the corpus's labels. `training` says in words
    what is known of its training; `remarks` what a reader must know.
    """

    FILE: ClassVar[str] = CLASSIFIED_FILE

    kind: Literal["classified"] = "classified"
    schema_version: Literal[1] = 1
    classifier: ClassifierFacts
    corpus: CorpusRecord
    label_map: dict[str, str | None]
    training: str
    parts: list[TestedPart]
    remarks: list[str]
    provenance: Provenance

    @property
    def chance(self) -> float:
        """UA, in 0..1, of who guesses among the corpus's labels, or always says the same."""
        return 1 / len(self.corpus.labels)

    @property
    def title(self) -> str:
        return f"{self.classifier.name} on {self.corpus.name}, as it is ({self.training})"

    @property
    def intervals(self) -> list[Interval]:
        return [part.interval for part in self.parts]

    def table(self) -> pd.DataFrame:
        """A row a kind of folds: UA, WA, F1 in percent, bounds of UA, share of answers outside, tested; and chance."""
        rows: list[dict[str, Any]] = []
        for part in self.parts:
            low, high = part.interval.percent("ua")
            rows.append(
                {
                    "folds": part.kind,
                    **percent(part.scores),
                    "ua_low": low,
                    "ua_high": high,
                    "outside": 100 * part.outside,
                    "tested": part.test,
                }
            )
        rows.append({"folds": "chance", "ua": 100 * self.chance})
        return pd.DataFrame(rows).astype({"tested": "Int64", "ua_low": float, "ua_high": float})

    def pictures(self) -> dict[str, Picture]:
        """The confusion matrix of each kind of folds, that of the released ones first."""
        labels = self.corpus.labels
        return {
            f"confusion_{part.kind}.png": confusion_picture(
                part.confusion,
                labels,
                f"{shortened(self.classifier.name)} on {self.corpus.name}, as it is, {part.kind} folds\n"
                f"{score_line(part.scores, part.interval)} (percent)",
                [*labels, OUTSIDE],
            )
            for part in self.parts
        }


def read_classified(folder: str | Path) -> ClassifiedRecord:
    """Read `classified.json` of a folder.

    Raises:
        ProbeError: there is none, or it is no such record.
    """
    return read_json(
        Path(folder) / CLASSIFIED_FILE,
        ClassifiedRecord,
        "record of a classifier",
        run="run `emobox classify`",
    )


def read_answers(path: Path, record: ClassifiedRecord) -> pd.DataFrame:
    """The answers beside a record: kind, fold, id, speaker, label, answer, prediction (a label, or `OUTSIDE`).

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: they are damaged, or not as many as the record says.
    """
    try:
        answers = pd.read_parquet(path)
        counts = answers["kind"].value_counts().to_dict()
    except PermissionError as error:
        raise UnreadableError(path) from error
    except (OSError, ValueError, KeyError) as error:
        raise ProbeError(
            f"Expected a table of answers at {path}, but got: {error}; run `emobox classify` again, with --overwrite."
        ) from error
    expected = {part.kind: part.test for part in record.parts}
    if counts != expected:
        raise ProbeError(
            f"Expected as many answers by kind of folds as the record says ({expected}) in {path}, but got {counts}; "
            f"answers and record are not of one run."
        )
    return answers
