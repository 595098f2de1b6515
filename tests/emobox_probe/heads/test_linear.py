"""Linear heads: scikit-learn's on the same arrays, the same bits whoever works beside, never silently half fitted."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from emobox_probe.errors import ProbeError
from emobox_probe.heads import linear
from emobox_probe.heads.linear import Doubles, fit_path
from emobox_probe.protocol import LINEAR


def sounds(utterances: int, dimension: int, classes: int, seed: int = 0) -> tuple[Doubles, np.ndarray]:
    """Statistics of very unequal scale, one of them the same for all, that tell labels apart, but not quite."""
    generator = np.random.default_rng(seed)
    labels = np.arange(utterances) % classes
    values = (
        generator.normal(size=(utterances, dimension)) + generator.normal(size=(classes, dimension))[labels]
    )
    values = values * 10.0 ** generator.uniform(-3, 3, dimension) + 5
    values[:, -1] = 3.5
    return values, labels


@pytest.mark.parametrize(("utterances", "dimension"), [(60, 200), (200, 60)])
@pytest.mark.parametrize("classes", [2, 7])
def test_predictions_are_those_of_scikit_learn_on_the_same_arrays(
    utterances: int, dimension: int, classes: int
) -> None:
    values, labels = sounds(2 * utterances, dimension, classes)
    training, tested = values[:utterances], values[utterances:]
    scaler = StandardScaler().fit(training)
    for head in fit_path(training, labels[:utterances], classes, LINEAR.strengths):
        theirs = LogisticRegression(C=1 / (head.strength * utterances), tol=1e-8, max_iter=100_000)
        theirs.fit(scaler.transform(training), labels[:utterances])
        logits = head.logits(tested)
        np.testing.assert_array_equal(logits.argmax(axis=1), theirs.predict(scaler.transform(tested)))
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, theirs.predict_proba(scaler.transform(tested)), atol=2e-3)


def test_heads_are_the_same_bits_on_any_number_of_threads() -> None:
    values, labels = sounds(80, 150, 5)

    def fitted(_: int = 0) -> list[bytes]:
        return [head.weights.tobytes() for head in fit_path(values, labels, 5, LINEAR.strengths)]

    with threadpool_limits(1):
        alone = fitted()
        with ThreadPoolExecutor(4) as workers:
            assert all(beside == alone for beside in workers.map(fitted, range(6)))


def test_what_has_not_converged_is_no_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MOST_STEPS", 2)
    with (
        pytest.warns(Warning, match="converge"),
        pytest.raises(ProbeError, match=r"Expected logistic regression of strength 0\.001 to converge"),
    ):
        fit_path(*sounds(60, 200, 3), 3, [1e-3])
