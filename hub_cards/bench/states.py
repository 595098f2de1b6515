"""Whether an item is done: its record is held against the plan, the model and the corpus as they are now."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.records.cross_result import CrossRecord, read_cross_record
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.rated import RatedRecord, read_rated
from emobox_probe.records.result import RESULT_FILE, ResultRecord, migrated, read_record
from hub_cards.bench.items import Item, dependents, design_for, layers_of, record_folder
from hub_cards.bench.models import ModelHere
from hub_cards.bench.notes import Note, corpus_stamp, is_complete, is_stored, note_key, note_path, read_note
from hub_cards.bench.plan import Model, Place, Plan
from hub_cards.runs.find_and_check import corpora_of

AnyRecord = TypeVar("AnyRecord", ResultRecord, CrossRecord, RatedRecord)
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
        return note_key(
            self.models[model], self.stamps[place], layers, self.plan.store_dtype, self.plan.learned
        )

    def look_again(self, item: Item) -> None:
        """Forget the stamps of an item's corpora: they may have been made, changed or removed."""
        for place in item.places:
            self.stamps.pop(place, None)

    def notes(self, item: Item) -> list[Note] | None:
        """What is known of each of its corpora; None while that of one is not."""
        assert item.model is not None
        keys = [self.key(item.model, place) for place in item.places]
        notes = [read_note(note_path(self.plan.features, key)) for key in keys]
        known = [note for note in notes if note is not None]
        return known if len(known) == len(notes) else None

    def state(self, item: Item) -> State:
        """Whether an item is done. Features are done when nothing that is left to do needs them.

        Without a note on them, as where `emobox probe` made them, they are unchecked if a record names them.
        """
        if item.kind == "report":
            return "missing"  # it is written every time
        notes = self.notes(item)
        if item.kind == "extract":
            if notes is None:
                return "unchecked" if self._are_named(item) else "missing"
            stored = is_stored(self.plan.features, notes[0])
            users = list(dependents(self.items, item.name))
            finished = users and all(self.state(user) in self.settled for user in users)
            return "done" if stored or finished else "missing"
        return self._state_of_record(item, notes)

    def _are_named(self, item: Item) -> bool:
        """Whether a record of an item that needs these features names a store that is there, complete."""
        users = (user for user in dependents(self.items, item.name) if user.kind == "probe")
        records = (read_item(self.plan, user) for user in users)
        return any(
            isinstance(record, (ResultRecord, RatedRecord))
            and is_complete(self.plan.features, record.encoder.features)
            for record in records
        )

    def _state_of_record(self, item: Item, notes: list[Note] | None) -> State:
        """By what `emobox probe` itself holds an earlier result against."""
        record = read_item(self.plan, item)
        if record is None:
            return "stale" if _is_old(record_folder(self.plan, item)) else "missing"
        design = design_for(self.plan, item)
        found = design.identity_of(record)  # type: ignore[arg-type]  # what a design reads, it knows
        facts, copies = record.encoder, corpora_of(record)
        if notes is not None:
            # Features with more layers serve those who need fewer, so layers do not count.
            facts = notes[0].facts.model_copy(update={"layers": facts.layers})
            copies = [note.corpus for note in notes]
        if design.identity(facts, self.plan.store_dtype, copies) != found:
            return "stale"
        if notes is None:
            return "unchecked"
        other_raters = isinstance(record, RatedRecord) and record.ratings_sha256 != notes[0].ratings_sha256
        return "stale" if other_raters else "done"

    def unseen(self, item: Item) -> list[str]:
        """The extract items that, once looked at, may show that nothing needs the features of this one."""
        states = [(user, self.state(user)) for user in dependents(self.items, item.name)]
        if "done" not in self.settled or any(s not in self.settled | {"unchecked"} for _, s in states):
            return []
        needs = {need for user, state in states if state == "unchecked" for need in user.needs}
        return [one.name for one in self.items if one.name in needs and self.notes(one) is None]


def read_item(plan: Plan, item: Item) -> ResultRecord | CrossRecord | RatedRecord | None:
    """The record of a probe or cross item; None if there is none that is whole.

    Raises:
        UnreadableError: there is one, but the user must not read it; it is not to be made again.
    """
    folder = record_folder(plan, item)
    if plan.target != "label":
        return read_whole(read_rated, folder)
    return read_whole(read_cross_record, folder) if item.cross else read_whole(read_record, folder)


def read_whole(read: Callable[[Path], AnyRecord], folder: Path) -> AnyRecord | None:
    """What `read` makes of a folder with a record of today's schema and its predictions; None if they are not there.

    Raises:
        UnreadableError: as `read_item` does.
    """
    try:
        record = read(folder)
    except UnreadableError:
        raise
    except (OSError, ProbeError):
        return None
    return record if (folder / PREDICTIONS_FILE).is_file() and not _is_old(folder) else None


def _is_old(folder: Path) -> bool:
    """Whether a whole record of an earlier schema is there."""
    try:
        content = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return migrated(content) is not content
