"""Distances of distributions equal those of SciPy, PyTorch and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import f1_score

from emobox_metric.raters.distributions import (
    brier_score,
    cross_entropy,
    entropy,
    jensen_shannon_divergence,
    multilabel_f1,
)


def answers(seed: int, count: int = 300, labels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `(N, C)` and votes `(N, C)` of 1 to 12 raters, many of them for one label alone."""
    generator = np.random.default_rng(seed)
    raters = generator.integers(1, 13, size=count)
    probabilities = generator.dirichlet(np.full(labels, 0.5), size=count)
    chances = generator.dirichlet(np.full(labels, 0.3), size=count)
    return probabilities, np.array(
        [generator.multinomial(n, p) for n, p in zip(raters, chances, strict=True)]
    )


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_other_implementations(seed: int) -> None:
    probabilities, votes = answers(seed)
    shares = votes / votes.sum(axis=1, keepdims=True)
    divergences = jensenshannon(probabilities, shares, axis=1, base=2) ** 2
    assert jensen_shannon_divergence(probabilities, votes) == pytest.approx(divergences.mean(), abs=1e-12)
    soft = torch.nn.functional.cross_entropy(torch.tensor(np.log(probabilities)), torch.tensor(shares))
    assert cross_entropy(probabilities, votes) == pytest.approx(soft.item(), abs=1e-12)
    squared = torch.nn.functional.mse_loss(torch.tensor(probabilities), torch.tensor(shares), reduction="sum")
    assert brier_score(probabilities, votes) == pytest.approx(squared.item() / len(votes), abs=1e-12)
    np.testing.assert_allclose(entropy(votes), scipy_entropy(shares, axis=1, base=2), atol=1e-12)


@pytest.mark.parametrize("threshold", [None, 0.1, 0.5])
def test_thresholded_labels_are_scored_as_scikit_learn_does(threshold: float | None) -> None:
    probabilities, votes = answers(4)
    votes[:, 2] = 0  # a label that no rater chose
    votes[:, 0] += 1
    bar = 1 / 6 if threshold is None else threshold
    # In whole numbers: `votes / raters > 1 / 6` must not hang on the last bit.
    chosen = votes * 60 > round(bar * 60) * votes.sum(axis=1, keepdims=True)
    expected = f1_score(chosen, probabilities > bar, average="macro", zero_division=0)
    assert multilabel_f1(probabilities, votes, threshold) == pytest.approx(expected, abs=1e-12)


def test_a_share_at_the_threshold_is_not_above_it() -> None:
    votes = [[1, 1, 1, 1, 1, 1], [6, 0, 0, 0, 0, 0]]
    answered = [[0.4, 0.2, 0.1, 0.1, 0.1, 0.1], [0.4, 0.2, 0.1, 0.1, 0.1, 0.1]]
    # Label 0: one hit, one answered too often; label 1: two answered too often.
    assert multilabel_f1(answered, votes) == pytest.approx((2 * 1 / (2 + 1)) / 6)


def test_certain_answers() -> None:
    votes = [[4, 0], [0, 2]]
    assert jensen_shannon_divergence([[1, 0], [0, 1]], votes) == 0
    assert brier_score([[0, 1], [1, 0]], votes) == 2
    assert cross_entropy([[1, 0], [0, 1]], votes) == 0
    assert math.isinf(cross_entropy([[0, 1], [0, 1]], votes))


@pytest.mark.parametrize(
    ("probabilities", "votes", "message"),
    [
        ([[0.5, 0.5]], [[0, 0]], "Expected a rater for every utterance in `votes`, but row 0 has none"),
        ([[0.5, 0.5]], [[-1, 2]], "Expected counts or shares of at least 0 in `votes`"),
        ([[0.5, 0.5]], [[1, float("nan")]], "Expected counts or shares of at least 0 in `votes`"),
        ([[3.0, 1.0]], [[1, 1]], "take the softmax of logits"),
        ([[0.5, 0.5]], [[1, 1, 0]], "Expected as many columns in `probabilities` as in `votes`"),
        ([[0.5, 0.5]], [[1, 1], [1, 1]], "align them by utterance id"),
        ([0.5, 0.5], [[1, 1]], "pass one row an utterance"),
    ],
)
def test_what_is_no_distribution_is_refused(probabilities: object, votes: object, message: str) -> None:
    for score in (jensen_shannon_divergence, cross_entropy, brier_score, multilabel_f1):
        with pytest.raises(ValueError, match=message):
            score(probabilities, votes)  # type: ignore[operator]


def test_a_threshold_outside_of_the_shares_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected `threshold` in 0\.\.1"):
        multilabel_f1([[0.5, 0.5]], [[1, 1]], threshold=1.0)
