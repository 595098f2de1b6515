"""Whether an item is done: its record is held against the plan, the model and the corpus as they are now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from emobox_datasets import corpora
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.protocol import PROTOCOLS, settings_of
from emobox_probe.records.cross_result import CrossRecord, read_cross_record
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.result import RESULT_FILE, CorpusRecord, ResultRecord, migrated, read_record
from emobox_probe.tasks.pairings import label_space, pairings_of, target_configuration
from emobox_probe.tasks.tasks import label_list
from hub_cards.bench.items import Item, dependents, layers_of
from hub_cards.bench.models import ModelHere
from hub_cards.bench.notes import Note, corpus_stamp, is_stored, note_key, read_note
from hub_cards.bench.plan import Model, Place, Plan

# done; not there; there, but of other weights, data or settings; there, and what it is of is not known yet.
State = Literal["done", "missing", "stale", "unchecked"]


@dataclass
class Ledger:
    """A plan, its items, its models as they are, and the stamps of its corpora as they were last looked at.

    `settled` are the states in which an item needs no features any more.
    """

    plan: Plan
    items: Sequence[Item]
    models: dict[Model, ModelHere]
    settled: frozenset[State] = frozenset({"done"})
    stamps: dict[Place, str] = field(default_factory=dict)

    def key(self, model: Model, place: Place) -> str:
        """The key of the note on a model and a corpus."""
        if place not in self.stamps:
            self.stamps[place] = corpus_stamp(place)
        layers = layers_of(self.plan, model)
        return note_key(self.models[model], self.stamps[place], layers, self.plan.store_dtype)

    def look_again(self, item: Item) -> None:
        """Forget the stamps of an item's corpora: they may have been made, changed or removed."""
        for place in item.places:
            self.stamps.pop(place, None)

    def notes(self, item: Item) -> list[Note] | None:
        """What is known of each of its corpora; None while that of one is not."""
        assert item.model is not None
        notes = [read_note(self.plan.features, self.key(item.model, place)) for place in item.places]
        known = [note for note in notes if note is not None]
        return known if len(known) == len(notes) else None

    def state(self, item: Item) -> State:
        """Whether an item is done. Features are done when nothing that is left to do needs them."""
        if item.kind == "report":
            return "missing"  # it is written every time
        notes = self.notes(item)
        if item.kind == "extract":
            if notes is None:
                return "missing"
            stored = is_stored(self.plan.features, notes[0])
            users = list(dependents(self.items, item.name))
            finished = users and all(self.state(user) in self.settled for user in users)
            return "done" if stored or finished else "missing"
        folder = record_folder(self.plan, item)
        if item.kind == "probe":
            return _probe_state(folder, item, notes, self.plan)
        return _cross_state(folder, item, notes, self.plan)

    def unseen(self, item: Item) -> list[str]:
        """The extract items that, once looked at, may show that nothing needs the features of this one."""
        states = [(user, self.state(user)) for user in dependents(self.items, item.name)]
        if "done" not in self.settled or any(s not in self.settled | {"unchecked"} for _, s in states):
            return []
        needs = {need for user, state in states if state == "unchecked" for need in user.needs}
        return [one.name for one in self.items if one.name in needs and self.notes(one) is None]


def record_folder(plan: Plan, item: Item) -> Path:
    """Where the record of a probe or cross item is."""
    assert item.model is not None
    assert item.protocol is not None
    middle = Path("cross") / item.cross.name if item.cross else Path(item.places[0].name)
    return plan.output / item.model.label / middle / item.protocol


def read_result(folder: Path) -> ResultRecord | None:
    """A result record of today's schema with its predictions; None if there is none that is whole.

    Raises:
        UnreadableError: there is one, but the user must not read it; it is not to be made again.
    """
    try:
        record = read_record(folder)
    except UnreadableError:
        raise
    except (OSError, ProbeError):
        return None
    return record if (folder / PREDICTIONS_FILE).is_file() and not _is_old(folder) else None


def read_cross(folder: Path) -> CrossRecord | None:
    """The same of a cross-corpus record."""
    try:
        record = read_cross_record(folder)
    except UnreadableError:
        raise
    except (OSError, ProbeError):
        return None
    return record if (folder / PREDICTIONS_FILE).is_file() else None


def _probe_state(folder: Path, item: Item, notes: list[Note] | None, plan: Plan) -> State:
    record = read_result(folder)
    if record is None:
        return "stale" if _is_old(folder) else "missing"
    if not _same_protocol(record.protocol, item) or record.encoder.store_dtype != plan.store_dtype:
        return "stale"
    if notes is None:
        return "unchecked"
    labels = label_list(corpora.load(item.places[0].name), PROTOCOLS[str(item.protocol)])
    same = (
        _same_encoder(record.encoder, notes[0].facts)
        and _same_corpora([record.corpus], notes)
        and record.corpus.labels == list(labels)
    )
    return "done" if same else "stale"


def _cross_state(folder: Path, item: Item, notes: list[Note] | None, plan: Plan) -> State:
    record = read_cross(folder)
    if record is None:
        return "missing"
    if not _same_protocol(record.protocol, item) or not _same_experiment(record, item, plan):
        return "stale"
    if notes is None:
        return "unchecked"
    same = _same_encoder(record.encoder, notes[0].facts) and _same_corpora(record.corpora, notes)
    return "done" if same else "stale"


def _same_experiment(record: CrossRecord, item: Item, plan: Plan) -> bool:
    cross = item.cross
    assert cross is not None
    labels = label_space([corpora.load(name) for name in cross.corpora], cross.labels)
    test = target_configuration([corpora.load(name) for name in cross.targets], labels, cross.test_set)
    planned = pairings_of(cross.train, cross.targets, cross.leave_one_out)
    return (
        record.labels == list(labels)
        and (record.training, record.test, record.store_dtype) == (cross.training, test, plan.store_dtype)
        and {(pair.source, pair.target) for pair in record.pairs}
        == {(one.source, target) for one in planned for target in one.targets}
    )


def _same_protocol(told: dict[str, Any], item: Item) -> bool:
    return settings_of(told) == settings_of(PROTOCOLS[str(item.protocol)])


def _same_encoder(told: EncoderFacts, known: EncoderFacts) -> bool:
    """Features with more layers serve those who need fewer, so layers do not count."""
    one, other = ({**facts.identity, "layers": None} for facts in (told, known))
    return one == other


def _same_corpora(told: Sequence[CorpusRecord], notes: Sequence[Note]) -> bool:
    return [corpus.fingerprint for corpus in told] == [note.corpus.fingerprint for note in notes]


def _is_old(folder: Path) -> bool:
    """Whether a whole record of an earlier schema is there."""
    try:
        content = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return migrated(content) is not content
