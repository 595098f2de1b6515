"""Running a plan within a test."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from hub_cards.bench.bench import prepare
from hub_cards.bench.events import Events
from hub_cards.bench.options import BenchConfig
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.runner import Runner
from hub_cards.bench.trackers import Tracker
from hub_cards.bench.work import Failure, Kept, Work, do
from hub_cards.bench.workers import Worker


class Here:
    """A worker that is no process of its own, for speed; the names of what ran, or `look at` one."""

    def __init__(self, ran: list[str] | None = None) -> None:
        self.ran = [] if ran is None else ran
        self._kept = Kept()

    def do(self, work: Work, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        name = work.log.relative_to(work.log.parents[work.log.parts[::-1].index("logs") - 1])
        self.ran.append("look at " * work.only_look + str(name.with_suffix("")))
        return do(work, self._kept)

    def close(self) -> None:
        self._kept.forget()


class Recorded(Events):
    """What a benchmark told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, event: str, **facts: Any) -> None:
        json.dumps(facts)  # everything must go into a line of JSON
        self.told.append((event, facts))

    def look(self, item: str, line: str) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def items(self, event: str) -> list[str]:
        return [facts["item"] for name, facts in self.told if name == event]


def bench(text: str, workers: Sequence[Worker] = (), **options: Any) -> tuple[Runner, Recorded]:
    """Run a plan, in this process if no workers are given; the runner, with its summary, and what it told."""
    keep = options.pop("keep", False)
    config = BenchConfig.of({**options, "keep_features": keep})
    plan = parse_plan(text, "plan.yaml")
    ledger, mine = prepare(plan, config)
    events = Recorded()
    runner = Runner(ledger, mine, workers or [Here()], config.overwrite, keep, events, Tracker(None, plan))
    runner.run()
    return runner, events
