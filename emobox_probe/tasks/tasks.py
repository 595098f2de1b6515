"""What is trained, chosen and tested on what: a fold of a corpus, or a source and its targets, with every seed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.partition import Configuration, configurations
from emobox_probe.config import TestSet, Training
from emobox_probe.errors import ProbeError
from emobox_probe.heads.groups import Group
from emobox_probe.protocol import Protocol
from emobox_probe.tasks.pairings import Pairing
from emobox_probe.tasks.pool import HIDDEN, Pool

# How the validation part is made: the release's own, or speakers or utterances of the training part.
HeldOut = Literal["released", "speakers", "utterances"]


@dataclass(frozen=True)
class Task:
    """One set of heads with one seed: what they see, and the rows of each target that they are tested on.

    Within a corpus, `source` and the one target are that corpus, and `fold` is a fold of it. Between corpora, `source`
    is a corpus or `all but <corpus>`, `corpora` are those trained on, and `fold` is the configuration that is tested.
    """

    source: str
    corpora: tuple[str, ...]
    fold: str
    kind: str
    group: Group
    targets: Mapping[str, Tensor]
    held_out: HeldOut | Literal["mixed"]

    @property
    def tested(self) -> Tensor:
        """The rows (E,) of all targets, one after another."""
        return torch.cat(list(self.targets.values()))


def label_list(corpus: Corpus, protocol: Protocol) -> tuple[str, ...]:
    """The labels that are told apart: all of the release's, or without those that a score should leave out."""
    return corpus.label_list if protocol.folds == "released" else corpus.scored_labels


def folds_of(corpus: Corpus, protocol: Protocol) -> list[Configuration]:
    """The folds of a protocol: the released ones, or the strict ones where there are any."""
    known = list(configurations(corpus).values())
    return [fold for fold in known if fold.kind == protocol.folds] or [
        fold for fold in known if fold.kind == "released"
    ]


def fold_tasks(pool: Pool, corpus: Corpus, protocol: Protocol) -> list[Task]:
    """Every fold of a corpus with every seed.

    Raises:
        ProbeError: there is nothing to train or to test on, or no speakers can be held out.
    """
    plan = product(folds_of(corpus, protocol), protocol.seeds)
    return [_fold_task(pool, corpus, fold, protocol, seed) for fold, seed in plan]


def _fold_task(pool: Pool, corpus: Corpus, fold: Configuration, protocol: Protocol, seed: int) -> Task:
    rows = pool.parts(corpus.name, fold.name)
    for part, members in rows.items():
        if not len(members):
            raise ProbeError(
                f"Expected utterances in the {part} part of {fold.name}, but got none; complete the corpus."
            )
    speakers = [item.speaker for item in pool.all_items]
    return Task(
        source=corpus.name,
        corpora=(corpus.name,),
        fold=fold.name,
        kind=fold.kind,
        group=held_out(rows, pool.label_ids, speakers, protocol, seed),
        targets={corpus.name: rows["test"]},
        held_out="released" if "validation" in rows else _validation_of(rows["train"], speakers, protocol),
    )


def cross_tasks(
    pool: Pool,
    pairings: Sequence[Pairing],
    training: Training,
    test: TestSet,
    protocol: Protocol,
) -> list[Task]:
    """One task for every source and seed.

    Raises:
        ProbeError: a source has a label without an utterance to train on, or no speakers to hold out; a target has
            nothing to test.
    """
    return [
        _cross_task(pool, pairing, training, test, protocol, seed)
        for pairing, seed in product(pairings, protocol.seeds)
    ]


def _cross_task(
    pool: Pool,
    pairing: Pairing,
    training: Training,
    test: TestSet,
    protocol: Protocol,
    seed: int,
) -> Task:
    tested = {target: pool.tested(target, test) for target in pairing.targets}
    configuration = "all" if training == "all" else "fold1"
    ids, speakers = pool.label_ids, pool.speakers
    # Corpora whose validation part is made in the same way share it, as if they were one corpus.
    of_way: dict[HeldOut, list[dict[str, Tensor]]] = defaultdict(list)
    for member in pairing.corpora:
        rows = {part: pool.rows(member, configuration, part) for part in ("train", "validation")}
        way: HeldOut = (
            "released" if len(rows["validation"]) else _validation_of(rows["train"], speakers, protocol)
        )
        of_way[way].append(rows)
    trained = torch.cat([rows["train"] for several in of_way.values() for rows in several])
    if untaught := sorted(set(range(len(pool.labels))) - set(ids[trained].tolist())):
        raise ProbeError(
            f"Expected utterances of every label to train on in {pairing.source}, but got none of "
            f"{', '.join(pool.labels[place] for place in untaught)}; complete it, or choose others with --labels."
        )
    groups = []
    for way, several in of_way.items():
        parts = {part: torch.cat([rows[part] for rows in several]) for part in ("train", "validation")}
        if way != "released":
            del parts["validation"]
        if way == "speakers":
            _check_speakers(pairing.source, {speakers[row] for row in parts["train"].tolist()})
        parts["test"] = torch.cat(list(tested.values()))
        groups.append(held_out(parts, ids, speakers, protocol, seed))
    group = replace(
        groups[0],
        training=torch.cat([group.training for group in groups]),
        validation=torch.cat([group.validation for group in groups]),
    )
    return Task(
        source=pairing.source,
        corpora=pairing.corpora,
        fold=test,
        kind="cross",
        group=group,
        targets=tested,
        held_out="mixed" if len(of_way) > 1 else next(iter(of_way)),
    )


def _validation_of(training: Tensor, speakers: Sequence[str | None], protocol: Protocol) -> HeldOut:
    """What is held out of a training part without a validation part of its own."""
    known = all(speakers[row] is not None for row in training.tolist())
    return "speakers" if protocol.validation == "speakers" and known else "utterances"


def _check_speakers(name: str, speakers: set[str | None]) -> None:
    if len(speakers) == 1:
        raise ProbeError(
            f"Expected several speakers in {name}, so that some can be held out for validation, but got one; use "
            f"--protocol paper, which holds out utterances."
        )


def held_out(
    rows: Mapping[str, Tensor],
    labels: Tensor,
    speakers: Sequence[str | None],
    protocol: Protocol,
    seed: int,
) -> Group:
    """What to train and to choose on: the release's validation part, else a share of utterances or of speakers.

    The labels of the tested rows are hidden. Speakers are held out where the protocol says so and all are known.
    """
    hidden = labels.index_fill(0, rows["test"], HIDDEN)
    watched = rows["test"] if protocol.peek else None
    training = rows["train"]
    if "validation" in rows:
        return Group(hidden, training, rows["validation"], seed, watched)
    order = torch.Generator().manual_seed(seed)
    if _validation_of(training, speakers, protocol) == "speakers":
        held = _some_speakers(training, labels, speakers, protocol.validation_share, order)
    else:
        held = _share_of_every_label(training, labels, protocol.validation_share, order)
    validation = training[held]
    return Group(hidden, training[~held], validation, seed, watched)


def _share_of_every_label(training: Tensor, labels: Tensor, share: float, order: torch.Generator) -> Tensor:
    """(A,) whether a training row is held out."""
    held = torch.zeros(len(training), dtype=torch.bool)
    for label in labels[training].unique().tolist():
        places = (labels[training] == label).nonzero().flatten()
        shuffled = places[torch.randperm(len(places), generator=order)]
        held[shuffled[: round(share * len(places))]] = True
    return held


def _some_speakers(
    training: Tensor, labels: Tensor, speakers: Sequence[str | None], share: float, order: torch.Generator
) -> Tensor:
    """(A,) whether a training row is held out: speakers in random order until the share is reached.

    A speaker whom a label would lose all its training utterances with stays.
    """
    of_row = [str(speakers[row]) for row in training.tolist()]
    names = sorted(set(of_row))
    held = torch.zeros(len(training), dtype=torch.bool)
    taught = labels[training].unique()
    for place in torch.randperm(len(names), generator=order).tolist():
        if held.sum() >= share * len(training):
            break
        candidate = held | torch.tensor([speaker == names[place] for speaker in of_row])
        if len(labels[training[~candidate]].unique()) == len(taught):
            held = candidate
    if not held.any():
        raise ProbeError(
            f"Expected several speakers to train on, so that some can be held out, but got only "
            f"{'speakers' if len(names) > 1 else 'speaker'} {', '.join(names[:5])}, "
            f"without whom labels would have no training utterance; use --protocol paper."
        )
    return held
