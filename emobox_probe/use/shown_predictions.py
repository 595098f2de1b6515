"""What was said of recordings, as tables, JSON and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from emobox_datasets.errors import printable
from emobox_probe.config import SHORTEST_WINDOW
from emobox_probe.report.percent import score_text
from emobox_probe.report.pictures import Picture, shortened
from emobox_probe.use.predict import REMARKS, Prediction, Predictions, by_file

# Distinct to people with and without colour vision; more labels than these begin anew, with hatches.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#57606a")
HATCHES = ("", "//", "..", "xx")


def show(made: Predictions, console: Console) -> None:
    """A row a recording or part, probabilities in percent, and what score is to be expected; nothing without any."""
    if not made.predictions:
        return
    parted = any(p.start is not None for p in made.predictions)
    table = Table("file", *(("from (s)", "to (s)") if parted else ()), "label", *made.labels)
    for column in table.columns[-len(made.labels) :]:
        column.justify = "right"
    for said in made.predictions:
        times = (f"{said.start:.2f}", f"{said.end:.2f}") if said.start is not None else ()
        shares = (score_text(100 * share) for share in said.probabilities.values())
        table.add_row(printable(said.file), *times, said.label, *shares)
    console.print(table)
    console.print(f"by {made.classifier}", soft_wrap=True)
    console.print(f"expected of new recordings: {made.expected}", soft_wrap=True)


def as_json(made: Predictions) -> dict[str, Any]:
    """For programs."""
    return {
        "classifier": made.classifier,
        "expected": made.expected,
        "labels": made.labels,
        "predictions": [
            {
                "file": printable(p.file),
                "start": p.start,
                "end": p.end,
                "label": p.label,
                "probabilities": p.probabilities,
                "logits": list(p.logits),
                **{name: getattr(p, name) for name in REMARKS},
            }
            for p in made.predictions
        ],
        "not_labelled": [
            {"file": printable(e.path), "reason": e.reason, "detail": e.detail} for e in made.not_labelled
        ],
        "passed_over": made.passed_over,
    }


def remarks(made: Predictions) -> list[str]:
    """A sentence on every recording of which little can be said, or of whose parts, and on files passed over."""
    heard = [p for p in made.predictions if not p.silent]
    of_which = {
        "is silent{}: its label says nothing": [p for p in made.predictions if p.silent],
        "is shorter than the encoder takes{}, and was lengthened with zeros: its label says little": [
            p for p in heard if p.lengthened
        ],
        f"is no longer than {SHORTEST_WINDOW} s{{}}: its label says little": [
            p for p in heard if p.short and not p.lengthened
        ],
    }
    sentences = [
        f"{printable(file)} {sentence.format(_when(parts))}"
        for sentence, some in of_which.items()
        for file, parts in by_file(some).items()
    ]
    if made.passed_over:
        sentences.append(
            "1 file in the folders given is no recording by its name, and was passed over"
            if made.passed_over == 1
            else f"{made.passed_over:,} files in the folders given are no recordings by name, and were passed over"
        )
    return sentences


def _when(parts: Sequence[Prediction]) -> str:
    if parts[0].start is None:
        return ""
    others = f" and in {len(parts) - 1} more parts" if len(parts) > 1 else ""
    return f" from {parts[0].start:.2f} to {parts[0].end:.2f} s{others}"


def draw(made: Predictions, folder: Path) -> list[Path]:
    """A picture of every recording's emotions over time; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, (file, parts) in enumerate(by_file(made.predictions).items(), start=1):
        written.append(folder / f"{number:03}-{Path(printable(file)).stem}.png")
        emotions_picture(parts, made.labels, shortened(Path(printable(file)).name)).write(written[-1])
    return written


def emotions_picture(parts: Sequence[Prediction], labels: Sequence[str], title: str) -> Picture:
    """The probabilities of all labels on top of each other, part by part; white where nothing was said."""
    picture = Picture(9.0, 3.2, title)
    axes = picture.subplots()
    starts, ends = (np.array([getattr(p, end) for p in parts]) for end in ("start", "end"))
    floor = np.zeros(len(parts))
    for place, label in enumerate(labels):
        shares = np.array([p.probabilities[label] for p in parts])
        axes.bar(
            starts,
            100 * shares,
            ends - starts,
            100 * floor,
            align="edge",
            label=label,
            color=COLOURS[place % len(COLOURS)],
            hatch=HATCHES[place // len(COLOURS) % len(HATCHES)],
        )
        floor += shares
    axes.set_xlabel("seconds")
    axes.set_ylabel("percent")
    axes.set_ylim(0, 100)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return picture
