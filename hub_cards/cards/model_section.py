"""Our section of a README: found by its marks, merged corpus by corpus, everything else byte for byte as it was."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub.repocard import REGEX_YAML_BLOCK

from hub_cards.cards.markdown import render
from hub_cards.cards.model_index import merge_results
from hub_cards.cards.summary import label_rows, part_of, rater_rows
from hub_cards.hub.one_commit import PublishError
from hub_cards.tables.results import MARK

# In place of a corpus: the part is what a protocol is. And of the corpora of a matrix.
PROTOCOL, CROSS = "about-protocol", "cross"
BEGIN, END = "<!-- emobox:begin -->", "<!-- emobox:end -->"
_SECTION = re.compile(rf"^{BEGIN}[ \t]*\r?\n(.*?)^{END}[ \t]*(?=\r?$|\Z)", re.MULTILINE | re.DOTALL)
_MARK = re.compile(rf"^(?:{BEGIN}|{END})[ \t]*\r?$", re.MULTILINE)
# A part begins with its mark and ends where the next one, or what the section says about all, begins.
_PART = re.compile(
    r"^<!-- emobox:(?:scores ([\w.-]+)|protocol) ([\w.-]+) -->\n(.*?)(?=^<!-- emobox:(?:scores|protocol|about))",
    re.MULTILINE | re.DOTALL,
)

# (corpus, protocol) to the Markdown of its scores; (`PROTOCOL`, protocol) to what that is.
Parts = Mapping[tuple[str, str], str]


def merge_readme(content: bytes, name: str, parts: Parts, results: Sequence[dict[str, Any]]) -> bytes:
    """A README with these scores in its section and its metadata, in place of earlier ones of the same corpora.

    A README without metadata gets some in front, one without our section gets it at its end. Doing it twice is
    doing it once.

    Args:
        content: the README.
        name: of the model, where the metadata does not say it.
        parts: what the section shows.
        results: what `model-index` shall hold of it.

    Raises:
        PublishError: it is not UTF-8, its metadata is not YAML, or it has half a section.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PublishError(f"Expected a README in UTF-8, but got: {error}; save it as UTF-8.") from error
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in text else "\n"
    if results:
        text = _merge_metadata(text, name, results, newline)
    return (mark + _merge_body(text, parts, newline)).encode()


def section(parts: Parts) -> str:
    """The section with these parts, marks and all, lines ending in a new line."""
    ordered = [(*which, parts[which].strip("\n")) for which in sorted(parts, key=_order)]
    scores = [part for part in ordered if part[0] != PROTOCOL]
    read = [part for _, _, text in scores if (part := part_of(text))]
    made = render(
        "model_card_section.md",
        parts=scores,
        protocols=[(protocol, words) for corpus, protocol, words in ordered if corpus == PROTOCOL],
        label_rows=label_rows(read),
        rater_rows=rater_rows(read),
        of_labels=not read or len(read) < len(scores) or not all(part.on_raters for part in read),
        of_raters=any(part.on_raters for part in read),
        mark=MARK if not all(part.comparable for part in read) else "",
    )
    return f"{BEGIN}\n{made.strip()}\n{END}"


def _order(which: tuple[str, str]) -> tuple[bool, tuple[str, str]]:
    """Within corpora, then between them."""
    return which[0] == CROSS, which


def parts_of(text: str) -> dict[tuple[str, str], str]:
    """What the section of a README shows already.

    Raises:
        PublishError: there are marks of a section, but not one section.
    """
    found = _find(text)
    if found is None:
        return {}
    inside = found[1].replace("\r\n", "\n")
    return {(part[1] or PROTOCOL, part[2]): part[3].strip("\n") for part in _PART.finditer(inside)}


def _merge_metadata(text: str, name: str, results: Sequence[dict[str, Any]], newline: str) -> str:
    found = REGEX_YAML_BLOCK.match(text)
    if found is None:
        gap = "" if text.startswith(("\n", "\r")) or not text else newline
        return f"---{newline}{merge_results('', name, results, newline)}---{newline}{gap}{text}"
    start, end = found.span(2)
    # The pattern leaves the last new line of the metadata to the line that closes it.
    behind = end + (2 if text.startswith("\r\n", end) else 1)
    metadata = text[start:behind] if end > start else ""
    return text[:start] + merge_results(metadata, name, results, newline) + text[behind:]


def _merge_body(text: str, parts: Parts, newline: str) -> str:
    found = _find(text)
    made = section({**parts_of(text), **parts}).replace("\n", newline)
    if found is not None:
        return text[: found.start()] + made + text[found.end() :]
    if text and not text.endswith(("\n", "\r")):
        text += newline
    gap = newline if text and not text.endswith((newline * 2,)) else ""
    return f"{text}{gap}{made}{newline}"


def _find(text: str) -> re.Match[str] | None:
    marks = [mark[0].strip() for mark in _MARK.finditer(text)]
    if not marks:
        return None
    if marks != [BEGIN, END]:
        raise PublishError(
            f"Expected one section between {BEGIN} and {END} in the README, but found the marks {', '.join(marks)}; "
            f"keep one of each, or remove them all."
        )
    return _SECTION.search(text)
