"""Which speakers of a training part are held out to choose on.

Of all choices of speakers, those count under which every label keeps an utterance to train on; among them, those whose
validation part lacks the fewest labels; among these, the one whose share of utterances is nearest to what is wanted,
and every other that is about as near. Of them each seed takes another one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, product

import numpy as np

# Choices are about equally near to the wanted share if they differ by no more than this (of all utterances).
EQUALLY_NEAR = 0.02
# With so many speakers or fewer, every choice is looked at (16,382 of 14 speakers); with more, a search finds one.
MOST_ENUMERATED, ATTEMPTS = 14, 8

# Labels left without an utterance to train on, labels missing, distance from the share: the smaller, the better.
Merit = tuple[int, int, float]


def choose_speakers(names: Sequence[str], counts: np.ndarray, share: float, seed: int) -> list[int] | None:
    """Choose speakers to hold out.

    Args:
        names: of the S speakers, each once.
        counts: utterances (S, C) of each speaker and label, of labels that have any.
        share: of the utterances to hold out, in 0..1.
        seed: of the choice among those that are about equally good.

    Returns:
        Positions of those held out; None where every choice would leave a label without an utterance to train on.
    """
    judge = _Judge(counts, share)
    held = (_enumerated if len(names) <= MOST_ENUMERATED else _searched)(names, judge, seed)
    return None if held is None else np.flatnonzero(held).tolist()


@dataclass(frozen=True)
class _Judge:
    """How good it is to hold out speakers with so many utterances (S, C) of each label."""

    counts: np.ndarray
    share: float

    def merits(self, held: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of sums (M, C) of held-out utterances: labels left untaught, labels missing, distance from the share."""
        totals = self.counts.sum(axis=0)
        untaught = (held == totals).sum(axis=1)
        missing = (held == 0).sum(axis=1)
        return untaught, missing, np.abs(held.sum(axis=1) / totals.sum() - self.share)

    def merit(self, held: np.ndarray) -> Merit:
        """The same of one sum (C,)."""
        untaught, missing, distance = (of_all[0] for of_all in self.merits(held[None]))
        return int(untaught), int(missing), float(distance)


def _enumerated(names: Sequence[str], judge: _Judge, seed: int) -> np.ndarray | None:
    """(S,) who is held out: the best of all choices, or by seed one that is about as good."""
    count = len(names)
    choices = ((np.arange(1, 2**count - 1)[:, None] >> np.arange(count)) & 1).astype(bool)  # (M, S)
    untaught, missing, distance = judge.merits(choices.astype(np.int64) @ judge.counts)
    if not (possible := untaught == 0).any():
        return None
    best = possible & (missing == missing[possible].min())
    equal = choices[best & (distance <= distance[best].min() + EQUALLY_NEAR)]
    # All seeds deal from one shuffled pack, so that they take different choices as long as there are any: drawn anew
    # by each seed, two of them would often take the same of a few.
    pack = sorted(equal, key=lambda held: _shuffled(",".join(sorted(compress(names, held)))))
    held: np.ndarray = pack[seed % len(pack)]
    return held


def _searched(names: Sequence[str], judge: _Judge, seed: int) -> np.ndarray | None:
    """(S,) who is held out, where choices are too many to look at: the best of some that are built up.

    In none of the published folds does a label stay away that two speakers of the training part have
    (docs/protocols.md), and no choice could do better.
    """
    best, least = None, (1, 0, 0.0)  # a label without an utterance to train on is worse than no choice
    for attempt in range(ATTEMPTS):
        order = sorted(range(len(names)), key=lambda place: _shuffled(f"{seed}.{attempt}:{names[place]}"))
        held, merit = _built_up(order, judge)
        if merit < least and held.any():
            best, least = held, merit
        if least <= (0, 0, EQUALLY_NEAR):
            break
    return best


def _built_up(order: Sequence[int], judge: _Judge) -> tuple[np.ndarray, Merit]:
    """(S,) who is held out, and how good that is, when speakers come in that order.

    Whoever makes the choice better joins it: at first speakers with labels that it lacks, then those who bring it
    nearer to the share. A rare label may come late, with a speaker of too many utterances; then single steps follow,
    as long as one makes it better.
    """
    held, held_sum = np.zeros(len(order), dtype=bool), np.zeros_like(judge.counts[0])
    merit = judge.merit(held_sum)
    for place in order:
        joined = judge.merit(held_sum + judge.counts[place])
        if joined < merit:
            held[place], held_sum, merit = True, held_sum + judge.counts[place], joined
    while merit > (0, 0, EQUALLY_NEAR) and (step := _best_step(held, held_sum, merit, judge)):
        held[list(step)] ^= True
        held_sum = judge.counts[held].sum(axis=0)
        merit = judge.merit(held_sum)
    return held, merit


def _best_step(held: np.ndarray, held_sum: np.ndarray, merit: Merit, judge: _Judge) -> tuple[int, ...]:
    """Whom to take in, to let go, or to exchange so that the choice gets best; nobody where it gets no better."""
    leaving, joining = np.flatnonzero(held), np.flatnonzero(~held)
    steps = [(place,) for place in (*leaving, *joining)] + [*product(leaving, joining)]
    out, into = (-judge.counts[leaving], judge.counts[joining])
    exchanged = (out[:, None] + into[None]).reshape(-1, judge.counts.shape[1])
    untaught, missing, distance = judge.merits(held_sum + np.concatenate([out, into, exchanged]))
    best = np.lexsort((distance, missing, untaught))[0]
    better = (int(untaught[best]), int(missing[best]), float(distance[best])) < merit
    return steps[best] if better else ()


def _shuffled(text: str) -> bytes:
    """A place in an order that depends on no random generator and no other text."""
    return hashlib.sha256(f"emobox:{text}".encode()).digest()
