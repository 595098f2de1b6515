"""Processes that do items: one a GPU, or one for all cores. Each stays, and an item that ends it is its own loss.

    python -m hub_cards.bench.workers <number of a file descriptor>

Work goes there through a pipe, and kind and reason of a failure come back, or None. A worker that ended is started
again for the next item; it ends with the benchmark that started it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Protocol

from emobox_probe.errors import ProbeError
from hub_cards.bench.work import Failure, Kept, Reason, Work, do, own_code

# Starts a worker; tests put another script here.
COMMAND = [sys.executable, "-m", "hub_cards.bench.workers"]
# Seconds between looks at what runs, and between asking it to end and ending it.
LOOK, GRACE = 0.2, 10.0
# So often in a row may a worker end before it is ready.
STARTS = 2
_LONGEST_REASON = 600
_SET_PARENT_DEATH_SIGNAL = 1


class Worker(Protocol):
    """Where items are done, one after another."""

    def do(self, work: Work, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        """Do one to its end; why it failed, or None.

        Args:
            work: the attempt.
            stopped: whether the benchmark was told to end; the worker is then told too.
            look: told the last line of the log now and then.

        Raises:
            ProbeError: there is no worker to do it.
        """
        ...

    def close(self) -> None:
        """End it, if it is there."""
        ...


class LocalWorker:
    """A process of this machine, on GPU `gpu` or on the CPU with so many `threads`; `log` is of what is no item's."""

    def __init__(self, log: Path, gpu: str | None = None, threads: int | None = None):
        self._log = log
        self._environment = dict(os.environ)
        if gpu is not None:
            self._environment["CUDA_VISIBLE_DEVICES"] = gpu
        if threads is not None:
            self._environment["OMP_NUM_THREADS"] = str(threads)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._code: str | None = None

    def do(self, work: Work, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # since the item before; this one needs another
        if (code := own_code(work)) is not None and self._code not in (None, code):
            self.close()
        for _ in range(STARTS):
            if self._process is not None or (ended := self._start(stopped)) is None:
                break
            if stopped():
                return Failure("crash", ended, str(work.log))
        else:
            raise ProbeError(
                f"Expected a process that does items, but it ended {STARTS} times before it was ready: {ended} Mend "
                f"what {self._log} says, and run the benchmark again."
            )
        assert self._pipe is not None
        self._code = code or self._code
        try:
            self._pipe.send(work)
            why: tuple[Reason, str] | None = self._reply(stopped, lambda: look(last_line(work.log)))
        except (EOFError, OSError):
            why = why_ended(self._end(), work.log)
        else:
            if why and why[0] == "memory":
                self.close()  # what another library holds of it comes back
        return Failure(why[0], why[1], str(work.log)) if why else None

    def close(self) -> None:
        if self._process is not None:
            signal_all(self._process, signal.SIGTERM)
            self._end()

    def _start(self, stopped: Callable[[], bool]) -> str | None:
        """Why it did not come up, or None."""
        self._pipe, theirs = Pipe()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*COMMAND, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the benchmark, which tells it
            )
        theirs.close()
        try:
            self._reply(stopped, lambda: None)
        except (EOFError, OSError):
            return why_ended(self._end(), self._log)[1]
        return None

    def _reply(self, stopped: Callable[[], bool], look: Callable[[], Any]) -> Any:
        """What it says next; it is told to end when the benchmark is.

        Raises:
            EOFError: it has ended.
        """
        assert self._process is not None
        assert self._pipe is not None
        asked: float | None = None
        while not self._pipe.poll(LOOK):
            look()
            if stopped() and asked is None:
                asked = time.monotonic()
                signal_all(self._process, signal.SIGTERM)
            elif asked is not None and time.monotonic() - asked > GRACE:
                signal_all(self._process, signal.SIGKILL)
        return self._pipe.recv()

    def _end(self) -> int:
        """Its exit status, once it is gone with all that it has started."""
        assert self._process is not None
        assert self._pipe is not None
        process, self._process, self._code = self._process, None, None
        self._pipe.close()
        try:
            status = process.wait(GRACE)
        except subprocess.TimeoutExpired:
            signal_all(process, signal.SIGKILL)
            status = process.wait()
        return status


def local_workers(count: int, logs: Path) -> list[LocalWorker]:
    """So many workers on this machine, which share its GPUs or its cores."""
    import torch

    visible = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    gpus = visible or [str(number) for number in range(torch.cuda.device_count())]
    if torch.cuda.is_available():
        return [LocalWorker(logs / f"worker-{n}.log", gpus[n % len(gpus)]) for n in range(count)]
    threads = None if count == 1 else max(len(os.sched_getaffinity(0)) // count, 1)
    return [LocalWorker(logs / f"worker-{n}.log", threads=threads) for n in range(count)]


def why_ended(status: int, log: Path) -> tuple[Reason, str]:
    """Kind and reason of an end that nobody has explained, by the exit status."""
    if status in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "memory", "The process was killed (SIGKILL), as a system does that has no memory left."
    if status < 0:
        return "crash", f"The process was ended by {signal.Signals(-status).name}."
    return "crash", f"The process ended with status {status}: {last_line(log)}"[:_LONGEST_REASON]


def last_line(log: Path) -> str:
    """The last line of a log, without what a progress bar has overwritten."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 2000, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = text.replace("\r", "\n").strip().splitlines()
    return lines[-1].strip() if lines else ""


def signal_all(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """To the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def serve(descriptor: int, parent: int) -> None:
    """Do what comes through a pipe, until its other end is closed."""
    _die_with(parent)
    pipe: Connection[Any, Any] = Connection(descriptor)
    kept = Kept()
    pipe.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            failure = do(pipe.recv(), kept)
            pipe.send(failure and (failure.kind, failure.message))


def _die_with(parent: int) -> None:
    """End when the benchmark is killed (Linux; elsewhere the item goes on, and others wait for its lock)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # it was killed before


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
