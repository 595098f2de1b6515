"""The summary at the head of many scores: a row each, read from the tables that stand below it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from emobox_probe.records.rated import CONSTANT
from emobox_probe.records.result import HEADLINE
from hub_cards.cards.markdown import Markdown
from hub_cards.tables.results import MARK

# How the heading of a part ends whose heads learned what raters said.
ON_RATERS = ": what raters said"
_HEADING = re.compile(r"### (.*), protocol (.*)")
# The first cell of the table of a part on labels.
_PERCENT = "percent"
# How the lines of a part begin or end whose corpus is made up, or whose copy is incomplete.
_MADE_UP = ("This corpus is synthetic and built in", "This corpus and its raters are made up and built in")
_INCOMPLETE = "not comparable with others.**"
NONE = "–"


class Part(NamedTuple):
    """What a part says: of which corpus and protocol, its scores' names, and its rows by their names; as Markdown.

    It is not `comparable` where the corpus is made up, or the copy incomplete.
    """

    corpus: str
    protocol: str
    comparable: bool
    on_raters: bool
    scores: list[str]
    rows: dict[str, list[str]]

    @property
    def marked(self) -> str:
        """The corpus, with a mark where scores on it are not comparable."""
        return self.corpus if self.comparable else f"{self.corpus} {MARK}"

    def cell(self, row: str, score: str) -> str:
        """What stands in the row that begins so, under a score; a dash where nothing does."""
        cells = next((cells for name, cells in self.rows.items() if name.startswith(row)), [])
        return dict(zip(self.scores, cells, strict=False)).get(score) or NONE


def part_of(text: str) -> Part | None:
    """What the text of a part says; None of one between corpora, and where it is not as we write it."""
    head, *lines = text.split("\n")
    heading = _HEADING.fullmatch(head.removesuffix(ON_RATERS))
    table = [_cells(line) for line in lines if line.startswith("|")]
    on_raters = head.endswith(ON_RATERS)
    if heading is None or not table or not (on_raters or table[0][0] == _PERCENT):
        return None
    rows: dict[str, list[str]] = {}
    for name, *cells in table[1:]:
        rows.setdefault(name, cells)
    comparable = not any(line.startswith(_MADE_UP) or line.endswith(_INCOMPLETE) for line in lines)
    return Part(heading[1], heading[2], comparable, on_raters, table[0][1:], rows)


def _cells(line: str) -> list[str]:
    """The cells of a line of a table, in which no bar is anything else: those in words are entities."""
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def label_rows(parts: Sequence[Part]) -> list[list[Markdown]]:
    """Corpus, protocol, UA, its interval, WA, F1, UA of chance and of who speaks, tested; of every part on labels."""
    return [
        _as_markdown(
            part.marked,
            part.protocol,
            part.cell(HEADLINE, "UA"),
            part.cell("95 % interval", "UA"),
            *(part.cell(HEADLINE, name) for name in ("WA", "F1")),
            part.cell("chance", "UA"),
            part.cell("by speaker alone", "UA"),
            part.cell(HEADLINE, "tested"),
        )
        for part in parts
        if not part.on_raters
    ]


def rater_rows(parts: Sequence[Part]) -> list[list[Markdown]]:
    """Corpus, protocol, score, value, interval and baseline of every score on what raters said."""
    rows = []
    for part in (part for part in parts if part.on_raters):
        for score in part.scores[:-1]:  # the last column counts utterances
            low, high = (part.cell(f"95 % interval, {end}", score) for end in ("low", "high"))
            interval = NONE if NONE in (low, high) else f"{low} to {high}"
            values = (part.cell(HEADLINE, score), interval, part.cell(CONSTANT, score))
            rows.append(_as_markdown(part.marked, part.protocol, score, *values))
    return rows


def _as_markdown(*cells: str) -> list[Markdown]:
    return [Markdown(cell) for cell in cells]
