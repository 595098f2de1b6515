"""Running a plan within a test."""

import json
from typing import Any

from hub_cards.bench.bench import prepare
from hub_cards.bench.events import Events
from hub_cards.bench.options import BenchConfig
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.runner import Runner
from hub_cards.bench.trackers import Tracker


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


def bench(text: str, **options: Any) -> tuple[Runner, Recorded]:
    """Run a plan; the runner, with its summary, and what it told."""
    keep = options.pop("keep", False)
    config = BenchConfig.of({**options, "keep_features": keep})
    plan = parse_plan(text, "plan.yaml")
    ledger, mine = prepare(plan, config)
    events = Recorded()
    runner = Runner(ledger, mine, ["python"], config.overwrite, keep, events, Tracker(None, plan))
    runner.run()
    return runner, events
