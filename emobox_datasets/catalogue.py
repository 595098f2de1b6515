"""All corpora at a glance: the rows of a table, and `docs/corpora.md` made from them.

`python -m emobox_datasets.catalogue` writes the page anew after a card has changed.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table

import emobox_datasets.corpora as corpora
from emobox_datasets.copy.raters.tables import OptionalTable, Scale
from emobox_datasets.corpus import Corpus, OwnSplit, ReleasedLists
from emobox_datasets.errors import printable
from emobox_datasets.folds.balanced import remarks
from emobox_datasets.folds.partition import Kind, configurations, why_not_strict
from emobox_datasets.labels import shared_four
from emobox_datasets.sources.location import DATA_VARIABLE, candidate_root, is_here
from emobox_datasets.sources.permission import is_open
from emobox_datasets.sources.source import Source, megabytes

PAGE = Path(__file__).parents[1] / "docs" / "corpora.md"

INTRODUCTION = """\
# Corpora

The 32 corpora of the benchmark, to choose from and to look up: what each is called, its languages, size, speakers and
labels, the folds that it has, what its licence says, and [where to get it](#where-they-come-from). Each has a section
with its label map and what is odd about it. `emobox corpora` prints the table, and which are on this machine.

No corpus comes with EmoBox. Those that anyone may download, `emobox download` and `load_dataset` fetch from their
publishers; of the others it says how to ask. Or get a corpus yourself, and name the folder that holds it:
`load_dataset("emobox/crema_d", "fold1", data_dir="/data/CREMA-D")`. Files are found by base name, or by the few folders
that make it unique, so the archive may be unpacked anywhere below that folder. Converted copies are read too: any audio
ending in place of the published one, in any case.

Utterances, hours and speakers are those of the EmoBox release, which is not always all of a corpus. *Released* folds
are the published ones and the only ones comparable with the paper's Table 4; *completed* folds cut the rest of a
corpus of which one quarter was published as test; in *strict* folds no speaker is in both train and test;
*balanced* is the paper's test set for models that were trained on other corpora (Section 2.3, Table 5). Every corpus
also has the configuration `all`. What the release has wrong, and what is done about it, is in [errata.md](errata.md).

Any other choice of utterances is a text file of ids, one a line, such as `emobox balance` writes (or you do), and loads
as `load_dataset("emobox/emodb", "list:chosen.txt", data_dir=…)`: one split, `test`. What is cached is kept by what the
file lists, so a changed file is read anew.
"""

SOURCES = """\
## Where they come from

What `emobox download <corpus>` fetches. Sizes and checksums are those that the publisher states, as public
documentation and code quote them; the day is when that was read. No record was opened for this table: where sizes and
checksums are not confirmed, the record is asked when the corpus is fetched, or the archive's own checksum is all there
is, and the doctor's word on every utterance after that. An open licence is noted; any other has to be accepted, with
`--accept-licence` or `EMOBOX_ACCEPT_LICENCE`.
"""

# In the order of the table; `all` is in every corpus.
FOLD_KINDS: tuple[Kind, ...] = ("released", "completed", "strict", "balanced")


def cells(corpus: Corpus) -> dict[str, str]:
    """The columns of a table by their headings, ready to print."""
    return {
        "Name": corpus.name,
        "Corpus": corpus.display_name,
        "Languages": ", ".join(corpus.languages),
        "Source": corpus.source,
        "Labels": str(len(corpus.label_list)),
        "Speakers": str(corpus.speakers or "not told"),
        "Utterances": f"{corpus.utterances:,}",
        "Hours": f"{corpus.hours:.1f}",
        "Folds": ", ".join(f"{count} {kind}" for kind, count in folds_of(corpus).items()),
        "Licence": corpus.licence,
    }


def folds_of(corpus: Corpus) -> dict[Kind, int]:
    """How many folds of which kind.

    >>> folds_of(corpora.load("urdu"))
    {'released': 1, 'completed': 3, 'strict': 4}
    """
    counts = Counter(configuration.kind for configuration in configurations(corpus).values())
    return {kind: counts[kind] for kind in FOLD_KINDS if counts[kind]}


def page() -> str:
    """The text of `docs/corpora.md`."""
    every = [corpora.load(name) for name in corpora.names()]
    published = [corpus for corpus in every if corpus.name != "demo"]
    total = (
        f"In all {len(published)} corpora, {sum(corpus.utterances for corpus in published):,} utterances, "
        f"{sum(corpus.hours for corpus in published):.1f} hours. `demo` is synthetic, made on the spot, and no "
        f"part of the benchmark. This page is made from the cards in `emobox_datasets/corpora/` by `python -m "
        f"emobox_datasets.catalogue`; do not edit it by hand."
    )
    sources = "\n".join([SOURCES, *_table_of_sources(published)])
    parts = [INTRODUCTION, "\n".join(_table(every)), total, sources, *map(_section, published)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(listed: list[Corpus]) -> list[str]:
    lines = []
    for corpus in listed:
        linked = f"[{corpus.display_name}]({corpus.homepage})" if corpus.homepage else corpus.display_name
        lines.append({**cells(corpus), "Name": f"`{corpus.name}`", "Corpus": linked})
    heads = [lines[0].keys(), ["---"] * len(lines[0])]
    return [f"| {' | '.join(line)} |" for line in [*heads, *(line.values() for line in lines)]]


def _table_of_sources(listed: list[Corpus]) -> list[str]:
    lines = [
        "| Name | Source | Size | Checksum | Licence | Last confirmed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for corpus in listed:
        source = corpus.download
        if isinstance(source, Source):
            cells = [
                f"[{source.publisher}]({source.page})",
                megabytes(source.size),
                source.checksum_origin,
                "open" if is_open(corpus) else "to accept",
                source.checked if source.confirmed else "not confirmed",
            ]
        else:
            cells = ["on request", "–", "–", "–", "–"]
        lines.append(f"| {' | '.join([f'`{corpus.name}`', *cells])} |")
    return lines


def _origin(corpus: Corpus) -> str:
    """Where the facts of the source were found, or how to ask for the corpus."""
    source = corpus.download
    if isinstance(source, Source):
        return f"known from {source.found} ({source.checked}).{f' {source.note}' if source.note else ''}"
    return f"on request. {source.ask} What is needed: {source.fetch}." if source else ""


def _section(corpus: Corpus) -> str:
    facts = {
        "Source": _origin(corpus),
        "Files": f"such as `{corpus.example}`",
        "Labels": _labels(corpus),
        "Folds": _rule(corpus),
        "No strict folds": f"{why}." if (why := why_not_strict(corpus)) else "",
        "Balanced test set": " ".join(remarks(corpus)),
        "Further columns": ", ".join(f"`{name}`" for name in [*corpus.details, *_intended(corpus)]),
        "Scales": ", ".join(f"`{name}` {_scale(scale)}" for name, scale in corpus.scales.items()),
        "Columns of optional tables": "; ".join(_told_by(table) for table in corpus.tables),
        "Left out": corpus.beyond_release,
        "Notes": corpus.notes,
    }
    lines = [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    return "\n".join([f"## {corpus.display_name} (`{corpus.name}`)", "", *lines])


def _intended(corpus: Corpus) -> list[str]:
    return ["intended"] if corpus.intended else []


def _told_by(table: OptionalTable) -> str:
    columns = [
        f"`{name}` ({_scale(table.scales[name])})" if name in table.scales else f"`{name}`"
        for name in table.columns
    ]
    files = " or ".join(f"`{file}`" for file in table.files) or "the annotation files"
    return f"{', '.join(columns)} from {files}"


def _scale(scale: Scale) -> str:
    return "{:g} to {:g}".format(*scale)


def _labels(corpus: Corpus) -> str:
    """Every label, with the raw labels that map to it; bold for the four that all corpora of a comparison share."""
    told = []
    for label in corpus.label_list:
        raw = [f"`{name}`" for name, mapped in corpus.labels.items() if mapped == label]
        unscored = ", not scored" if label in corpus.unscored else ""
        told.append(f"{f'**{label}**' if shared_four(label) else label} ({', '.join(raw)}{unscored})")
    return "; ".join(told)


def _rule(corpus: Corpus) -> str:
    rule = corpus.folds
    if isinstance(rule, OwnSplit):
        sizes = ", ".join(f"{part} {size:,}" for part, size in rule.sizes.items())
        unused = corpus.utterances - sum(rule.sizes.values())
        return f"the corpus's own split ({sizes}{f', unused {unused:,}' if unused else ''})"
    if isinstance(rule, ReleasedLists):
        kind = "a random quarter of every label" if rule.count == 1 else "random"
        return f"{kind}, as listed in `emobox_datasets/released/{corpus.name}/`"
    return "by speaker: " + "; ".join(", ".join(group) for group in rule.groups)


def here(corpus: Corpus) -> str:
    """Whether a folder of the corpus with any file in it is on this machine, and where: not what it holds."""
    if corpus.synthesise is not None:
        return "built in"
    return printable(str(candidate_root(corpus, None))) if is_here(corpus) else "no"


def how_to_get(corpus: Corpus) -> str:
    """Where a corpus is on this machine, or else how to come by it, in a few words."""
    if (place := here(corpus)) != "no":
        return place
    if isinstance(corpus.download, Source):
        return f"download ({megabytes(corpus.download.size)})"
    return "on request"


def _source_row(corpus: Corpus) -> dict[str, Any] | None:
    source = corpus.download
    if not isinstance(source, Source):
        return None
    return {
        "publisher": source.publisher,
        "page": source.page,
        "size": source.size,
        "checksum": source.checksum_origin,
        "licence_to_accept": not is_open(corpus),
        "checked": source.checked,
    }


def rows() -> list[dict[str, Any]]:
    """What a program may want to know of every corpus, and whether it is found on this machine."""
    return [
        {
            "name": corpus.name,
            "display_name": corpus.display_name,
            "languages": corpus.languages,
            "source": corpus.source,
            "labels": len(corpus.label_list),
            "speakers": corpus.speakers or None,
            "utterances": corpus.utterances,
            "hours": corpus.hours,
            "folds": folds_of(corpus),
            "licence": corpus.licence,
            "homepage": corpus.homepage,
            "here": here(corpus),
            "download": _source_row(corpus),
        }
        for corpus in map(corpora.load, corpora.names())
    ]


def table() -> Table:
    """Every corpus and whether it is found on this machine, for a terminal."""
    listed = [corpora.load(name) for name in corpora.names()]
    columns = [heading for heading in cells(listed[0]) if heading not in ("Source", "Labels")]
    caption = f"Here: below ${DATA_VARIABLE}, or fetched by emobox download; see emobox doctor."
    shown = Table(*columns, "Here", caption=caption)
    for corpus in listed:
        row = cells(corpus)
        shown.add_row(*(row[heading] for heading in columns), how_to_get(corpus))
    return shown


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
