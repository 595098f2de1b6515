"""The paired comparison against enumeration, scipy and closed forms."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from emobox_metric.ser_metric.comparison import compare_systems, mcnemar, minimum_detectable_difference
from emobox_metric.ser_metric.intervals import TooFewClustersError
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion


def two_systems(size, seed=0, num_labels=3):
    rng = np.random.default_rng(seed)
    references = rng.integers(0, num_labels, size)
    first = np.where(rng.random(size) < 0.8, references, rng.integers(0, num_labels, size))
    other = np.where(rng.random(size) < 0.4, first, rng.integers(0, num_labels, size))
    return references, first, other


@given(st.integers(0, 24), st.integers(0, 24))
def test_mcnemar_is_exact_when_few_are_discordant(first, other):
    if first + other >= 25:
        first, other = first // 2, other // 2
    result = mcnemar(first, other)
    expected = scipy.stats.binomtest(first, first + other, 0.5).pvalue if first + other else 1.0
    assert result["method"] == "exact binomial"
    assert result["p_value"] == pytest.approx(expected)


@given(st.integers(0, 400), st.integers(25, 400))
def test_mcnemar_is_chi_squared_otherwise(first, other):
    result = mcnemar(first, other)
    statistic = max(0, abs(first - other) - 1) ** 2 / (first + other)
    assert result["method"] == "chi-squared with continuity correction"
    assert result["p_value"] == pytest.approx(scipy.stats.chi2.sf(statistic, df=1), abs=1e-12)


def test_mcnemar_changes_method_at_25():
    assert mcnemar(12, 12)["method"] == "exact binomial"
    assert mcnemar(13, 12)["method"].startswith("chi-squared")
    exact = scipy.stats.binomtest(18, 25, 0.5).pvalue
    assert mcnemar(18, 7)["p_value"] == pytest.approx(exact, rel=0.1)


def test_counts_and_differences():
    references, first, other = two_systems(500)
    result = compare_systems(references, first, other, 3, resamples=50)
    for name in ("ua", "wa", "f1"):
        scores = [scores_from_confusion(confusion_matrix(references, one, 3))[name] for one in (first, other)]
        assert result[name]["difference"] == pytest.approx(scores[0] - scores[1])
    counts = {"only_first_correct": 0, "only_other_correct": 0}
    for reference, one, two in zip(references, first, other, strict=True):
        counts["only_first_correct"] += one == reference != two
        counts["only_other_correct"] += two == reference != one
    assert {key: result["mcnemar"][key] for key in counts} == counts


def test_interval_and_p_value_against_all_resamples_of_speakers():
    references, first, other = two_systems(60, seed=3)
    speakers = np.arange(60) % 5
    differences = []
    for draw in itertools.product(range(5), repeat=5):
        chosen = np.concatenate([np.flatnonzero(speakers == speaker) for speaker in draw])
        scores = [
            scores_from_confusion(confusion_matrix(references[chosen], one[chosen], 3), absent="skip")
            for one in (first, other)
        ]
        differences.append({name: scores[0][name] - scores[1][name] for name in ("ua", "wa", "f1")})
    found = compare_systems(references, first, other, 3, clusters=speakers, resamples=20_000)
    for name in ("ua", "wa", "f1"):
        exact = np.array([difference[name] for difference in differences])
        error = exact.std() * np.sqrt(5 / 4)
        student = scipy.stats.t(df=4, loc=found[name]["difference"], scale=error)
        assert found[name]["interval"] == pytest.approx(student.interval(0.95), abs=0.01)
        assert found[name]["p_value"] == pytest.approx(2 * min(student.cdf(0), student.sf(0)), abs=0.02)
        quantiles = scipy.stats.t.ppf([0.975, 0.8], df=4).sum()
        assert found[name]["minimum_detectable_difference"] == pytest.approx(quantiles * error, rel=0.03)


def test_standard_error_of_accuracy_has_a_closed_form():
    references, first, other = two_systems(800, seed=1)
    outcome = (first == references).astype(float) - (other == references)
    expected = minimum_detectable_difference(outcome.std() / np.sqrt(800))
    found = compare_systems(references, first, other, 3, resamples=10_000)
    assert found["wa"]["minimum_detectable_difference"] == pytest.approx(expected, rel=0.03)


def test_power_at_the_minimum_detectable_difference():
    """A z test of a normal estimate that far from zero rejects in 80 percent of experiments."""
    difference = minimum_detectable_difference(0.5)
    assert scipy.stats.norm.sf(scipy.stats.norm.isf(0.025), loc=difference / 0.5) == pytest.approx(
        0.8, abs=1e-4
    )


def test_a_system_does_not_differ_from_itself():
    references, first, _ = two_systems(100)
    result = compare_systems(references, first, first, 3)
    for name in ("ua", "wa", "f1"):
        assert result[name] == {
            "difference": 0.0,
            "interval": None,
            "p_value": 1.0,
            "minimum_detectable_difference": None,
        }
    assert result["mcnemar"]["p_value"] == 1.0


def test_recalls_in_another_order_are_no_difference():
    """0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 in floating point; every resample here has the same recalls, permuted."""
    references = np.repeat([0, 1, 2], 10)
    first = np.concatenate(
        [np.where(np.arange(10) < hits, label, (label + 1) % 3) for label, hits in enumerate((1, 2, 3))]
    )
    other = np.concatenate(
        [np.where(np.arange(10) < hits, label, (label + 1) % 3) for label, hits in enumerate((3, 2, 1))]
    )
    # Every speaker holds all items, so all resamples are alike.
    result = compare_systems(
        *(np.tile(ids, 4) for ids in (references, first, other)), 3, clusters=np.repeat(range(4), 30)
    )
    assert result["ua"]["p_value"] == 1.0


@pytest.mark.parametrize("speakers", [4, 8])
def test_a_difference_that_all_resamples_share_is_as_sure_as_there_are_speakers(speakers):
    """With t it would be certain, p = 0, of four speakers as of a thousand; signs by chance are alike in 2 of 2^S."""
    references = np.tile([0, 1, 2], speakers)
    result = compare_systems(
        references, references, (references + 1) % 3, 3, np.repeat(np.arange(speakers), 3), resamples=99
    )
    signs = np.array(list(itertools.product([-1, 1], repeat=speakers))).mean(axis=1)
    assert result["ua"]["p_value"] == pytest.approx((abs(signs) == 1).mean())
    assert (result["ua"]["difference"], result["ua"]["interval"]) == (1.0, None)
    assert result["ua"]["minimum_detectable_difference"] is None


@pytest.mark.parametrize("speakers", [["a"] * 6, ["a", "b"] * 3, ["a", "b", "c"] * 2])
def test_too_few_speakers_are_an_error(speakers):
    with pytest.raises(TooFewClustersError, match=f"at least 4 clusters .* but got {len(set(speakers))} "):
        compare_systems([0, 1] * 3, [0, 1] * 3, [1, 1] * 3, 2, clusters=speakers)


def test_swapping_the_systems_changes_the_sign_only():
    references, first, other = two_systems(200)
    forth = compare_systems(references, first, other, 3, resamples=20_000)["ua"]
    back = compare_systems(references, other, first, 3, resamples=20_000)["ua"]
    assert back["difference"] == -forth["difference"]
    assert back["interval"] == pytest.approx((-forth["interval"][1], -forth["interval"][0]), abs=0.005)


def test_rejects_what_is_not_on_the_same_items():
    with pytest.raises(ValueError, match="2 references, 2 predictions, 3 other_predictions"):
        compare_systems([0, 1], [0, 1], [0, 1, 1], 2)
    with pytest.raises(ValueError, match="`other_predictions` to be label ids"):
        compare_systems([0, 1], [0, 1], [0, 2], 2)
