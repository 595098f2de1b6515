"""The metrics of raters under `evaluate.load`, by name and batch by batch, equal the plain functions."""

import evaluate
import numpy as np
import pytest

import emobox_metric  # noqa: F401  (lets evaluate.load find the names)
from emobox_metric.raters.agreement import krippendorff_alpha
from emobox_metric.raters.ceiling import beats_single_rater, held_out_rater_scores, human_scores
from emobox_metric.raters.dimensions import ccc, ccc_interval
from emobox_metric.raters.distributions import cross_entropy, multilabel_f1

GENERATOR = np.random.default_rng(0)
VOTES = GENERATOR.multinomial(9, [0.5, 0.3, 0.2], size=40)
PROBABILITIES = GENERATOR.dirichlet([1, 1, 1], size=40)
LABELS = GENERATOR.integers(3, size=40)
SPEAKERS = [f"s{number % 5}" for number in range(40)]


def test_distributions() -> None:
    metric = evaluate.load("emobox/ser_distributions", keep_in_memory=True)
    for part in (slice(0, 15), slice(15, 40)):
        metric.add_batch(predictions=PROBABILITIES[part], references=VOTES[part])
    scores = metric.compute(threshold=0.4)
    assert scores["cross_entropy"] == pytest.approx(cross_entropy(PROBABILITIES, VOTES))
    assert scores["multilabel_f1"] == pytest.approx(multilabel_f1(PROBABILITIES, VOTES, 0.4))
    assert scores["utterances"] == 40


def test_one_dimension_and_several() -> None:
    truth = GENERATOR.normal(size=(40, 2))
    answers = truth + GENERATOR.normal(size=(40, 2))
    metric = evaluate.load("emobox/ser_dimensions", keep_in_memory=True)
    named = metric.compute(
        predictions=answers, references=truth, dimensions=["arousal", "valence"], speakers=SPEAKERS
    )
    values = [ccc(truth[:, place], answers[:, place]) for place in range(2)]
    assert named["ccc"] == pytest.approx(np.mean(values))
    assert list(named["per_dimension"].values()) == pytest.approx(values)
    assert named["intervals"]["valence"] == ccc_interval(truth[:, 1], answers[:, 1], SPEAKERS)
    metric = evaluate.load("emobox/ser_dimensions", keep_in_memory=True)
    alone = metric.compute(predictions=answers[:, 0].tolist(), references=truth[:, 0].tolist())
    assert alone == {"ccc": pytest.approx(values[0]), "per_dimension": {"0": pytest.approx(values[0])}}


def test_dimensions_need_a_name_each() -> None:
    metric = evaluate.load("emobox/ser_dimensions", keep_in_memory=True)
    with pytest.raises(ValueError, match=r"pass dimensions=\[...\] in the order of the columns"):
        metric.compute(predictions=[[1.0, 2.0]] * 3, references=[[1.0, 2.0]] * 3, dimensions=["arousal"])


def test_raters_with_labels_and_without() -> None:
    metric = evaluate.load("emobox/ser_raters", keep_in_memory=True)
    predictions = PROBABILITIES.argmax(axis=1)
    acted = metric.compute(predictions=predictions, references=VOTES, labels=LABELS, speakers=SPEAKERS)
    assert acted["alpha"] == krippendorff_alpha(VOTES)
    expected = human_scores(LABELS, VOTES, SPEAKERS)
    assert acted["majority"]["ua"] == expected["majority"]["ua"]
    assert acted["single_rater"]["intervals"] == expected["single_rater"]["intervals"]
    assert acted["beats_single_rater"] == beats_single_rater(predictions, VOTES, LABELS, SPEAKERS)
    perceived = metric.compute(predictions=predictions, references=VOTES)
    assert perceived["held_out_rater"]["ua"] == held_out_rater_scores(VOTES)["ua"]
    assert "majority" not in perceived


def test_a_revision_is_asked_of_the_hub() -> None:
    with pytest.raises(FileNotFoundError):
        evaluate.load("emobox/ser_raters", revision="main")
