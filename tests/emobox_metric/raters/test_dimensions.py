"""The concordance correlation coefficient equals that of audmetric; its interval covers what it should."""

import audmetric
import numpy as np
import pytest

from emobox_metric.raters.dimensions import ccc, ccc_interval
from emobox_metric.ser_metric.intervals import TooFewClustersError


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (3.5, 0.7), (1e6, 1.0), (50.0, 20.0)])
@pytest.mark.parametrize("count", [2, 535])
def test_equal_to_audmetric(mean: float, spread: float, count: int) -> None:
    generator = np.random.default_rng(count)
    truth = mean + spread * generator.normal(size=count)
    answers = 0.6 * truth + 0.4 * mean + 0.5 * spread * generator.normal(size=count) + 0.1
    assert ccc(truth, answers) == pytest.approx(audmetric.concordance_cc(truth, answers), abs=1e-12)


def test_by_hand() -> None:
    # means 2, 3; variances 2/3, 2/3; covariance 2/3: (4/3) / (4/3 + 1)
    assert ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)
    assert ccc([1, 2, 3], [3, 2, 1]) == -1
    assert ccc([1, 2, 3], [2, 2, 2]) == 0


def test_the_interval_is_about_new_speakers() -> None:
    generator = np.random.default_rng(0)
    speakers = np.repeat(np.arange(8), 40)
    truth = generator.normal(size=320)
    # Every speaker is misjudged in a way of his own: utterances of the same ones would not show how far that goes.
    answers = truth + generator.normal(size=8)[speakers]
    by_speaker, by_utterance = ccc_interval(truth, answers, speakers), ccc_interval(truth, answers)
    assert by_speaker[0] < by_utterance[0] < ccc(truth, answers) < by_utterance[1] < by_speaker[1]
    assert ccc_interval(truth + 1e6, answers + 1e6, speakers) == pytest.approx(by_speaker, abs=1e-6)


def test_the_interval_covers() -> None:
    covered = 0
    # Half of x and y is shared: CCC is 0.5 in the long run.
    for seed in range(200):
        generator = np.random.default_rng(seed)
        shared, x, y = generator.normal(size=(3, 150))
        low, high = ccc_interval(shared + x, shared + y, resamples=300)
        covered += low <= 0.5 <= high
    assert 180 <= covered <= 198


def test_equal_numbers_have_no_interval() -> None:
    assert ccc_interval([1, 2, 3, 4], [1, 2, 3, 4]) is None


@pytest.mark.parametrize(
    ("truth", "answers", "message"),
    [
        ([1.0], [1.0], "two or more numbers"),
        ([1.0, 2.0], [1.0], "two or more numbers"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "align them by utterance id"),
        ([1.0, float("nan")], [1.0, 2.0], "leave out what was not rated"),
        ([2.0, 2.0], [2.0, 2.0], "Expected numbers that differ, but got 2 only"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "one dimension at a time"),
    ],
)
def test_what_has_no_concordance_is_refused(truth: object, answers: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ccc(truth, answers)  # type: ignore[arg-type]


def test_three_speakers_are_too_few() -> None:
    with pytest.raises(TooFewClustersError):
        ccc_interval([1, 2, 3, 4], [1, 2, 3, 5], clusters=["a", "a", "b", "c"])
