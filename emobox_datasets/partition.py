"""From utterances to folds: released, completed and strict.

The published folds are lists of ids or groups of speakers (Section 2.2 of the paper). Where a single random
quarter was published, completed folds cut the rest the same way; where the published folds share speakers between
train and test, strict folds do not.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from emobox_datasets.corpus import Corpus, ReleasedLists, SpeakerFolds
from emobox_datasets.errors import CorpusError, nearest

Kind = Literal["released", "completed", "strict", "all"]

# The published test part of a random split is one quarter, so four folds test every utterance once.
QUARTERS = 4


class Item(Protocol):
    """What a partition needs to know of an utterance."""

    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def speaker(self) -> str | None: ...


@dataclass(frozen=True)
class Configuration:
    """One name that `load_dataset` accepts as second argument."""

    name: str
    kind: Kind
    number: int
    description: str


def configurations(corpus: Corpus) -> dict[str, Configuration]:
    """Every configuration of a corpus by name; the first one is the default."""
    rule = corpus.folds
    listed = [Configuration(f"fold{k}", "released", k, _released(corpus)) for k in range(1, rule.count + 1)]
    if isinstance(rule, ReleasedLists) and rule.count == 1:
        listed += [Configuration(f"fold{k}", "completed", k, _COMPLETED) for k in range(2, QUARTERS + 1)]
    listed += [Configuration(f"strict{k}", "strict", k, _STRICT) for k in range(1, strict_count(corpus) + 1)]
    listed.append(Configuration("all", "all", 0, "The whole corpus as one split, `train`."))
    return {configuration.name: configuration for configuration in listed}


def strict_count(corpus: Corpus) -> int:
    """How many strict folds: one a speaker up to six speakers, four groups beyond (the paper's own rule)."""
    if isinstance(corpus.folds, SpeakerFolds) or corpus.speakers < 4:
        return 0
    return corpus.speakers if corpus.speakers <= 6 else QUARTERS


def partition(corpus: Corpus, configuration: str, items: Sequence[Item]) -> dict[str, list[int]]:
    """Row numbers of `train` and `test` in `items` (only `train` for `all`), in the order of the items.

    Raises:
        CorpusError: the corpus has no configuration of that name.
    """
    known = find_configuration(corpus, configuration)
    if known.kind == "all":
        return {"train": list(range(len(items)))}
    tested = _tested(corpus, known, items)
    rows: dict[str, list[int]] = {"train": [], "test": []}
    for row, item in enumerate(items):
        rows["test" if item.id in tested else "train"].append(row)
    return rows


def find_configuration(corpus: Corpus, name: str) -> Configuration:
    """The configuration of that name.

    Raises:
        CorpusError: there is none; says which are near, and why a corpus has no strict folds.
    """
    known = configurations(corpus)
    if name in known:
        return known[name]
    reason = ""
    if name.startswith("strict") and not strict_count(corpus):
        reason = (
            " It has no strict folds, because its released folds share no speaker between train and test."
            if isinstance(corpus.folds, SpeakerFolds)
            else " It has no strict folds, because fewer than four speakers are known."
        )
    raise CorpusError(
        f"Expected a configuration of {corpus.name}, but got {name!r}; {nearest(name, known)}.{reason}"
    )


def _tested(corpus: Corpus, fold: Configuration, items: Sequence[Item]) -> set[str]:
    if fold.kind == "completed":
        return completed(items, set(corpus.released_ids["fold1"]))[fold.number]
    if fold.kind == "strict":
        groups: Sequence[Collection[str]] = speaker_groups(items, strict_count(corpus))
    elif isinstance(corpus.folds, SpeakerFolds):
        groups = corpus.folds.groups
    else:
        return set(corpus.released_ids[fold.name])
    return {item.id for item in items if item.speaker in groups[fold.number - 1]}


def completed(items: Sequence[Item], released: set[str]) -> dict[int, set[str]]:
    """Cut what the released quarter does not test into folds 2, 3 and 4, with equal shares of every label.

    The order within a label is that of a hash of the id: it depends on no random generator, no file system
    and, but for the cut itself, on no other utterance.
    """
    by_label: dict[str, list[str]] = defaultdict(list)
    for item in items:
        if item.id not in released:
            by_label[item.label].append(item.id)
    dealt = [id for label in sorted(by_label) for id in sorted(by_label[label], key=_shuffled)]
    folds: dict[int, set[str]] = {number: set() for number in range(2, QUARTERS + 1)}
    for position, id in enumerate(dealt):
        folds[2 + position % len(folds)].add(id)
    return folds


def _shuffled(id: str) -> bytes:
    return hashlib.sha256(f"emobox:{id}".encode()).digest()


def speaker_groups(items: Sequence[Item], count: int) -> list[set[str]]:
    """Cut the speakers into groups of about equally many utterances: the largest speaker into the smallest group.

    Raises:
        CorpusError: there are fewer speakers than groups, or an utterance without one.
    """
    sizes: dict[str, int] = defaultdict(int)
    for item in items:
        if item.speaker is None:
            raise CorpusError(f"Expected a speaker for every utterance, but {item.id} has none; use fold1.")
        sizes[item.speaker] += 1
    if len(sizes) < count:
        raise CorpusError(f"Expected at least {count} speakers, but got {len(sizes)}; complete the corpus.")
    groups: list[set[str]] = [set() for _ in range(count)]
    for speaker in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(groups, key=lambda group: sum(sizes[name] for name in group)).add(speaker)
    return groups


def _released(corpus: Corpus) -> str:
    if corpus.synthesise is not None:
        return "Fold of this built-in corpus: one speaker is tested, the others train."
    if isinstance(corpus.folds, SpeakerFolds):
        return "Released EmoBox fold, speaker-disjoint; comparable with the paper's Table 4."
    return "Released EmoBox fold; train and test share speakers; comparable with the paper's Table 4."


_COMPLETED = "Completed fold: cut from what the released fold1 does not test; train and test share speakers."
_STRICT = "Strict fold: no speaker is in both train and test; not comparable with the paper's Table 4."
