"""What a leaderboard is made from: the records below some folders, read, checked, and one of each kind."""

import json
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.names import model_name
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import difference_from_today
from emobox_probe.records.classified import CLASSIFIED_FILE, ClassifiedRecord, read_classified
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.records.rated import RATED_FILE, RatedRecord, read_rated
from emobox_probe.records.record import folders_with
from emobox_probe.records.result import RESULT_FILE, Provenance, ResultRecord, read_record
from emobox_probe.records.stress_record import StressRecord
from emobox_probe.scoring.check import as_shown, with_predictions
from hub_cards.leaderboard.ranks import Predictions
from hub_cards.runs.find_and_check import OtherHeadsError, check_known, corpora_of, stress_of

SHOWN_ERRORS = 10
Collected = TypeVar("Collected", ResultRecord, CrossRecord, ClassifiedRecord, RatedRecord)


class Model(NamedTuple):
    """What makes two results results of one model."""

    name: str
    revision: str | None
    version: str | None


@dataclass(frozen=True)
class Result:
    """One record of one model on one corpus; `predictions` and `stress` where they are beside it."""

    folder: Path
    record: ResultRecord
    model: Model
    protocol: str
    predictions: Predictions | None
    stress: StressRecord | None = None


@dataclass(frozen=True)
class CrossResult:
    """One record of one model on pairs of corpora."""

    folder: Path
    record: CrossRecord
    model: Model
    protocol: str


@dataclass(frozen=True)
class ClassifiedResult:
    """One record of one classifier, used as it is, on one corpus."""

    folder: Path
    record: ClassifiedRecord
    model: Model


@dataclass(frozen=True)
class RatedResult:
    """One record of heads on one model that learned what raters said of one corpus."""

    folder: Path
    record: RatedRecord
    model: Model
    protocol: str


@dataclass
class Collection:
    """All that goes into a leaderboard; `notes` says in words what was left out, and why."""

    results: list[Result] = field(default_factory=list)
    cross: list[CrossResult] = field(default_factory=list)
    classified: list[ClassifiedResult] = field(default_factory=list)
    rated: list[RatedResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(folders: Iterable[Path]) -> Collection:
    """Read every record below the folders, and keep one of each (model revision, corpus, protocol): the newest.

    The newest is the one whose `provenance.created` is latest; of equal ones, one is kept. What is left out is named
    in the notes: so is a stress test of other heads than those of the run beside it. Scores are computed again from
    predictions that lie beside a record, and intervals of an earlier method by today's.

    Raises:
        ProbeError: a folder holds no record, some cannot be read, scores do not follow from the predictions, or two
            different records of one kind are equally new, or all are of `--limit` or `--folds`.
    """
    folders = list(folders)
    kinds = (RESULT_FILE, CROSS_FILE, CLASSIFIED_FILE, RATED_FILE)
    if empty := [folder for folder in folders if not any(folders_with(kind, [folder]) for kind in kinds)]:
        where = ", ".join(map(str, empty))
        raise ProbeError(
            f"Expected result records ({', '.join(kinds)}) below {where}, but found none; run the probe "
            f"first, or name the folder that holds its runs."
        )
    notes: list[str] = []
    read = partial(_read_result, notes=notes)
    results = _of_whole_corpora(_read_all(folders, RESULT_FILE, read), notes)
    cross = _of_whole_corpora(_read_all(folders, CROSS_FILE, _read_cross), notes)
    classified = _read_all(folders, CLASSIFIED_FILE, _read_classified)
    rated = _of_whole_corpora(_read_all(folders, RATED_FILE, _read_rated), notes)
    if not results and not cross and not classified and not rated:
        raise ProbeError(
            f"Expected results on whole corpora, but got only such of --limit or --folds: {' '.join(notes)} Run the "
            f"probe without them."
        )
    return Collection(
        _newest(results, lambda one: (one.model, one.record.corpus.name, one.protocol), notes),
        _newest(cross, lambda one: (one.model, cross_setting(one), _corpora_of(one)), notes),
        _newest(classified, lambda one: (one.model, one.record.corpus.name), notes),
        _newest(rated, lambda one: (one.model, one.record.corpus.name, one.protocol), notes),
        notes,
    )


def _read_result(folder: Path, notes: list[str]) -> Result:
    record, table = with_predictions(folder, _checked(folder, read_record(folder)))
    predictions = None if table is None else Predictions.of(table, record.corpus.labels)
    result = Result(folder, record, model_of(record.encoder), record.protocol_id, predictions)
    try:
        return replace(result, stress=stress_of(folder, record))
    except OtherHeadsError:
        notes.append(
            f"Left out of {result.model.name} ({_what(result)}): a stress test of other heads than those of the run; "
            f"make it again with `emobox stress` and --overwrite."
        )
        return result


def _read_cross(folder: Path) -> CrossResult:
    record = as_shown(folder, _checked(folder, read_cross_record(folder)))
    return CrossResult(folder, record, model_of(record.encoder), record.protocol_id)


def _read_classified(folder: Path) -> ClassifiedResult:
    record = as_shown(folder, _checked(folder, read_classified(folder)))
    classifier = record.classifier
    # Older records of a classifier of the user's own have no hash of its settings.
    hashes = (classifier.weights_sha256 or classifier.code_sha256, classifier.settings_sha256)
    version = " ".join(filter(None, hashes)) or None
    return ClassifiedResult(folder, record, Model(classifier.name, classifier.revision, version))


def _read_rated(folder: Path) -> RatedResult:
    record = as_shown(folder, _checked(folder, read_rated(folder)))
    return RatedResult(folder, record, model_of(record.encoder), record.protocol_id)


def _checked(folder: Path, record: Collected) -> Collected:
    """The record; raises ValueError and its kin where it has no date, labels or protocol, or a number that is none."""
    moment(record.provenance)
    for corpus in corpora_of(record):
        if not corpus.labels:
            raise ValueError(f"Expected labels of {corpus.name}, but got none; run the probe again.")
    if not isinstance(record, ClassifiedRecord):
        difference_from_today(record.protocol)
    json.dumps(record.model_dump(), allow_nan=False)
    check_known(folder, record)
    return record


def moment(made: Provenance) -> datetime:
    """When a record was made, in UTC; raises ValueError or OverflowError where that is no date."""
    created = datetime.fromisoformat(made.created)
    return created.astimezone(UTC) if created.tzinfo else created.replace(tzinfo=UTC)


def newest_moment(collection: Collection) -> str:
    """When the newest record was made, as text; so a page made twice of the same records is the same."""
    records = [
        *(one.record.provenance for one in collection.results),
        *(one.record.provenance for one in collection.cross),
        *(one.record.provenance for one in collection.classified),
        *(one.record.provenance for one in collection.rated),
    ]
    return max(map(moment, records)).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


Kind = TypeVar("Kind", Result, CrossResult, ClassifiedResult, RatedResult)


def _read_all(folders: list[Path], name: str, read: Callable[[Path], Kind]) -> list[Kind]:
    paths = folders_with(name, folders)
    found, errors = [], []
    for path in paths:
        try:
            found.append(read(path))
        except (
            ProbeError,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            errors.append(f"{path / name}: {error}")
    if errors:
        more = f"\n… and {len(errors) - SHOWN_ERRORS} more" if len(errors) > SHOWN_ERRORS else ""
        listed = "\n".join(errors[:SHOWN_ERRORS]) + more
        raise ProbeError(
            f"Expected {len(paths)} records that can be read and checked, but {len(errors)} cannot; repair them or "
            f"take them away, a leaderboard leaves nothing out in silence:\n{listed}"
        )
    return found


Probed = TypeVar("Probed", Result, CrossResult, RatedResult)


def _of_whole_corpora(found: list[Probed], notes: list[str]) -> list[Probed]:
    """Those for which whole corpora and all folds were asked for: the others are nobody's score."""
    whole = []
    for one in found:
        if subset := "; ".join(filter(None, (corpus.subset for corpus in corpora_of(one.record)))):
            notes.append(f"Left out of {one.model.name} ({_what(one)}): {subset}.")
        else:
            whole.append(one)
    return whole


def _newest(found: list[Kind], key: Callable[[Kind], Hashable], notes: list[str]) -> list[Kind]:
    kinds: dict[Hashable, list[Kind]] = {}
    for one in found:
        kinds.setdefault(key(one), []).append(one)
    return [_choose(kind, notes) for kind in kinds.values()]


def _choose(kind: list[Kind], notes: list[str]) -> Kind:
    newest = max(kind, key=lambda one: moment(one.record.provenance))
    for other in kind:
        if other is newest or other.record == newest.record:
            continue
        if moment(other.record.provenance) == moment(newest.record.provenance):
            raise ProbeError(
                f"Expected one newest record of a model revision, corpus and protocol, but {newest.folder} and "
                f"{other.folder} are of the same time and differ; take one of them away."
            )
        notes.append(
            f"{other.record.provenance.created}: an older record of {newest.model.name} is replaced by that of "
            f"{newest.record.provenance.created} ({_what(newest)})."
        )
    return newest


def _what(one: Result | CrossResult | ClassifiedResult | RatedResult) -> str:
    if isinstance(one, ClassifiedResult):
        return f"{one.record.corpus.name}, as it is"
    if isinstance(one, (Result, RatedResult)):
        return f"{one.record.corpus.name}, protocol {one.protocol}"
    return f"cross-corpus, protocol {one.protocol}"


def _corpora_of(one: CrossResult) -> frozenset[str]:
    return frozenset(corpus.name for corpus in one.record.corpora)


def cross_setting(one: CrossResult) -> str:
    """What two cross-corpus results must share to stand in one table: protocol, training, test and labels."""
    record = one.record
    return (
        f"{one.protocol}: {record.training} utterances train, {record.test} test; {', '.join(record.labels)}"
    )


def model_of(encoder: EncoderFacts) -> Model:
    """Which model this is: of a folder's path only the last part, which tells nothing of the machine."""
    return Model(model_name(encoder.name), encoder.revision, encoder.version)
