"""Processes that score together by `num_process`, each with a list of what it calls."""

import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from emobox_metric.ser_metric.ser_metric import SerMetric

# What a process calls: names of methods of the metric, or those below, with their arguments.
Steps = list[tuple[str, dict[str, Any]]]


def score_together(folder: Path, processes: list[Steps | None], **options: Any) -> list[Any]:
    """What each process' last `compute` returned, or its error; "died" if it did, None for one that never began."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["metric_processes"])
    started = []
    for process_id, steps in enumerate(processes):
        if steps is None:
            continue
        ours, theirs = context.Pipe(duplex=False)
        shared = {
            "process_id": process_id,
            "num_process": len(processes),
            "cache_dir": str(folder),
            **options,
        }
        process = context.Process(target=take_part, args=(steps, shared, theirs))
        process.start()
        theirs.close()
        started.append((process_id, process, ours))
    outcomes: list[Any] = [None] * len(processes)
    for process_id, process, ours in started:
        try:
            outcomes[process_id] = ours.recv()
        except EOFError:
            outcomes[process_id] = "died"
        process.join()
    return outcomes


def take_part(steps: Steps, shared: dict[str, Any], answer: Connection) -> None:
    metric = SerMetric(**shared)
    outcome: Any = None
    for name, arguments in steps:
        if name == "die":
            os._exit(1)
        if name == "leave":
            return
        if name == "sleep":
            time.sleep(arguments["seconds"])
            continue
        try:
            outcome = getattr(metric, name)(**arguments)
        except ValueError as error:
            outcome = str(error)
    answer.send(outcome)
