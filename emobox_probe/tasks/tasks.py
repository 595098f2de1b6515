"""What is trained, chosen and tested on what: a fold of a corpus, or a source and its targets, with every seed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import nearest
from emobox_datasets.folds.partition import Configuration, configurations, why_speaker_dependent
from emobox_datasets.folds.trainable import CORRECT_FOLDS, why_untrainable
from emobox_probe.config import TestSet, Training
from emobox_probe.errors import ProbeError
from emobox_probe.heads.groups import Group
from emobox_probe.protocol import PROTOCOLS, WITHOUT_NEW_SPEAKERS, Protocol
from emobox_probe.tasks.pairings import Pairing
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.validation import HeldOut, held_out, validation_of


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

    @property
    def unvalidated(self) -> list[int]:
        """Ids of the labels that have utterances to train on, but none to choose on."""
        trained, validated = (
            set(self.group.labels[rows].tolist()) for rows in (self.group.training, self.group.validation)
        )
        return sorted(trained - validated)


def protocol_within(name: str, corpus: Corpus, seeds: int | None = None) -> Protocol:
    """The protocol of that name on the folds of a corpus: `strict` and `linear` are others without new speakers.

    Args:
        name: of a protocol.
        corpus: what it is to score.
        seeds: how many; default: by protocol.

    Raises:
        ProbeError: what they become is named, but the corpus has folds that keep speakers apart.
    """
    reason = why_speaker_dependent(corpus)
    for usual, without in WITHOUT_NEW_SPEAKERS.items():
        if name == usual and reason:
            return PROTOCOLS[without].with_seeds(seeds)
        if name == without and not reason:
            raise ProbeError(
                f"Expected a corpus without folds that keep speakers apart for --protocol {name}, but {corpus.name} "
                f"has some; use --protocol {usual}, or paper for its released folds."
            )
    return PROTOCOLS[name].with_seeds(seeds)


def label_list(corpus: Corpus, protocol: Protocol) -> tuple[str, ...]:
    """The labels that are told apart: all of the release's, or without those that a score should leave out."""
    return corpus.label_list if protocol.folds == "released" else corpus.scored_labels


def folds_of(corpus: Corpus, protocol: Protocol) -> list[Configuration]:
    """The folds of a protocol: the released ones, or the strict ones where there are any."""
    known = list(configurations(corpus).values())
    return [fold for fold in known if fold.kind == protocol.folds] or [
        fold for fold in known if fold.kind == "released"
    ]


def chosen_folds(corpus: Corpus, protocol: Protocol, names: Sequence[str] = ()) -> list[Configuration]:
    """The folds of a protocol, or those of them that are named, in the protocol's order.

    Raises:
        ProbeError: a name is none of them.
    """
    known = folds_of(corpus, protocol)
    if strangers := [name for name in names if name not in {fold.name for fold in known}]:
        raise ProbeError(
            f"Expected --folds of protocol {protocol.name} on {corpus.name}, but got {', '.join(strangers)}. "
            f"{nearest(strangers[0], [fold.name for fold in known])}"
        )
    return [fold for fold in known if fold.name in names] if names else known


def fold_tasks(pool: Pool, corpus: Corpus, protocol: Protocol, names: Sequence[str] = ()) -> list[Task]:
    """Every fold of a corpus, or those that are named, with every seed.

    Raises:
        ProbeError: there is nothing to train or to test on, or no speakers can be held out.
    """
    plan = product(chosen_folds(corpus, protocol, names), protocol.seeds)
    return [_fold_task(pool, corpus, fold, protocol, seed) for fold, seed in plan]


def _fold_task(pool: Pool, corpus: Corpus, fold: Configuration, protocol: Protocol, seed: int) -> Task:
    rows = pool.parts(corpus.name, fold.name)
    labels = {part: [pool.labels[id] for id in pool.label_ids[of].tolist()] for part, of in rows.items()}
    if reason := why_untrainable(fold.name, labels, pool.labels):
        incomplete = len(pool.items[corpus.name]) < corpus.utterances
        raise ProbeError(
            f"Expected folds of {corpus.name} that train every label and test some, but {reason}; "
            + ("complete the corpus." if incomplete else f"{CORRECT_FOLDS}, or take others with --folds.")
        )
    return Task(
        source=corpus.name,
        corpora=(corpus.name,),
        fold=fold.name,
        kind=fold.kind,
        group=held_out(rows, pool.label_ids, pool.speakers, protocol, seed),
        targets={corpus.name: rows["test"]},
        held_out="released"
        if "validation" in rows
        else validation_of(rows["train"], pool.speakers, protocol),
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
            "released" if len(rows["validation"]) else validation_of(rows["train"], speakers, protocol)
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


def _check_speakers(name: str, speakers: set[str | None]) -> None:
    if len(speakers) == 1:
        raise ProbeError(
            f"Expected several speakers in {name}, so that some can be held out for validation, but got one; use "
            f"--protocol paper, which holds out utterances."
        )
