"""`emobox bench`: a plan of models, corpora and protocols; what is missing is computed, in any number of places.

emobox bench --default > plan.yaml
emobox bench plan.yaml --dry-run
emobox bench plan.yaml
emobox bench plan.yaml --shard 3/10 --log json
"""

import argparse
import re
import sys
from pathlib import Path

import torch
from rich.console import Console

from emobox_datasets.errors import CorpusError
from emobox_probe.errors import ProbeError
from hub_cards.bench import estimate
from hub_cards.bench.default import default_plan
from hub_cards.bench.events import Events, JsonEvents, RichEvents
from hub_cards.bench.items import Item, chosen, expand, shard
from hub_cards.bench.jobs import launch_words
from hub_cards.bench.models import find_model
from hub_cards.bench.plan import Plan, PlanError
from hub_cards.bench.reading import parse_plan, read_plan
from hub_cards.bench.runner import Runner, Summary
from hub_cards.bench.states import Ledger, State
from hub_cards.bench.trackers import TRACKERS, Tracker

OVERWRITE: dict[str, frozenset[State]] = {
    "never": frozenset({"done", "stale"}),
    "only-missing": frozenset({"done"}),
    "always": frozenset(),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox bench`."""
    parser.add_argument(
        "plan", type=Path, nargs="?", help="a YAML file; default: the paper's plan, as --default"
    )
    parser.add_argument(
        "--default", action="store_true", help="print the paper's plan for the corpora found here"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what there is to do, and what it costs"
    )
    parser.add_argument(
        "--overwrite",
        choices=OVERWRITE,
        default="only-missing",
        help="never: keep records of other weights, data or settings; always: train all anew; default: %(default)s",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ITEMS",
        help="a kind (extract, probe, cross, report) or a pattern such as 'probe/*/emodb/*', and what it needs",
    )
    parser.add_argument("--shard", metavar="I/N", help="the part of worker I of N, from 1")
    parser.add_argument(
        "--keep-features", action="store_true", help="also when nothing in the plan needs them"
    )
    parser.add_argument("--processes", type=int, help="for each item; default: as many as there are GPUs")
    parser.add_argument(
        "--launcher",
        help="starts the processes of an item, such as 'accelerate launch --config_file four.yaml'",
    )
    parser.add_argument("--log", choices=("rich", "json"), default="rich", help="default: %(default)s")
    parser.add_argument("--tracker", choices=TRACKERS, help="log the scores of every item there")


def run(arguments: argparse.Namespace) -> int:
    """Show the cost, and do what is missing; the exit status: 2 if nothing could begin, else that of the summary."""
    if arguments.default:
        print(default_plan(), end="")
        return 0
    console = Console(stderr=arguments.log == "json", width=None if sys.stdout.isatty() else 140)
    try:
        plan = read_plan(arguments.plan) if arguments.plan else parse_plan(default_plan(), "the default plan")
        ledger, mine = prepare(plan, arguments)
        processes = arguments.processes or max(torch.cuda.device_count(), 1)
        again = arguments.overwrite == "always"
        told = estimate.estimate(ledger, mine, processes, arguments.keep_features, again)
        tracker = Tracker(None if arguments.dry_run else arguments.tracker, plan)
    except (PlanError, ProbeError, CorpusError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    events: Events = JsonEvents() if arguments.log == "json" else RichEvents()
    if arguments.log == "json":
        events.tell("estimate", **estimate.facts(told))
    else:
        estimate.show(told, console, arguments.dry_run)
    if not told.enough_disk:
        print(
            f"error: Expected {told.disk / 1e9:.2f} GB of free disk for features in {plan.features}, but "
            f"{told.free / 1e9:.2f} GB are free; make room, name another folder as features in the plan"
            f"{', or leave out --keep-features' if arguments.keep_features else ''}.",
            file=sys.stderr,
        )
        return 2
    if arguments.dry_run:
        return 0
    with events:
        runner = Runner(
            ledger,
            mine,
            launch_words(arguments.launcher, processes),
            arguments.overwrite,
            arguments.keep_features,
            events,
            tracker,
        )
        summary = runner.run()
    tracker.close()
    if arguments.log == "rich":
        show_summary(summary, plan, console)
    return summary.status


def prepare(plan: Plan, arguments: argparse.Namespace) -> tuple[Ledger, list[Item]]:
    """Look up the models and choose the items of this worker.

    Raises:
        PlanError: models cannot be had, or an option does not fit the plan; all at once.
    """
    models = {model: find_model(model) for model in plan.models}
    problems = [
        f"{plan.path}:{plan.lines[model.label]}: {here.problem}"
        for model, here in models.items()
        if here.problem
    ]
    items = expand(plan)
    mine = items
    try:
        mine = chosen(items, arguments.only)
        if arguments.shard:
            mine = shard(mine, *read_shard(arguments.shard))
    except ValueError as error:
        problems.append(str(error))
    if arguments.launcher and arguments.processes:
        problems.append(
            "Expected --launcher or --processes, but got both; the launcher says how many processes there are."
        )
    if problems:
        raise PlanError(problems)
    return Ledger(plan, items, models, OVERWRITE[arguments.overwrite]), mine


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
    console.print(f"Report: {plan.output / 'report.md'}; logs: {plan.state / 'logs'}", soft_wrap=True)
