"""`emobox predict`: what a classifier says of recordings: one label a file, or one a part of a long one.

Answers are kept (`$HF_HOME/emobox/predicted`), so that a killed run goes on, and one more on the same files is quick.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from emobox_datasets.audio_files.audio import SAMPLING_RATE, as_stored, read_waveform
from emobox_datasets.audio_files.segments import Segment, between_silences, parts_of, windows
from emobox_datasets.audio_files.stream import stream
from emobox_datasets.copy.folder import AUDIO
from emobox_datasets.copy.placeholders import ABSENT, REPLACE
from emobox_datasets.errors import AudioError
from emobox_datasets.files import sha256
from emobox_probe.config import SHORTEST_WINDOW, PredictConfig
from emobox_probe.errors import ProbeError
from emobox_probe.use.answers import Answers
from emobox_probe.use.load_predictor import load_predictor
from emobox_probe.use.predictor import Predictor

STDIN = "-"
# Seconds of audio, and parts, that are in memory at a time.
BATCH_SECONDS, BATCH_PARTS = 60.0, 64
SHORTEST_SAMPLES = round(SHORTEST_WINDOW * SAMPLING_RATE)
CORRECT, PIPE = "correct its path", "pipe a recording into the command"
# Fields that say why little or nothing can be said of a recording.
REMARKS = ("silent", "short", "lengthened")
NO_PART = ("no part of it is loud and long enough", "label all of it, without --segments")


@dataclass(frozen=True)
class Prediction:
    """What is said of a recording, or of its part from `start` to `end` seconds (None: of all of it).

    `silent` tells that all its samples are one value, so that nothing was heard; `short` that it takes no longer than
    `SHORTEST_WINDOW`; `lengthened` that it is shorter than the encoder takes, and got zeros.
    """

    file: str
    start: float | None
    end: float | None
    label: str
    probabilities: dict[str, float]
    logits: tuple[float, ...]
    silent: bool
    short: bool
    lengthened: bool


@dataclass(frozen=True)
class Predictions:
    """All that is said, in the order of the files, and what of them got no label: unreadable, or without a part.

    `passed_over` counts files of the folders that were named which are no recordings by their names.
    """

    classifier: str
    expected: str
    labels: list[str]
    predictions: list[Prediction]
    not_labelled: list[AudioError]
    passed_over: int

    def table(self) -> pd.DataFrame:
        """A row a recording or part: file, start, end, label, the probability of every label, and its remarks."""
        columns = ["file", "start", "end", "label", *self.labels, *REMARKS]
        rows = [
            [
                p.file,
                p.start,
                p.end,
                p.label,
                *p.probabilities.values(),
                *(getattr(p, name) for name in REMARKS),
            ]
            for p in self.predictions
        ]
        return pd.DataFrame(rows, columns=columns)


def predict(classifier: str | Path, files: str | Path | Sequence[str | Path], **settings: Any) -> Predictions:
    """Label recordings.

    Args:
        classifier: folder of a run, of a fit, or of an export.
        files: recordings in any container that the corpora come in, or folders of them.
        settings: the other settings of `config.PredictConfig`, such as `model`, `segments` and `device`.

    Raises:
        ProbeError: settings or classifier are not what is needed; says what to do. A recording that cannot be read,
            or that has no part for `segments`, is no error: it is listed.
    """
    named = [files] if isinstance(files, (str, Path)) else files
    return run(PredictConfig.of({"classifier": classifier, "files": tuple(map(str, named)), **settings}))


def run(config: PredictConfig) -> Predictions:
    """From files to predictions, top to bottom.

    Raises:
        ProbeError: as `predict`.
    """
    if config.plots and not config.parted:
        raise ProbeError(
            "Expected --segments with --plots, which shows emotions over time; give both, or none."
        )
    files, passed_over = recordings(config.files)
    loaded = load_predictor(config)
    answers = Answers(loaded.predictor.identity)
    made: list[Prediction] = []
    not_labelled: list[AudioError] = []
    with _standard_input(files) as path_of, tqdm(total=len(files), desc="predict", unit="file") as bar:
        for some in _batched(_tasks(files, path_of, config, not_labelled, bar.update)):
            made += _answered(some, loaded.predictor, answers)
    labels = loaded.predictor.labels
    return Predictions(loaded.title, loaded.expected, labels, made, not_labelled, passed_over)


def recordings(named: Sequence[str]) -> tuple[list[str], int]:
    """The files that are named, and those in folders, at any depth, whose names end as audio files do.

    How many others the folders hold is counted.

    Raises:
        ProbeError: a folder has none.
    """
    found: list[str] = []
    others: set[Path] = set()
    for name in named:
        path = Path(name)
        if name == STDIN or not path.is_dir():
            found.append(name)
            continue
        files = [p for p in path.rglob("*") if not p.is_dir()]
        inside = sorted(str(p) for p in files if p.suffix.lower() in AUDIO)
        if not inside:
            raise ProbeError(
                f"Expected recordings in {name}, but it has none; name files, or another folder."
            )
        found += inside
        others.update(p for p in files if p.suffix.lower() not in AUDIO)
    return list(dict.fromkeys(found)), len(others)


@dataclass(frozen=True)
class _Task:
    """A part of a recording to be labelled; `start` is None for all of it."""

    file: str
    key: str
    start: float | None
    end: float | None
    waveform: np.ndarray


def _tasks(
    files: Sequence[str],
    path_of: Callable[[str], Path],
    config: PredictConfig,
    not_labelled: list[AudioError],
    done: Callable[[], Any],
) -> Iterator[_Task]:
    """What is to be labelled, part after part; a file that cannot be labelled is noted, and the next one follows."""
    for file in files:
        path = path_of(file)
        try:
            content = sha256(path) if path.is_file() else ""
            for part in _parts(path, config):
                start, end = (part.start, part.end) if config.parted else (None, None)
                yield _Task(file, f"{content} {start} {end}", start, end, as_stored(part.waveform))
        except AudioError as error:
            not_labelled.append(AudioError(file, error.reason, _remedy(file, error), error.detail))
        done()


def _remedy(file: str, error: AudioError) -> str:
    """Whoever names a file has no corpus to copy it from."""
    if file == STDIN and error.remedy == REPLACE:
        return PIPE
    return CORRECT if (error.reason, error.remedy) == ABSENT else error.remedy


def _parts(path: Path, config: PredictConfig) -> Iterator[Segment]:
    if not config.parted:
        whole = read_waveform(path)
        yield Segment(0.0, len(whole) / SAMPLING_RATE, whole)
        return
    if config.window is None:
        heard = between_silences(stream(path))
        if not heard:
            raise AudioError(path, *NO_PART)
        yield from parts_of(stream(path), heard)
        return
    for window in windows(stream(path), config.window):
        # What is left over at the end of a recording may be too short to say anything.
        if window.start == 0 or len(window.waveform) >= SHORTEST_SAMPLES:
            yield window


def _batched(tasks: Iterable[_Task]) -> Iterator[list[_Task]]:
    """As many as may be in memory at a time."""
    some: list[_Task] = []
    seconds = 0.0
    for task in tasks:
        some.append(task)
        seconds += len(task.waveform) / SAMPLING_RATE
        if seconds >= BATCH_SECONDS or len(some) >= BATCH_PARTS:
            yield some
            some, seconds = [], 0.0
    if some:
        yield some


def _answered(tasks: Sequence[_Task], predictor: Predictor, answers: Answers) -> list[Prediction]:
    """What is said of each, asked only where it was not before."""
    new = [task for task in tasks if task.key not in answers]
    if new:
        logits = predictor.logits([task.waveform for task in new])
        answers.keep({task.key: row.tolist() for task, row in zip(new, logits, strict=True)})
    return [_prediction(task, answers[task.key], predictor) for task in tasks]


def _prediction(task: _Task, logits: Sequence[float], predictor: Predictor) -> Prediction:
    shares = np.exp(np.array(logits, dtype=np.float64) - max(logits))
    probabilities = dict(zip(predictor.labels, (shares / shares.sum()).tolist(), strict=True))
    best = max(probabilities, key=probabilities.__getitem__)
    samples = len(task.waveform)
    return Prediction(
        task.file,
        task.start,
        task.end,
        best,
        probabilities,
        tuple(logits),
        silent=not np.ptp(task.waveform),
        short=samples <= SHORTEST_SAMPLES,
        lengthened=samples < predictor.shortest_samples,
    )


@contextmanager
def _standard_input(files: Sequence[str]) -> Iterator[Callable[[str], Path]]:
    """Where a named file is: what comes in on standard input is kept in a file while it is needed."""
    with TemporaryDirectory(prefix="emobox-") as folder:
        kept = Path(folder) / "standard input"
        if STDIN in files:
            with kept.open("wb") as file:
                copyfileobj(sys.stdin.buffer, file)
        yield lambda name: kept if name == STDIN else Path(name)


def by_file(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    """The parts of every recording."""
    return {file: list(parts) for file, parts in groupby(predictions, key=lambda p: p.file)}
