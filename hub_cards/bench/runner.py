"""Doing what is missing of a plan by workers side by side, and beside any number of others who do the same.

Who does an item holds its lock; the system lets go of it when that process dies, and the next one takes the item
over. No time of day is looked at, so a clock may jump.
"""

import contextlib
import json
import signal
import time
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from threading import RLock
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

import hub_cards.bench.report as report
from emobox_datasets.errors import CorpusError
from emobox_probe.errors import ProbeError
from emobox_probe.features.shards import write_whole
from hub_cards.bench.events import Events
from hub_cards.bench.items import Item, dependents
from hub_cards.bench.options import Overwrite
from hub_cards.bench.states import Ledger, read_item
from hub_cards.bench.storage import drop_if_finished, in_use
from hub_cards.bench.trackers import Tracker
from hub_cards.bench.work import Failure, Work
from hub_cards.bench.workers import Worker

# Seconds between looks at items that others do.
POLL = 1.0


@dataclass
class Summary:
    """Items by how they ended: done now, there already, kept though stale, failed or blocked with the reason."""

    done: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    # Of the whole plan, where a report was made.
    items: int = 0
    finished: int = 0

    @property
    def status(self) -> int:
        """0 if everything is done, 1 if something failed or was kept stale, 130 if it was told to stop."""
        if self.stopped:
            return 130
        return 1 if self.failed or self.blocked or self.kept else 0


@dataclass
class Runner:
    """What `run` needs to know; `mine` are the items of this benchmark, `ledger.items` those of the whole plan."""

    ledger: Ledger
    mine: Sequence[Item]
    workers: Sequence[Worker]
    overwrite: Overwrite
    keep_features: bool
    events: Events
    tracker: Tracker
    summary: Summary = field(default_factory=Summary)
    _stop: bool = False
    _lock: RLock = field(default_factory=RLock)
    _pending: list[Item] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def run(self) -> Summary:
        """Do all items; the summary says how they ended.

        Raises:
            ProbeError: no worker could begin.
        """
        self._pending = [item for item in self.mine if item.kind != "report"]
        self.events.tell("plan", items=len(self._pending))
        with self._signals(), ThreadPoolExecutor(len(self.workers)) as pool:
            ends = [pool.submit(self._work, worker) for worker in self.workers]
            while wait(ends, timeout=POLL).not_done:  # in turns, so that signals are heard between them
                pass
        self.summary.stopped = self._stop and bool(self._pending)
        for end in ends:
            end.result()
        if any(item.kind == "report" for item in self.mine):
            self._report()
        self.events.tell("summary", **asdict(self.summary), status=self.summary.status)
        return self.summary

    def _work(self, worker: Worker) -> None:
        """Do items with one worker until none is left."""
        last: Item | None = None
        waiting: set[str] = set()
        try:
            while self._pending and not self._stop:
                item = self._take(last, waiting)
                if item is None:
                    waiting.clear()
                    time.sleep(POLL)  # others are at work on all that is left
                    continue
                if self._attempt(item, worker):
                    last = item
                    waiting.clear()
                else:
                    waiting.add(item.name)
                self._put_back(item)
        except BaseException:
            self._stop = True  # and the other workers end
            raise
        finally:
            worker.close()

    def _take(self, last: Item | None, waiting: Set[str]) -> Item | None:
        """The next item that nothing stands in the way of: of the model and corpora that the worker has, if any is."""
        with self._lock:
            pending = {item.name for item in self._pending}
            free = [
                item
                for item in self._pending
                if item.name not in self._taken | waiting and not pending & set(item.needs)
            ]
            if not free:
                return None
            item = free[0]
            if last is not None:
                item = max(free, key=lambda one: (one.model == last.model, one.places == last.places))
            self._taken.add(item.name)
            return item

    def _put_back(self, item: Item) -> None:
        with self._lock:
            self._taken.remove(item.name)
            self._pending = [one for one in self._pending if not self._has_ended(one.name)]

    def _attempt(self, item: Item, worker: Worker) -> bool:
        """Bring an item to its end; False if that must wait for others."""
        if failed := next((need for need in item.needs if need in self.summary.failed), None):
            reason = f"{failed} failed: {self.summary.failed[failed]}"
            self.summary.blocked[item.name] = reason
            self.events.tell("blocked", item=item.name, reason=reason)
            return True
        if self._is_there(item):
            return True
        if not {*item.needs} <= {*self.summary.done, *self.summary.there}:
            return False
        file = self.ledger.plan.file
        try:
            with FileLock(file("locks", item.name, ".lock"), timeout=0):
                with FileLock(file("locks", item.name, ".work"), timeout=0):
                    pass  # or the process of a benchmark that died is still at it
                self.ledger.look_again(item)
                if not self._is_there(item) and not self._may_be_spared(item, worker):
                    self._do(item, worker)
        except Timeout:
            return False
        return self._has_ended(item.name)

    def _may_be_spared(self, item: Item, worker: Worker) -> bool:
        """Look at what the records that are there are of, if that is all that features would be made for.

        True if they need none, or if that will be known when other items of this worker were looked at.
        """
        try:
            if item.name in self.ledger.unseen(item):
                self.events.tell("look", item=item.name)
                if self._run(item, worker, only_look=True):
                    return False  # making the features says why
                self.ledger.look_again(item)
                if self._is_there(item):
                    return True
            others = set(self.ledger.unseen(item)) - {item.name}
        except (CorpusError, ProbeError, OSError):
            return False
        return any(one.name in others and not self._has_ended(one.name) for one in self.mine)

    def _has_ended(self, name: str) -> bool:
        summary = self.summary
        return name in {*summary.done, *summary.there, *summary.kept, *summary.failed, *summary.blocked}

    def _is_there(self, item: Item) -> bool:
        try:
            state = self.ledger.state(item)
        except (CorpusError, ProbeError, OSError) as error:
            self._failed(item, Failure("error", str(error), ""))
            return True
        if self.overwrite == "always" and item.kind != "extract":
            return False
        if state == "stale" and self.overwrite == "never":
            self.summary.kept.append(item.name)
            self.events.tell("kept", item=item.name)
            return True
        if state == "done":
            self.summary.there.append(item.name)
            self.events.tell("there", item=item.name)
        return state == "done"

    def _do(self, item: Item, worker: Worker) -> None:
        self.events.tell("start", item=item.name)
        started = time.perf_counter()
        failure = self._run(item, worker)
        if failure and failure.kind in ("memory", "crash") and not self._stop:
            self.events.tell("retry", item=item.name, reason=failure.message)
            failure = self._run(item, worker, smaller=True)
        if self._stop and failure:
            return  # it was told to end: neither done nor failed
        self.ledger.look_again(item)
        if failure is None and not self._is_done(item):
            failure = Failure("error", "It ended well, but its record is not of what the plan says.", "")
        if failure:
            self._failed(item, failure)
            return
        self.ledger.plan.file("failures", item.name, ".json").unlink(missing_ok=True)
        scores = self._scores(item)
        self.summary.done.append(item.name)
        self.events.tell("done", item=item.name, seconds=time.perf_counter() - started, **scores)
        with self._lock:
            self.tracker.log(item.name, scores)
        if not self.keep_features:
            self._drop(item)

    def _run(
        self, item: Item, worker: Worker, smaller: bool = False, only_look: bool = False
    ) -> Failure | None:
        notes = self.ledger.notes(item) if item.kind != "extract" else None
        work = Work.of(self.ledger.plan, item, smaller, only_look)
        with in_use(self.ledger.plan.features, notes or []):
            return worker.do(work, lambda: self._stop, lambda line: self.events.look(item.name, line))

    def _is_done(self, item: Item) -> bool:
        try:
            return self.ledger.state(item) == "done"
        except (CorpusError, ProbeError, OSError):
            return False

    def _drop(self, item: Item) -> None:
        needs = set(item.needs)
        for need in self.ledger.items:
            users = {user.name for user in dependents(self.ledger.items, need.name)}
            if self.overwrite == "always" and not users <= set(self.summary.done):
                continue  # what is there is to be made again
            if need.name in needs and (freed := drop_if_finished(self.ledger, need)):
                self.events.tell("dropped", item=need.name, bytes=freed)

    def _failed(self, item: Item, failure: Failure) -> None:
        self.summary.failed[item.name] = failure.message
        self.events.tell("failed", item=item.name, kind=failure.kind, reason=failure.message, log=failure.log)
        with contextlib.suppress(OSError, ProbeError):  # a full disk: the summary says it
            path = self.ledger.plan.file("failures", item.name, ".json")
            write_whole(path, json.dumps(asdict(failure)).encode())

    def _scores(self, item: Item) -> dict[str, float]:
        if item.kind == "extract":
            return {}
        record = read_item(self.ledger.plan, item)
        scores = record.headline if record else None
        return scores.model_dump() if scores else {}

    def _report(self) -> None:
        try:
            with FileLock(self.ledger.plan.file("locks", "report", ".lock")):
                left = report.write(self.ledger, self.summary.failed | self.summary.blocked)
            self.summary.items = sum(item.kind != "report" for item in self.ledger.items)
            self.summary.finished = self.summary.items - left
        except (OSError, ProbeError, CorpusError) as error:
            self.summary.failed["report"] = str(error)
            self.events.tell("failed", item="report", kind="error", reason=str(error), log="")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Until the end, SIGTERM and Ctrl-C stop after what runs has been told to end."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stop = True

        before: dict[Any, Any] = {
            number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
