"""Features on disk while a benchmark runs: who uses them, and removing those that nothing needs any more."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from hub_cards.bench.items import Item, dependents
from hub_cards.bench.notes import Note, is_stored
from hub_cards.bench.states import Ledger


@contextmanager
def in_use(features: Path, notes: Sequence[Note]) -> Iterator[None]:
    """Let others see that these stores are read; a process that dies lets go of them."""
    with ExitStack() as stack:
        for note in notes:
            path = features / "locks" / f"use-{note.store}-{uuid4().hex}"
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path))
            stack.callback(path.unlink, missing_ok=True)
        yield


def drop_if_finished(ledger: Ledger, item: Item) -> int:
    """Remove the features of an extract item that this plan made, once all that needs them is done.

    Returns:
        Bytes that were freed; 0 where the features are still needed, are used, or were there before.
    """
    plan = ledger.plan
    notes = ledger.notes(item)
    if not notes or not is_stored(plan.features, notes[0]):
        return 0
    if notes[0].made_for != str(plan.output.absolute()):
        return 0
    users = list(dependents(ledger.items, item.name))
    if not users or any(ledger.state(user) != "done" for user in users) or _is_used(plan.features, notes[0]):
        return 0
    folder = plan.features / notes[0].store
    # First, so that no one takes half a store for a whole one.
    (folder / "index.parquet").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return notes[0].size


def _is_used(features: Path, note: Note) -> bool:
    for path in (features / "locks").glob(f"use-{note.store}-*"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
    return False
