"""What a running benchmark tells: one progress view for people, one JSON object a line for machines."""

import json
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from emobox_probe.report.percent import score_text


class Events:
    """Where a benchmark tells what happens: one JSON object a line, on standard output.

    While items are done it is theirs alone: what libraries print, such as Ray of workers that died, goes to standard
    error.
    """

    def __init__(self) -> None:
        self._output = sys.stdout
        self._printed = redirect_stdout(sys.stderr)

    def __enter__(self) -> Self:
        self._printed.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._printed.__exit__(*error)

    def tell(self, event: str, **facts: Any) -> None:
        """Something happened: plan, start, look, done, there, failed, blocked, retry, dropped, stop or summary."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._output.write(json.dumps({"time": time, "event": event, **facts}) + "\n")
        self._output.flush()

    def look(self, item: str, line: str) -> None:
        """The item that runs has this as the last line of its log."""


class RichEvents(Events):
    """A bar over all items, the item that runs, and a line for each that ended."""

    def __init__(self, console: Console | None = None, progress: bool = True):
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", style="dim", markup=False),
            console=self._console,
            disable=not progress,
        )
        self._task = self._progress.add_task("items", total=None, line="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.update(self._task, description="items", line="")
        self._progress.stop()

    def tell(self, event: str, **facts: Any) -> None:
        item = facts.get("item", "")
        if event == "plan":
            self._progress.update(self._task, total=facts["items"])
        elif event in ("start", "look"):
            self._progress.update(self._task, description=item, line="")
        elif event in ("done", "there", "failed", "blocked", "kept"):
            self._progress.advance(self._task)
        if event == "done":
            scores = "".join(
                f"  {name.upper()} {score_text(100 * facts[name])}"
                for name in ("ua", "wa", "f1")
                if name in facts
            )
            self._say(event, "green", f"{item}  {facts['seconds']:.0f} s{scores}")
        elif event == "kept":
            self._say(event, "yellow", f"{item}: a record of other weights, data or settings is there")
        elif event in ("failed", "blocked", "retry"):
            self._say(event, "red", f"{item}: {facts['reason']}")

    def look(self, item: str, line: str) -> None:
        self._progress.update(self._task, description=item, line=line[-60:])

    def _say(self, event: str, style: str, sentence: str) -> None:
        line = Text.assemble((f"{event:<8}", style), f" {sentence}")
        self._console.print(line, soft_wrap=True, highlight=False)
