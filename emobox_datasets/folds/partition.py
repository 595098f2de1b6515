"""From utterances to folds: released, completed, strict and balanced.

The published folds are lists of ids, groups of speakers, or the corpus's own split (Section 2.2 of the paper).
Where a single random quarter was published, completed folds cut the rest the same way; where the published folds
share speakers between train and test, strict folds do not. Balanced configurations are the published
test sets of Section 2.3; any other choice of utterances is a list in a file.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from emobox_datasets.corpus import (
    BALANCED,
    INCOMPARABLE,
    PARTS,
    Corpus,
    OwnSplit,
    ReleasedLists,
    SpeakerFolds,
)
from emobox_datasets.errors import CorpusError, nearest
from emobox_datasets.folds.balanced import describe
from emobox_datasets.folds.utterance_list import PREFIX, UtteranceList, read

Kind = Literal["released", "completed", "strict", "balanced", "list", "all"]

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
    @property
    def split(self) -> str | None: ...


@dataclass(frozen=True)
class Configuration:
    """One name that `load_dataset` accepts as second argument.

    `ids` are those tested, where it is a list of them. `published` names the table of the paper that scores on a whole
    copy of the corpus can be compared with; empty where there is none.
    """

    name: str
    kind: Kind
    number: int
    content: str
    ids: frozenset[str] = frozenset()
    published: str = ""

    @property
    def description(self) -> str:
        """What it is, in words, on a whole copy of the corpus."""
        return self.described(missing=0)

    def described(self, missing: int) -> str:
        """What it is, in words, on a copy of the corpus that lacks so many utterances."""
        if missing:
            return f"{self.content}. Incomplete: {missing:,} utterances of the corpus are missing; {INCOMPARABLE}."
        return f"{self.content}; comparable with {self.published}." if self.published else f"{self.content}."


def configurations(corpus: Corpus) -> dict[str, Configuration]:
    """Every configuration of a corpus by name, lists in files aside; the first one is the default."""
    rule = corpus.folds
    table = "" if corpus.synthesise else _TABLE_4
    content = _released(corpus)
    listed = [
        Configuration(f"fold{k}", "released", k, content, published=table) for k in range(1, rule.count + 1)
    ]
    if isinstance(rule, ReleasedLists) and rule.count == 1:
        listed += [Configuration(f"fold{k}", "completed", k, _COMPLETED) for k in range(2, QUARTERS + 1)]
    listed += [Configuration(f"strict{k}", "strict", k, _STRICT) for k in range(1, strict_count(corpus) + 1)]
    if corpus.balanced_ids:
        listed.append(Configuration(BALANCED, "balanced", 0, describe(corpus), corpus.balanced_ids, _TABLE_5))
    listed.append(Configuration("all", "all", 0, "The whole corpus as one split, `train`"))
    return {configuration.name: configuration for configuration in listed}


def strict_count(corpus: Corpus) -> int:
    """How many strict folds: one a speaker up to six speakers, four groups beyond (the paper's own rule)."""
    if why_not_strict(corpus):
        return 0
    return corpus.speakers if corpus.speakers <= 6 else QUARTERS


def why_not_strict(corpus: Corpus) -> str:
    """Why a corpus has no strict folds, as the end of a sentence; empty where it has some."""
    if corpus.speakers and _released_disjoint(corpus):
        return "its released folds share no speaker between train and test"
    return why_speaker_dependent(corpus)


def why_speaker_dependent(corpus: Corpus) -> str:
    """Why no folds of a corpus keep speakers apart, as the end of a sentence; empty where some do.

    Neither its released folds do, as far as is known, nor can strict folds.
    """
    if not corpus.speakers:
        return "the corpus does not tell its speakers"
    if corpus.speakers == 1:
        return "all of the corpus is of one speaker"
    if corpus.speakers < 4 and not _released_disjoint(corpus):
        return "fewer than four speakers are known"
    return ""


def are_speakers_new(corpus: Corpus, kind: str) -> bool | None:
    """Whether no speaker is in both train and test of folds of a kind; None where the corpus tells no speakers."""
    if kind == "strict":
        return True
    return _released_disjoint(corpus) and kind == "released" if corpus.speakers else None


def _released_disjoint(corpus: Corpus) -> bool:
    """Whether the released folds keep speakers apart where speakers are known."""
    rule = corpus.folds
    kept_apart = isinstance(rule, SpeakerFolds) or (isinstance(rule, OwnSplit) and not rule.shares_speakers)
    return kept_apart and corpus.speakers != 1


def partition(
    corpus: Corpus, configuration: str, items: Sequence[Item], allow_missing: bool = False
) -> dict[str, list[int]]:
    """Row numbers of each part in `items`, in the order of the items.

    The parts are `train` and `test`, `validation` between them where the corpus's own split has one, only `test`
    for `balanced` and `list:<path>`, and only `train` for `all`. An item may be in no part: what the corpus has but
    the release does not use.

    Raises:
        CorpusError: the corpus has no configuration of that name, or a list names an utterance that is not among
            the items (fine with `allow_missing`).
    """
    return parts_of(corpus, find_configuration(corpus, configuration), items, allow_missing)


def parts_of(
    corpus: Corpus, known: Configuration, items: Sequence[Item], allow_missing: bool = False
) -> dict[str, list[int]]:
    """`partition` by a configuration that was found before."""
    if known.kind == "all":
        return {"train": list(range(len(items)))}
    if known.kind in ("balanced", "list"):
        if known.kind == "list" and not allow_missing:
            _check_listed(corpus, known, items)
        return {"test": [row for row, item in enumerate(items) if item.id in known.ids]}
    part_of = _part_of(corpus, known, items)
    rows: dict[str, list[int]] = {part: [] for part in _parts(corpus, known)}
    for row, item in enumerate(items):
        if (part := part_of(item)) is not None:
            rows[part].append(row)
    return rows


def _check_listed(corpus: Corpus, known: Configuration, items: Sequence[Item]) -> None:
    if strangers := sorted(known.ids - {item.id for item in items}):
        raise CorpusError(
            f"Expected a list of utterances of {corpus.display_name}, but {len(strangers)} of {len(known.ids)} are not "
            f"in this copy, first {', '.join(strangers[:5])}; correct the list, or complete the copy."
        )


def find_configuration(corpus: Corpus, name: str) -> Configuration:
    """The configuration of that name.

    Raises:
        CorpusError: there is none; says which are near, and why a corpus has no strict folds. Or `list:<path>`
            names no list of utterances of this corpus.
    """
    if name.startswith(PREFIX):
        return of_list(read(name.removeprefix(PREFIX), corpus))
    known = configurations(corpus)
    if name in known:
        return known[name]
    why = why_not_strict(corpus) if name.startswith("strict") else ""
    reason = f" It has no strict folds, because {why}." if why else ""
    raise CorpusError(
        f"Expected a configuration of {corpus.name}, but got {name!r}. {nearest(name, known)}{reason}"
    )


def of_list(listed: UtteranceList) -> Configuration:
    """The configuration that a list is; it is named by what is listed, not by its file."""
    return Configuration(listed.name, "list", 0, listed.description, frozenset(listed.ids))


def _parts(corpus: Corpus, fold: Configuration) -> Sequence[str]:
    if fold.kind == "released" and isinstance(corpus.folds, OwnSplit):
        return [part for part in PARTS if part in corpus.folds.sizes]
    return ["train", "test"]


def _part_of(corpus: Corpus, fold: Configuration, items: Sequence[Item]) -> Callable[[Item], str | None]:
    if fold.kind == "released" and isinstance(corpus.folds, OwnSplit):
        return lambda item: item.split
    if fold.kind == "released":
        tested = _tested(corpus, fold, items)
        return lambda item: "test" if item.id in tested else "train"
    # A label that cannot be tested, or names no emotion, is the release's business, not that of our own folds.
    scored = [item for item in items if item.label in corpus.scored_labels]
    taught = {item.id for item in scored}
    tested = _tested(corpus, fold, scored)
    return lambda item: "test" if item.id in tested else "train" if item.id in taught else None


def _tested(corpus: Corpus, fold: Configuration, items: Sequence[Item]) -> set[str]:
    if fold.kind == "completed":
        return completed(items, set(corpus.released_ids["fold1"]))[fold.number]
    if fold.kind == "strict":
        group = speaker_groups(items, strict_count(corpus), corpus.same_speaker)[fold.number - 1]
        return {
            item.id for item in items if corpus.same_speaker.get(str(item.speaker), item.speaker) in group
        }
    if isinstance(corpus.folds, SpeakerFolds):
        return {item.id for item in items if item.speaker in corpus.folds.groups[fold.number - 1]}
    return set(corpus.released_ids[fold.name])


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


def speaker_groups(
    items: Sequence[Item], count: int, same_speaker: Mapping[str, str] = MappingProxyType({})
) -> list[set[str]]:
    """Cut the speakers into groups of about equally many utterances: the largest speaker into the smallest group.

    `same_speaker` maps names to the name under which they count.

    Raises:
        CorpusError: there are fewer speakers than groups, or an utterance without one.
    """
    sizes: dict[str, int] = defaultdict(int)
    for item in items:
        if item.speaker is None:
            raise CorpusError(f"Expected a speaker for every utterance, but {item.id} has none; use fold1.")
        sizes[same_speaker.get(item.speaker, item.speaker)] += 1
    if len(sizes) < count:
        raise CorpusError(f"Expected at least {count} speakers, but got {len(sizes)}; complete the corpus.")
    groups: list[set[str]] = [set() for _ in range(count)]
    for speaker in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(groups, key=lambda group: sum(sizes[name] for name in group)).add(speaker)
    return groups


def _released(corpus: Corpus) -> str:
    if corpus.synthesise is not None:
        return "Fold of this built-in corpus: one speaker is tested, the others train"
    if isinstance(corpus.folds, OwnSplit):
        return f"Released EmoBox fold, the corpus's own split; {_shared(corpus)}"
    return f"Released EmoBox fold; {_shared(corpus)}"


def _shared(corpus: Corpus) -> str:
    if isinstance(corpus.folds, SpeakerFolds):
        return "speaker-disjoint"
    if not corpus.speakers:
        return "speakers are not known"
    shares = not isinstance(corpus.folds, OwnSplit) or corpus.folds.shares_speakers
    return "train and test share speakers" if shares else "speaker-disjoint"


_TABLE_4, _TABLE_5 = "the paper's Table 4", "the paper's Table 5"
_COMPLETED = "Completed fold: cut from what the released fold1 does not test; train and test share speakers"
_STRICT = "Strict fold: no speaker is in both train and test; not comparable with the paper's Table 4"
