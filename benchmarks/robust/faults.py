"""`emobox` in a process of its own, with a fault at a chosen moment; `robustness.py` measures what follows."""

import atexit
import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import count
from multiprocessing import util
from pathlib import Path
from typing import Any

import emobox
from emobox_probe.features import store
from emobox_probe.heads import checkpoint
from emobox_probe.protocol import PROTOCOLS

BALLAST = "ballast"
# What no two runs, and not all files of a kind, have in common in their names.
CHANGING = re.compile(r"[0-9a-f]{12,}|\d+|(ada|ben|cleo|dan)(/(ada|ben|cleo|dan)_[a-z]+_)?")
# What the commands import when they are asked for.
MODULES = (
    "emobox_datasets.repository.write",
    "emobox_probe.experiment",
    "hub_cards.cards.dataset_card",
    "hub_cards.cards.model_card",
    "hub_cards.leaderboard.leaderboard",
    "hub_cards.tables.plots",
)
# A process that is left behind by one that was killed has so many seconds to end.
GRACE = 20.0


def prepare() -> None:
    """Import what commands need, once for all of them, and make them short.

    Few epochs, small heads and shards, training kept ten times a second: all writers are at work in seconds.
    """
    for module in MODULES:
        import_module(module)
    store.SHARDS, store.SHORTEST_SHARD, store.FEWEST_UTTERANCES = 3, 10.0, 8
    checkpoint.PAUSE = 0.1
    PROTOCOLS["paper"] = replace(PROTOCOLS["paper"], epochs=6, warm_up_epochs=2, hidden_sizes=(8, 16))


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status (negative: the signal), what it said, its seconds, and whom it left."""

    status: int
    said: str
    seconds: float
    orphans: int

    @property
    def is_paragraph(self) -> bool:
        """Whether it said last what is wrong, in words for users."""
        last = (self.said.splitlines() or [""])[-1]
        return last.startswith("error: Expected ") and "Traceback" not in self.said


@dataclass(frozen=True)
class Fault:
    """What strikes before a file operation below a folder.

    Attributes:
        log: a file elsewhere, for every operation that comes, or the one that was hit, a line such as
            `rename runs/*/result.json`.
        kind: `none`; `kill`: SIGKILL; `full`: the file system is filled to the last byte; `limit`: no file may grow
            from there on (RLIMIT_FSIZE).
        operation: as it is in the log: opening to write, creating, renaming or removing what.
        time: which of several such operations.
    """

    log: Path
    kind: str = "none"
    operation: str = ""
    time: int = 1


def run(words: Sequence[str], folder: Path, fault: Fault | None = None, patience: float = 1e9) -> Ended:
    """`emobox` with these words in a folder, to its end, or until it is killed after `patience` seconds.

    The process is forked from this one, which has imported everything: so most of its time is its work.
    """
    reading, writing = os.pipe()
    started = time.perf_counter()
    process = os.fork()
    if process == 0:
        status = 99
        with suppress(BaseException):
            os.setsid()
            os.chdir(folder)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(writing, 2)
            status = _command(words, folder, fault)
        os._exit(status)
    os.close(writing)
    status = _wait(process, started + patience)
    seconds = time.perf_counter() - started
    os.set_blocking(reading, False)
    with suppress(BlockingIOError):
        said = os.read(reading, 1 << 20).decode(errors="replace")
    os.close(reading)
    return Ended(status, said, seconds, _orphans(process))


def _command(words: Sequence[str], folder: Path, fault: Fault | None) -> int:
    """The exit status of the command, after all that Python does at the end of a process."""
    if fault:
        sys.addaudithook(_Watch(folder, fault).see)
    try:
        emobox.main([*words, "--quiet"])
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        status = 1
    util._exit_function()
    atexit._run_exitfuncs()
    return status


def _wait(process: int, until: float) -> int:
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.perf_counter() > until:
            os.kill(process, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        time.sleep(0.002)


def _orphans(session: int) -> int:
    """How many processes of a session do not end by themselves; they are ended."""
    until = time.perf_counter() + GRACE
    while (left := list(_members(session))) and time.perf_counter() < until:
        time.sleep(0.05)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return len(left)


def _members(session: int) -> Iterator[int]:
    """The processes of a session that run."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state, _, _, of = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                yield int(name)


def _path(name: Any, folder: int = -1) -> str:
    """The absolute path of what an operation names, in a folder that is open as that number."""
    if isinstance(name, int):
        return ""
    parent = os.path.realpath(f"/proc/self/fd/{folder}") if folder >= 0 else os.getcwd()
    return os.path.join(parent, os.fsdecode(name))


def _opened(name: Any, mode: str | None, flags: int) -> str:
    """To open a file and not only to read it is to change it."""
    return _path(name) if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else ""


# What Python tells its audit hooks of an operation: the path that it changes.
CHANGES: dict[str, Callable[..., str]] = {
    "open": _opened,
    "os.mkdir": lambda name, mode, folder: _path(name, folder),
    "os.rename": lambda before, after, source, target: _path(after, target),
    "os.remove": _path,
    "os.rmdir": _path,
    "os.symlink": lambda before, after, folder: _path(after, folder),
    "os.truncate": lambda name, length: _path(name),
}


class _Watch:
    """An audit hook that counts operations, and strikes."""

    def __init__(self, folder: Path, fault: Fault):
        self._folder, self._fault = folder, fault
        self._process, self._counter, self._striking = os.getpid(), count(1), False

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or self._striking or os.getpid() != self._process:
            return
        path = CHANGES[event](*arguments)
        if not path.startswith(f"{self._folder}/"):
            return
        operation = self._name(event, path)
        if self._fault.kind == "none":
            self._note(operation)
        elif operation == self._fault.operation and next(self._counter) == self._fault.time:
            self._striking = True
            self._note(operation)
            self._strike()

    def _name(self, event: str, path: str) -> str:
        """What no two runs have in common is a star."""
        relative = os.path.relpath(path, self._folder).replace(str(self._folder).replace("/", "_"), "")
        return f"{event.removeprefix('os.')} {CHANGING.sub('*', relative)}"

    def _note(self, operation: str) -> None:
        with self._fault.log.open("a") as log:
            log.write(f"{operation}\n")

    def _strike(self) -> None:
        if self._fault.kind == "kill":
            os.kill(self._process, signal.SIGKILL)
        elif self._fault.kind == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        else:
            fill(self._folder / BALLAST)


def fill(ballast: Path) -> None:
    """Write until nothing more goes onto the disk."""
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(1 << 16))
    os.close(descriptor)
