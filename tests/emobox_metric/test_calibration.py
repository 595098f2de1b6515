"""Expected calibration error against a plain loop, softmax against scipy."""

import itertools

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from emobox_metric.ser_metric import calibration
from emobox_metric.ser_metric.calibration import are_probabilities, expected_calibration_error, softmax


def plain_error(probabilities, references, bins):
    """The definition, bin by bin: bin m holds confidences in ((m - 1) / bins, m / bins], the first one also 0."""
    edges = np.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in itertools.pairwise(edges):
        inside = [row for row in range(len(references)) if low < probabilities[row].max() <= high]
        if inside:
            accuracy = np.mean([probabilities[row].argmax() == references[row] for row in inside])
            confidence = np.mean([probabilities[row].max() for row in inside])
            error += len(inside) / len(references) * abs(accuracy - confidence)
    return error


@given(st.integers(1, 80), st.integers(1, 6), st.integers(1, 20), st.integers(0, 2**32))
def test_against_a_plain_loop(items, num_labels, bins, seed):
    rng = np.random.default_rng(seed)
    probabilities = softmax(3 * rng.normal(size=(items, num_labels)))
    references = rng.integers(0, num_labels, items)
    found = expected_calibration_error(probabilities, references, bins)
    assert found == pytest.approx(plain_error(probabilities, references, bins), abs=1e-12)


def test_confidence_on_an_edge_belongs_to_the_bin_below():
    # 0.5 closes the first of two bins: gaps of +0.5 and -0.6 do not cancel. With 0.5 in the second bin they would.
    probabilities = np.array([[0.5, 0.5], [0.6, 0.4]])
    assert expected_calibration_error(probabilities, [0, 1], bins=2) == pytest.approx((0.5 + 0.6) / 2)


def test_perfectly_and_worst_calibrated():
    assert expected_calibration_error([[0.75, 0.25]] * 4, [0, 0, 0, 1]) == pytest.approx(0)
    assert expected_calibration_error([[1.0, 0.0]] * 4, [1, 1, 1, 1]) == pytest.approx(1)


@pytest.mark.parametrize("scale", [1, 1e3, 1e300])
def test_softmax_is_stable(scale):
    logits = scale * np.random.default_rng(0).normal(size=(50, 7))
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, axis=1), rtol=1e-12)


def test_probabilities_in_half_precision_are_probabilities():
    torch = pytest.importorskip("torch")
    rows = torch.randn(200, 8, generator=torch.Generator().manual_seed(0)).bfloat16().softmax(dim=1)
    assert are_probabilities(rows.float().numpy())
    assert not are_probabilities(np.log(rows.float().numpy()))


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_rejects_nan_and_infinity(broken):
    values = np.zeros((4, 3))
    values[2, 1] = broken
    with pytest.raises(ValueError, match=r"finite `logits`, but got NaN or infinity in row 2"):
        softmax(values)
    with pytest.raises(ValueError, match="finite `probabilities`"):
        expected_calibration_error(values, [0, 1, 2, 0])


@pytest.mark.parametrize(
    ("probabilities", "references", "bins", "message"),
    [
        ([[2.0, -1.0]], [0], 15, "rows sum to 1"),
        ([[0.5, 0.4]], [0], 15, "rows sum to 1"),
        ([[0.5, 0.5]], [2], 15, r"label ids in 0..1, but got 2"),
        ([[0.5, 0.5]], [0, 1], 15, "2 references, 1 probabilities"),
        ([[0.5, 0.5]], [0], 0, "`bins` to be a whole number .* of at least 1, but got 0"),
        ([[0.5, 0.5]], [0], 2.5, "`bins` to be a whole number .* but got 2.5; 15 is usual"),
        ([[0.5, 0.5], [1.0]], [0, 1], 15, r"shape \(items, labels\), but got what is no array of numbers \("),
        ([["x", "y"]], [0], 15, "no array of numbers"),
        ([0.5, 0.5], [0, 1], 15, r"shape \(items, labels\)"),
    ],
)
def test_rejects(probabilities, references, bins, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(probabilities, references, bins)


# ── against other people's code ──


def system(seed: int, items: int = 300, num_labels: int = 5):
    rng = np.random.default_rng(seed)
    references = rng.integers(0, num_labels, items)
    logits = 2 * rng.normal(size=(items, num_labels)) + 2 * np.eye(num_labels)[references]
    return logits, softmax(logits), references


@pytest.mark.parametrize("seed", range(3))
def test_brier_score_and_likelihood_are_those_of_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    logits, probabilities, references = system(seed)
    loss = metrics.log_loss(references, probabilities, labels=range(5))
    assert calibration.negative_log_likelihood(logits, references) == pytest.approx(loss, rel=1e-9)
    distances = ((probabilities - np.eye(5)[references]) ** 2).sum(axis=1).mean()
    assert calibration.brier_score(probabilities, references) == pytest.approx(distances)
    # Of two classes, scikit-learn's counts one of them.
    two, truth = softmax(logits[:, :2]), references % 2
    half = metrics.brier_score_loss(truth, two[:, 1])
    assert calibration.brier_score(two, truth) == pytest.approx(2 * half)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_errors_are_those_of_torchmetrics(seed):
    functional = pytest.importorskip("torchmetrics.functional.classification")
    torch = pytest.importorskip("torch")
    _, probabilities, references = system(seed)
    given, truth = torch.tensor(probabilities), torch.tensor(references)
    theirs = functional.multiclass_calibration_error(given, truth, num_classes=5, n_bins=15, norm="l1")
    assert expected_calibration_error(probabilities, references, 15) == pytest.approx(theirs.item(), abs=1e-6)
    # Classwise is the mean of the two-class error of each class by itself, by the probability of that class.
    apart = []
    for label in range(5):
        of_class, true = given[:, label], (truth == label).long()
        apart.append(functional.binary_calibration_error(of_class, true, n_bins=15, norm="l1").item())
    found = calibration.classwise_calibration_error(probabilities, references, 15)
    assert found == pytest.approx(np.mean(apart), abs=1e-6)


def test_risk_and_coverage_against_a_plain_loop():
    _, probabilities, references = system(0)
    coverage, risk = calibration.risk_coverage(probabilities, references)
    order = sorted(range(len(references)), key=lambda row: -probabilities[row].max())
    wrong = [probabilities[row].argmax() != references[row] for row in order]
    np.testing.assert_allclose(risk, [np.mean(wrong[:count]) for count in range(1, len(wrong) + 1)])
    np.testing.assert_allclose(coverage, np.arange(1, len(wrong) + 1) / len(wrong))


def test_answers_of_equal_confidence_have_no_order():
    probabilities = np.array([[0.8, 0.2]] * 4)
    for references in ([0, 0, 1, 1], [1, 1, 0, 0]):
        np.testing.assert_allclose(calibration.risk_coverage(probabilities, references)[1], 0.5)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_a_temperature_undoes_what_was_multiplied(temperature):
    logits, probabilities, _ = system(0, items=4_000)
    rng = np.random.default_rng(1)
    references = np.array([rng.choice(5, p=row) for row in probabilities])
    found = calibration.fit_temperature(logits * temperature, references)
    assert found == pytest.approx(temperature * calibration.fit_temperature(logits, references), rel=1e-4)
    assert found == pytest.approx(temperature, rel=0.1)


def test_logits_that_are_always_right_have_the_lowest_temperature():
    assert calibration.fit_temperature([[1.0, 0.0], [0.0, 1.0]], [0, 1]) == pytest.approx(1 / 20, rel=1e-3)


@pytest.mark.parametrize(
    "score", [calibration.brier_score, calibration.classwise_calibration_error, calibration.risk_coverage]
)
def test_what_is_no_probability_is_refused(score):
    with pytest.raises(ValueError, match=r"Expected `probabilities` in 0\.\.1"):
        score([[2.0, 1.0]], [0])
