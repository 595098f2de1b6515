"""Commands with a fault, run again without one, and held against an undisturbed run."""

import hashlib
import json
import random
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from robust.faults import BALLAST, Fault, run

RUN = "runs/builtin--logmel/demo/paper"
# In the order in which each needs what the ones before have made.
COMMANDS = {
    "prepare": ["prepare", "demo", "--out", "prepared"],
    "probe": ["probe", "--model", "builtin:logmel", "--corpus", "demo", "--features-dir", "features"],
    "card": ["card", RUN],
    "leaderboard": ["leaderboard", "runs", "--out", "site"],
    "plots": ["plots", "runs", "--out", "plots"],
}
# How many of 25 kills each gets.
SHARES = {"prepare": 8, "probe": 12, "card": 2, "leaderboard": 2, "plots": 1}
# Which files hash or tell times, and may differ.
TIMES = re.compile(r"features/times/.*|prepared/\.source")


class Stages:
    """What is in the folder before each command, and after it where nothing went wrong."""

    def __init__(self, folder: Path):
        self.folder, self.kept = folder, folder.parent / "kept"
        self.log = folder.parent / "operations"
        self.expected: dict[str, dict[str, str]] = {}
        self.operations: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}

    def record(self) -> None:
        """Run the commands undisturbed, one after the other."""
        for name in COMMANDS:
            shutil.copytree(self.folder, self.kept / name)
            self.log.unlink(missing_ok=True)
            ended = run(COMMANDS[name], self.folder, Fault(self.log))
            if ended.status:
                raise SystemExit(f"{name} failed undisturbed, with status {ended.status}:\n{ended.said}")
            self.operations[name] = self.log.read_text().splitlines()
            self.expected[name] = contents(self.folder)
            self.seconds[name] = ended.seconds

    def restore(self, name: str) -> None:
        """Put into the folder what was there before a command."""
        empty(self.folder)
        shutil.copytree(self.kept / name, self.folder, dirs_exist_ok=True)

    def struck(self) -> str:
        """The operation that the last fault hit; empty if there was none."""
        operations = self.log.read_text().splitlines() if self.log.is_file() else []
        return operations[0] if len(operations) == 1 else ""

    def trial(self, name: str, fault: Fault, patience: float = 1e9) -> dict[str, Any]:
        """A command with a fault, then again without: how both ended, and what is not as it should be."""
        self.restore(name)
        self.log.unlink(missing_ok=True)
        first = run(COMMANDS[name], self.folder, fault, patience)
        (self.folder / BALLAST).unlink(missing_ok=True)
        second = run(COMMANDS[name], self.folder)
        found = contents(self.folder)
        wrong = differences(self.expected[name], found)
        if first.status >= 0 and first.status != 0 and not first.is_paragraph:
            wrong.append(f"no paragraph: {first.said[-2000:]}")
        if second.status:
            wrong.append(f"the next run ended with {second.status}: {second.said[-2000:]}")
        if first.orphans:
            wrong.append(f"{first.orphans} processes were left")
        told = {"command": name, "operation": self.struck(), "status": first.status, "wrong": wrong}
        print(json.dumps(told), file=sys.stderr)
        return told


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def contents(folder: Path) -> dict[str, str]:
    """What is in each file and that each folder is there, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[f"{relative}/"] = ""
        elif TIMES.fullmatch(relative):
            found[relative] = "any"
        elif path.name == "result.json":
            record = json.loads(path.read_bytes())
            del record["provenance"]
            found[relative] = json.dumps(record)
        else:
            found[relative] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    return [
        *(f"missing: {path}" for path in expected.keys() - found.keys()),
        *(f"left: {path}" for path in found.keys() - expected.keys()),
        *(f"another: {path}" for path in expected.keys() & found.keys() if expected[path] != found[path]),
    ]


# ── kills ──


def spread(operations: Sequence[str], count: int) -> list[tuple[str, int]]:
    """So many operations, of as many kinds as there are, in the order in which they come; of each the second."""
    kinds = list(dict.fromkeys(operations))
    count = min(count, len(kinds))
    places = ((2 * place + 1) * len(kinds) // (2 * count) for place in range(count))
    return [(kinds[place], min(2, operations.count(kinds[place]))) for place in places]


def killed_at_operations(stages: Stages, count: int) -> dict[str, Any]:
    """SIGKILL before so many operations, spread over the commands and over what each does."""
    shares = {name: round(SHARES[name] * count / sum(SHARES.values())) for name in stages.operations}
    return summary(
        stages.trial(name, Fault(stages.log, "kill", operation, time))
        for name, share in shares.items()
        for operation, time in spread(stages.operations[name], share)
    )


def killed_at_random(stages: Stages, count: int) -> dict[str, Any]:
    """At moments drawn evenly from the time that `probe` took undisturbed; runs that were done by then do not count."""
    draw = random.Random(0)
    trials: list[dict[str, Any]] = []
    while len(trials) < count:
        trial = stages.trial("probe", Fault(stages.log), stages.seconds["probe"] * draw.random())
        trials += [trial] if trial["status"] or trial["wrong"] else []
    return summary(trials)


# ── full disks ──


def writers(operations: Sequence[str]) -> list[str]:
    """The opening of each kind of file that something is written to."""
    opened = (operation for operation in operations if operation.startswith("open "))
    return list(dict.fromkeys(operation for operation in opened if "lock" not in operation))


def full_disks(stages: Stages, kind: str) -> dict[str, Any]:
    """No room from each kind of file on: `limit` or `full`, as `Fault` has them."""
    return summary(
        stages.trial(name, Fault(stages.log, kind, operation))
        for name, operations in stages.operations.items()
        for operation in writers(operations)
    )


def summary(trials: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """How many trials there were, how the disturbed runs ended, and after how many all was as it should be."""
    made = list(trials)
    statuses = Counter(str(trial["status"]) for trial in made)
    return {
        "trials": len(made),
        "statuses": dict(sorted(statuses.items())),
        "as_undisturbed": sum(not trial["wrong"] for trial in made),
        "operations": [f"{trial['command']}: {trial['operation']}" for trial in made if trial["operation"]],
        "wrong": [trial for trial in made if trial["wrong"]],
    }
