"""What is trained on and tested between corpora: one pool of utterances, one task for every source and seed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Literal, NamedTuple

import datasets
import torch
from torch import Tensor

from emobox_datasets import balanced
from emobox_datasets.builder import StoredItem, stored_items
from emobox_datasets.corpus import Corpus
from emobox_datasets.labels import SHARED_FOUR, ordered
from emobox_datasets.partition import partition
from emobox_probe.errors import ProbeError
from emobox_probe.folds import HIDDEN, held_out
from emobox_probe.groups import Group
from emobox_probe.protocol import Protocol

# What `--labels` takes for all labels that the corpora share.
COMMON = "common"
TestSet = Literal["balanced", "all"]
Way = Literal["released", "speakers", "utterances"]


class Plan(NamedTuple):
    """One set of heads: a name for what it is trained on, the corpora that this is, and what it is tested on."""

    source: str
    corpora: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass
class Pool:
    """The utterances of several corpora, one after another, as rows of the features that heads see."""

    labels: tuple[str, ...]
    corpora: dict[str, Corpus] = field(default_factory=dict)
    items: dict[str, list[StoredItem]] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    audio: dict[str, datasets.Dataset] = field(default_factory=dict)

    def add(self, corpus: Corpus, whole: datasets.Dataset) -> None:
        """Append a corpus as it is stored."""
        self.first[corpus.name] = sum(map(len, self.items.values()))
        self.corpora[corpus.name] = corpus
        self.items[corpus.name] = stored_items(whole, corpus)
        self.audio[corpus.name] = whole
        # Every task looks at these: they are kept until a corpus is added.
        for derived in ("all_items", "label_ids", "speakers"):
            self.__dict__.pop(derived, None)

    @cached_property
    def all_items(self) -> list[StoredItem]:
        return [item for items in self.items.values() for item in items]

    @cached_property
    def label_ids(self) -> Tensor:
        """Of every row (N,), `HIDDEN` where the label is outside the label space."""
        labels = [item.label for item in self.all_items]
        return torch.tensor(
            [self.labels.index(label) if label in self.labels else HIDDEN for label in labels]
        )

    @cached_property
    def speakers(self) -> list[str | None]:
        """Of every row; a name counts within its corpus."""
        return [
            None
            if item.speaker is None
            else f"{name} {self.corpora[name].same_speaker.get(item.speaker, item.speaker)}"
            for name, items in self.items.items()
            for item in items
        ]

    def rows(self, name: str, configuration: str, part: str) -> Tensor:
        """Rows of a corpus in one part of a configuration, of the label space only."""
        parts = partition(self.corpora[name], configuration, self.items[name])
        places = [row for row in parts.get(part, []) if self.items[name][row].label in self.labels]
        return torch.tensor(places, dtype=torch.long) + self.first[name]

    def tested(self, name: str, test: TestSet) -> Tensor:
        """Rows that a corpus is tested on.

        Raises:
            ProbeError: this copy of it has none of them.
        """
        rows = self.rows(name, "balanced", "test") if test == "balanced" else self.rows(name, "all", "train")
        if not len(rows):
            raise ProbeError(
                f"Expected utterances of {', '.join(self.labels)} in {name}, but got none; complete it."
            )
        return rows

    def remarks(self, targets: Sequence[str], test: TestSet) -> list[str]:
        """What a reader must know of the test sets."""
        if test == "all":
            return [f"Tested are all utterances of the labels {', '.join(self.labels)}."]
        told = []
        for name in targets:
            told += [f"{name}: {sentence}" for sentence in balanced.remarks(self.corpora[name])]
            here, listed = len(self.tested(name, test)), len(self.corpora[name].balanced_ids)
            if here < listed:
                told.append(
                    f"{name}: {listed - here} of {listed} utterances are missing or outside the label space."
                )
        return told


@dataclass(frozen=True)
class CrossTask:
    """One source with one seed: what its heads see, and the rows of each target that they are tested on."""

    source: str
    corpora: tuple[str, ...]
    group: Group
    tested: dict[str, Tensor]
    held_out: Literal["released", "speakers", "utterances", "mixed"]


def test_configuration(targets: Sequence[Corpus], labels: Sequence[str], wanted: TestSet | None) -> TestSet:
    """What is tested of the targets: the paper's balanced sets if all have one of these labels, unless told otherwise.

    Raises:
        ProbeError: balanced sets are wanted, but a target has none, or not of all the labels.
    """
    foreign = [label for label in labels if label not in SHARED_FOUR]
    if wanted == "balanced" and foreign:
        raise ProbeError(
            f"Expected labels of the balanced sets ({', '.join(SHARED_FOUR)}), but got {', '.join(foreign)}; take "
            f"--test-set all, or others of --labels."
        )
    without = [corpus.name for corpus in targets if not corpus.balanced_ids]
    if wanted == "balanced" and without:
        raise ProbeError(
            f"Expected targets with a balanced set, but {', '.join(without)} has none; take --test-set all, or make "
            f"one with emobox balance."
        )
    return wanted or ("all" if without or foreign else "balanced")


def label_space(known: Sequence[Corpus], wanted: str | None) -> tuple[str, ...]:
    """The labels that are told apart: of the paper's four those that all corpora have, or others that are wanted.

    Raises:
        ProbeError: a wanted label is not in every corpus, or fewer than two labels are shared.
    """
    shared = [label for label in known[0].scored_labels if all(label in c.scored_labels for c in known)]
    if wanted is None:
        labels = [label for label in shared if label in SHARED_FOUR]
    elif wanted == COMMON:
        labels = shared
    else:
        labels = [label.strip() for label in wanted.split(",") if label.strip()]
        for label, corpus in product(labels, known):
            if label not in corpus.scored_labels:
                raise ProbeError(
                    f"Expected labels that every corpus has in --labels, but {corpus.name} has no {label!r}; it has "
                    f"{', '.join(corpus.scored_labels)}."
                )
    if len(set(labels)) < 2:
        having = "; ".join(f"{corpus.name}: {', '.join(corpus.scored_labels)}" for corpus in known)
        raise ProbeError(
            f"Expected at least two labels that all corpora have, but got {', '.join(labels) or 'none'} ({having}); "
            f"choose other corpora, or labels with --labels."
        )
    return ordered(labels)


def plan_of(sources: Sequence[str], targets: Sequence[str], leave_one_out: bool) -> list[Plan]:
    """Who is trained on what and tested on what. No corpus is ever tested by heads that have seen it.

    Raises:
        ProbeError: a source has no other corpus to be tested on, or a target none to train on.
    """
    if leave_one_out:
        plans = [Plan(f"all but {name}", tuple(s for s in sources if s != name), (name,)) for name in targets]
    else:
        plans = [Plan(name, (name,), tuple(t for t in targets if t != name)) for name in sources]
    for plan in plans:
        if not plan.targets or not plan.corpora:
            what = (
                f"train on and test on {plan.targets[0]}"
                if leave_one_out
                else f"test heads of {plan.source} on"
            )
            raise ProbeError(
                f"Expected another corpus to {what}, but got none; name more in --train or --test, or leave it out."
            )
    return plans


def cross_tasks(
    pool: Pool,
    plans: Sequence[Plan],
    training: Literal["released", "all"],
    test: TestSet,
    protocol: Protocol,
) -> list[CrossTask]:
    """One task for every source and seed.

    Raises:
        ProbeError: a source has a label without an utterance to train on, or no speakers to hold out; a target has
            nothing to test.
    """
    return [
        _task(pool, plan, training, test, protocol, seed) for plan, seed in product(plans, protocol.seeds)
    ]


def _task(
    pool: Pool,
    plan: Plan,
    training: Literal["released", "all"],
    test: TestSet,
    protocol: Protocol,
    seed: int,
) -> CrossTask:
    tested = {target: pool.tested(target, test) for target in plan.targets}
    configuration = "all" if training == "all" else "fold1"
    ids, speakers = pool.label_ids, pool.speakers
    # Corpora whose validation part is made in the same way share it, as if they were one corpus.
    of_way: dict[Way, list[dict[str, Tensor]]] = defaultdict(list)
    for member in plan.corpora:
        rows = {part: pool.rows(member, configuration, part) for part in ("train", "validation")}
        of_way[_way(rows, speakers, protocol)].append(rows)
    trained = torch.cat([rows["train"] for several in of_way.values() for rows in several])
    if untaught := sorted(set(range(len(pool.labels))) - set(ids[trained].tolist())):
        raise ProbeError(
            f"Expected utterances of every label to train on in {plan.source}, but got none of "
            f"{', '.join(pool.labels[place] for place in untaught)}; complete it, or choose others with --labels."
        )
    groups = []
    for way, several in of_way.items():
        parts = {part: torch.cat([rows[part] for rows in several]) for part in ("train", "validation")}
        if way != "released":
            del parts["validation"]
        if way == "speakers":
            _check_speakers(plan.source, {speakers[row] for row in parts["train"].tolist()})
        parts["test"] = torch.cat(list(tested.values()))
        groups.append(held_out(parts, ids, speakers, protocol, seed))
    group = replace(
        groups[0],
        training=torch.cat([group.training for group in groups]),
        validation=torch.cat([group.validation for group in groups]),
    )
    return CrossTask(
        plan.source, plan.corpora, group, tested, "mixed" if len(of_way) > 1 else next(iter(of_way))
    )


def _way(rows: Mapping[str, Tensor], speakers: Sequence[str | None], protocol: Protocol) -> Way:
    """How the validation part of a corpus is made: the release's own, or held out by speakers if wanted and known."""
    if len(rows["validation"]):
        return "released"
    known = all(speakers[row] is not None for row in rows["train"].tolist())
    return "speakers" if protocol.validation == "speakers" and known else "utterances"


def _check_speakers(name: str, speakers: set[str | None]) -> None:
    if len(speakers) == 1:
        raise ProbeError(
            f"Expected several speakers in {name}, so that some can be held out for validation, but got one; use "
            f"--protocol paper, which holds out utterances."
        )
