"""What is trained on, chosen on and tested: one task for every fold and seed of a protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from emobox_datasets.corpus import Corpus
from emobox_datasets.partition import Configuration, Item, configurations, partition
from emobox_probe.errors import ProbeError
from emobox_probe.groups import Group
from emobox_probe.protocol import Protocol

# Stands for the label of every tested utterance until all choices have been made.
HIDDEN = -1


@dataclass(frozen=True)
class Task:
    """One fold and seed: what its heads see, and the rows (E,) that they are tested on."""

    fold: Configuration
    group: Group
    tested: Tensor


def label_list(corpus: Corpus, protocol: Protocol) -> tuple[str, ...]:
    """The labels that are told apart: all of the release's, or without those that a score should leave out."""
    return corpus.label_list if protocol.folds == "released" else corpus.scored_labels


def folds_of(corpus: Corpus, protocol: Protocol) -> list[Configuration]:
    """The folds of a protocol: the released ones, or the strict ones where there are any."""
    known = list(configurations(corpus).values())
    return [fold for fold in known if fold.kind == protocol.folds] or [
        fold for fold in known if fold.kind == "released"
    ]


def tasks(corpus: Corpus, items: Sequence[Item], protocol: Protocol) -> list[Task]:
    """Every fold with every seed.

    Raises:
        ProbeError: there is nothing to train or to test on, or no speakers can be held out.
    """
    labels = label_list(corpus, protocol)
    ids = torch.tensor([labels.index(item.label) if item.label in labels else HIDDEN for item in items])
    plan = product(folds_of(corpus, protocol), protocol.seeds)
    return [_task(fold, corpus, items, ids, protocol, seed) for fold, seed in plan]


def _task(
    fold: Configuration, corpus: Corpus, items: Sequence[Item], ids: Tensor, protocol: Protocol, seed: int
) -> Task:
    scored = (ids != HIDDEN).tolist()
    parts = partition(corpus, fold.name, items)
    rows = {part: torch.tensor([row for row in rows if scored[row]]) for part, rows in parts.items()}
    for part, members in rows.items():
        if not len(members):
            raise ProbeError(
                f"Expected utterances in the {part} part of {fold.name}, but got none; complete the corpus."
            )
    speakers = [item.speaker for item in items]
    return Task(fold, held_out(rows, ids, speakers, protocol, seed), rows["test"])


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
    known = all(speakers[row] is not None for row in training.tolist())
    if protocol.validation == "speakers" and known:
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
