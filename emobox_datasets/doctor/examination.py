"""Examining a copy of a corpus: what is missing, surplus, unusable, unlike the release, or worth knowing.

Findings that make it another corpus are harmful. What is true of the corpus itself, such as clipped recordings or the
same voice in train and test, is noted and harms no one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.audio_files.fingerprint import fingerprint_of
from emobox_datasets.copy.folder import AUDIO, CorpusFolder
from emobox_datasets.corpus import Corpus, Findings, Utterance, check_complete
from emobox_datasets.doctor.diagnosis import Diagnosis, Observation
from emobox_datasets.doctor.hearing import Heard, hear_all
from emobox_datasets.doctor.release_comparison import against_release, compared, conversion, evidence
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import configurations, partition
from emobox_datasets.folds.speaker_only import mean_recall, speaker_only
from emobox_datasets.folds.trainable import CORRECT_FOLDS, why_untrainable
from emobox_datasets.released.utterances import ReleasedUtterance, released_utterances

# Published hours are rounded.
HOURS_TOLERANCE = 0.01
# Where who speaks takes a guess further than half the way from chance to certainty, voices tell more than emotions can
# add. URDU's folds are at 0.92 to 0.96 of that way, the next of any corpus (ASVP-ESD's) at 0.22.
SHORTCUT = 0.5
# Above 4.4 kHz, in dB of what is below: the emptiest of 2,375 recordings of EmoDB, RAVDESS and URDU is at -49, about 20
# below the median of its corpus. Brought to 8 kHz and back, all but the quietest are below -60.
EMPTY_BAND, BELOW_USUAL = -55.0, 30.0
LONG, SHORT = 30.0, 0.025  # seconds: what some encoders cut, and what is less than one of their frames


def examine(corpus: Corpus, root: str | Path, jobs: int = 1, progress: bool = False) -> Diagnosis:
    """Find, decode and count everything that the corpus has below `root`."""
    try:
        findings = corpus.find(root)
    except CorpusError as error:
        return Diagnosis(
            corpus.name, str(root), {}, (Observation("unreadable corpus", str(error), (), True),)
        )
    utterances = findings.utterances
    decoded = hear_all(utterances, jobs)
    heard = list(
        track(decoded, "Listening", len(utterances), console=Console(stderr=True), transient=True)
        if progress
        else decoded
    )
    released = released_utterances(corpus.name)
    rows = compared(corpus, utterances, heard, released)
    observations = (
        *completeness(corpus, root, findings, released),
        *files_beside(root, findings),
        *unusable(heard),
        *against_release(rows),
        *(published_figures(corpus, utterances, heard) if len(rows) < len(utterances) else ()),
        *speaker_count(corpus, utterances),
        *conversion(rows, findings.converted),
        *narrow_band(corpus, heard),
        *sound(heard),
        *duplicates(heard),
        *leakage(corpus, utterances, heard),
        *speaker_shortcut(corpus, utterances),
        *untrainable_folds(corpus, utterances),
    )
    return Diagnosis(
        corpus.name,
        str(root),
        figures(corpus, utterances, heard),
        observations,
        evidence(rows, len(utterances)),
    )


def completeness(
    corpus: Corpus, root: str | Path, findings: Findings, released: Mapping[str, ReleasedUtterance]
) -> Iterator[Observation]:
    """Whether every utterance of the release is there, and nothing else."""
    found = {utterance.id for utterance in findings.utterances}
    try:
        check_complete(corpus, root, findings, allow_missing=False)
    except CorpusError as error:
        missing = sorted(released.keys() - found) or findings.absent
        yield Observation("incomplete", str(error), tuple(missing), harmful=True)
        if absent := sorted(corpus.balanced_ids - found):
            yield Observation(
                "balanced",
                f"Utterances of the balanced test set that are missing: {len(absent)} of {len(corpus.balanced_ids)}.",
                tuple(absent),
            )
    # A number that is right may be that of other names. Lists of ids have been held against them already.
    if len(released) == corpus.utterances and not corpus.listed_ids and (others := found - released.keys()):
        yield Observation(
            "foreign",
            f"Expected the utterances of the release, but got {len(others)} others; give them the names that they "
            f"have in the original archive, or remove them.",
            tuple(sorted(others)),
            harmful=True,
        )
    if findings.left_out:
        yield Observation(
            "left out",
            f"Files that the release does not mean, left out: {len(findings.left_out)}. {corpus.beyond_release}",
            tuple(utterance.id for utterance in findings.left_out),
        )


def files_beside(root: str | Path, findings: Findings) -> Iterator[Observation]:
    """Files that no utterance uses: second copies, long dialogues, other test sets, or what does not belong here."""
    known = (*findings.utterances, *findings.left_out, *findings.equal_copies, *findings.surplus)
    used = {utterance.path for utterance in known}
    folder = CorpusFolder(root)
    paths = (path for path in folder.paths if Path(path).suffix.lower() in AUDIO)
    if unused := [path for path in paths if f"{folder.root}/{path}" not in used]:
        yield Observation(
            "unused", f"Audio files that are no utterance of the benchmark: {len(unused)}.", tuple(unused)
        )
    if findings.equal_copies:
        yield Observation(
            "equal copies",
            f"Second copies of utterances, byte for byte, left out: {len(findings.equal_copies)}.",
            tuple(utterance.path for utterance in findings.equal_copies),
        )
    if findings.surplus:
        yield Observation(
            "surplus",
            f"Converted files beside the published ones, left out: {len(findings.surplus)}.",
            tuple(utterance.path for utterance in findings.surplus),
        )
    if findings.ignored:
        yield Observation(
            "ignored",
            f"What cannot be read in the folder and is no utterance, ignored: {len(findings.ignored)}.",
            tuple(findings.ignored),
        )


def unusable(heard: Sequence[Heard]) -> Iterator[Observation]:
    """Utterances that cannot be decoded, by what is wrong with them, and those that hold no speech."""
    faults: dict[tuple[str, str], list[str]] = defaultdict(list)
    for hearing in heard:
        if not hearing.usable:
            faults[hearing.reason, hearing.remedy].append(hearing.id)
    for (reason, remedy), ids in faults.items():
        fault = f"Expected audio in {len(ids)} utterances, but {reason}; {remedy}." if remedy else reason
        yield Observation("unreadable", fault, tuple(ids), harmful=True)
    if silent := [hearing.id for hearing in heard if hearing.silent]:
        yield Observation(
            "silent",
            f"Expected sound, but got nothing but zeros in 16-bit mono for {len(silent)} utterances; replace the "
            f"files with the originals.",
            tuple(silent),
            harmful=True,
        )
    if faint := [hearing.id for hearing in heard if hearing.faint and not hearing.silent]:
        yield Observation(
            "faint",
            f"Expected speech, but the samples of {len(faint)} utterances hardly move (a constant, or fewer than 16 "
            f"steps of 16 bits); replace the files with the originals.",
            tuple(faint),
            harmful=True,
        )
    if noise := [hearing.id for hearing in heard if hearing.white_noise]:
        yield Observation(
            "white noise",
            f"Expected speech, but got white noise for {len(noise)} utterances; replace the files with the originals.",
            tuple(noise),
            harmful=True,
        )


def published_figures(
    corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]
) -> Iterator[Observation]:
    """Hours and labels against the card, where the release does not tell those of every utterance."""
    if len(utterances) != corpus.utterances or not all(hearing.usable for hearing in heard):
        return
    hours = sum(hearing.seconds for hearing in heard) / 3600
    if abs(hours - corpus.hours) > max(HOURS_TOLERANCE * corpus.hours, 0.0005):
        yield Observation(
            "hours",
            f"Expected {corpus.hours:.3f} hours of audio, but got {hours:.3f}; replace the files with the originals.",
            harmful=True,
        )
    if absent := [label for label in corpus.label_list if label not in {u.label for u in utterances}]:
        yield Observation(
            "labels",
            f"Expected utterances of every label, but got none of {', '.join(absent)}; replace the annotation.",
            harmful=True,
        )


def speaker_count(corpus: Corpus, utterances: Sequence[Utterance]) -> Iterator[Observation]:
    """The number of speakers of a complete copy against the card."""
    # Not harmful: the number on the card is the paper's where the release does not tell its speakers.
    speakers = {utterance.speaker for utterance in utterances} - {None}
    if len(utterances) == corpus.utterances and len(speakers) != corpus.speakers:
        yield Observation("speakers", f"Expected {corpus.speakers} speakers, but got {len(speakers)}.")


def narrow_band(corpus: Corpus, heard: Sequence[Heard]) -> Iterator[Observation]:
    """Recordings that once had a sampling rate of 8 kHz or so, though their header says 16 or more.

    They have nothing above 4.4 kHz, while most of the copy has. Harmful where all was recorded for the corpus: others
    may have telephone calls.
    """
    bands = {
        hearing.id: hearing.upper_band
        for hearing in heard
        if hearing.sampling_rate >= SAMPLING_RATE and not isnan(hearing.upper_band)
    }
    if not bands:
        return
    usual = median(bands.values())
    if narrow := [name for name, band in bands.items() if band < min(EMPTY_BAND, usual - BELOW_USUAL)]:
        yield Observation(
            "narrow band",
            f"Expected sound above 4.4 kHz, as most of the copy has, but got none in {len(narrow)} utterances, as if "
            f"they had been at 8 kHz before; replace the files with the originals.",
            tuple(narrow),
            harmful=corpus.source == "acted",
        )
    if usual < EMPTY_BAND:
        yield Observation(
            "narrow band",
            f"Most of the copy has no sound above 4.4 kHz (median {usual:.0f} dB of what is below), as if it had been "
            f"at 8 kHz before; see whether the original is so.",
        )


def sound(heard: Sequence[Heard]) -> Iterator[Observation]:
    """What encoders and listeners should know about the recordings."""
    kinds = {
        "clipped": ("with flat tops at full scale", [hearing.id for hearing in heard if hearing.clipped]),
        "long": (f"longer than {LONG:.0f} s", [hearing.id for hearing in heard if hearing.seconds > LONG]),
        "short": (
            f"shorter than {SHORT * 1000:.0f} ms",
            [hearing.id for hearing in heard if hearing.usable and hearing.seconds < SHORT],
        ),
    }
    for kind, (what, ids) in kinds.items():
        if ids:
            yield Observation(kind, f"Utterances {what}, kept: {len(ids)}.", tuple(ids))


def duplicates(heard: Sequence[Heard]) -> Iterator[Observation]:
    """Utterances whose samples are the same as another's."""
    groups: dict[str, list[str]] = defaultdict(list)
    for hearing in heard:
        if hearing.checksum:
            groups[hearing.checksum].append(hearing.id)
    if twins := [ids for ids in groups.values() if len(ids) > 1]:
        names = tuple(" = ".join(ids) for ids in twins)
        total = sum(map(len, twins))
        yield Observation(
            "duplicates", f"Utterances that share a recording: {total}; recordings: {len(twins)}.", names
        )


def leakage(corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]) -> Iterator[Observation]:
    """Voices and recordings that are in both train and test of released folds: one observation for all folds."""
    voices: dict[str, str] = {}
    recordings: dict[str, str] = {}
    speakers: set[str] = set()
    leaked: list[str] = []
    for fold in configurations(corpus).values():
        if fold.kind != "released":
            continue
        parts = partition(corpus, fold.name, utterances)
        trained = {utterances[row].speaker for row in parts["train"]} - {None}
        if shared := [row for row in parts["test"] if utterances[row].speaker in trained]:
            voices[fold.name] = f"{len(shared)} of {len(parts['test'])}"
            speakers |= {str(utterances[row].speaker) for row in shared}
        heard_before = {heard[row].checksum for row in parts["train"]} - {""}
        if twins := [heard[row].id for row in parts["test"] if heard[row].checksum in heard_before]:
            recordings[fold.name] = f"{len(twins)} of {len(parts['test'])}"
            leaked += twins
    if voices:
        yield Observation(
            "shared speakers",
            f"Test utterances of speakers who are also in train, {_by_fold(voices)}; speakers: {len(speakers)}.",
            tuple(sorted(speakers)),
        )
    if recordings:
        yield Observation(
            "shared audio",
            f"Test utterances whose recording is also in train, {_by_fold(recordings)}.",
            tuple(dict.fromkeys(leaked)),
        )


def speaker_shortcut(corpus: Corpus, utterances: Sequence[Utterance]) -> Iterator[Observation]:
    """Folds whose labels follow from who speaks, without audio: one observation for all."""
    reached: dict[str, str] = {}
    for fold in configurations(corpus).values():
        if fold.kind not in ("released", "completed"):  # in strict folds nobody who is tested was met before
            continue
        parts = partition(corpus, fold.name, utterances)
        trained, tested = ([utterances[row] for row in parts[part]] for part in ("train", "test"))
        if not trained or not tested:
            continue
        ua = mean_recall([u.label for u in tested], speaker_only(corpus, trained, tested))
        chance = 1 / len({utterance.label for utterance in tested})
        if ua > chance + SHORTCUT * (1 - chance):
            reached[fold.name] = f"{100 * ua:.1f} % UA where chance is {100 * chance:.1f} %"
    if reached:
        yield Observation(
            "speaker predicts label",
            f"The commonest training label of who speaks, without any audio, gets {_by_fold(reached)}: scores on these "
            f"folds can be of the voice, not of the emotion. Read them beside that figure, or use strict folds.",
        )


def untrainable_folds(corpus: Corpus, utterances: Sequence[Utterance]) -> Iterator[Observation]:
    """Folds of a whole copy that no head can be trained or tested on: what a corpus's module says does not fit."""
    if len(utterances) < corpus.utterances:
        return
    reasons: dict[str, str] = {}
    for fold in configurations(corpus).values():
        if fold.kind not in ("released", "strict"):
            continue
        wanted = corpus.label_list if fold.kind == "released" else corpus.scored_labels
        try:
            parts = partition(corpus, fold.name, utterances)
        except CorpusError as error:
            reasons[fold.name] = str(error)
            continue
        labels = {part: [utterances[row].label for row in rows] for part, rows in parts.items()}
        if reason := why_untrainable(fold.name, labels, wanted):
            reasons[fold.name] = reason
    if reasons:
        yield Observation(
            "untrainable folds",
            f"Expected folds that train every label and test some, but {'; '.join(dict.fromkeys(reasons.values()))}; "
            f"{CORRECT_FOLDS}.",
            tuple(reasons),
            harmful=True,
        )


def _by_fold(shares: Mapping[str, str]) -> str:
    """What each fold has, those that have the same together.

    >>> _by_fold({"fold1": "2 of 80", "fold2": "1 of 80", "fold3": "2 of 80"})
    'fold1, fold3: 2 of 80; fold2: 1 of 80'
    """
    folds: dict[str, list[str]] = defaultdict(list)
    for fold, share in shares.items():
        folds[share].append(fold)
    return "; ".join(f"{', '.join(names)}: {share}" for share, names in folds.items())


def figures(corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]) -> dict[str, Any]:
    """Counts of what was found, and what is on the card."""
    good = [hearing for hearing in heard if hearing.usable]
    labels = Counter(utterance.label for utterance in utterances)
    return {
        "utterances": {"expected": corpus.utterances, "found": len(utterances)},
        "hours": {
            "expected": corpus.hours,
            "found": round(sum(hearing.seconds for hearing in good) / 3600, 4),
        },
        "speakers": {"expected": corpus.speakers, "found": len({u.speaker for u in utterances} - {None})},
        "labels": {label: labels[label] for label in corpus.label_list},
        "sampling_rates": dict(Counter(hearing.sampling_rate for hearing in good)),
        "channels": dict(Counter(hearing.channels for hearing in good)),
        "longest_seconds": round(max((hearing.seconds for hearing in good), default=0.0), 3),
        "shortest_seconds": round(min((hearing.seconds for hearing in good), default=0.0), 3),
        "unreadable": len(heard) - len(good),
        "silent": sum(hearing.silent for hearing in good),
        "clipped": sum(hearing.clipped for hearing in good),
        "over_30_s": sum(hearing.seconds > LONG for hearing in good),
        "under_25_ms": sum(hearing.seconds < SHORT for hearing in good),
        "fingerprint": fingerprint_of(
            (hearing.id, utterance.label, utterance.speaker, hearing.checksum)
            for utterance, hearing in zip(utterances, heard, strict=True)
        ),
    }
