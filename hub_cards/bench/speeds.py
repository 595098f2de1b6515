"""How fast extraction and training are: as past records of this machine tell, else as benchmarks have measured."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from statistics import median

import emobox_datasets.corpora as corpora
from emobox_probe.encoders.names import recorded_name
from emobox_probe.errors import UnreadableError
from emobox_probe.protocol import PROTOCOLS, Protocol
from emobox_probe.records.result import RESULT_FILE, ResultRecord, read_record
from emobox_probe.tasks.tasks import folds_of
from hub_cards.bench.items import Item
from hub_cards.bench.models import ModelHere
from hub_cards.bench.notes import Note, read_note
from hub_cards.bench.states import read_whole

# Whisper's encoder sees windows of this many seconds, whatever is in them.
WINDOW = 30.0


@dataclass(frozen=True)
class Reference:
    """A measured extraction: a model of so many million parameters, at so many times real time (whole windows)."""

    device: str
    parameters: float
    speed: float
    windowed: bool
    source: str


# From benchmarks/results; tests hold them against those files.
REFERENCES = (
    Reference("cuda", 94.4, 7391, False, "wav2vec2-base on an H100, extract.cuda.json"),
    Reference("cuda", 315.4, 4668, False, "hubert-large on an H100, extract.cuda.json"),
    Reference("cuda", 637.0, 3899, True, "whisper-large-v3 on an H100, extract.cuda.json"),
    Reference("cpu", 20.6, 54.9, True, "whisper-base on 2 cores, extract.cpu.json"),
    Reference("cpu", 94.4, 8.63, False, "wav2vec2-base on 2 cores, extract.cpu.json"),
)
# Built-in descriptors run on the CPU.
BUILTIN_SPEED = 150.0
# Work a second (`training_work`), by device and by what heads see: frames, or means or statistics of every layer.
TRAINING = {
    ("cuda", "last"): (5.24e13, "an H100, scaling.cuda.json"),
    ("cuda", "every"): (6.1e12, "an H100, scaling.cuda.json"),
    ("cpu", "last"): (6.09e10, "2 cores, scaling.cpu.json"),
    ("cpu", "every"): (1.48e10, "2 cores, scaling.cpu.json"),
    # Linear heads are fitted on the CPU wherever the encoder runs.
    ("cpu", "statistics"): (8e6, "linear heads of EmoDB on 2 cores"),
    ("cuda", "statistics"): (8e6, "linear heads of EmoDB on 2 cores"),
}
# Seconds that every epoch of a fold and seed takes beside that: its validation, and what a GPU waits for between steps.
EPOCH = {"cuda": 0.0021, "cpu": 0.0}
# What a head on frames does beside its products, for every hidden unit of every frame: as much as products with so many
# dimensions more. On GPUs that has not been measured.
BESIDE_PRODUCTS = {"cpu": 104.5, "cuda": 0.0}
# Seconds until a worker has imported and begun, and what an item takes beside its work: opening the corpus, trying the
# model, intervals and pictures.
START = {"cuda": 28.0, "cpu": 10.0}
ITEM = {"cuda": 2.0, "cpu": 3.0}
# The part of a corpus that most folds leave for training and validation.
WITHOUT_TEST = 0.8


@dataclass(frozen=True)
class Time:
    """Seconds, and how they are known."""

    seconds: float
    source: str


@dataclass
class Speeds:
    """The speeds of one machine: `hardware` by name, `device` cuda or cpu."""

    device: str
    hardware: str
    notes: Sequence[Note] = ()
    records: Sequence[ResultRecord] = ()
    _rates: dict[tuple[str, str], float | None] = field(default_factory=dict)

    def extraction(self, item: Item, here: ModelHere) -> Time:
        """Of the features of a model on a corpus."""
        billed = billed_seconds(item.places[0].name, here.windowed)
        rates = [
            billed_seconds(note.corpus.name, here.windowed)
            / (note.corpus.hours * 3600 / note.times_real_time)
            for note in self.notes
            if note.facts.name == recorded_name(here.model.name)
            and note.hardware == self.hardware
            and note.times_real_time
        ]
        if rates:
            return Time(ITEM[self.device] + billed / median(rates), "measured")
        if here.size.parameters == 0:
            return Time(
                ITEM[self.device] + billed / BUILTIN_SPEED, "tabulated: built-in descriptors on 2 cores"
            )
        known = [reference for reference in REFERENCES if reference.device == self.device]
        size = here.size.parameters
        nearest = min(known, key=lambda r: (r.windowed != here.windowed, abs(log(r.parameters / size))))
        speed = nearest.speed * nearest.parameters / size
        return Time(ITEM[self.device] + billed / speed, f"scaled by size from {nearest.source}")

    def training(self, item: Item, here: ModelHere) -> Time:
        """Of the heads of a probe or cross item."""
        protocol = item.protocol
        assert protocol is not None
        frames = sees(protocol, here)
        work = training_work(item, here, self.device)
        rate = self._rate(protocol, frames)
        if rate is not None:
            return Time(ITEM[self.device] + work / rate, "measured")
        rate, source = TRAINING[self.device, frames]
        ends = 0.0 if frames == "statistics" else _fits(item, protocol) * protocol.epochs * EPOCH[self.device]
        return Time(ITEM[self.device] + ends + work / rate, f"tabulated: {source}")

    def _rate(self, protocol: Protocol, frames: str) -> float | None:
        """The speed of records of this machine that trained on the same kind of features."""
        key = protocol.name, frames
        if key not in self._rates:
            rates = [
                _record_work(record, self.device) / record.provenance.training_seconds
                for record in self.records
                if record.provenance.hardware == self.hardware
                and record.provenance.processes == 1
                and _seen_by(record) == frames
                and record.protocol.get("epochs") == protocol.epochs
            ]
            self._rates[key] = median(rates) if rates else None
        return self._rates[key]


def billed_seconds(corpus: str, windowed: bool) -> float:
    """Audio that a model runs over: what a corpus has, or whole windows for every utterance."""
    card = corpora.load(corpus)
    seconds = card.hours * 3600
    return max(seconds, card.utterances * WINDOW) if windowed else seconds


def sees(protocol: Protocol, here: ModelHere) -> str:
    """`statistics` or `every` where heads see statistics, or the means, of every layer, else `last`."""
    if protocol.layers == "statistics":
        return "statistics"
    return "every" if protocol.layers == "every" and here.size.layers else "last"


def training_work(item: Item, here: ModelHere, device: str) -> float:
    """How much training an item is: vectors x dimension x hidden units x epochs, over all folds, seeds and rates.

    Of linear heads, vectors x dimension x strengths, over all folds and seeds.
    """
    protocol = item.protocol
    assert protocol is not None
    size, fits = here.size, _fits(item, protocol)
    utterances = sum(corpora.load(place.name).utterances for place in item.places)
    if sees(protocol, here) == "statistics":
        return _of_layers(utterances, size.layers + 1, size.dimension) * len(protocol.strengths) * fits
    if sees(protocol, here) == "every":
        of_every_unit = _of_layers(utterances, size.layers + 1, size.dimension)
    else:
        of_every_unit = _of_frames(item.hours * 3600 * size.frame_rate, size.dimension, device)
    return of_every_unit * _sweep(protocol) * fits * protocol.epochs


def _fits(item: Item, protocol: Protocol) -> float:
    """How many times the sweep of an item is trained on what most folds leave for training: folds times seeds."""
    seeds = float(len(protocol.seeds))
    if item.cross is None:
        return seeds * len(folds_of(corpora.load(item.places[0].name), protocol))
    parts = len(item.cross.test if item.cross.leave_one_out else item.cross.train)
    return seeds * parts / len(item.places) / WITHOUT_TEST  # all of a corpus is trained on


def _seen_by(record: ResultRecord) -> str:
    """What the heads of a record saw, as `sees` has it."""
    if record.protocol["layers"] == "statistics":
        return "statistics"
    return "every" if record.layers else "last"


def _record_work(record: ResultRecord, device: str) -> float:
    protocol = PROTOCOLS[record.protocol["name"]]
    encoder, corpus = record.encoder, record.corpus
    if _seen_by(record) == "statistics":
        of_every_fit = _of_layers(corpus.utterances, max(len(record.layers), 1), encoder.dimension)
        return of_every_fit * len(protocol.strengths) * len(record.folds)
    if record.layers:
        of_every_unit = _of_layers(corpus.utterances, len(record.layers), encoder.dimension)
    else:
        of_every_unit = _of_frames(corpus.hours * 3600 * encoder.frame_rate, encoder.dimension, device)
    return of_every_unit * _sweep(protocol) * len(record.folds) * protocol.epochs


def _of_layers(utterances: float, layers: int, dimension: int) -> float:
    """Each layer by itself, and all in a learned sum; or means and standard deviations of each."""
    return utterances * 2.0 * layers * dimension


def _of_frames(frames: float, dimension: int, device: str) -> float:
    return frames * (dimension + BESIDE_PRODUCTS[device])


def _sweep(protocol: Protocol) -> float:
    return float(sum(point.hidden for point in protocol.sweep))


def past_records(folder: Path) -> list[ResultRecord]:
    """Records below a folder that can be read."""
    records = []
    for path in sorted(folder.rglob(RESULT_FILE)):
        with suppress(UnreadableError):
            record = read_whole(read_record, path.parent)
            if record is not None and record.protocol.get("name") in PROTOCOLS:
                records.append(record)
    return records


def past_notes(features: Path) -> list[Note]:
    """Notes beside the features that can be read."""
    notes = map(read_note, sorted((features / "notes").glob("*.json")))
    return [note for note in notes if note is not None]
