"""Win rates, shared ranks over several corpora, and the errors of pairs, against hand-made and plain computations."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from kept_runs import kept_run

from emobox_probe.records.result import METRICS
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.ranks import Contender, PairedErrors
from hub_cards.leaderboard.standing import (
    MOST_PAIRED,
    Compared,
    pair_tables,
    quantiles,
    squared_errors,
    standings,
    win_rates,
)
from hub_cards.runs.collection import collect

# In an order of their own: of the models 0, 1, 2 …
NAMES = [f"model {number:02}" for number in range(100)]


def row(model: int, score: float, mean: float | None = None) -> dict[str, Any]:
    mean = score if mean is None else mean
    return {"model": model, **dict.fromkeys(METRICS, score), **{f"{name}_mean": mean for name in METRICS}}


def published(model: int, mean: float) -> dict[str, Any]:
    return {"model": model, **{f"{name}_mean": mean for name in METRICS}}


def compared(
    corpus: str, scores: dict[int, float], error: float = 0.01, clusters: int = 24, protocol: str = "paper"
) -> Compared:
    """Models with a score each, in 0..1; their rows with win rates."""
    rows = [row(model, 100 * score) for model, score in scores.items()]
    win_rates(rows, [])
    contenders = [
        Contender(dict.fromkeys(METRICS, score), dict.fromkeys(METRICS, error), clusters, None)
        for score in scores.values()
    ]
    return Compared(corpus, protocol, rows, contenders, [])


def ranked(tables: list[Compared], names: list[str] = NAMES) -> dict[int, int]:
    """Ranks by UA over all corpora, by model."""
    (group,) = standings(tables, {table.corpus: ["all"] for table in tables}, names)
    return dict(sorted(zip(group["models"], group["ua"], strict=True)))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=8))
def test_a_win_rate_is_the_share_of_others_that_are_beaten(scores: list[int]) -> None:
    rows = [row(model, float(score)) for model, score in enumerate(scores)]
    win_rates(rows, [])
    for one, mine in zip(rows, scores, strict=True):
        others = list(scores)
        others.remove(mine)
        share = sum((mine > other) + (mine == other) / 2 for other in others) / len(others)
        assert one["ua_wins"] / one["others"] == pytest.approx(share, abs=1e-12)


def test_like_is_compared_with_like() -> None:
    # By all utterances the first is ahead of the second, by means over folds behind; the paper lies between its means.
    first, second, paper = row(0, 80, mean=60), row(1, 70, mean=75), published(2, 65)
    win_rates([first, second], [paper])
    assert first["others"] == 2
    assert (first["ua_wins"], second["ua_wins"], paper["ua_wins"]) == (1, 1, 1)
    assert (first["ua_mean_wins"], second["ua_mean_wins"], paper["ua_mean_wins"]) == (0, 2, 1)


def test_nobody_wins_alone() -> None:
    alone = row(0, 80)
    win_rates([alone], [])
    assert "ua_wins" not in alone


def test_models_that_lack_corpora_have_a_rank() -> None:
    tables = [compared("a", {0: 0.9, 1: 0.7, 2: 0.5}), compared("b", {0: 0.8, 1: 0.6})]
    (group,) = standings(tables, {"a": ["all"], "b": ["all"]}, NAMES)
    assert dict(zip(group["models"], group["ua"], strict=True)) == {0: 1, 1: 2, 2: 3}


def test_over_several_corpora_more_can_be_told_apart() -> None:
    # 1.3 standard errors of the difference apart on each of nine corpora: 3.9 over all.
    error = 0.02 / 1.3 / np.sqrt(2)
    tables = [compared(f"corpus{number}", {0: 0.72, 1: 0.70}, error) for number in range(9)]
    groups = {table.corpus: ["all"] for table in tables}
    groups["corpus0"] = groups["corpus1"] = ["all", "language x"]
    both = {tuple(group["corpora"]): group["ua"] for group in standings(tables, groups, NAMES)}
    assert both[tuple(groups)] == [1, 2]
    assert both["corpus0", "corpus1"] == [1, 1]  # 1.8 over two


def test_models_without_a_corpus_in_common_share_a_rank() -> None:
    # The second is between: it loses to the first where they meet, and beats the third.
    tables = [compared("a", {0: 0.9, 3: 0.1}), compared("b", {1: 0.5, 2: 0.45}, error=0.2)]
    (group,) = standings(tables, {"a": ["all"], "b": ["all"]}, NAMES)
    ranks = dict(zip(group["models"], group["ua"], strict=True))
    assert ranks[0] == ranks[1] == 1


def test_one_corpus_and_another_protocol_make_no_group() -> None:
    tables = [compared("a", {0: 0.9, 1: 0.5}), compared("b", {0: 0.9, 1: 0.5}, protocol="strict")]
    assert standings(tables, {"a": ["all"], "b": ["all"]}, NAMES) == []
    assert standings(tables[:1] * 2, {}, NAMES) == []


def test_an_error_over_corpora_is_that_of_independent_ones_with_the_degrees_of_the_fewest_speakers() -> None:
    """The limit at which two models are told apart, by scipy."""
    for clusters in ([5] * 4, [12] * 4, [30, 5, 30, 30]):
        error, corpora = 0.03, len(clusters)
        limit = scipy.stats.t.ppf(0.975, min(clusters) - 1) * np.sqrt(2 * error**2 * corpora) / corpora
        for factor, expected in ((0.98, [1, 1]), (1.02, [1, 2])):
            scores = {0: 0.5 + factor * limit, 1: 0.5}
            tables = [compared(f"c{place}", scores, error, count) for place, count in enumerate(clusters)]
            assert list(ranked(tables).values()) == expected


def test_a_model_that_is_worse_by_the_mean_has_no_better_rank_for_its_win_rate() -> None:
    narrow = [compared(corpus, {0: 0.61, 1: 0.60}) for corpus in "ab"]
    assert ranked([*narrow, compared("c", {0: 0.40, 1: 0.80})]) == {0: 1, 1: 1}
    assert ranked([*narrow, compared("c", {0: 0.80, 1: 0.40})]) == {0: 1, 1: 2}


def test_equal_win_rates_stand_by_mean_then_by_name_whatever_comes_first() -> None:
    scores = [{0: 0.61, 1: 0.60}, {0: 0.4, 1: 0.8}]
    equal = [{0: 0.9, 1: 0.8, 2: 0.7}, {0: 0.7, 1: 0.8, 2: 0.9}]
    for turned in (False, True):
        tables = [
            compared(corpus, dict(sorted(of_models.items(), reverse=turned)))
            for corpus, of_models in zip("ab", scores, strict=True)
        ]
        assert ranked(tables) == {0: 2, 1: 1}
        (group,) = standings(
            [compared(c, dict(sorted(s.items(), reverse=turned))) for c, s in zip("ab", equal, strict=True)],
            {"a": ["all"], "b": ["all"]},
            ["z", "y", "x"],
        )
        assert (group["models"], group["ua"]) == ([2, 1, 0], [1, 1, 1])


def test_win_rates_are_not_rounded_before_they_are_averaged() -> None:
    # 1/3 + 1/3 + 1/3 and 1/2 + 1/2 + 0 differ by rounding to a tenth: 33.3 is less than 33.333.
    thirds = [compared(corpus, {0: 0.6, 1: 0.5, 2: 0.8, 3: 0.9}, error=1e-4) for corpus in "abc"]
    for table in thirds:
        for one in table.rows:
            if one["model"] == 1:
                one["ua_wins"], one["others"] = 1.0, 3
    thirds[0].rows[0]["ua_wins"], thirds[1].rows[0]["ua_wins"], thirds[2].rows[0]["ua_wins"] = 3.0, 0.0, 0.0
    assert ranked(thirds)[0] < ranked(thirds)[1]  # equal rates: the mean decides


def test_a_record_of_few_speakers_weakens_its_own_pairs_only() -> None:
    limit = scipy.stats.t.ppf(1 - 0.025 / 3, 23) * 0.01  # Holm's first step of three pairs
    tables = [compared(corpus, {0: 0.5 + 1.2 * limit, 1: 0.5, 2: 0.5}, error=0.01) for corpus in "ab"]
    for table in tables:
        table.contenders[2] = replace(table.contenders[2], clusters=4)
    assert ranked(tables)[1] == 2


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [(4, 24, 24), (6, 10, 20), (4, 4)])
@pytest.mark.parametrize("models", [2, 10])
def test_of_tables_of_equal_models_about_five_percent_are_split(
    speakers: tuple[int, ...], models: int
) -> None:
    """On speakers' scores with a common part for each, which pairing takes out; the limit is 5 percent + 3 errors."""
    generator, repetitions = np.random.default_rng(1), 400
    split = 0
    for _ in range(repetitions):
        tables = []
        for number, count in enumerate(speakers):
            of_speakers = generator.normal(0.6, 0.05, (count, 1)) + generator.normal(0, 0.08, (count, models))
            scores = dict(enumerate(of_speakers.mean(0).tolist()))
            squares = np.cov(of_speakers.T) / count
            own = np.diag(squares)
            errors = np.sqrt(np.maximum(np.add.outer(own, own) - 2 * squares, 0))
            table = compared(f"c{number}", scores, float(np.sqrt(own.mean())), count)
            paired = PairedErrors(list(range(models)), dict.fromkeys(METRICS, errors))
            tables.append(replace(table, paired=[paired]))
        split += max(ranked(tables).values()) > 1
    assert split / repetitions <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions)


def test_paired_errors_take_the_place_of_two() -> None:
    table = compared("a", {0: 0.9, 1: 0.8, 2: 0.7}, error=0.03)
    block = np.array([[0, 0.01], [0.01, 0]])
    paired = Compared(
        "a", "paper", table.rows, table.contenders, [PairedErrors([0, 2], dict.fromkeys(METRICS, block))]
    )
    squares = squared_errors(paired, "ua")
    assert squares[0, 2] == pytest.approx(0.01**2)
    assert squares[0, 1] == pytest.approx(2 * 0.03**2)
    (pairs,) = pair_tables([paired])
    assert (pairs["models"], pairs["ua"]) == ([0, 2], [1.0])


def test_of_many_models_the_best_are_kept_in_pairs() -> None:
    count = MOST_PAIRED + 6
    table = compared("a", {model: 0.2 + 0.005 * model for model in range(count)})
    errors = np.add.outer(np.arange(count), np.arange(count)) / 1000
    paired = PairedErrors(list(range(count)), dict.fromkeys(METRICS, errors))
    (pairs,) = pair_tables([Compared("a", "paper", table.rows, table.contenders, [paired])])
    assert pairs["models"] == list(range(count - 1, 5, -1))
    assert len(pairs["ua"]) == MOST_PAIRED * (MOST_PAIRED - 1) // 2
    assert pairs["ua"][:2] == [round(100 * (2 * count - 3) / 1000, 3), round(100 * (2 * count - 4) / 1000, 3)]


def test_the_page_knows_students_t() -> None:
    assert quantiles()[2] == pytest.approx(scipy.stats.t.ppf(0.975, 3), abs=1e-4)
    assert quantiles()[-1] == pytest.approx(scipy.stats.norm.ppf(0.975), abs=0.015)


def test_groups_are_the_benchmark_its_languages_and_its_sources(tmp_path: Path) -> None:
    for number, corpus in enumerate(("urdu", "emodb", "crema_d", "savee", "demo")):
        for model, right in (("lab/good", 0.9), ("lab/poor", 0.4)):
            kept_run(tmp_path / f"{number}-{model[4:]}", model, corpus, right=right, seed=number)
    data = page_data(collect([tmp_path]))
    names = {
        frozenset(data["corpora"][place]["name"] for place in group["corpora"]): group["ua"]
        for group in data["standings"]
    }
    acted, english = {"emodb", "crema_d", "savee"}, {"crema_d", "savee"}
    assert set(names) == {frozenset(acted | {"urdu"}), frozenset(acted), frozenset(english)}
    assert names[frozenset(acted)] == [1, 2]
