"""All corpora at a glance: the rows of a table, and `docs/corpora.md` made from them.

`python -m emobox_datasets.catalogue` writes the page anew after a card has changed.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from emobox_datasets import corpora
from emobox_datasets.balanced import remarks
from emobox_datasets.corpus import Corpus, OwnSplit, ReleasedLists
from emobox_datasets.errors import CorpusError, printable
from emobox_datasets.labels import shared_four
from emobox_datasets.partition import Kind, configurations, why_not_strict
from emobox_datasets.roots import DATA_VARIABLE, candidate_root, is_here

PAGE = Path(__file__).parents[1] / "docs" / "corpora.md"

INTRODUCTION = """\
# Corpora

Made from the cards in `emobox_datasets/corpora/` by `python -m emobox_datasets.catalogue`; do not edit by hand.

No corpus comes with EmoBox. Get it from its publisher, under its licence, and name the folder that holds it:
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


# In the order of the table; `all` is in every corpus.
FOLD_KINDS: tuple[Kind, ...] = ("released", "completed", "strict", "balanced")


@dataclass(frozen=True)
class Entry:
    """What a table of corpora says of one; every field is ready to print."""

    name: str
    display_name: str
    languages: str
    source: str
    labels: str
    speakers: str
    utterances: str
    hours: str
    folds: str
    licence: str
    homepage: str


HEADINGS = {
    "name": "Name",
    "display_name": "Corpus",
    "languages": "Languages",
    "source": "Source",
    "labels": "Labels",
    "speakers": "Speakers",
    "utterances": "Utterances",
    "hours": "Hours",
    "folds": "Folds",
    "licence": "Licence",
}


def entries() -> list[Entry]:
    """An entry for every corpus, by name."""
    return [entry(corpora.load(name)) for name in corpora.names()]


def entry(corpus: Corpus) -> Entry:
    """The entry of one corpus."""
    return Entry(
        name=corpus.name,
        display_name=corpus.display_name,
        languages=", ".join(corpus.languages),
        source=corpus.source,
        labels=str(len(corpus.label_list)),
        speakers=str(corpus.speakers or "not told"),
        utterances=f"{corpus.utterances:,}",
        hours=f"{corpus.hours:.1f}",
        folds=folds_of(corpus),
        licence=corpus.licence,
        homepage=corpus.homepage,
    )


def folds_of(corpus: Corpus) -> str:
    """How many folds of which kind.

    >>> folds_of(corpora.load("urdu"))
    '1 released, 3 completed, 4 strict'
    """
    counts = Counter(configuration.kind for configuration in configurations(corpus).values())
    return ", ".join(f"{counts[kind]} {kind}" for kind in FOLD_KINDS if counts[kind])


def page() -> str:
    """The text of `docs/corpora.md`."""
    published = [corpora.load(name) for name in corpora.names() if name != "demo"]
    total = (
        f"In all {len(published)} corpora, {sum(corpus.utterances for corpus in published):,} utterances, "
        f"{sum(corpus.hours for corpus in published):.1f} hours. `demo` is synthetic, made on the spot, and no "
        f"part of the benchmark."
    )
    parts = [INTRODUCTION, "\n".join(_table(entries())), total, *map(_section, published)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(rows: list[Entry]) -> list[str]:
    lines = [HEADINGS.values(), ["---"] * len(HEADINGS)]
    for row in rows:
        cells = {name: getattr(row, name) for name in HEADINGS}
        cells["name"] = f"`{row.name}`"
        if row.homepage:
            cells["display_name"] = f"[{row.display_name}]({row.homepage})"
        lines.append(list(cells.values()))
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _section(corpus: Corpus) -> str:
    facts = {
        "Files": f"such as `{corpus.example}`",
        "Labels": _labels(corpus),
        "Folds": _rule(corpus),
        "No strict folds": f"{why}." if (why := why_not_strict(corpus)) else "",
        "Balanced test set": " ".join(remarks(corpus)),
        "Further columns": ", ".join(f"`{name}`" for name in corpus.details),
        "Left out": corpus.beyond_release,
        "Notes": corpus.notes,
    }
    lines = [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    return "\n".join([f"## {corpus.display_name} (`{corpus.name}`)", "", *lines])


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emobox corpora`."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print every corpus and whether it is found on this machine; the exit status."""
    try:
        rows = [
            {**asdict(entry(corpus)), "here": here(corpus)} for corpus in map(corpora.load, corpora.names())
        ]
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    columns = {name: heading for name, heading in HEADINGS.items() if name not in ("source", "labels")}
    table = Table(
        *columns.values(), "Here", caption=f"Here: sub-folders of ${DATA_VARIABLE}; see emobox doctor."
    )
    for row in rows:
        table.add_row(*(row[name] for name in columns), row["here"])
    # Read through a pipe, a table keeps its width: nothing is cut.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    return 0


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
