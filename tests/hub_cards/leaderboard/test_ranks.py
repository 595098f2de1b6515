"""Who shares a rank: the rule against hand-made and random cases, and the paired test against its parts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emobox_metric.ser_metric.comparison import compare_systems
from hub_cards.leaderboard.ranks import Contender, Predictions, apart, rank, shared_ranks

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


def contender(score: float, width: float, predictions: pd.DataFrame | None = None) -> Contender:
    bounds = (score - width, score + width)
    return Contender(
        dict.fromkeys(("ua", "wa", "f1"), score),
        dict.fromkeys(("ua", "wa", "f1"), bounds),
        None if predictions is None else Predictions.of(predictions, LABELS),
    )


def test_models_within_their_intervals_share_a_rank_and_the_next_counts_those_above() -> None:
    contenders = [contender(score, 0.02) for score in (0.50, 0.90, 0.88, 0.87, 0.70)]
    found = rank(contenders, 3, "zero")
    assert found.ranks["ua"] == [5, 1, 1, 1, 4]
    assert found.methods == {"intervals"}


def test_a_chain_is_cut_where_the_next_can_be_told_apart_from_any_of_the_group() -> None:
    # 0.90 and 0.86 overlap, 0.86 and 0.82 overlap, 0.90 and 0.82 do not.
    contenders = [contender(score, 0.025) for score in (0.90, 0.86, 0.82, 0.78)]
    assert rank(contenders, 3, "zero").ranks["f1"] == [1, 1, 3, 3]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), min_size=1, max_size=12))
def test_of_one_rank_no_two_can_be_told_apart_and_borders_are_real(models: list[tuple[float, float]]) -> None:
    bounds = [(score - width, score + width) for score, width in models]

    def told_apart(one: int, other: int) -> bool:
        return apart(bounds[one], bounds[other])

    ranks = shared_ranks([score for score, _ in models], told_apart)
    for one, first in enumerate(ranks):
        for other, second in enumerate(ranks):
            assert not (one != other and first == second and told_apart(one, other))
            if models[one][0] > models[other][0]:
                assert first <= second
    for number in set(ranks) - {1}:
        assert sum(rank < number for rank in ranks) == number - 1
        opener = max(
            (place for place, rank in enumerate(ranks) if rank == number), key=lambda p: models[p][0]
        )
        above = max(rank for rank in ranks if rank < number)
        assert any(told_apart(place, opener) for place, rank in enumerate(ranks) if rank == above)


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
    by_parts = compare_systems(
        better["label"].map(LABELS.index),
        better["prediction"].map(LABELS.index),
        worse["prediction"].map(LABELS.index),
        3,
        clusters=better["speaker"],
    )
    assert by_parts["wa"]["interval"][0] > 0


def test_rows_in_another_order_are_the_same_predictions() -> None:
    one = table(0.8, seed=2)
    shuffled = one.sample(frac=1, random_state=0)
    assert Predictions.of(one, LABELS).tested == Predictions.of(shuffled, LABELS).tested
    twins = [contender(0.8, 0.0, one), contender(0.8, 0.0, shuffled)]
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
