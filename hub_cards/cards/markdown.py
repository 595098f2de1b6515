"""Values from records as text in Markdown, whatever is in them: no markup, no new lines, no end of a table cell."""

import re
import shlex
import unicodedata
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
# Longer values are cut: a table must stay a table; in prose there is more room.
LONGEST, LONGEST_SENTENCE = 160, 4_000
# As entities, which no Markdown parser reads as markup at any stage; what is common in names is escaped in the way
# that people can still read in the source.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;", "`": "&#96;"}
_AS_TEXT = str.maketrans({**_ENTITIES, **{letter: f"\\{letter}" for letter in "*_[]~!#$"}})
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROLS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Markdown(str):
    """A string that is Markdown of ours already."""

    __slots__ = ()


def text(value: Any, longest: int = LONGEST) -> Markdown:
    r"""A value as text within a line of Markdown, a heading or a table cell.

    >>> text("a|b\n<b>crema_d</b>")
    'a&#124;b &lt;b&gt;crema\\_d&lt;/b&gt;'
    """
    if isinstance(value, Markdown):
        return value
    line = one_line(str(value))
    if len(line) > longest:
        line = line[: longest - 1] + "…"
    return Markdown(line.translate(_AS_TEXT))


def one_line(value: str) -> str:
    """Without new lines and other controls, nor what turns the direction of writing round."""
    shown = ((unicodedata.category(letter), letter) for letter in value if letter not in _DIRECTIONS)
    kept = "".join(" " if kind in ("Cc", "Zl", "Zp") else letter for kind, letter in shown if kind != "Cs")
    return " ".join(kept.split())


def shell(words: Iterable[str]) -> str:
    r"""A command on one line that a shell reads as exactly these words.

    >>> shell(["probe", "a b", "x\ny"])
    "probe 'a b' $'x\\ny'"
    """
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    if all(unicodedata.category(letter)[0] != "C" for letter in word):
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word))}'"


def _escaped(letter: str) -> str:
    if letter in "\\'":
        return f"\\{letter}"
    if unicodedata.category(letter)[0] != "C":
        return letter
    return _CONTROLS.get(letter) or f"\\U{ord(letter):08x}"


def fenced(code: str) -> Markdown:
    """One line of code as a block, behind a fence that nothing in it can close."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return Markdown(f"{fence}\n{code}\n{fence}")


def render(template: str, **values: Any) -> Markdown:
    """A template of ours, filled in; every value is text unless it is `Markdown`."""
    return Markdown(_environment().get_template(template).render(**values))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        finalize=text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["markdown"] = Markdown
    environment.filters["sentence"] = partial(text, longest=LONGEST_SENTENCE)
    return environment
