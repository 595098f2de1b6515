"""`emobox doctor`: is this copy of a corpus the one the benchmark means?

Findings that make it another corpus are problems and end in exit status 1. What is true of the corpus itself, such
as clipped recordings or the same voice in train and test, is noted and harms no one.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from emobox_datasets import corpora, manifest
from emobox_datasets.corpus import Corpus, Findings, Utterance, check_complete
from emobox_datasets.errors import CorpusError
from emobox_datasets.fingerprint import fingerprint_of
from emobox_datasets.folder import CorpusFolder
from emobox_datasets.hearing import Heard, hear_all
from emobox_datasets.partition import configurations, partition
from emobox_datasets.roots import find_root

# Published hours are rounded, and decoders of lossy audio differ by some milliseconds a file.
HOURS_TOLERANCE = 0.01
LONG, SHORT = 30.0, 0.025  # seconds: what some encoders cut, and what is less than one of their frames
AUDIO = {".avi", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".wav", ".webm"}
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Observation:
    """Something to tell the user: `kind` for programs, `message` for people, `names` of files or utterances."""

    kind: str
    message: str
    names: tuple[str, ...] = ()
    harmful: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """All that was found; `figures` are counts, by name."""

    corpus: str
    root: str
    figures: Mapping[str, Any]
    observations: tuple[Observation, ...]

    @property
    def healthy(self) -> bool:
        return not any(observation.harmful for observation in self.observations)


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
    observations = (
        *completeness(corpus, root, findings),
        *unused_files(root, findings),
        *unreadable(heard),
        *published_figures(corpus, utterances, heard),
        *sound(heard),
        *duplicates(heard),
        *leakage(corpus, utterances, heard),
    )
    return Diagnosis(corpus.name, str(root), figures(corpus, utterances, heard), observations)


def completeness(corpus: Corpus, root: str | Path, findings: Findings) -> Iterator[Observation]:
    """Whether every utterance of the release is there, and nothing else."""
    try:
        check_complete(corpus, root, findings, allow_missing=False)
    except CorpusError as error:
        found = {utterance.id for utterance in findings.utterances}
        missing = sorted(corpus.listed_ids - found) or findings.absent
        yield Observation("incomplete", str(error), tuple(missing), harmful=True)
        if absent := sorted(corpus.balanced_ids - found):
            yield Observation(
                "balanced",
                f"Utterances of the balanced test set that are missing: {len(absent)} of {len(corpus.balanced_ids)}.",
                tuple(absent),
            )
    if findings.left_out:
        yield Observation(
            "left out",
            f"Utterances that the release does not have, left out: {len(findings.left_out)}. {corpus.beyond_release}",
            tuple(utterance.id for utterance in findings.left_out),
        )


def unused_files(root: str | Path, findings: Findings) -> Iterator[Observation]:
    """Audio that no utterance uses: long dialogues, other test sets, or files that do not belong here."""
    used = {utterance.path for utterance in (*findings.utterances, *findings.left_out)}
    paths = (path for path in CorpusFolder(root).paths if Path(path).suffix.lower() in AUDIO)
    if unused := [path for path in paths if f"{root}/{path}" not in used]:
        yield Observation(
            "unused", f"Audio files that are no utterance of the benchmark: {len(unused)}.", tuple(unused)
        )


def unreadable(heard: Sequence[Heard]) -> Iterator[Observation]:
    """Utterances that cannot be decoded, one by one: each has its own reason."""
    for one in heard:
        if one.error:
            yield Observation("unreadable", one.error, (one.id,), harmful=True)


def published_figures(
    corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]
) -> Iterator[Observation]:
    """Hours, labels and speakers against the card, as far as the copy is complete."""
    if len(utterances) != corpus.utterances or any(one.error for one in heard):
        return
    hours = sum(one.seconds for one in heard) / 3600
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
    # Not harmful: the number on the card is the paper's where the release does not tell its speakers.
    speakers = {utterance.speaker for utterance in utterances} - {None}
    if len(speakers) != corpus.speakers:
        yield Observation("speakers", f"Expected {corpus.speakers} speakers, but got {len(speakers)}.")


def sound(heard: Sequence[Heard]) -> Iterator[Observation]:
    """What encoders and listeners should know about the recordings."""
    kinds = {
        "clipped": ("with flat tops at full scale", [one.id for one in heard if one.clipped]),
        "long": (f"longer than {LONG:.0f} s", [one.id for one in heard if one.seconds > LONG]),
        "short": (
            f"shorter than {SHORT * 1000:.0f} ms",
            [one.id for one in heard if not one.error and one.seconds < SHORT],
        ),
    }
    for kind, (what, ids) in kinds.items():
        if ids:
            yield Observation(kind, f"Utterances {what}, kept: {len(ids)}.", tuple(ids))


def duplicates(heard: Sequence[Heard]) -> Iterator[Observation]:
    """Utterances whose samples are the same as another's."""
    groups: dict[str, list[str]] = defaultdict(list)
    for one in heard:
        if one.checksum:
            groups[one.checksum].append(one.id)
    if twins := [ids for ids in groups.values() if len(ids) > 1]:
        names = tuple(" = ".join(ids) for ids in twins)
        total = sum(map(len, twins))
        yield Observation(
            "duplicates", f"Utterances that share a recording: {total}; recordings: {len(twins)}.", names
        )


def leakage(corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]) -> Iterator[Observation]:
    """Voices and recordings that are in both train and test of a released fold."""
    for fold in configurations(corpus).values():
        if fold.kind != "released":
            continue
        parts = partition(corpus, fold.name, utterances)
        trained = {utterances[row].speaker for row in parts["train"]} - {None}
        if shared := [row for row in parts["test"] if utterances[row].speaker in trained]:
            speakers = {str(utterances[row].speaker) for row in shared}
            yield Observation(
                "shared speakers",
                f"Test utterances of speakers who are also in train, {fold.name}: {len(shared)} of "
                f"{len(parts['test'])}; speakers: {len(speakers)}.",
                tuple(sorted(speakers)),
            )
        recordings = {heard[row].checksum for row in parts["train"]} - {""}
        if leaked := [heard[row].id for row in parts["test"] if heard[row].checksum in recordings]:
            yield Observation(
                "shared audio",
                f"Test utterances whose recording is also in train, {fold.name}: {len(leaked)} of "
                f"{len(parts['test'])}.",
                tuple(leaked),
            )


def unchanged(root: str | Path, file: Path, now: Mapping[str, str]) -> Iterator[Observation]:
    """The copy against a manifest of it that was written before.

    Raises:
        CorpusError: `file` is no manifest.
    """
    changes = manifest.compare(manifest.read(file), dict(now))
    for kind, paths in (("changed", changes.changed), ("gone", changes.gone)):
        if paths:
            message = f"Files below {root} that are {kind} since {file} was written: {len(paths)}."
            yield Observation(kind, message, tuple(paths), harmful=True)
    if changes.new:
        yield Observation("new", f"Files that are not in {file}: {len(changes.new)}.", tuple(changes.new))


def figures(corpus: Corpus, utterances: Sequence[Utterance], heard: Sequence[Heard]) -> dict[str, Any]:
    """Counts of what was found, and what is on the card."""
    good = [one for one in heard if not one.error]
    labels = Counter(utterance.label for utterance in utterances)
    return {
        "utterances": {"expected": corpus.utterances, "found": len(utterances)},
        "hours": {"expected": corpus.hours, "found": round(sum(one.seconds for one in good) / 3600, 4)},
        "speakers": {"expected": corpus.speakers, "found": len({u.speaker for u in utterances} - {None})},
        "labels": {label: labels[label] for label in corpus.label_list},
        "sampling_rates": dict(Counter(one.sampling_rate for one in good)),
        "channels": dict(Counter(one.channels for one in good)),
        "longest_seconds": round(max((one.seconds for one in good), default=0.0), 3),
        "shortest_seconds": round(min((one.seconds for one in good), default=0.0), 3),
        "unreadable": len(heard) - len(good),
        "clipped": sum(one.clipped for one in good),
        "over_30_s": sum(one.seconds > LONG for one in good),
        "under_25_ms": sum(one.seconds < SHORT for one in good),
        "fingerprint": fingerprint_of(
            (one.id, utterance.label, utterance.speaker, one.checksum)
            for utterance, one in zip(utterances, heard, strict=True)
        ),
    }


def as_json(diagnosis: Diagnosis) -> str:
    """The diagnosis for programs; every name is listed."""
    return json.dumps({"healthy": diagnosis.healthy, **asdict(diagnosis)}, ensure_ascii=False, indent=2)


def show(diagnosis: Diagnosis, console: Console) -> None:
    """The diagnosis for people: figures, problems, notes, verdict."""
    table = Table("", "expected", Column("found", overflow="fold"))
    for name, figure in diagnosis.figures.items():
        if not isinstance(figure, dict):
            row = "", str(figure)
        elif "expected" in figure:
            row = str(figure["expected"]), str(figure["found"])
        else:
            row = "", ", ".join(f"{key}: {count}" for key, count in figure.items())
        table.add_row(name.replace("_", " "), *row)
    console.print(f"[bold]{diagnosis.corpus}[/bold] at {diagnosis.root}", highlight=False)
    console.print(table)
    for observation in sorted(diagnosis.observations, key=lambda one: not one.harmful):
        mark = "[red]problem[/red]" if observation.harmful else "[yellow]note[/yellow]"
        console.print(f"{mark} [bold]{observation.kind}[/bold]: ", end="")
        more = len(observation.names) - NAMES_SHOWN
        named = f" ({', '.join(observation.names[:NAMES_SHOWN])}{f' and {more} more' if more > 0 else ''})"
        console.print(
            observation.message + (named if observation.names else ""), markup=False, highlight=False
        )
    verdict = "This copy is the one the benchmark means."
    console.print(
        verdict if diagnosis.healthy else "This copy is not the one the benchmark means.", style="bold"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name of the corpus, such as emodb")
    parser.add_argument("folder", nargs="?", help="folder that holds it (default: below $EMOBOX_DATA)")
    parser.add_argument("--jobs", type=int, default=1, help="how many files to decode at a time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every name")
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="compare with this manifest (default: the one in the cache, if any)",
    )
    parser.add_argument(
        "--write-manifest",
        type=Path,
        nargs="?",
        const=True,
        metavar="FILE",
        help="store the SHA-256 of every file (default: in the cache), for later runs to compare with",
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine a copy and print the diagnosis; 0 if it is the one the benchmark means, else 1."""
    try:
        corpus = corpora.load(arguments.corpus)
        root = find_root(corpus, arguments.folder)
        diagnosis = examine(corpus, root, arguments.jobs, progress=sys.stderr.isatty())
        diagnosis = with_manifest(diagnosis, arguments)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.json:
        print(as_json(diagnosis))
    else:
        show(diagnosis, Console())
    return 0 if diagnosis.healthy else 1


def with_manifest(diagnosis: Diagnosis, arguments: argparse.Namespace) -> Diagnosis:
    """Write the manifest that was asked for, or compare with the one that is there."""
    kept = manifest.default_path(diagnosis.corpus)
    writing, reading = arguments.write_manifest, arguments.manifest
    if not writing and not reading and not kept.is_file():
        return diagnosis
    now = manifest.hashes(diagnosis.root, arguments.jobs)
    if writing:
        file = kept if writing is True else writing
        manifest.write(file, now)
        added: tuple[Observation, ...] = (Observation("manifest", f"Wrote {len(now)} files to {file}."),)
    else:
        added = tuple(unchanged(diagnosis.root, reading or kept, now))
    return Diagnosis(diagnosis.corpus, diagnosis.root, diagnosis.figures, (*diagnosis.observations, *added))


def main(argv: Sequence[str] | None = None) -> int:
    """The command on its own: `python -m emobox_datasets.doctor emodb /data/emodb`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
