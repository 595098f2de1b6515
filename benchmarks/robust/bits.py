"""Single bits flipped in what runs keep, each then read as a run reads it, and some by a whole run."""

import io
import json
import logging
import os
import random
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import torch
from robust.faults import Fault, run
from robust.trials import COMMANDS, RUN, Stages, contents, differences

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_probe.config import ExtractConfig
from emobox_probe.features.corpus import describe_corpus, encoder_of, feature_store, load_corpus
from emobox_probe.features.store import FeatureStore
from emobox_probe.heads import checkpoint
from emobox_probe.protocol import PAPER

# What comes of a flip; the last may not be.
AGAIN, NAMED, HARMLESS, EQUAL, WRONG = "made again", "one paragraph", "no effect", "equal results", "wrong"
# Flips of each kind that a whole run follows.
WHOLE_RUNS = 3
TRAINING = f"{RUN}/{checkpoint.FOLDER}/*.pt"
SHARDS, CONVERSIONS, PREPARED = (
    "features/*/*.safetensors",
    "cache/datasets/demo/*/*/*/*",
    "emobox/demo/data/*.parquet",
)

# Bytes of a file.
Place = tuple[Path, range]
# Flips bits in the folder, one after the other, and says of each what came of it.
Flips = Iterator[str]
Read = Callable[[Path, random.Random, int], Flips]


def flipped(stages: Stages, count: int) -> dict[str, Any]:
    """So many flips, as many of each kind; what came of them, by kind."""
    figures: dict[str, dict[str, Any]] = {}
    wrong: list[str] = []
    for name, (lay_out, read, pattern) in KINDS.items():
        share = count // len(KINDS)
        lay_out(stages)
        outcomes = _in_another_process(stages, read, random.Random(name), share)
        if len(outcomes) < share:
            outcomes.append(f"{WRONG}: the reader died")
        lay_out(stages)
        after = [
            _whole_run(stages, random.Random(name), pattern, lay_out)
            for _ in range(WHOLE_RUNS if share else 0)
        ]
        figures[name] = {"flips": share, "outcomes": counted(outcomes), "whole runs": counted(after)}
        wrong += [f"{name}: {outcome}" for outcome in outcomes + after if outcome.startswith(WRONG)]
    return {"trials": sum(figure["flips"] for figure in figures.values()), "kinds": figures, "wrong": wrong}


def counted(outcomes: list[str]) -> dict[str, int]:
    return dict(Counter(outcome.partition(":")[0] for outcome in outcomes))


# ── what is in the folder ──


def after_extraction(stages: Stages) -> None:
    """All that `probe` has made but the record."""
    stages.restore("card")
    shutil.rmtree(stages.folder / "runs")


def while_training(stages: Stages) -> None:
    """What a run leaves that is killed before it writes the record."""
    stages.restore("probe")
    run(COMMANDS["probe"], stages.folder, Fault(stages.log, "kill", f"rename {RUN}/result.json"))


def beside_a_repository(stages: Stages) -> None:
    """A prepared repository where `probe` takes it instead of the corpus, not yet converted; features."""
    after_extraction(stages)
    shutil.copytree(stages.folder / "prepared", stages.folder / "emobox" / "demo")
    shutil.rmtree(stages.folder / "cache" / "datasets")


# ── reading ──


def checkpoints(folder: Path, draw: random.Random, count: int) -> Flips:
    """The state of a real training, kept again under a key that is known here."""
    (real,) = folder.glob(TRAINING)
    state = torch.load(io.BytesIO(real.read_bytes()[:-32]), weights_only=True)["parts"]
    writer = checkpoint.Checkpoint(folder / "kept", ["bits"])
    time.sleep(0.5)  # longer than what it may be kept for the first time after
    writer.keep("all", lambda: state, finished=True)
    (file,) = (folder / "kept" / checkpoint.FOLDER).glob("*.pt")
    for place in islice(cycle([(file, range(file.stat().st_size))]), count):
        with flip(draw, place), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = checkpoint.Checkpoint(folder / "kept", ["bits"]).part("all")
            yield (AGAIN if said else WRONG) if found is None else (HARMLESS if same(found, state) else WRONG)


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal, tensors to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def shard_headers(folder: Path, draw: random.Random, count: int) -> Flips:
    return _shards(folder, draw, count, range)


def shard_bodies(folder: Path, draw: random.Random, count: int) -> Flips:
    return _shards(folder, draw, count, lambda header: range(header, 1 << 62))


def _shards(folder: Path, draw: random.Random, count: int, part: Callable[[int], range]) -> Flips:
    store = _store(folder)
    frames = [frames.clone() for _, frames in store.read()]
    for file in islice(cycle(sorted(folder.glob(SHARDS))), count):
        header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
        where = part(header)
        with flip(draw, (file, range(where.start, min(where.stop, file.stat().st_size)))):
            index = store.folder / "index.parquet"
            kept = index.read_bytes()
            fresh = FeatureStore(store.root, store.identity, store.ids, store.durations)
            number = int(file.stem.removeprefix("shard-"))
            if fresh.find_damage() == [number]:
                index.write_bytes(kept)
                yield AGAIN
            else:
                read = [frames for _, frames in fresh.read()]
                yield HARMLESS if all(map(torch.equal, read, frames)) else WRONG


def _store(folder: Path) -> FeatureStore:
    """The features of the demo corpus, as `probe` finds them."""
    config = ExtractConfig(model="builtin:logmel", corpus="demo", features_dir=folder / "features")
    encoder = encoder_of(config, torch.device("cpu"), PAPER)
    whole = load_corpus(corpora.load("demo"), None)
    fingerprint = describe_corpus(whole, corpora.load("demo"), ()).fingerprint
    store = feature_store(config, encoder, whole, fingerprint)
    assert store.complete, store.folder
    return store


def conversion(folder: Path, draw: random.Random, count: int) -> Flips:
    """A third each in audio, in all else of the Arrow file, and in the files beside it."""
    (arrow,) = folder.glob(f"{CONVERSIONS}.arrow")
    others = cycle(sorted(file for file in arrow.parent.iterdir() if file != arrow and file.stat().st_size))
    audio, rest = _parts_of(arrow)
    places = cycle(
        [
            lambda: (arrow, draw.choice(audio)),
            lambda: (arrow, draw.choice(rest)),
            lambda: _all_of(next(others)),
        ]
    )
    yield from _rows(draw, (place() for place in islice(places, count)), folder, clean=False)


def prepared_shards(folder: Path, draw: random.Random, count: int) -> Flips:
    files = cycle(sorted(folder.glob(PREPARED)))
    yield from _rows(draw, (_all_of(file) for file in islice(files, count)), folder, clean=True)


def _all_of(file: Path) -> Place:
    return file, range(file.stat().st_size)


def _parts_of(arrow: Path) -> tuple[list[range], list[range]]:
    """The spans of a file that are audio, and those between."""
    content = pa.memory_map(str(arrow)).read_buffer()
    chunks = pa.ipc.open_stream(content).read_all()["audio"].chunks
    data = [chunk.field("bytes").buffers()[2] for chunk in chunks]
    audio = sorted((each.address - content.address, each.size) for each in data)
    ends = [0, *(start + size for start, size in audio)]
    starts = [*(start for start, _ in audio), content.size]
    return [range(a, a + size) for a, size in audio], [
        range(a, b) for a, b in zip(ends, starts, strict=True) if a < b
    ]


def _rows(draw: random.Random, places: Iterator[Place], folder: Path, clean: bool) -> Flips:
    """Loads the corpus, and reads all of it as for a record; `clean`: nothing is in the cache."""
    expected = _content()
    seen = _Seen()
    logging.getLogger("emobox_datasets").addHandler(seen)
    for place in places:
        if clean:
            shutil.rmtree(folder / "cache" / "datasets")
        with flip(draw, place):
            seen.messages.clear()
            try:
                found = _content()
            except CorpusError as error:
                yield NAMED if str(error).startswith("Expected ") else f"{WRONG}: {error}"
            except Exception as error:
                yield f"{WRONG}: {error!r}"
            else:
                yield WRONG if found != expected else AGAIN if seen.messages else HARMLESS


class _Seen(logging.Handler):
    """What is logged about things made again."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages += [record.getMessage()] * ("made again" in record.getMessage())


def _content() -> tuple[str, list[Any]]:
    """The fingerprint of the corpus, and all columns but the audio."""
    corpus = corpora.load("demo")
    whole = load_corpus(corpus, None)
    return describe_corpus(whole, corpus, corpus.label_list).fingerprint, whole.remove_columns(
        "audio"
    ).to_list()


# ── flipping ──


@contextmanager
def flip(draw: random.Random, place: Place) -> Iterator[None]:
    """One bit of the file is another one; at the end the file is what it was."""
    file, where = place
    content = file.read_bytes()
    changed = bytearray(content)
    changed[draw.choice(where)] ^= 1 << draw.randrange(8)
    _put(file, changed)
    try:
        yield
    finally:
        _put(file, content)


def _put(file: Path, content: bytes | bytearray) -> None:
    """As a new file: who has mapped the old one goes on with that."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".new").write_bytes(content)
    file.with_suffix(".new").replace(file)


def _in_another_process(stages: Stages, read: Read, draw: random.Random, count: int) -> list[str]:
    """The outcomes, as far as it came: what is flipped may bring a process down."""
    log = stages.folder.parent / "outcomes"
    log.write_text("")
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.chdir(stages.folder)
            datasets.disable_progress_bars()
            with log.open("a", buffering=1) as lines:
                for outcome in read(stages.folder, draw, count):
                    lines.write(json.dumps(outcome) + "\n")
            status = 0
        finally:
            os._exit(status)
    os.waitpid(process, 0)
    return [json.loads(line) for line in log.read_text().splitlines()]


def _whole_run(stages: Stages, draw: random.Random, pattern: str, lay_out: Callable[[Stages], None]) -> str:
    """What `probe` makes of a flip."""
    lay_out(stages)
    beside = {path for path in contents(stages.folder) if path.startswith("emobox/")}
    with flip(draw, _all_of(draw.choice(sorted(stages.folder.glob(pattern))))):
        ended = run(COMMANDS["probe"], stages.folder)
        if ended.status:
            return NAMED if ended.is_paragraph else f"{WRONG}: {ended.said[-2000:]}"
        wrong = differences(stages.expected["probe"], contents(stages.folder))
    wrong = [what for what in wrong if what.partition(": ")[2] not in beside]
    return f"{WRONG}: {wrong}" if wrong else EQUAL


# Kind: what is there, how it is read, and which files a whole run reads.
KINDS: dict[str, tuple[Callable[[Stages], None], Read, str]] = {
    "training checkpoints": (while_training, checkpoints, TRAINING),
    "headers of feature shards": (after_extraction, shard_headers, SHARDS),
    "bodies of feature shards": (after_extraction, shard_bodies, SHARDS),
    "stored conversion": (after_extraction, conversion, CONVERSIONS),
    "prepared shards": (beside_a_repository, prepared_shards, PREPARED),
}
