"""What a plan will cost before it runs: items, hours of audio, time, disk and memory."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

import emobox_datasets.corpora as corpora
from emobox_probe.encoders.checkpoints.preview import Preview
from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.experiment import hardware
from hub_cards.bench.items import KINDS, Item, dependents, layers_of
from hub_cards.bench.models import ModelHere
from hub_cards.bench.speeds import START, Speeds, Time, past_notes, past_records
from hub_cards.bench.states import Ledger, State

# Bytes of libraries in a process, and of a parameter while a model is loaded and then run in float32.
LIBRARIES, A_PARAMETER = 1.5e9, 8


@dataclass(frozen=True)
class Line:
    """One item: its state, what it will take (0 if done), and the bytes that it adds to the disk."""

    item: Item
    state: State
    time: Time
    size: float


@dataclass(frozen=True)
class Estimate:
    """What is to do; `disk` is the most that features take at once, `free` the room there is.

    `models` are those that are needed, with what loading them would read where that was looked at.
    """

    lines: Sequence[Line]
    disk: float
    free: float
    memory: float
    hardware: str
    device: str
    workers: int
    models: Sequence[ModelHere] = ()

    @property
    def refused(self) -> list[str]:
        """Why models would be refused."""
        previews = [here.preview for here in self.models if here.preview]
        return [preview.problem for preview in previews if preview.problem]

    @property
    def seconds(self) -> float:
        """Until all is done: the start of a worker, and the items, which GPUs share and cores do not."""
        work = sum(line.time.seconds for line in self.lines)
        return START[self.device] + work / self.workers if work else 0.0

    @property
    def enough_disk(self) -> bool:
        return self.disk <= self.free


def estimate(
    ledger: Ledger, mine: Sequence[Item], workers: int, keep_features: bool, again: bool
) -> Estimate:
    """Estimate the items of one worker.

    Args:
        ledger: the whole plan.
        mine: the items of this worker.
        workers: how many do items side by side.
        keep_features: whether features stay when nothing needs them any more.
        again: whether what is done is done again.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = ledger.plan
    speeds = Speeds(device.type, hardware(device), past_notes(plan.features), past_records(plan.output))
    lines = [_line(ledger, item, speeds, again) for item in mine if item.kind != "report"]
    needed = [ledger.models[model] for model in dict.fromkeys(line.item.model for line in lines) if model]
    return Estimate(
        lines,
        peak_disk(lines, ledger.items, keep_features),
        free_bytes(plan.features),
        max((LIBRARIES + A_PARAMETER * 1e6 * here.size.parameters for here in needed), default=0.0),
        speeds.hardware,
        device.type,
        workers if device.type == "cuda" else 1,
        needed,
    )


def _line(ledger: Ledger, item: Item, speeds: Speeds, again: bool) -> Line:
    state = ledger.state(item)
    assert item.model is not None
    here = ledger.models[item.model]
    if state in ledger.settled and not again:
        return Line(item, state, Time(0.0, "done"), 0.0)
    if item.kind == "extract":
        if state == "done":  # only training is done again
            return Line(item, state, Time(0.0, "done"), 0.0)
        if state == "unchecked":
            return Line(item, state, Time(0.0, "a record names features that are there; checked first"), 0.0)
        return Line(item, state, speeds.extraction(item, here), feature_bytes(ledger, item, here))
    if state == "unchecked":
        return Line(item, state, Time(0.0, "a record is there; checked once features are"), 0.0)
    return Line(item, state, speeds.training(item, here), 0.0)


def feature_bytes(ledger: Ledger, item: Item, here: ModelHere) -> float:
    """Frames of the last layer in the stored type; means, or also deviations, of every layer in float32."""
    assert item.model is not None
    card, size = corpora.load(item.places[0].name), here.size
    width = torch.empty((), dtype=DTYPES[ledger.plan.store_dtype]).element_size()
    frames = card.hours * 3600 * size.frame_rate * size.dimension * width
    moment = card.utterances * (size.layers + 1) * size.dimension * 4
    moments = {"last": 0, "statistics": 2}.get(layers_of(ledger.plan, item.model), 1)
    return frames + moments * moment


def peak_disk(lines: Sequence[Line], items: Sequence[Item], keep_features: bool) -> float:
    """The most that new features take at once when a worker does these items in order."""
    last: dict[str, int] = {}
    for place, line in enumerate(lines):
        for need in line.item.needs:
            last[need] = place
    mine = {line.item.name for line in lines}
    held: dict[str, float] = {}
    peak = 0.0
    for place, line in enumerate(lines):
        if line.size:
            held[line.item.name] = line.size
        peak = max(peak, sum(held.values()))
        if keep_features:
            continue
        for need in line.item.needs:
            users = {user.name for user in dependents(items, need)}
            if last[need] == place and users <= mine:
                held.pop(need, None)
    return peak


def free_bytes(folder: Path) -> float:
    """Room on the disk of a folder that may not be there yet."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return float(shutil.disk_usage(folder).free)


def facts(told: Estimate) -> dict[str, object]:
    """The estimate as one JSON object."""
    return {
        "hardware": told.hardware,
        "seconds": round(told.seconds, 1),
        "disk_bytes": round(told.disk),
        "free_bytes": round(told.free),
        "memory_bytes": round(told.memory),
        "items": [
            {
                "item": line.item.name,
                "state": line.state,
                "hours": line.item.hours,
                "seconds": round(line.time.seconds, 1),
                "source": line.time.source,
            }
            for line in told.lines
        ],
        "models": [
            {
                "model": here.model.name,
                "reads": here.preview.file,
                "bytes": here.preview.size,
                "refused": here.preview.problem,
            }
            for here in told.models
            if here.preview
        ],
        "code": {here.model.name: str(here.code) for here in told.models if here.code},
    }


def show(told: Estimate, console: Console, every_item: bool) -> None:
    """Print the table, and every item if asked for."""
    table = Table("items", "done", "to do", "hours of audio to do", "estimated time")
    for kind in KINDS:
        lines = [line for line in told.lines if line.item.kind == kind]
        if lines:
            left = [line for line in lines if line.state != "done"]
            hours = sum(line.item.hours for line in left)
            seconds = sum(line.time.seconds for line in lines)
            table.add_row(
                kind, str(len(lines) - len(left)), str(len(left)), f"{hours:.2f}", duration(seconds)
            )
    table.add_section()
    table.add_row("all", "", "", "", duration(told.seconds))
    console.print(table)
    if every_item:
        listing = Table("item", "state", "hours", "time", "from")
        for line in told.lines:
            time = duration(line.time.seconds) if line.time.seconds else ""
            listing.add_row(line.item.name, line.state, f"{line.item.hours:.2f}", time, line.time.source)
        console.print(listing)
    for here in told.models:
        if sentence := _loads(here):
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    for source in sorted({line.time.source for line in told.lines if line.time.seconds}):
        console.print(f"Times: {source}.", highlight=False)
    console.print(
        f"Features on disk: at most {told.disk / 1e9:.2f} GB at once ({told.free / 1e9:.1f} GB are free). Memory: "
        f"about {told.memory / 1e9:.1f} GB an item. Machine: {told.hardware}.",
        highlight=False,
    )


def _loads(here: ModelHere) -> str:
    """What loading a model reads or runs; empty where that was not looked at."""
    if here.code:
        return f"{here.model.name}: runs {here.code}. Its size is {here.size.source}."
    return _reads(here.model.name, here.preview) if here.preview else ""


def _reads(name: str, preview: Preview) -> str:
    """The file of weights of a model in a line.

    >>> _reads("a/b", Preview("model.safetensors", 1_500_000_000))
    'a/b: reads model.safetensors (1,500.0 MB).'
    """
    if preview.problem:
        return f"{name}: would be refused: {preview.problem}"
    size = "" if preview.size is None else f" ({preview.size / 1e6:,.1f} MB)"
    converted = "" if "safetensors" in str(preview.file) else ", once, and keeps it as safetensors"
    return f"{name}: reads {preview.file}{size}{converted}."


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(42), duration(150), duration(9000), duration(400000)
    ('42 s', '2.5 min', '2.5 h', '4.6 days')
    """
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
