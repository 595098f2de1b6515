"""Agreement equals the krippendorff package and the examples of those who defined it."""

import krippendorff
import numpy as np
import pytest

from emobox_metric.raters.agreement import counts_of, fleiss_kappa, krippendorff_alpha

NONE = np.nan
# Four observers, twelve units: the example of Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), part C.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)
# Ten subjects, fourteen raters, five categories: a worked example, kappa 0.210.
SUBJECTS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_krippendorffs_own_example() -> None:
    votes, values = counts_of(OBSERVERS.T)
    assert values.tolist() == [1, 2, 3, 4, 5]
    assert krippendorff_alpha(votes) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(votes, "interval", values) == pytest.approx(0.849, abs=5e-4)


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_krippendorff_package(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ratings = generator.integers(1, 8, size=(60, 1)) + generator.integers(-2, 3, size=(60, 9)).astype(float)
    ratings[generator.random(ratings.shape) < 0.4] = NONE
    ratings = ratings[(~np.isnan(ratings)).any(axis=1)]
    votes, values = counts_of(ratings)
    for level in ("nominal", "interval"):
        expected = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement=level)
        assert krippendorff_alpha(votes, level, values) == pytest.approx(expected, abs=1e-12)


def test_fleiss_worked_example() -> None:
    assert fleiss_kappa(SUBJECTS) == pytest.approx(0.210, abs=5e-4)


def test_raters_who_agree_fully_and_no_more_than_chance() -> None:
    assert krippendorff_alpha([[3, 0], [0, 2]]) == fleiss_kappa([[3, 0], [0, 3]]) == 1
    generator = np.random.default_rng(0)
    by_chance = generator.multinomial(5, [0.2, 0.3, 0.5], size=20_000)
    assert krippendorff_alpha(by_chance) == pytest.approx(0, abs=0.01)
    assert fleiss_kappa(by_chance) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([[1, 0], [0, 1]], "two raters|two or more raters"),
        ([[2, 0], [2, 0]], "agreement beyond chance is not defined"),
        ([[0.5, 0.5]], "pass counts, since shares do not tell"),
        ([[0, 0]], "Expected a rater for every utterance"),
    ],
)
def test_votes_without_agreement_are_refused(votes: object, message: str) -> None:
    for measure in (krippendorff_alpha, fleiss_kappa):
        with pytest.raises(ValueError, match=message):
            measure(votes)  # type: ignore[operator]


def test_fleiss_kappa_needs_as_many_raters_everywhere() -> None:
    with pytest.raises(ValueError, match="but got 2 to 3; use krippendorff_alpha"):
        fleiss_kappa([[1, 1], [2, 1]])


def test_numbers_at_a_distance_are_needed_for_the_interval_level() -> None:
    with pytest.raises(ValueError, match="a number for each of the 2 columns"):
        krippendorff_alpha([[1, 1]], "interval")
    with pytest.raises(ValueError, match="Expected `level` to be one of nominal, interval"):
        krippendorff_alpha([[1, 1]], "ordinal")  # type: ignore[arg-type]
