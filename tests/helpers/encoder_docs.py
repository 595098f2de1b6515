"""docs/encoders.md: the table that the exactness tests measure; what stands above it is written by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"

HEAD = "| --- | --- | --- | --- | --- | --- |\n"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    way: str
    frame_rate: float
    shortest_samples: int
    by: str
    difference: float

    @classmethod
    def of(cls, name: str, encoder: Any, difference: float) -> "Row":
        facts, family = encoder.facts, encoder._family
        by = family.by if facts.way == family.way else "equal lengths: its adapter ignores the mask"
        return cls(name, facts.way, facts.frame_rate, facts.shortest_samples, by, difference)

    def __str__(self) -> str:
        shortest = f"{self.shortest_samples / 16:.1f} ms"
        rate = f"{self.frame_rate:g}"
        return f"| {self.name} | {self.way} | {rate} | {shortest} | {self.by} | {self.difference:.0e} |"


def page(rows: Iterable[Row]) -> str:
    """The page with these rows as its table, which is the last thing on it."""
    above, head, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    return above + head + "\n".join(str(row) for row in sorted(rows, key=lambda row: row.name)) + "\n"
