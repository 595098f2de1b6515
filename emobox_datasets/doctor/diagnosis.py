"""What the doctor has to say about a copy of a corpus: for programs as JSON, for people as a table and sentences."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from emobox_datasets.errors import printable

NAMES_SHOWN = 5
UNHEALTHY = "This copy is not the one the benchmark means."


@dataclass(frozen=True)
class Observation:
    """Something to tell the user: `kind` for programs, `message` for people, `names` of files or utterances.

    What is `harmful` makes the copy another corpus than the one the benchmark means.
    """

    kind: str
    message: str
    names: tuple[str, ...] = ()
    harmful: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """All that was found; `figures` are counts, by name; `evidence` is what is known of a copy without harm."""

    corpus: str
    root: str
    figures: Mapping[str, Any]
    observations: tuple[Observation, ...]
    evidence: str = ""

    @property
    def healthy(self) -> bool:
        return not any(observation.harmful for observation in self.observations)

    @property
    def verdict(self) -> str:
        return self.evidence if self.healthy else UNHEALTHY


def as_json(diagnosis: Diagnosis) -> str:
    """The diagnosis for programs; every name is listed."""
    fields = asdict(diagnosis)
    fields.pop("evidence")  # told by the verdict, and only of a healthy copy
    document = {"healthy": diagnosis.healthy, "verdict": diagnosis.verdict, **fields}
    # Bytes of names that are no UTF-8 become escapes, which are JSON's too: programs read the very name.
    return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace").decode()


def show(diagnosis: Diagnosis, console: Console) -> None:
    """The diagnosis for people: figures, problems, notes, verdict."""
    table = Table("", "expected", Column("found", overflow="fold"))
    for name, figure in diagnosis.figures.items():
        if not isinstance(figure, dict):
            row = "", str(figure)
        elif "expected" in figure:
            row = str(figure["expected"]), str(figure["found"])
        else:
            row = "", ", ".join(f"{key}: {count}" for key, count in figure.items())
        table.add_row(name.replace("_", " "), *map(printable, row))
    console.print(Text.assemble((diagnosis.corpus, "bold"), f" at {printable(diagnosis.root)}"))
    if diagnosis.figures and diagnosis.figures["utterances"]["found"]:
        console.print(table)
    for observation in sorted(diagnosis.observations, key=lambda observation: not observation.harmful):
        mark = ("problem", "red") if observation.harmful else ("note", "yellow")
        sentence = printable(_sentence(observation))
        console.print(Text.assemble(mark, " ", (observation.kind, "bold"), f": {sentence}"))
    console.print(diagnosis.verdict, style="bold", highlight=False)


def _sentence(observation: Observation) -> str:
    """The message with the first names."""
    if not observation.names:
        return observation.message
    more = len(observation.names) - NAMES_SHOWN
    first = ", ".join(map(printable, observation.names[:NAMES_SHOWN]))
    return f"{observation.message} ({first}{f' and {more} more' if more > 0 else ''})"
