"""Reads the pages of the user guide: their fenced blocks, links and inline code.

    ```bash                      run, in order, in one folder a page; variables and the folder carry over
    ```python                    run, in order, as the cells of a notebook
    ```python title="name.py"    a file of that name, for what comes after; so with bash
    ```text                      what the block before it printed, numbers aside; a line of … stands for any

Nothing else may stand behind three backticks, so that no block is left out unseen.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN, OUTPUT = ("bash", "python"), "text"
_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)\n\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file that it is (or none), its text, and its first line in the page."""

    page: str
    line: int
    language: str
    file: str
    text: str

    def __str__(self) -> str:
        return f"docs/{self.page}:{self.line}"


class _Loader(yaml.SafeLoader):
    """Takes `!!python/name:…`, as Material's settings have it, for its name."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, suffix, node: suffix)


def settings() -> dict:
    """What mkdocs.yml says."""
    return yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)


def in_navigation(entry: object = None) -> list[str]:
    """The pages that the navigation names, in its order."""
    entry = settings()["nav"] if entry is None else entry
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    return [page for one in below for page in in_navigation(one)]


def pages() -> list[str]:
    """Every page below docs/, sorted."""
    return sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order.

    Raises:
        ValueError: a block is of a kind that nothing checks.
    """
    found = []
    text = text_of(page)
    for match in _FENCE.finditer(text):
        language, _, options = match[2].partition(" ")
        title = re.fullmatch(r'title="([^"/]+)"', options)
        line = text.count("\n", 0, match.start()) + 2
        if language not in (*RUN, OUTPUT) or (options and not (title and language in RUN)):
            raise ValueError(
                f"Expected bash, python or text in docs/{page}:{line - 1}, but got {match[2]!r}."
            )
        indent = len(match[1])
        body = "\n".join(row[indent:] for row in match[3].split("\n"))
        found.append(Block(page, line, language, title[1] if title else "", body))
    return found


def prose(page: str) -> str:
    """The text of a page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def links(page: str) -> list[str]:
    """What the links and pictures of a page point at."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "``", prose(page)))


def inline_code(page: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def plain_lines(printed: str) -> list[str]:
    """Lines without their numbers, the lines of tables and what is white: what a text block is held against."""
    bare = re.sub(r"\x1b\[[0-9;]*m|[\u2500-\u257f|]", " ", printed.replace("\r", "\n"))
    bare = re.sub(r"\d+([.,]\d+)*", "0", bare)
    return [line for row in bare.split("\n") if (line := " ".join(row.split()))]
