"""How models stand over several corpora, those that lack some of them too.

The rule. A model's win rate on a corpus is the share of the other models there that it beats, ties counting half; over
several corpora it is the mean over those that it has. So no corpus counts more than another because its scores spread
more, and a model that lacks corpora has a place among those that it was compared with. Like is compared with like: two
measured models by the score of all utterances, a published row, which has means over folds only, by those.

Models stand in the order of their win rate; of equal rates, in that of their means over the corpora that all of these
models have, then of their names. They share ranks as those of one corpus do (`ranks`): two are told apart by the mean
difference of their scores over the corpora that both have. That may go against the order, since a model can win
narrowly on most corpora and lose by far on one: then the two share a rank. Corpora are independent, so the standard
error is the root of the sum of squared errors over their number. Its degrees of freedom are one less than the fewest
speakers that either model has on any of these corpora: those of Welch and Satterthwaite are more, but they are an
estimate, which at the small levels of many comparisons splits too many equal models where one corpus has few speakers.
Two models that share no corpus cannot be told apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emobox_metric.ser_metric.intervals import t_quantile
from emobox_probe.records.interval import METRICS
from hub_cards.leaderboard.ranks import Contender, Matrix, PairedErrors, shared_ranks, told_apart

Json = dict[str, Any]
# So many models of a corpus and protocol, the best by UA, can be compared in pairs: pairs grow with the square.
MOST_PAIRED = 64
ERROR_DECIMALS = 3
# Quantiles for so many degrees of freedom; with more, t is normal within a hundredth.
MOST_DEGREES = 200


@dataclass(frozen=True)
class Compared:
    """The ranked models of one corpus and protocol: rows of the page, with `model` and win rates, and their scores."""

    corpus: str
    protocol: str
    rows: list[Json]
    contenders: list[Contender]
    paired: list[PairedErrors]


def win_rates(measured: Sequence[Json], published: Sequence[Json]) -> None:
    """Add to the rows of one corpus how many `others` there are, and how many of them each beats, ties counting half.

    These are `ua_wins` and its kin, and `ua_mean_wins` of means over folds; with them a win rate is exact.
    """
    others = len(measured) + len(published) - 1
    if others < 1:
        return
    for name in METRICS:
        pooled = np.array([row[name] for row in measured])
        means, figures = (np.array([row[f"{name}_mean"] for row in rows]) for rows in (measured, published))
        of_means = _beaten(np.concatenate([means, figures]), np.concatenate([means, figures])) - 0.5
        of_pooled = _beaten(pooled, pooled) - 0.5 + _beaten(means, figures)
        for place, row in enumerate([*measured, *published]):
            row["others"] = others
            row[f"{name}_mean_wins"] = float(of_means[place])
            row[f"{name}_wins"] = float((of_pooled if place < len(measured) else of_means)[place])


def _beaten(scores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many of the others each score beats, ties counting half.

    >>> _beaten(np.array([0.7, 0.5]), np.array([0.5, 0.6]))
    array([2. , 0.5])
    """
    ordered = np.sort(others)
    return (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")) / 2


def standings(
    compared: Iterable[Compared], groups_of: Mapping[str, Sequence[str]], names: Sequence[str]
) -> list[Json]:
    """Shared ranks over groups of corpora, by protocol: an entry for every group of at least two.

    Args:
        compared: all corpora and protocols.
        groups_of: the groups that each corpus is in, such as a language; corpora without any are left out.
        names: of the models, by their number.
    """
    groups: dict[tuple[str, str], list[Compared]] = {}
    for table in compared:
        for group in groups_of.get(table.corpus, ()):
            groups.setdefault((table.protocol, group), []).append(table)
    made: dict[tuple[str, tuple[str, ...]], Json] = {}
    for (protocol, _), tables in groups.items():
        corpora = tuple(table.corpus for table in tables)
        if len(tables) > 1 and (protocol, corpora) not in made:
            made[protocol, corpora] = {
                "protocol": protocol,
                "corpora": list(corpora),
                **_standing(tables, names),
            }
    return list(made.values())


def _standing(tables: Sequence[Compared], names: Sequence[str]) -> Json:
    """Ranks by each score of the models that have standard errors on at least one of the corpora."""
    ranked = {
        row["model"]
        for table in tables
        for row, contender in zip(table.rows, table.contenders, strict=True)
        if contender.standard_errors
    }
    models = sorted(ranked, key=lambda model: (names[model], model))
    places = {model: place for place, model in enumerate(models)}
    ranks = {
        name: shared_ranks(_order(tables, places, name), _better(tables, places, name)) for name in METRICS
    }
    return {"models": models, **ranks}


def _order(tables: Sequence[Compared], places: Mapping[int, int], name: str) -> list[int]:
    """Places by win rate, best first; equal ones by the mean over corpora that all of them have, then as they are."""
    rates: dict[int, list[Fraction]] = {place: [] for place in places.values()}
    scores: dict[int, dict[str, float]] = {place: {} for place in places.values()}
    for table in tables:
        for row, contender in zip(table.rows, table.contenders, strict=True):
            if (place := places.get(row["model"])) is None:
                continue
            scores[place][table.corpus] = contender.scores[name]
            if f"{name}_wins" in row:
                rates[place].append(Fraction(row[f"{name}_wins"]) / row["others"])
    equal: dict[Fraction, list[int]] = {}
    for place, of_model in rates.items():
        equal.setdefault(sum(of_model, Fraction()) / max(1, len(of_model)), []).append(place)
    order = []
    for rate in sorted(equal, reverse=True):
        shared = sorted(set.intersection(*(set(scores[place]) for place in equal[rate])))
        means = {place: fsum(scores[place][corpus] for corpus in shared) for place in equal[rate]}
        order += [place for _, place in sorted((-mean, place) for place, mean in means.items())]
    return order


def _better(tables: Sequence[Compared], places: Mapping[int, int], name: str) -> NDArray[np.bool_]:
    """Whether the model of the row is told apart from that of the column, and better, where both are, `(K, K)`."""
    size = len(places)
    shared, sums, squares = (np.zeros((size, size)) for _ in range(3))
    degrees = np.full((size, size), np.inf)
    for table in tables:
        here = [number for number, contender in enumerate(table.contenders) if contender.standard_errors]
        at = np.array([places[table.rows[number]["model"]] for number in here], dtype=np.int64)
        block = np.ix_(at, at)
        scores = np.array([table.contenders[number].scores[name] for number in here])
        clusters = np.array([table.contenders[number].clusters for number in here], dtype=np.float64)
        shared[block] += 1
        sums[block] += np.subtract.outer(scores, scores)
        squares[block] += squared_errors(table, name)[np.ix_(here, here)]
        degrees[block] = np.minimum(degrees[block], np.minimum.outer(clusters, clusters) - 1)
    known = np.maximum(shared, 1)
    errors = np.where(shared > 0, np.sqrt(squares) / known, np.inf)
    apart = told_apart(sums / known, errors, np.where(shared > 0, np.maximum(degrees, 1), 1))
    return apart & (sums > 0)


def squared_errors(table: Compared, name: str) -> Matrix:
    """Squared standard errors of the differences of one score, `(K, K)`: paired where predictions were kept."""
    errors = [(one.standard_errors or {}).get(name, np.inf) for one in table.contenders]
    squares: Matrix = np.add.outer(np.square(errors), np.square(errors))
    for pairs in table.paired:
        squares[np.ix_(pairs.places, pairs.places)] = pairs.errors[name] ** 2
    return squares


def pair_tables(compared: Iterable[Compared]) -> list[Json]:
    """Standard errors of differences of models that kept predictions of the same utterances, in percent.

    `models` in the order of UA, best first, the `MOST_PAIRED` best ones; each score has the errors of all pairs, the
    first model with all behind it, the second with all behind it, and so on.
    """
    made = []
    for table in compared:
        for pairs in table.paired:
            order = np.argsort(
                [-table.contenders[place].scores["ua"] for place in pairs.places], kind="stable"
            )
            kept = order[:MOST_PAIRED]
            upper = np.triu_indices(len(kept), 1)
            made.append(
                {
                    "protocol": table.protocol,
                    "corpus": table.corpus,
                    "models": [table.rows[pairs.places[place]]["model"] for place in kept],
                    **{
                        name: [
                            round(100 * float(error), ERROR_DECIMALS)
                            for error in pairs.errors[name][np.ix_(kept, kept)][upper]
                        ]
                        for name in METRICS
                    },
                }
            )
    return made


def quantiles() -> list[float]:
    """What a standard error is multiplied by for half an interval of 95 %, by degrees of freedom from 1."""
    return [round(t_quantile(0.975, degrees + 1), 4) for degrees in range(1, MOST_DEGREES + 1)]
