"""Who is trained on what and tested on what between corpora, over which labels, on which utterances."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from emobox_datasets.corpus import Corpus
from emobox_datasets.labels import SHARED_FOUR, ordered
from emobox_probe.config import TestSet
from emobox_probe.errors import ProbeError

# What `--labels` takes for all labels that the corpora share.
COMMON = "common"


class Pairing(NamedTuple):
    """One set of heads: a name for what it is trained on, the corpora that this is, and what it is tested on."""

    source: str
    corpora: tuple[str, ...]
    targets: tuple[str, ...]


def target_configuration(
    targets: Sequence[Corpus], labels: Sequence[str], wanted: TestSet | None = None
) -> TestSet:
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


def label_space(known: Sequence[Corpus], wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The labels that are told apart: of the paper's four those that all corpora have, or others that are wanted.

    Raises:
        ProbeError: a wanted label is not in every corpus, or fewer than two labels are shared.
    """
    shared = [label for label in known[0].scored_labels if all(label in c.scored_labels for c in known)]
    if not wanted:
        labels = [label for label in shared if label in SHARED_FOUR]
    elif list(wanted) == [COMMON]:
        labels = shared
    else:
        labels = list(wanted)
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


def pairings_of(sources: Sequence[str], targets: Sequence[str], leave_one_out: bool) -> list[Pairing]:
    """Who is trained on what and tested on what. No corpus is ever tested by heads that have seen it.

    Raises:
        ProbeError: a source has no other corpus to be tested on, or a target none to train on.
    """
    if leave_one_out:
        pairings = [
            Pairing(f"all but {name}", tuple(s for s in sources if s != name), (name,)) for name in targets
        ]
    else:
        pairings = [Pairing(name, (name,), tuple(t for t in targets if t != name)) for name in sources]
    for pairing in pairings:
        if not pairing.targets or not pairing.corpora:
            what = (
                f"train on and test on {pairing.targets[0]}"
                if leave_one_out
                else f"test heads of {pairing.source} on"
            )
            raise ProbeError(
                f"Expected another corpus to {what}, but got none; name more in --train or --test, or leave it out."
            )
    return pairings
