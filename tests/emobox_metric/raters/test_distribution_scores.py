"""Scores of distributions, each label counting the same, against the plain functions and libraries of others."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import f1_score

from emobox_metric.raters.distribution_scores import distribution_scores
from emobox_metric.raters.distributions import (
    brier_score,
    cross_entropy,
    jensen_shannon_divergence,
    multilabel_f1,
)

RANDOM = np.random.default_rng(0)
PROBABILITIES = RANDOM.dirichlet(np.ones(4), 80)
VOTES = RANDOM.multinomial(6, [0.4, 0.3, 0.2, 0.1], 80)
# Labels differ in number, and label 1 has no utterance.
LABELS = np.repeat([0, 2, 5], [50, 20, 10])
SPEAKERS = [f"s{row % 8}" for row in range(80)]
PLAIN = {
    "jensen_shannon": jensen_shannon_divergence,
    "cross_entropy": cross_entropy,
    "brier": brier_score,
}


def test_scores_are_means_over_labels() -> None:
    scores = distribution_scores(PROBABILITIES, VOTES, LABELS)
    for name, plain in PLAIN.items():
        of_labels = [plain(PROBABILITIES[label == LABELS], VOTES[label == LABELS]) for label in (0, 2, 5)]
        assert scores[name] == pytest.approx(np.mean(of_labels), abs=1e-12)
    of_scipy = [jensenshannon(p, v, base=2) ** 2 for p, v in zip(PROBABILITIES, VOTES, strict=True)]
    by_label = [np.mean(np.array(of_scipy)[label == LABELS]) for label in (0, 2, 5)]
    assert scores["jensen_shannon"] == pytest.approx(np.mean(by_label), abs=1e-12)
    assert scores["multilabel_f1"] == pytest.approx(multilabel_f1(PROBABILITIES, VOTES), abs=1e-12)
    chosen, given = VOTES / 6 > 0.25, PROBABILITIES > 0.25
    assert scores["multilabel_f1"] == pytest.approx(
        f1_score(chosen, given, average="macro", zero_division=0), abs=1e-12
    )


def test_intervals_hold_the_scores_and_are_by_speaker() -> None:
    scores = distribution_scores(PROBABILITIES, VOTES, LABELS, SPEAKERS)
    for name, (low, high) in scores["intervals"].items():
        assert low < scores[name] < high
    alone = distribution_scores(PROBABILITIES, VOTES, LABELS)
    assert alone["intervals"] != scores["intervals"]
    assert distribution_scores(PROBABILITIES, VOTES, LABELS, ["a", "b"] * 40)["intervals"] is None


def test_intervals_are_those_of_a_plain_bootstrap() -> None:
    """The standard error on the log scale, of resamples drawn and scored one by one."""
    scores = distribution_scores(PROBABILITIES, VOTES, LABELS, SPEAKERS, resamples=4000)
    low, high = scores["intervals"]["cross_entropy"]
    random, speakers = np.random.default_rng(1), np.array(SPEAKERS)
    values = []
    for _ in range(800):
        drawn = random.choice(8, 8)
        rows = np.concatenate([np.flatnonzero(speakers == f"s{speaker}") for speaker in drawn])
        values.append(
            distribution_scores(PROBABILITIES[rows], VOTES[rows], LABELS[rows], resamples=1)["cross_entropy"]
        )
    error = np.std(values) * np.sqrt(8 / 7)
    assert (np.log(high) - np.log(low)) / 2 / 2.3646 * scores["cross_entropy"] == pytest.approx(
        error, rel=0.1
    )


def test_an_infinite_cross_entropy_is_told_without_an_interval() -> None:
    sure = np.eye(4)[LABELS % 4]
    scores = distribution_scores(sure, VOTES, LABELS, SPEAKERS)
    assert scores["cross_entropy"] == np.inf
    assert scores["intervals"]["cross_entropy"] is None
    assert scores["intervals"]["brier"] is not None


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="align them by utterance id"):
        distribution_scores(PROBABILITIES, VOTES, LABELS[1:])
