"""A copy of a corpus against the release, utterance by utterance: labels, speakers, lengths and sampling rates.

The release publishes no checksums, so two recordings of one length cannot be told apart; lengths tell a recording
that was cut, exchanged with another or resampled.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.corpus import Corpus, Utterance
from emobox_datasets.doctor.diagnosis import Observation
from emobox_datasets.doctor.hearing import Heard
from emobox_datasets.released.utterances import ReleasedUtterance

_EXACT = {".aif", ".aiff", ".au", ".flac", ".wav"}  # containers that corpora are published in without loss
# Decoders of lossy audio keep or leave out what the encoder put before and behind: up to two frames, of which MP3's
# are the longest.
_LOSSY_TOLERANCE = 2 * 1152  # samples
# Resamplers differ in what they do with the last samples.
_RESAMPLED_TOLERANCE = 0.005  # seconds
# Lengths are shuffled, not changed, if sorting them explains all but this part of the differences.
_UNEXPLAINED = 0.1


@dataclass(frozen=True)
class Compared:
    """One utterance in the copy and in the release; `tolerance` in seconds is what decoders may differ by."""

    id: str
    utterance: Utterance
    heard: Heard
    released: ReleasedUtterance
    tolerance: float

    @property
    def same_length(self) -> bool:
        return abs(self.heard.seconds - self.released.seconds) <= self.tolerance

    @property
    def seconds_longer(self) -> float:
        return self.heard.seconds - self.released.seconds

    @property
    def lost_bandwidth(self) -> bool:
        return self.heard.sampling_rate < min(self.released.sampling_rate, SAMPLING_RATE)


def compared(
    corpus: Corpus,
    utterances: Sequence[Utterance],
    heard: Sequence[Heard],
    released: dict[str, ReleasedUtterance],
) -> list[Compared]:
    """The utterances of a copy that the release knows; `heard` in the order of `utterances`."""
    container = Path(corpus.example).suffix.lower()  # the example is a path as published
    return [
        Compared(utterance.id, utterance, hearing, origin, _tolerance(hearing, origin, container))
        for utterance, hearing in zip(utterances, heard, strict=True)
        if (origin := released.get(utterance.id))
    ]


def _tolerance(heard: Heard, released: ReleasedUtterance, published: str) -> float:
    """Seconds by which an utterance in any container may differ from that in the container `published`."""
    if not heard.usable:
        return 0.0
    seconds = _lossless_tolerance(heard, released)
    if published not in _EXACT:
        seconds += _LOSSY_TOLERANCE / released.sampling_rate
    if heard.lossy and (published in _EXACT or Path(heard.path).suffix.lower() != published):
        seconds += _LOSSY_TOLERANCE / heard.sampling_rate
    return seconds


def _lossless_tolerance(heard: Heard, released: ReleasedUtterance) -> float:
    seconds = 1.5 / released.sampling_rate  # one sample: spans of seconds are rounded
    return seconds + (_RESAMPLED_TOLERANCE if heard.sampling_rate != released.sampling_rate else 0)


def lossy_lengths(rows: Sequence[Compared]) -> str:
    """How far lengths lie from those of the release where only a lossy format explains it; empty where none does."""
    apart = [
        row.seconds_longer
        for row in rows
        if row.heard.usable
        and row.same_length
        and abs(row.seconds_longer) > _lossless_tolerance(row.heard, row.released)
    ]
    if not apart:
        return ""
    most = {"longer": max(apart), "shorter": -min(apart)}
    bounds = " or ".join(f"{1000 * seconds:.0f} ms {word}" for word, seconds in most.items() if seconds > 0)
    return f"lossy copies: {len(apart)}, up to {bounds}"


def against_release(rows: Sequence[Compared]) -> Iterator[Observation]:
    """What differs from the release."""
    labels = [(row.id, row.utterance.label, row.released.label) for row in rows]
    yield from _told_otherwise("label", labels)
    # Of some corpora the release does not tell the speakers, and then it contradicts no one.
    speakers = [(row.id, row.utterance.speaker, row.released.speaker) for row in rows if row.released.speaker]
    yield from _told_otherwise("speaker", speakers)
    usable = [row for row in rows if row.heard.usable]
    yield from _lengths([row for row in usable if not row.same_length], len(usable))
    yield from _lost_bandwidth([row for row in usable if row.lost_bandwidth])


def _told_otherwise(what: str, rows: Sequence[tuple[str, str | None, str]]) -> Iterator[Observation]:
    others = [row for row in rows if row[1] != row[2]]
    if others:
        id, here, there = others[0]
        yield Observation(
            f"{what}s",
            f"Expected the {what}s of the release, but got others for {len(others)} utterances, such as {here} "
            f"instead of {there} for {id}; replace the annotation, or the names, with the originals.",
            tuple(id for id, _, _ in others),
            harmful=True,
        )


def _lengths(others: list[Compared], total: int) -> Iterator[Observation]:
    """What became of utterances that have other lengths than in the release: exchanged, shuffled or changed."""
    pairs = _exchanged(others)
    if pairs:
        yield Observation(
            "swapped",
            f"Recordings seem swapped, as each has the length of the other: {len(pairs)} pairs; give them the names "
            f"that they have in the original archive.",
            tuple(f"{one.id} and {other.id}" for one, other in pairs),
            harmful=True,
        )
    paired = {row.id for pair in pairs for row in pair}
    rest = [row for row in others if row.id not in paired]
    if _shuffled(rest):
        yield Observation(
            "shuffled",
            f"The recordings look shuffled among the names: {len(rest)} of {total} have another length than the "
            f"release tells, but together they have the lengths of the release; unpack the original archive again.",
            tuple(row.id for row in rest),
            harmful=True,
        )
    elif rest:
        shorter = sum(row.heard.seconds < row.released.seconds for row in rest)
        first = rest[0]
        yield Observation(
            "lengths",
            f"Expected the lengths of the release, but got {shorter} shorter and {len(rest) - shorter} longer "
            f"utterances of {total}, such as {first.heard.seconds:.3f} s instead of {first.released.seconds:.3f} s "
            f"for {first.id}; replace the files with the originals.",
            tuple(row.id for row in rest),
            harmful=True,
        )


def _exchanged(rows: list[Compared]) -> list[tuple[Compared, Compared]]:
    """Pairs of which each has the length that the release tells of the other, and of no third."""
    here, there, tolerance = _arrays(rows)
    order = np.argsort(there)
    first = np.searchsorted(there[order], here - tolerance, "left")
    last = np.searchsorted(there[order], here + tolerance, "right")
    partner = {int(row): int(order[first[row]]) for row in np.flatnonzero(last - first == 1)}
    mutual = [(one, other) for one, other in partner.items() if one < other and partner.get(other) == one]
    return [(rows[one], rows[other]) for one, other in mutual]


def _shuffled(rows: list[Compared]) -> bool:
    """Whether the lengths are those of the release in another order.

    Sorted, they then agree: a cut keeps nearly the order of the lengths, so sorting explains none of it.
    """
    here, there, _ = _arrays(rows)
    apart = np.abs(here - there).sum()
    sorted_apart = np.abs(np.sort(here) - np.sort(there)).sum()
    return len(rows) > 1 and bool(sorted_apart < _UNEXPLAINED * apart)


def _arrays(rows: list[Compared]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds here, seconds in the release, tolerance in seconds."""
    return (
        np.array([row.heard.seconds for row in rows]),
        np.array([row.released.seconds for row in rows]),
        np.array([row.tolerance for row in rows]),
    )


def _lost_bandwidth(rows: list[Compared]) -> Iterator[Observation]:
    if rows:
        rates = Counter(
            f"{row.heard.sampling_rate} instead of {row.released.sampling_rate} Hz" for row in rows
        )
        yield Observation(
            "sampling rate",
            f"Expected recordings at {SAMPLING_RATE} Hz or what the release has, but got {len(rows)} at less "
            f"({_counts(rates)}), which lack the upper frequencies; replace the files with the originals.",
            tuple(row.id for row in rows),
            harmful=True,
        )


def conversion(rows: Sequence[Compared], converted: Sequence[Utterance]) -> Iterator[Observation]:
    """Whether this is a converted copy: utterances in another container, or at another (sufficient) rate."""
    rates = [
        row
        for row in rows
        if row.heard.usable
        and not row.lost_bandwidth
        and row.heard.sampling_rate != row.released.sampling_rate
    ]
    changes = Counter(f"as {Path(utterance.path).suffix}" for utterance in converted)
    changes += Counter(
        f"at {row.heard.sampling_rate} instead of {row.released.sampling_rate} Hz" for row in rates
    )
    lossy = lossy_lengths(rows)
    if changes:
        ids = sorted({utterance.id for utterance in converted} | {row.id for row in rates})
        yield Observation(
            "converted copy",
            f"Utterances that are in another form than published: {len(ids)} ({_counts(changes)})"
            f"{f'; {lossy}' if lossy else ''}.",
            tuple(ids),
        )


def evidence(rows: Sequence[Compared], total: int) -> str:
    """What is known of a copy of `total` utterances if comparing `rows` found nothing: no more than was compared."""
    if not rows:
        return (
            "Names and labels are as the corpus describes them; the recordings themselves cannot be compared, because "
            "neither lengths nor checksums of them are known."
        )
    speakers = ", lengths and speakers" if any(row.released.speaker for row in rows) else " and lengths"
    lossy = lossy_lengths(rows)
    verdict = (
        f"Names, labels{speakers} are those of the release{f' ({lossy})' if lossy else ''}; the recordings themselves "
        f"cannot be compared, because the release publishes no checksums."
    )
    others = total - len(rows)
    return (
        f"{verdict} Of {others} other utterances it tells neither labels nor lengths." if others else verdict
    )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in counter.most_common())
