"""Starting one item as a process, following it, and saying in one sentence why it failed."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emobox_probe.features.shards import write_whole
from hub_cards.bench.items import Item, config_of
from hub_cards.bench.plan import Plan

# Runs an item; tests put another script here.
CHILD = ["-m", "hub_cards.bench.child"]
# Seconds between looks at a running process, and between asking it to end and ending it.
LOOK, GRACE = 0.2, 10.0
_LONGEST_REASON = 600


@dataclass(frozen=True)
class Failure:
    """Why an item failed; `kind` is error, memory, disk or crash."""

    kind: str
    message: str
    log: str


def launch_words(launcher: str | None, processes: int) -> list[str]:
    """What stands before the child: Python, `accelerate launch` for several processes, or what the user gave."""
    if launcher:
        return shlex.split(launcher)
    if processes == 1:
        return [sys.executable]
    words = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    words += ["--num_processes", str(processes), "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*words, "--main_process_port", "0"]


@dataclass(frozen=True)
class Job:
    """One attempt at an item. Files: `<state>/{jobs,logs}/<item>.*`.

    `only_look`: note what model and corpus are, without making features.
    """

    plan: Plan
    item: Item
    prefix: list[str]
    smaller: bool = False
    only_look: bool = False

    @property
    def log(self) -> Path:
        return self.plan.file("logs", self.item.name, ".log")

    def run(self, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        """Run to the end; what went wrong, or None.

        Args:
            stopped: whether the benchmark was told to end; the process is then told too.
            look: told the last line of the log now and then.
        """
        reason = self.plan.file("jobs", self.item.name, ".reason.json")
        reason.unlink(missing_ok=True)
        job = self.plan.file("jobs", self.item.name, ".json")
        content = {
            "kind": self.item.kind,
            "config": config_of(self.plan, self.item).model_dump(mode="json"),
            "smaller": self.smaller,
            "only_look": self.only_look,
            "lock": str(self.plan.file("locks", self.item.name, ".work")),
            "reason": str(reason),
            "made_for": str(self.plan.output.absolute()),
            "parent": os.getpid() if self.prefix == [sys.executable] else None,
        }
        write_whole(job, json.dumps(content, indent=2).encode())
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*self.prefix, *CHILD, "--job", str(job)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the benchmark, which tells it
            )
            status = self._follow(process, stopped, look)
        return None if status == 0 else self._failure(status, reason)

    def _follow(
        self, process: "subprocess.Popen[bytes]", stopped: Callable[[], bool], look: Callable[[str], Any]
    ) -> int:
        asked: float | None = None
        while True:
            try:
                return process.wait(LOOK)
            except subprocess.TimeoutExpired:
                look(self.last_line())
            if stopped() and asked is None:
                asked = time.monotonic()
                _signal_all(process, signal.SIGTERM)
            elif asked is not None and time.monotonic() - asked > GRACE:
                _signal_all(process, signal.SIGKILL)

    def last_line(self) -> str:
        """The last line of the log, without what a progress bar has overwritten."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(log.seek(0, os.SEEK_END) - 2000, 0))
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        lines = text.replace("\r", "\n").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _failure(self, status: int, reason: Path) -> Failure:
        try:
            told = json.loads(reason.read_text(encoding="utf-8"))
            return Failure(told["kind"], told["message"], str(self.log))
        except (OSError, ValueError, KeyError):
            pass
        if status in (-signal.SIGKILL, 128 + signal.SIGKILL):
            message = "The process was killed (SIGKILL), as a system does that has no memory left."
            return Failure("memory", message, str(self.log))
        if status < 0:
            message = f"The process was ended by {signal.Signals(-status).name}."
            return Failure("crash", message, str(self.log))
        message = f"The process ended with status {status}: {self.last_line()}"[:_LONGEST_REASON]
        return Failure("crash", message, str(self.log))


def _signal_all(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """To the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
