"""How far apart groups are scored, how sure that is, and how far they would be if groups made no difference.

Groups are compared over speakers: what one speaker says is not independent. Where no speaker is in both groups
(gender), speakers of either are resampled, and the p value is of Fisher's randomisation test: which of the speakers are
in which group is drawn anew. Where speakers are in both (sentences, intensities), whole speakers are resampled, and the
test exchanges what the same speaker said of a label in one and in the other. Intervals are t intervals (Welch's degrees
of freedom where no speaker is in both, else those of the group of fewer speakers), for the reasons that `intervals`
gives; `benchmarks/gaps.py` measures how well both hold their level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from .intervals import FEWEST_CLUSTERS, ROUNDING

Doubles = NDArray[np.float64]

RESAMPLES, RANDOMISATIONS = 2000, 4999
# As many ways or fewer are all looked at, and the p value is exact.
MOST_ENUMERATED = 5000
ALPHA, POWER, CONFIDENCE = 0.05, 0.8, 0.95


@dataclass(frozen=True)
class Gap:
    """First group minus second, in -1..1, of UA or of the recall of one label.

    `interval` and `detectable`, the smallest true gap that would be found with probability 0.8 at level 0.05, are None
    where `reason` says why (fewer than four speakers of a group have the label or, of UA, any that both groups have),
    or where all resamples have the same gap; `p_value` is None where only one way of parting speakers exists.
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    detectable: float | None
    reason: str | None = None


def compare_groups(first: Doubles, second: Doubles, seed: int = 0) -> list[Gap]:
    """The gap in UA between two groups, then those in the recall of every label.

    Only labels that both groups have count; the gap of another label is NaN.

    Args:
        first, second: confusion counts of every speaker within the group, `(S, C, C)`; a speaker who is not in the
            group has none. Both are of the same S speakers, in the same order.
        seed: of resamples and of randomisations that are too many to look at all.

    Returns:
        1 + C gaps.
    """
    shared = (first.sum(axis=(0, 2)) > 0) & (second.sum(axis=(0, 2)) > 0)
    in_first, in_second = (counts.any(axis=(1, 2)) for counts in (first, second))
    here = in_first | in_second
    first, second = first[here], second[here]
    within = bool((in_first & in_second).any())
    observed = _scores(first.sum(axis=0), shared) - _scores(second.sum(axis=0), shared)
    speakers = np.stack([_speakers(counts, shared) for counts in (first, second)])
    errors, degrees = _errors(first, second, shared, speakers, within, seed)
    p_values = _p_values(first, second, shared, within, observed, seed)
    reasons = [_reason(*counts) for counts in speakers.T]
    return [_gap(*of_score) for of_score in zip(observed, errors, degrees, p_values, reasons, strict=True)]


def _speakers(counts: Doubles, shared: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many speakers bear on UA (with any shared label) and on the recall of each shared label, `(1 + C,)`."""
    have = (counts.sum(axis=2) > 0) & shared
    return np.concatenate([[have.any(axis=1).sum()], have.sum(axis=0)])


def _reason(first: int, second: int) -> str | None:
    """Why there is no interval of a gap between so many speakers; None where there can be one."""
    if min(first, second) >= FEWEST_CLUSTERS:
        return None
    return f"speakers: {first} and {second}, and at least {FEWEST_CLUSTERS} in each are needed"


def _gap(difference: float, error: float, degrees: float, p_value: float, reason: str | None) -> Gap:
    p = None if np.isnan(p_value) else float(p_value)
    if reason is not None or not error > ROUNDING:
        return Gap(float(difference), None, p, None, reason)
    half = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * error
    quantiles = float(stdtrit(degrees, 1 - ALPHA / 2) + stdtrit(degrees, POWER))
    interval = max(-1.0, float(difference - half)), min(1.0, float(difference + half))
    return Gap(float(difference), interval, p, quantiles * float(error))


def _scores(confusions: Doubles, shared: NDArray[np.bool_]) -> Doubles:
    """UA over the shared labels, then recalls, `(…, 1 + C)`; NaN for a label without an item."""
    totals = confusions.sum(axis=-1)
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        recalls = np.where(shared & (totals > 0), right / totals, np.nan)
    there = ~np.isnan(recalls)
    counted = there.sum(axis=-1)
    sums = np.where(there, recalls, 0).sum(axis=-1)
    ua = np.where(counted > 0, sums / np.maximum(counted, 1), np.nan)
    return np.concatenate([ua[..., None], recalls], axis=-1)


def _errors(
    first: Doubles,
    second: Doubles,
    shared: NDArray[np.bool_],
    speakers: NDArray[np.int64],
    within: bool,
    seed: int,
) -> tuple[Doubles, Doubles]:
    """Standard errors and degrees of freedom, `(1 + C,)` each; of `speakers` (2, 1 + C) in either group."""
    generator = np.random.default_rng(seed)
    # With one speaker there is no spread, and no interval either: 2 only keeps the division whole.
    counted = np.maximum(speakers, 2)
    if within:
        # Spread of a group of few is as uncertain as its few speakers make it, however many are in the other.
        fewest = counted.min(axis=0)
        drawn = _resamples(len(first), generator)
        differences = _scores_of(drawn, first, shared) - _scores_of(drawn, second, shared)
        return _spread(differences, fewest), fewest - 1.0
    spreads = []
    for counts, of_group in zip((first, second), counted, strict=True):
        part = counts[counts.any(axis=(1, 2))]
        spreads.append(_spread(_scores_of(_resamples(len(part), generator), part, shared), of_group))
    squares = np.square(spreads)
    errors = np.sqrt(squares.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = errors**4 / (squares**2 / (counted - 1)).sum(axis=0)
    return errors, degrees


def _resamples(speakers: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """How often each speaker is drawn, `(R, S)`."""
    return generator.multinomial(speakers, np.full(speakers, 1 / speakers), RESAMPLES)


def _scores_of(drawn: NDArray[np.int64], counts: Doubles, shared: NDArray[np.bool_]) -> Doubles:
    """Scores `(R, 1 + C)` of resamples, of which `drawn` (R, S) says how often each speaker is in."""
    flat = counts.reshape(len(counts), -1)
    return _scores((drawn @ flat).reshape(len(drawn), *counts.shape[1:]), shared)


def _spread(resampled: Doubles, speakers: NDArray[np.int64]) -> Doubles:
    """Standard deviations over resamples, those without the label left out, as `intervals.standard_error`."""
    there = ~np.isnan(resampled)
    counted = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, resampled, 0).sum(axis=0) / counted
    squares = np.where(there, (resampled - mean) ** 2, 0).sum(axis=0)
    return np.asarray(np.sqrt(squares / counted * speakers / (speakers - 1)))


def _p_values(
    first: Doubles, second: Doubles, shared: NDArray[np.bool_], within: bool, observed: Doubles, seed: int
) -> Doubles:
    """Two-sided p values `(1 + C,)` of no difference; NaN where there is only one way to part the speakers."""
    generator = np.random.default_rng(seed + 1)
    if within:
        # What a speaker said of a label in one group only stays there: moved, it would even out how many are in each.
        movable = (first.sum(axis=2) > 0) & (second.sum(axis=2) > 0) & shared
        ones, exact = _exchanged(first, second, movable, generator)
        parted = np.concatenate([[movable.any()], movable.any(axis=0)])
    else:
        ways, exact = _partings(np.asarray(first.any(axis=(1, 2))), generator)
        both = first + second
        ones = [np.tensordot(way, both, axes=1) for way in (ways, ~ways)]
        parted = np.full(len(observed), len(ways) > 1)
    gaps = _scores(ones[0], shared) - _scores(ones[1], shared)
    with np.errstate(invalid="ignore"):
        extreme = (np.abs(gaps) >= np.abs(observed) - ROUNDING).sum(axis=0)
    valid = (~np.isnan(gaps)).sum(axis=0)
    p = extreme / np.maximum(valid, 1) if exact else (extreme + 1) / (valid + 1)
    return np.where(np.isnan(observed) | ~parted, np.nan, p)


def _exchanged(
    first: Doubles, second: Doubles, movable: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[list[Doubles], bool]:
    """Confusion counts `(R, C, C)` of both groups in every way to exchange them, and whether they are all there are."""
    moving = movable.any(axis=1)
    ways, exact = _exchanges(int(moving.sum()), generator)
    moved = [(counts * movable[..., None])[moving] for counts in (first, second)]
    kept = [(counts * ~movable[..., None]).sum(axis=0) for counts in (first, second)]
    # Where a way is true, a speaker keeps the group; elsewhere what was said in one counts in the other.
    return [
        kept[here] + np.tensordot(ways, moved[here], axes=1) + np.tensordot(~ways, moved[1 - here], axes=1)
        for here in range(2)
    ], exact


def _exchanges(speakers: int, generator: np.random.Generator) -> tuple[NDArray[np.bool_], bool]:
    """Ways `(R, S)` to keep or exchange the groups of each speaker, and whether they are all there are."""
    if 2**speakers <= MOST_ENUMERATED:
        return ((np.arange(2**speakers)[:, None] >> np.arange(speakers)) & 1).astype(bool), True
    return generator.random((RANDOMISATIONS, speakers)) < 0.5, False


def _partings(in_first: NDArray[np.bool_], generator: np.random.Generator) -> tuple[NDArray[np.bool_], bool]:
    """Ways `(R, S)` to choose as many speakers for the first group as it has, and whether they are all there are."""
    speakers, chosen = len(in_first), int(in_first.sum())
    if math.comb(speakers, chosen) <= MOST_ENUMERATED:
        places = np.array(list(combinations(range(speakers), chosen)), dtype=np.int64).reshape(-1, chosen)
        ways = np.zeros((len(places), speakers), dtype=bool)
        np.put_along_axis(ways, places, True, axis=1)
        return ways, True
    order = generator.random((RANDOMISATIONS, speakers)).argsort(axis=1)
    return order < chosen, False


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P values adjusted for how many there are (Holm, Scandinavian Journal of Statistics 6(2), 1979).

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted


def range_by_chance(
    truth: NDArray[np.int64],
    answers: Doubles,
    groups: NDArray[np.int64],
    share: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> float:
    """How far apart the best and the worst group would be scored if errors knew nothing of groups.

    The answers are dealt anew among the items of each label: a model with the same confusion matrix, whose errors fall
    on anybody.

    Args:
        truth: true label id of every item, `(N,)`.
        answers: how often each label was predicted of it, over seeds, `(N, C)`.
        groups: the group of every item, numbered from 0, `(N,)`.
        share: of draws that stay below what is returned.
        draws: how often answers are dealt.
        seed: of the random generator.

    Returns:
        The quantile of `largest_gap`, in 0..1; NaN where no groups have a label in common.
    """
    generator = np.random.default_rng(seed)
    given = answers.sum(axis=1)
    places = [np.flatnonzero(truth == label) for label in range(answers.shape[1])]
    shape = int(groups.max()) + 1, len(places)
    ranges = []
    for _ in range(draws):
        right, totals = np.zeros(shape), np.zeros(shape)
        for label, of_label in enumerate(places):
            dealt, among = generator.permutation(of_label), groups[of_label]
            right[:, label] = np.bincount(among, answers[dealt, label], minlength=shape[0])
            totals[:, label] = np.bincount(among, given[dealt], minlength=shape[0])
        ranges.append(_largest_gap(right, totals))
    return float(np.quantile(ranges, share))


def largest_gap(confusions: Doubles) -> float:
    """The largest gap in UA between two groups, that of each pair over the labels that both have.

    Args:
        confusions: of the groups, `(G, C, C)`.

    Returns:
        In 0..1; NaN where no two groups have a label in common.
    """
    return _largest_gap(np.diagonal(confusions, axis1=1, axis2=2), confusions.sum(axis=2))


def _largest_gap(right: Doubles, totals: Doubles) -> float:
    """Of how many answers are right, and how many there are, by group and label: `(G, C)` each."""
    recalls = np.divide(right, totals, out=np.zeros_like(totals), where=totals > 0)
    # Groups with the same labels are one kind K: pairs of kinds are few where pairs of groups are very many.
    kinds, kind_of, sizes = np.unique(totals > 0, axis=0, return_inverse=True, return_counts=True)
    with np.errstate(invalid="ignore"):
        # Of every group over the labels that it shares with a kind, (G, K).
        uas = recalls @ kinds.T / ((totals > 0).astype(float) @ kinds.T)
    ordered = uas[np.argsort(kind_of.ravel(), kind="stable")]
    starts = np.cumsum(sizes) - sizes
    highest, lowest = (extreme.reduceat(ordered, starts) for extreme in (np.maximum, np.minimum))
    gaps = highest - lowest.T
    gaps[np.diag(sizes == 1)] = np.nan
    return float(np.nanmax(gaps)) if not np.isnan(gaps).all() else float("nan")
