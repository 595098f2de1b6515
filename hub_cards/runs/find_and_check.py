"""Runs on disk: finding them, and holding them against what they claim before they are shown to the world."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import emobox_datasets.corpora as corpora
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS, difference_from_today, is_todays
from emobox_probe.records.classified import CLASSIFIED_FILE, ClassifiedRecord
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.rated import RATED_FILE, RatedRecord, read_rated
from emobox_probe.records.record import folders_with
from emobox_probe.records.result import RESULT_FILE, CorpusRecord, ResultRecord, read_record
from emobox_probe.records.stress_record import STRESS_FOLDER, StressRecord, read_stress
from emobox_probe.scoring.check import TOLERANCE, as_shown

AnyRecord = ResultRecord | CrossRecord | ClassifiedRecord | RatedRecord


class OtherHeadsError(ProbeError):
    """A stress test lies in the folder of a run, but is of other heads: the run was made again."""


@dataclass(frozen=True)
class Run:
    """A folder with `result.json`, what that says, and what the stress test in it says, where there is one."""

    folder: Path
    record: ResultRecord
    stress: StressRecord | None = None


@dataclass(frozen=True)
class CrossRun:
    """A folder with `cross.json`, and what that says."""

    folder: Path
    record: CrossRecord


@dataclass(frozen=True)
class RatedRun:
    """A folder with `rated.json`, and what that says."""

    folder: Path
    record: RatedRecord


AnyRun = Run | CrossRun | RatedRun


def find_runs(folders: Sequence[Path]) -> list[AnyRun]:
    """Every run in or below the folders, as it may be shown: of one corpus, between corpora, on what raters said.

    Raises:
        ProbeError: there is none below one of them, a record cannot be read, or a number in it does not follow from
            its predictions.
    """
    intra: dict[Path, Run] = {}
    cross: dict[Path, CrossRun] = {}
    rated: dict[Path, RatedRun] = {}
    for folder in folders:
        kinds = (RESULT_FILE, CROSS_FILE, RATED_FILE)
        results, crosses, ratings = (folders_with(name, [folder]) for name in kinds)
        if not results and not crosses and not ratings:
            if notes := notes_on_classified([folder]):
                raise ProbeError(
                    f"Expected runs whose heads were trained here below {folder}, but got {notes[0]}; name other "
                    f"folders."
                )
            read_record(folder)  # says what is missing
        intra |= {path.resolve(): _run(path) for path in results}
        cross |= {path.resolve(): CrossRun(path, as_shown(path, read_cross_record(path))) for path in crosses}
        rated |= {path.resolve(): RatedRun(path, as_shown(path, read_rated(path))) for path in ratings}
    return [*intra.values(), *cross.values(), *rated.values()]


def notes_on_classified(folders: Iterable[Path]) -> list[str]:
    """A sentence on records of classifiers as they are below the folders, which runs are not; none without any."""
    places = folders_with(CLASSIFIED_FILE, list(folders))
    if not places:
        return []
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return [
        f"{places[0] / CLASSIFIED_FILE}{more}: classifiers as they are have no place in cards (emobox results and "
        f"emobox leaderboard show them)"
    ]


def _run(folder: Path) -> Run:
    record = as_shown(folder, read_record(folder))
    return Run(folder, record, stress_of(folder, record))


def stress_of(folder: Path, record: ResultRecord) -> StressRecord | None:
    """The stress test in the folder of a run, as it may be shown; None where there is none.

    Raises:
        OtherHeadsError: it is of other heads.
        ProbeError: it cannot be read, is of other predictions of the same heads, or a number in it does not follow
            from its predictions.
    """
    place = folder / STRESS_FOLDER
    if not (place / StressRecord.FILE).is_file():
        return None
    found = as_shown(place, read_stress(place))
    if found.heads_sha256 != record.heads_sha256:
        raise OtherHeadsError(
            f"Expected a stress test of the run in {folder}, but {place} is one of other heads; make it again with "
            f"`emobox stress` and --overwrite, or take it away."
        )
    scores = zip(found.clean.model_dump().values(), record.pooled.model_dump().values(), strict=True)
    if any(abs(one - other) > TOLERANCE for one, other in scores):
        raise ProbeError(
            f"Expected a stress test beside the run's own predictions, but in {place} those on clean audio have a UA "
            f"of {found.clean.ua:.4f}, and the run one of {record.pooled.ua:.4f}; make it again with `emobox stress` "
            f"and --overwrite, or take it away."
        )
    return found


def check_together(runs: Sequence[AnyRun]) -> None:
    """Let through only what belongs on one page: one model, one protocol, each corpus once and in one version.

    Raises:
        ProbeError: says which runs do not go together, or is on what raters said.
    """
    for run in runs:
        if isinstance(run, RatedRun):
            raise ProbeError(
                f"Expected runs on labels, but heads of {run.folder} learned what raters said, whose scores have no "
                f"place in the Hub's tables of results; name the other runs (emobox card and results show this one)."
            )
    records = [run.record for run in runs]
    if len(names := sorted({str(record.protocol["name"]) for record in records})) > 1:
        raise ProbeError(
            f"Expected runs of one protocol, but got {', '.join(names)}, whose scores are not comparable; publish each "
            f"protocol by itself (they stand in tables of their own)."
        )
    check_one_model([record.encoder for record in records])
    within = [run for run in runs if isinstance(run, Run)]
    ordered = sorted(within, key=lambda run: run.record.corpus.name)
    for one, other in pairwise(ordered):
        if one.record.corpus.name == other.record.corpus.name:
            raise ProbeError(
                f"Expected one run a corpus, but {one.folder} and {other.folder} are both of {one.record.corpus.name}; "
                f"name the one that you mean."
            )
    if (count := sum(isinstance(run, CrossRun) for run in runs)) > 1:
        raise ProbeError(f"Expected one cross-corpus run, but got {count}; name the one that you mean.")
    known: dict[str, str] = {}
    for corpus in (corpus for record in records for corpus in corpora_of(record)):
        if known.setdefault(corpus.name, corpus.fingerprint) != corpus.fingerprint:
            raise ProbeError(
                f"Expected one version of {corpus.name}, but the runs are on two (fingerprints "
                f"{known[corpus.name][:12]} and {corpus.fingerprint[:12]}); run the probe again on one copy."
            )


def check_one_model(encoders: Iterable[EncoderFacts]) -> None:
    """Let through encoders that are one and the same model.

    Raises:
        ProbeError: they are not; says which.
    """
    found = sorted({(facts.name, facts.revision or "", facts.version or "") for facts in encoders})
    for one, other in pairwise(found):
        different = next(
            what
            for what, a, b in zip(("names", "revisions", "weights or code"), one, other, strict=True)
            if a != b
        )
        raise ProbeError(
            f"Expected runs of one model, but their {different} differ: {' '.join(one)!r} and {' '.join(other)!r}; "
            f"name runs of one model only."
        )


def check_run(run: AnyRun) -> None:
    """Hold a record against its corpora and its protocol; its predictions must be there.

    Raises:
        ProbeError: a corpus is incomplete, or only a part of it was asked for, its labels or the protocol are not
            those of that name, or there are no predictions that its numbers follow from.
        CorpusError: no corpus has that name.
    """
    check_not_subsets([run])
    check_protocol(run.folder, run.record.protocol)
    for corpus in corpora_of(run.record):
        check_complete(run.folder, corpus)
    check_known(run.folder, run.record)
    read_predictions(run.folder, run.record)


def check_known(folder: Path, record: AnyRecord) -> None:
    """Hold what a record says of its corpora against those that go by their names here, as far as any does.

    Raises:
        ProbeError: a corpus has other labels, or another number of utterances.
    """
    for recorded in corpora_of(record):
        if recorded.name not in corpora.names():
            continue
        known = corpora.load(recorded.name)
        lists = (known.label_list, known.scored_labels)
        if not isinstance(record, CrossRecord) and tuple(recorded.labels) not in lists:
            raise ProbeError(
                f"Expected the labels {', '.join(known.label_list)} of {recorded.name} in {folder}, but the record has "
                f"{', '.join(recorded.labels)}; run the probe again, with --overwrite."
            )
        if not recorded.limit and recorded.utterances + recorded.missing != known.utterances:
            raise ProbeError(
                f"Expected a score on the {known.utterances} utterances of {recorded.name} in {folder}, but it is on "
                f"{recorded.utterances}, with {recorded.missing} missing: another version of the corpus; get the "
                f"published one (emobox doctor {recorded.name}) and run the probe again."
            )


def check_complete(folder: Path, recorded: CorpusRecord) -> None:
    """Let through only scores on the whole corpus.

    Raises:
        ProbeError: utterances are missing, or are more than the corpus has.
        CorpusError: no corpus has that name.
    """
    count = corpora.load(recorded.name).utterances
    if recorded.missing:
        raise ProbeError(
            f"Expected a score on all {count} utterances of {recorded.name} in {folder}, but {recorded.incomplete}; "
            f"complete the copy (emobox doctor {recorded.name}) and run the probe again."
        )
    if recorded.utterances != count:
        raise ProbeError(
            f"Expected a score on all {count} utterances of {recorded.name} in {folder}, but it is on "
            f"{recorded.utterances} of another version of the corpus; get the published one (emobox doctor "
            f"{recorded.name}) and run the probe again."
        )


def check_not_subsets(runs: Iterable[AnyRun]) -> None:
    """Let through only runs for which whole corpora and all folds were asked for.

    Raises:
        ProbeError: one is of `--limit` or `--folds`.
    """
    for run in runs:
        for corpus in corpora_of(run.record):
            if corpus.subset:
                raise ProbeError(
                    f"Expected a score on the whole of {corpus.name} to show to others, but {run.folder} is a score of "
                    f"part of it ({corpus.subset}); run the probe without --limit and --folds, or name other runs."
                )


def check_protocol(folder: Path, recorded: dict[str, Any]) -> None:
    """Let through only records whose protocol is the one of that name as it is today.

    Raises:
        ProbeError: there is no such protocol, or a setting is another.
    """
    if recorded.get("name") not in PROTOCOLS:
        raise ProbeError(
            f"Expected a protocol of {', '.join(PROTOCOLS)} in {folder}, but got {recorded.get('name')!r}; run the "
            f"probe with one of them."
        )
    if not is_todays(recorded):
        raise ProbeError(
            f"Expected the settings of the protocol {recorded['name']} in {folder}, but in the record "
            f"{difference_from_today(recorded)}; a score of other settings needs another name."
        )


def remark_on(*recorded: CorpusRecord) -> str:
    """What keeps scores on these copies from being compared with others: what is missing, or that it is made up."""
    known = [corpora.load(one.name) for one in recorded if one.name in corpora.names()]
    parts = [*(one.incomplete for one in recorded), *(corpus.made_up for corpus in known)]
    return "; ".join(filter(None, parts))


def corpora_of(record: AnyRecord) -> list[CorpusRecord]:
    """Every corpus that a record is on."""
    return record.corpora if isinstance(record, CrossRecord) else [record.corpus]
