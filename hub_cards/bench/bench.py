"""`emobox bench`: a plan of models, corpora and protocols; what is missing is computed, in any number of places.

emobox bench --default > plan.yaml
emobox bench plan.yaml --dry-run
emobox bench plan.yaml
emobox bench plan.yaml --shard 3/10 --log json
"""

import re

from rich.console import Console

import hub_cards.bench.estimate as estimate
from emobox_datasets.errors import CorpusError
from emobox_probe.errors import ProbeError
from hub_cards.bench.default import default_plan
from hub_cards.bench.engines import ENGINES
from hub_cards.bench.events import Events, RichEvents
from hub_cards.bench.items import Item, chosen, expand, shard
from hub_cards.bench.models import find_model, previewed
from hub_cards.bench.options import BenchConfig, Overwrite
from hub_cards.bench.plan import Plan, PlanError
from hub_cards.bench.reading import parse_plan, read_plan
from hub_cards.bench.runner import Runner, Summary
from hub_cards.bench.states import Ledger, State
from hub_cards.bench.trackers import Tracker

OVERWRITE: dict[Overwrite, frozenset[State]] = {
    "never": frozenset({"done", "stale"}),
    "only-missing": frozenset({"done"}),
    "always": frozenset(),
}


def bench(config: BenchConfig, console: Console, progress: bool = True) -> int:
    """Show the cost, and do what is missing.

    Args:
        config: which part of which plan, and how.
        console: where the estimate and the summary are shown.
        progress: show a bar over all items.

    Returns:
        The exit status: 0 if all is done, 1 if something failed or was kept though stale, or in a dry run would be
        refused, 130 if it was stopped.

    Raises:
        PlanError: nothing could begin; says everything that is wrong.
    """
    try:
        plan = read_plan(config.plan) if config.plan else parse_plan(default_plan(), "the default plan")
        ledger, mine = prepare(plan, config)
        count = config.workers or ENGINES[config.engine].count()
        again = config.overwrite == "always"
        told = estimate.estimate(ledger, mine, count, config.keep_features, again)
        tracker = Tracker(None if config.dry_run else config.tracker, plan)
    except (ProbeError, CorpusError) as error:
        raise PlanError([str(error)]) from error
    events = Events() if config.log == "json" else RichEvents(progress=progress)
    if config.log == "json":
        events.tell("estimate", **estimate.facts(told))
    else:
        estimate.show(told, console, config.dry_run)
    if not told.enough_disk:
        raise PlanError(
            [
                f"Expected {told.disk / 1e9:.2f} GB of free disk for features in {plan.features}, but "
                f"{told.free / 1e9:.2f} GB are free; make room, name another folder as features in the plan"
                f"{', or leave out --keep-features' if config.keep_features else ''}."
            ]
        )
    if config.dry_run:
        return int(bool(told.refused))
    with events:
        runner = Runner(
            ledger,
            mine,
            ENGINES[config.engine].workers(count, plan.state / "logs"),
            config.overwrite,
            config.keep_features,
            events,
            tracker,
        )
        summary = runner.run()
    tracker.close()
    if config.log == "rich":
        show_summary(summary, plan, console)
    return summary.status


def prepare(plan: Plan, config: BenchConfig) -> tuple[Ledger, list[Item]]:
    """Look up the models and choose the items of this worker.

    Raises:
        PlanError: models cannot be had, or an option does not fit the plan; all at once.
    """
    models = {model: find_model(model) for model in plan.models}
    if config.dry_run:
        models = {model: previewed(here) for model, here in models.items()}
    problems = [
        f"{plan.path}:{plan.lines[model.label]}: {here.problem}"
        for model, here in models.items()
        if here.problem
    ]
    items = expand(plan)
    mine = items
    try:
        mine = chosen(items, config.only)
        if config.shard:
            mine = shard(mine, *read_shard(config.shard))
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise PlanError(problems)
    return Ledger(plan, items, models, OVERWRITE[config.overwrite]), mine


def read_shard(text: str) -> tuple[int, int]:
    """Which worker of how many.

    Raises:
        ValueError: it is not i/n with i from 1 to n.

    >>> read_shard("2/3")
    (2, 3)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(
            f"Expected --shard I/N with I from 1 to N, but got {text!r}; such as 1/4 for the first of 4."
        )
    return number, count


def show_summary(summary: Summary, plan: Plan, console: Console) -> None:
    """How the items ended, and where to read on."""
    left = "; stopped before the rest, run it again to go on" if summary.stopped else ""
    console.print(
        f"{len(summary.done)} done, {len(summary.there)} there before, {len(summary.kept)} kept though stale, "
        f"{len(summary.failed)} failed, {len(summary.blocked)} blocked{left}.",
        highlight=False,
    )
    for name, reason in {**summary.failed, **summary.blocked}.items():
        console.print(f"{name}: {reason}", markup=False, soft_wrap=True, highlight=False)
    if summary.items:
        console.print(
            f"{summary.finished} of {summary.items} items of the plan are done. Report: {plan.output / 'report.md'}; "
            f"logs: {plan.state / 'logs'}",
            soft_wrap=True,
            highlight=False,
        )
