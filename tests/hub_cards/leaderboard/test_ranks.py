"""Who shares a rank: the rule against hand-made and random cases, and the paired test against its parts."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from emobox_metric.ser_metric.comparison import compare_systems
from emobox_probe.records.result import METRICS
from hub_cards.leaderboard.ranks import (
    Contender,
    Predictions,
    paired_errors,
    rank,
    shared_ranks,
    told_apart,
)

LABELS = ["Angry", "Happy", "Sad"]


def table(right: float, seed: int, speakers: int = 8, each: int = 12) -> pd.DataFrame:
    """Predictions of which about that share is right; truth, ids and speakers do not depend on the seed."""
    size = speakers * each
    truth = np.arange(size) % len(LABELS)
    wrong = np.random.default_rng(seed).random(size) >= right
    return pd.DataFrame(
        {
            "id": [f"u{number:04}" for number in range(size)],
            "speaker": [f"s{number // each}" for number in range(size)],
            "fold": "fold1",
            "seed": 0,
            "label": np.array(LABELS)[truth],
            "prediction": np.array(LABELS)[(truth + wrong) % len(LABELS)],
        }
    )


def contender(
    score: float, error: float | None, predictions: pd.DataFrame | None = None, clusters: int = 24
) -> Contender:
    return Contender(
        dict.fromkeys(METRICS, score),
        None if error is None else dict.fromkeys(METRICS, error),
        clusters,
        None if predictions is None else Predictions.of(predictions, LABELS),
    )


def test_models_that_cannot_be_told_apart_share_a_rank_and_the_next_counts_those_above() -> None:
    contenders = [contender(score, 0.01) for score in (0.50, 0.90, 0.88, 0.87, 0.70)]
    found = rank(contenders, 3, "zero")
    assert found.ranks["ua"] == [5, 1, 1, 1, 4]
    assert found.methods == {"intervals"}


def test_a_chain_is_cut_where_the_next_can_be_told_apart_from_any_of_the_group() -> None:
    # Neighbours are 2.1 standard errors of a difference apart, the second next 4.2.
    contenders = [contender(score, 0.01) for score in (0.90, 0.87, 0.84, 0.81)]
    assert rank(contenders, 3, "zero").ranks["f1"] == [1, 1, 3, 3]


def test_without_spread_a_few_speakers_settle_no_rank() -> None:
    for speakers, ranks in ((4, [1, 1]), (10, [1, 2]), (5000, [1, 2])):
        two = [contender(score, 0.0, clusters=speakers) for score in (1.0, 0.25)]
        assert rank(two, 3, "zero").ranks["ua"] == ranks
    # Paired: every speaker is right throughout, and wrong throughout.
    for speakers, ranks in ((4, [1, 1]), (10, [1, 2])):
        two = [contender(right, 0.0, table(right, 0, speakers), speakers) for right in (1.0, 0.0)]
        found = rank(two, 3, "zero")
        assert (found.ranks["wa"], found.methods) == (ranks, {"paired"})


def test_more_comparisons_tell_less_apart() -> None:
    two = [contender(0.90, 0.01), contender(0.86, 0.01)]
    assert rank(two, 3, "zero").ranks["ua"] == [1, 2]
    between = [contender(0.90 - 0.04 * place / 20, 0.01) for place in range(1, 20)]
    assert set(rank([*two, *between], 3, "zero").ranks["ua"]) == {1}


def test_one_model_alone_is_first() -> None:
    found = rank([contender(0.4, 0.1)], 3, "zero")
    assert (found.ranks["ua"], found.methods) == ([1], set())


def test_without_an_interval_there_is_no_rank() -> None:
    found = rank([contender(0.9, None), contender(0.5, 0.01), contender(0.8, 0.01)], 3, "zero")
    assert found.ranks["ua"] == [None, 2, 1]
    assert rank([contender(0.9, None)] * 2, 3, "zero").ranks["wa"] == [None, None]


def test_the_fewer_speakers_of_two_runs_decide() -> None:
    many = [contender(0.9, 0.01, clusters=24), contender(0.86, 0.01, clusters=24)]
    few = [many[0], contender(0.86, 0.01, clusters=4)]
    assert rank(many, 3, "zero").ranks["ua"] == [1, 2]
    assert rank(few, 3, "zero").ranks["ua"] == [1, 1]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 0.1)), min_size=2, max_size=9), st.integers(4, 60)
)
def test_told_apart_is_what_holm_rejects_step_by_step(
    models: list[tuple[float, float]], clusters: int
) -> None:
    scores, errors = map(np.array, zip(*models, strict=True))
    differences, both = np.subtract.outer(scores, scores), np.sqrt(np.add.outer(errors**2, errors**2))
    pairs = list(zip(*np.triu_indices(len(models), 1), strict=True))
    p_values = {
        pair: 2 * scipy.stats.t.sf(abs(differences[pair]) / both[pair], clusters - 1) for pair in pairs
    }
    expected = np.zeros(both.shape, dtype=bool)
    for step, pair in enumerate(sorted(pairs, key=p_values.__getitem__)):
        if p_values[pair] >= 0.05 / (len(pairs) - step):
            break
        expected[pair] = expected[pair[::-1]] = True
    found = told_apart(differences, both, np.full(both.shape, clusters - 1.0))
    assert (found == expected).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_of_one_rank_no_two_can_be_told_apart_and_borders_are_real(scores: list[float], seed: int) -> None:
    count = len(scores)
    apart = np.random.default_rng(seed).random((count, count)) < 0.3
    order = sorted(range(count), key=lambda place: -scores[place])
    better = np.zeros((count, count), dtype=bool)
    better[np.ix_(order, order)] = np.triu(apart, 1)
    ranks = shared_ranks(order, better)
    assert [ranks[place] for place in order] == sorted(ranks)
    for one, first in enumerate(ranks):
        for other, second in enumerate(ranks):
            assert not (first == second and better[one, other])
    for number in set(ranks) - {1}:
        assert sum(rank < number for rank in ranks) == number - 1
        opener = next(place for place in order if ranks[place] == number)
        above = max(rank for rank in ranks if rank < number)
        assert any(better[place, opener] for place, rank in enumerate(ranks) if rank == above)


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_who_is_worse_never_has_the_better_rank_whatever_the_order(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    better = generator.random((count, count)) < 0.3
    better = np.triu(better, 1) | np.tril(~better.T & (generator.random((count, count)) < 0.3), -1)
    ranks = shared_ranks(generator.permutation(count).tolist(), better)
    for one, other in zip(*np.nonzero(better), strict=True):
        assert ranks[one] <= ranks[other]


def test_kept_predictions_tell_apart_what_intervals_cannot() -> None:
    better, worse = table(0.95, seed=1), table(0.95, seed=1)
    # The other one makes the same mistakes and a few more, in every voice: its interval overlaps.
    worse.loc[worse.index % 12 == 5, "prediction"] = worse["label"].map(
        dict(zip(LABELS, LABELS[1:] + LABELS[:1], strict=True))
    )
    wide = [contender(0.95, 0.1, better), contender(0.90, 0.1, worse)]
    found = rank(wide, len(LABELS), "zero")
    assert found.ranks["wa"] == [1, 2]
    assert found.methods == {"paired"}
    assert rank([contender(0.95, 0.1), contender(0.90, 0.1)], 3, "zero").ranks["wa"] == [1, 1]


@pytest.mark.parametrize("clusters", ["speaker", "id"])
def test_paired_errors_are_those_of_compare_systems(clusters: str) -> None:
    tables = [table(0.8, seed) for seed in (1, 2, 3)]
    if clusters == "id":
        tables = [one.assign(speaker=None) for one in tables]
    errors = paired_errors([Predictions.of(one, LABELS) for one in tables], 3, "zero")
    truth, *said = (
        one.map(LABELS.index) for one in (tables[0]["label"], *(one["prediction"] for one in tables))
    )
    for first, other in ((0, 1), (2, 0)):
        by_parts = compare_systems(
            truth, said[first], said[other], 3, clusters=tables[0][clusters], resamples=8000
        )
        for name in METRICS:
            low, high = by_parts[name]["interval"]
            quantile = scipy.stats.t.ppf(0.975, tables[0][clusters].nunique() - 1)
            assert errors[name][first, other] == pytest.approx((high - low) / 2 / quantile, rel=0.06)


def test_ten_equal_models_share_a_rank_in_nearly_every_table() -> None:
    """Of 40 tables of eight speakers, without correction 30 are split; three standard errors above 5 percent is 6."""
    split = 0
    for repetition in range(40):
        tables = [table(0.7, seed=10 * repetition + model) for model in range(10)]
        contenders = [
            contender((one["label"] == one["prediction"]).mean(), 0.1, one, clusters=8) for one in tables
        ]
        split += max(filter(None, rank(contenders, 3, "zero").ranks["wa"])) > 1
    assert split <= 6


def test_rows_in_another_order_are_the_same_predictions() -> None:
    one = table(0.8, seed=2)
    shuffled = one.sample(frac=1, random_state=0)
    assert Predictions.of(one, LABELS).tested == Predictions.of(shuffled, LABELS).tested
    twins = [contender(0.8, 0.1, one), contender(0.8, 0.1, shuffled)]
    assert rank(twins, 3, "zero").ranks["ua"] == [1, 1]


@pytest.mark.parametrize("change", ["fold", "id", "label"])
def test_predictions_of_other_utterances_are_compared_by_interval(change: str) -> None:
    one, other = table(0.8, seed=3), table(0.8, seed=4)
    other.loc[0, change] = "Sad" if change == "label" else "another"
    found = rank([contender(0.8, 0.1, one), contender(0.75, 0.1, other)], 3, "zero")
    assert found.methods == {"intervals"}


def test_some_with_and_some_without_predictions_are_compared_pair_by_pair() -> None:
    three = [
        contender(0.8, 0.1, table(0.8, seed=5)),
        contender(0.79, 0.1, table(0.8, seed=6)),
        contender(0.78, 0.1),
    ]
    assert rank(three, 3, "zero").methods == {"paired", "intervals"}
