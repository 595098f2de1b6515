"""One evaluation by several processes: what `evaluate` leaves out of it.

Each process writes an Arrow file and holds its lock while it does. Process 0 waits until all have begun, and in the end
until all locks are free; then it reads the files and deletes them. A process that has no utterances must not be waited
for in vain, a file that its process did not finish must not be scored, and none may be written anew before it was read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.utils.filelock import FileLock, Timeout

# The file of a process without utterances. Its type is that of no other file, whether those are of ids or of names.
NO_UTTERANCES = datasets.Features({name: datasets.Value("null") for name in ("predictions", "references")})

# What an Arrow stream ends with when it was closed: a continuation marker and a length of 0.
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"

# The files that this process handed over and that process 0 may not have read.
handed_over: set[str] = set()


def is_empty(values: Any) -> bool:
    """Whether `values` are a list, array or tensor of nothing."""
    return hasattr(values, "__len__") and getattr(values, "shape", None) != () and len(values) == 0


def waited_in_vain(metric: Any, step: str, missing: Sequence[int]) -> ValueError:
    """The error for processes that were not ready in time: `step` is "to begin" or "to end"."""
    return ValueError(
        f"Expected all {metric.num_process} processes {step} within {metric.timeout:g} s, but process "
        f"{metric.process_id} waited in vain for {missing}; see whether they still run, call `compute` on every "
        f"process, also on one without utterances, or pass a longer timeout= to `evaluate.load`."
    )


def missing_after(seconds: float, others: Iterable[int], ready: Callable[[int], bool]) -> list[int]:
    """Return which of the `others` were not `ready` once within so many seconds."""
    end = time.monotonic() + seconds
    missing = [other for other in others if not ready(other)]
    while missing and time.monotonic() < end:
        time.sleep(0.02)
        missing = [other for other in missing if not ready(other)]
    return missing


def file_of(metric: Any, process_id: int) -> str:
    """Where a process of several writes what it adds, as `evaluate` names it."""
    return str(Path(metric.data_dir, f"{metric.experiment_id}-{metric.num_process}-{process_id}.arrow"))


def is_locked(metric: Any, process_id: int) -> bool:
    """Whether a process is writing its file."""
    lock = FileLock(file_of(metric, process_id) + ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def features_of_all(paths: Sequence[str]) -> datasets.Features:
    """Return the features that the files of all processes share, in order of process id.

    Raises:
        ValueError: if a process died while it wrote, if there is not one utterance, or if some processes added ids
            where others added names.
    """
    schemas = [read_schema(path, process_id) for process_id, path in enumerate(paths)]
    found = [datasets.Features.from_arrow_schema(schema) for schema in schemas]
    filled = [process_id for process_id, features in enumerate(found) if features != NO_UTTERANCES]
    if not filled:
        raise ValueError(
            f"Expected predictions and references, but got none from any of the {len(paths)} processes; call "
            f"`add_batch` before `compute`."
        )
    first = filled[0]
    for other in filled:
        for name in NO_UTTERANCES:
            if found[other][name] != found[first][name]:
                raise ValueError(
                    f"Expected `{name}` to be label ids from all processes, or label names from all, but got "
                    f"{kind(found[first][name])} from process {first} and {kind(found[other][name])} from process "
                    f"{other}; convert them before they are added."
                )
    return found[first]


def read_schema(path: str, process_id: int) -> pa.Schema:
    """Return the schema of a finished file."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(END_OF_STREAM)))
        if file.read() != END_OF_STREAM:
            raise ValueError(
                f"Expected process {process_id} to call `compute`, but it ended before; see why it did, and evaluate "
                f"again."
            )
        file.seek(0)
        return pa.ipc.open_stream(file).schema


def kind(feature: datasets.Value) -> str:
    return "names" if feature.dtype == "string" else "ids"
