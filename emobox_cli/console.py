"""How commands print, and how they end: a paragraph and an exit status for whatever goes wrong that a user can mend."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# 0: done. 1: something failed, or is not as it should be. 2: nothing could begin, the words of the command, or the
# plan, are wrong. 130: Ctrl-C. 141: nobody reads on.
FAILED, WRONG_WORDS, INTERRUPTED, NO_READER = 1, 2, 130, 141
STOPPED = "Interrupted. What was made is kept: the same command goes on from there."
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ENDED_BY_OTHERS = (
    "Expected the command to run to its end, but code that it was given (a model's or a corpus's) called sys.exit({}); "
    "take that out."
)
# Columns of a table that is piped; on a terminal it has those of the terminal.
WIDTH = 200
# Errors that the rooms write for users; by name, for importing them takes a second.
FOR_USERS = {"CorpusError", "ProbeError", "PublishError"}
NOTHING_BEGAN = {"PlanError", "WordsError"}


def tables(stderr: bool = False) -> "Console":
    """Where tables are printed."""
    from rich.console import Console

    class Tables(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError  # `guarded` knows what to do

    file = sys.stderr if stderr else sys.stdout
    # Names of folders, corpora and models are printed as they are, whatever brackets and colons are in them.
    return Tables(stderr=stderr, width=None if file.isatty() else WIDTH, markup=False, emoji=False)


def print_json(content: object) -> None:
    """For programs."""
    print(json.dumps(content, indent=2, ensure_ascii=False))


def guarded(command: Callable[[], int]) -> int:
    """The exit status of a command; errors that a user can mend are one paragraph on standard error."""
    # Closed, as by `>&-`: Python has None in their place, which much of what prints does not expect.
    sys.stdout, sys.stderr = sys.stdout or nowhere(), sys.stderr or nowhere()
    try:
        try:
            status = command()
        except SystemExit as end:
            if not _by_argparse(end):
                return _tell(f"error: {ENDED_BY_OTHERS.format(end.code)}")
            status = int(end.code or 0)  # after --help, --version and wrong words
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Nobody reads on, as behind `| head`: no reason to complain, and Python must not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except KeyboardInterrupt:
        return _tell(STOPPED, INTERRUPTED)
    except Exception as error:
        # Libraries that clean up after Ctrl-C may fail in doing so; that is what they raise then.
        if any(isinstance(cause, KeyboardInterrupt) for cause in _contexts(error)):
            return _tell(STOPPED, INTERRUPTED)
        for cause in _causes(error):
            if type(cause).__name__ in NOTHING_BEGAN:
                return _tell(f"error: {cause}", WRONG_WORDS)
            if message := _for_users(cause):
                return _tell(f"error: {message}")
        raise


def _by_argparse(end: SystemExit) -> bool:
    """Whether it was raised there; code of others that a command runs may call `sys.exit` too."""
    names = [frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(end.__traceback__)]
    return names[-1] == "argparse"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from: `datasets` wraps what goes wrong while it converts a corpus."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def nowhere() -> TextIO:
    """Where what nobody reads is written."""
    return open(os.devnull, "w", encoding="utf-8")


def _contexts(error: BaseException) -> Iterator[BaseException]:
    """The error, and those during whose handling it was raised."""
    context: BaseException | None = error
    while context is not None:
        yield context
        context = context.__cause__ or context.__context__


def _for_users(error: BaseException) -> str:
    """What a user is told; empty if that is no user's business."""
    if {kind.__name__ for kind in type(error).__mro__} & FOR_USERS:
        return str(error)
    if not isinstance(error, OSError):
        return ""
    if error.errno in FULL:
        return (
            f"Expected room on the disk, but it is full ({error}); make room. What was written before is whole, and "
            f"the same command goes on from there."
        )
    if isinstance(error, PermissionError):
        return f"Expected permission for {error.filename}, but got none; change its owner or mode, or name another."
    if error.filename is not None:
        return f"Expected {error.filename}, but got: {error.strerror}; correct the path."
    return str(error)


def _tell(message: str, status: int = FAILED) -> int:
    print(message, file=sys.stderr)
    return status
