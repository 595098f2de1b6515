"""Our results among the `model-index` of a model card, where the rest of the YAML stays as it was written.

A YAML library that reads and writes loses comments, quotes and order; so the text is cut and pasted where a parser says
that our results stand, and what it means is compared with what it meant before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from hub_cards.hub.one_commit import PublishError

KEY = "model-index"
# Nodes of YAML with aliases written out: beyond, a card is a trap.
LARGEST = 1_000_000
# (corpus, protocol)
Which = tuple[str, str]
_CORPUS = re.compile(r"emobox/(\w+)")
_PROTOCOL = re.compile(r", protocol ([\w.-]+)")


def merge_results(metadata: str, name: str, results: Sequence[dict[str, Any]], newline: str = "\n") -> str:
    """The YAML of a card with these results in it, in place of earlier ones of the same corpus and protocol.

    Args:
        metadata: YAML text; empty, or ending in a new line.
        name: of the model, where the YAML does not name it already.
        results: elements of `results` in `model-index`, one a corpus and protocol.
        newline: how lines end.

    Raises:
        PublishError: it is not YAML, or its `model-index` is not what the Hub takes.
    """
    before = _load(metadata)
    items = before.get(KEY) or []
    _check(items)
    ours = {which: result for item in items for result in item["results"] if (which := which_of(result))}
    ours.update({which: result for result in results if (which := which_of(result))})
    names = {str(item["name"]) for item in items}
    item = {"name": names.pop() if len(names) == 1 else name, "results": [ours[key] for key in sorted(ours)]}
    others = _others(items)
    # Written anew as a whole where it is ours alone, or where it is in no form in which it can be cut.
    whole = _with_value(metadata, [*others, item], newline)
    for text in ([] if not others else list(_spliced(metadata, item, newline))) + [whole]:
        if _means(text, {**before, KEY: [*others, item]}):
            return text
    raise PublishError(
        f"Expected metadata whose {KEY} can be changed apart from the rest, but it shares parts with it (YAML "
        f"anchors); write these out."
    )


def which_of(result: Any) -> Which | None:
    """Corpus and protocol of a result that EmoBox wrote; None for everyone else's."""
    dataset = result.get("dataset") if isinstance(result, dict) else None
    if not isinstance(dataset, dict):
        return None
    corpus = _CORPUS.fullmatch(str(dataset.get("type")))
    protocol = _PROTOCOL.search(str(dataset.get("config")))
    return (corpus[1], protocol[1]) if corpus and protocol else None


def _load(metadata: str) -> dict[str, Any]:
    try:
        root = yaml.compose(metadata, Loader=yaml.SafeLoader)
        if root is not None and _size(root, {}) > LARGEST:
            raise ValueError("aliases of aliases")
        told = yaml.safe_load(metadata)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PublishError(
            f"Expected metadata (between the lines ---) that is YAML, but got: {error}; correct it first."
        ) from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise PublishError(
            f"Expected metadata that is a mapping, but got {str(told)[:80]!r}; correct it first."
        )
    if root is not None and sum(key.value == KEY for key, _ in root.value) > 1:
        raise PublishError(f"Expected metadata with one {KEY}, but there are several; keep one.")
    return told


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are once aliases are written out; infinitely many count as very many."""
    if id(node) not in known:
        known[id(node)] = LARGEST + 1  # what is found again within itself
        known[id(node)] = 1 + sum(_size(child, known) for child in _children(node))
    return known[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.ScalarNode):
        return []
    return (
        list(node.value)
        if isinstance(node, yaml.SequenceNode)
        else [part for pair in node.value for part in pair]
    )


def _check(items: Any) -> None:
    for item in items if isinstance(items, list) else [None]:
        if not isinstance(item, dict) or "name" not in item or not isinstance(item.get("results"), list):
            raise PublishError(
                f"Expected a {KEY} of elements with a name and a list of results, but got {str(item or items)[:80]!r}; "
                f"correct it first."
            )


def _others(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The index without our results, and without elements that held nothing else."""
    found = []
    for item in items:
        kept = [result for result in item["results"] if not which_of(result)]
        if kept or not item["results"]:
            found.append({**item, "results": kept})
    return found


def _means(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return False
    # Not ==, for which 1 is 1.0 and True, and the order of keys is nothing.
    return repr(found) == repr(dict(expected))


def _dump(value: Any, newline: str) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6)
    return text.replace("\n", newline)


def _with_value(metadata: str, value: list[dict[str, Any]], newline: str) -> str:
    """The text with the whole key written anew where it stands, else at the end."""
    written = _dump({KEY: value}, newline)
    pair = _pair(metadata)
    if pair is None:
        return metadata + written
    key, node = pair
    end = _line_end(metadata, max(key.end_mark.index, _content_end(node)))
    return metadata[: key.start_mark.index] + written + metadata[end:]


def _spliced(metadata: str, item: dict[str, Any], newline: str) -> Iterator[str]:
    """The text with our results cut out and our element pasted behind the others; nothing where that cannot be."""
    pair = _pair(metadata)
    if pair is None or not isinstance(pair[1], yaml.SequenceNode) or pair[1].flow_style:
        return
    items = pair[1].value
    dashes: list[yaml.Mark] = [
        token.start_mark for token in yaml.scan(metadata) if isinstance(token, yaml.BlockEntryToken)
    ]

    def dash(node: yaml.Node) -> yaml.Mark:
        return max(
            (mark for mark in dashes if mark.index < node.start_mark.index), key=lambda mark: mark.index
        )

    cuts = []
    for node in items:
        results = next((value for key, value in node.value if key.value == "results"), None)
        if results is None:  # told by a YAML alias
            return
        ours = [part for part in results.value if which_of(_value(part))]
        if node.flow_style or (ours and results.flow_style):
            return
        gone = [node] if ours and len(ours) == len(results.value) else ours
        cuts += [
            (dash(part).index - dash(part).column, _line_end(metadata, _content_end(part))) for part in gone
        ]
    place = _line_end(metadata, _content_end(pair[1]))
    margin = " " * dash(items[0]).column
    lines = _dump([item], "\n").splitlines()
    pasted = "".join(f"{margin}{line}{newline}" for line in lines)
    text = metadata[:place] + pasted + metadata[place:]
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    yield text


def _pair(metadata: str) -> tuple[yaml.Node, yaml.Node] | None:
    root = yaml.compose(metadata, Loader=yaml.SafeLoader)
    return next((pair for pair in root.value if pair[0].value == KEY), None) if root else None


def _value(node: yaml.Node) -> Any:
    """A node as Python has it."""
    loader = yaml.SafeLoader("")
    return loader.construct_document(node)


def _content_end(node: yaml.Node) -> int:
    """Where the last thing in a node ends; a block's own end mark is where the next token begins."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    return max(_content_end(child) for child in _children(node))


def _line_end(text: str, index: int) -> int:
    """Behind the end of the line that `index` is on."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1
