"""Runs on disk: finding them, and holding them against what they claim before they are shown to the world."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from emobox_datasets import corpora
from emobox_probe.cross_results import CROSS_FILE, CrossRecord, read_cross_record
from emobox_probe.errors import ProbeError
from emobox_probe.facts import EncoderFacts
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.record import folders_with
from emobox_probe.rescoring import check_scores, read_predictions
from emobox_probe.results import RESULT_FILE, CorpusRecord, ResultRecord, read_record

# What a protocol says about itself may be put in other words; what it does may not.
_WORDS = {"name", "summary", "description"}


@dataclass(frozen=True)
class Run:
    """A folder with `result.json`, and what that says."""

    folder: Path
    record: ResultRecord


@dataclass(frozen=True)
class CrossRun:
    """A folder with `cross.json`, and what that says."""

    folder: Path
    record: CrossRecord


def find_runs(folders: Sequence[Path]) -> tuple[list[Run], list[CrossRun]]:
    """Every run in or below the folders, those of one corpus and those between corpora.

    Raises:
        ProbeError: there is none below one of them, or a record cannot be read.
    """
    intra: dict[Path, Run] = {}
    cross: dict[Path, CrossRun] = {}
    for folder in folders:
        results, crosses = (folders_with(name, [folder]) for name in (RESULT_FILE, CROSS_FILE))
        if not results and not crosses:
            read_record(folder)  # says what is missing
        intra |= {path.resolve(): Run(path, read_record(path)) for path in results}
        cross |= {path.resolve(): CrossRun(path, read_cross_record(path)) for path in crosses}
    return list(intra.values()), list(cross.values())


def all_of(runs: Sequence[Run], cross: Sequence[CrossRun]) -> list[Run | CrossRun]:
    """Runs of both kinds in one list."""
    return [*runs, *cross]


def check_together(runs: Sequence[Run], cross: Sequence[CrossRun]) -> None:
    """Let through only what belongs on one page: one model, one protocol, each corpus once and in one version.

    Raises:
        ProbeError: says which runs do not go together.
    """
    records = [run.record for run in all_of(runs, cross)]
    if len(names := sorted({str(record.protocol["name"]) for record in records})) > 1:
        raise ProbeError(
            f"Expected runs of one protocol, but got {', '.join(names)}, whose scores are not comparable; publish each "
            f"protocol by itself (they stand in tables of their own)."
        )
    check_one_model([record.encoder for record in records])
    ordered = sorted(runs, key=lambda run: run.record.corpus.name)
    for one, other in pairwise(ordered):
        if one.record.corpus.name == other.record.corpus.name:
            raise ProbeError(
                f"Expected one run a corpus, but {one.folder} and {other.folder} are both of {one.record.corpus.name}; "
                f"name the one that you mean."
            )
    if len(cross) > 1:
        raise ProbeError(f"Expected one cross-corpus run, but got {len(cross)}; name the one that you mean.")
    known: dict[str, str] = {}
    for corpus in corpora_of(runs, cross):
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
    found = sorted({(facts.name, facts.revision or "", facts.weights_sha256 or "") for facts in encoders})
    for one, other in pairwise(found):
        different = next(
            what for what, a, b in zip(("names", "revisions", "weights"), one, other, strict=True) if a != b
        )
        raise ProbeError(
            f"Expected runs of one model, but their {different} differ: {' '.join(one)!r} and {' '.join(other)!r}; "
            f"name runs of one model only."
        )


def check_run(run: Run) -> None:
    """Hold a record against its corpus, its protocol and its predictions.

    Raises:
        ProbeError: the corpus is incomplete, its labels or the protocol are not those of that name, or a score
            does not follow from the predictions.
        CorpusError: no corpus has that name.
    """
    record = run.record
    corpus = corpora.load(record.corpus.name)
    settings = check_protocol(run.folder, record.protocol)
    labels = corpus.label_list if settings["folds"] == "released" else corpus.scored_labels
    if list(labels) != record.corpus.labels:
        raise ProbeError(
            f"Expected the labels {', '.join(labels)} of {record.corpus.name} in {run.folder}, but the record has "
            f"{', '.join(record.corpus.labels)}; run the probe again."
        )
    check_complete(run.folder, record.corpus)
    check_scores(run.folder, record, read_predictions(run.folder, record))


def check_complete(folder: Path, told: CorpusRecord) -> None:
    """Let through only scores on the whole corpus.

    Raises:
        ProbeError: utterances are missing, or are more than the corpus has.
        CorpusError: no corpus has that name.
    """
    count = corpora.load(told.name).utterances
    if told.missing:
        raise ProbeError(
            f"Expected a score on all {count} utterances of {told.name} in {folder}, but {told.incomplete}; complete "
            f"the copy (emobox doctor {told.name}) and run the probe again."
        )
    if told.utterances != count:
        raise ProbeError(
            f"Expected a score on all {count} utterances of {told.name} in {folder}, but it is on {told.utterances} of "
            f"another version of the corpus; get the published one (emobox doctor {told.name}) "
            f"and run the probe again."
        )


def check_protocol(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """The settings of the protocol that a record names, once the record has no others.

    Raises:
        ProbeError: there is no such protocol, or a setting is another.
    """
    if (protocol := PROTOCOLS.get(str(told.get("name")))) is None:
        raise ProbeError(
            f"Expected a protocol of {', '.join(PROTOCOLS)} in {folder}, but got {told.get('name')!r}; run the probe "
            f"with one of them."
        )
    settings = asdict(protocol)
    for name in sorted(set(settings) - _WORDS):
        found = told.get(name, settings[name])
        expected = list(settings[name]) if isinstance(settings[name], tuple) else settings[name]
        if (list(found) if isinstance(found, (tuple, list)) else found) != expected:
            raise ProbeError(
                f"Expected {name} {expected!r} of the protocol {protocol.name} in {folder}, but the record has "
                f"{found!r}; a score of other settings needs another name."
            )
    return settings


def corpora_of(runs: Sequence[Run], cross: Sequence[CrossRun]) -> list[CorpusRecord]:
    """Every corpus that the runs are on, as often as they are."""
    return [*(run.record.corpus for run in runs), *(corpus for run in cross for corpus in run.record.corpora)]
