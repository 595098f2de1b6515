"""Other processes that share the work: they end with the one that started them, however that ends.

A terminal sends Ctrl-C to all of them; what it means is said once, by the one that started the others.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from emobox_datasets.errors import CorpusError

_SET_PARENT_DEATH_SIGNAL = 1
_depth = 0


@contextmanager
def pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes; after an error, what they have not begun is left.

    Raises:
        CorpusError: one of them was killed.
    """
    try:
        with ProcessPoolExecutor(jobs, initializer=_end_with, initargs=(os.getpid(),)) as executor:
            try:
                yield executor
            except BaseException:
                executor.shutdown(cancel_futures=True)
                raise
    except BrokenProcessPool as error:
        raise CorpusError(
            f"Expected {jobs} processes to work side by side, but one was killed, as happens where memory runs out; "
            f"run it again with fewer (--jobs): what was written before is whole."
        ) from error


@contextmanager
def forked_ones_ignore_interruptions() -> Iterator[None]:
    """Processes that are forked within, also by libraries, leave Ctrl-C to this one."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def ignore_interruptions() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _after_fork() -> None:
    if _depth:
        ignore_interruptions()


# It cannot be taken back: hence the depth.
os.register_at_fork(after_in_child=_after_fork)


def _end_with(parent: int) -> None:
    """Let Linux kill this process with its parent, or it would wait for work for ever."""
    ignore_interruptions()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # which was killed before
            os.kill(os.getpid(), signal.SIGKILL)
