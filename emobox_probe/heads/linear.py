"""Linear heads: multinomial logistic regression with an L2 penalty, for a whole sweep of strengths, without chance.

scikit-learn fits them, in double precision and on one thread each, so that they are the same bits whatever number of
threads works at once. Fewer utterances than dimensions span a space of as many dimensions as there are utterances, in
which the best weights lie whatever the penalty: the fit is done there, on coordinates that keep all distances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from emobox_probe.errors import ProbeError

Doubles = NDArray[np.float64]

# Of the gradient of the mean loss with its penalty: where fitting ends, and what is taken for converged.
TOLERANCE, CONVERGED = 1e-6, 1e-4
MOST_STEPS = 10_000


@dataclass(frozen=True)
class LinearHead:
    """Weights (C, K) and biases (C,) on K statistics of an utterance as they are stored.

    `strength` is what it was fitted with.
    """

    weights: Doubles
    bias: Doubles
    strength: float

    def logits(self, statistics: Doubles) -> Doubles:
        """(N, C) of statistics (N, K)."""
        return statistics @ self.weights.T + self.bias


@dataclass(frozen=True)
class Fitted:
    """A head, and its UA and loss on validation."""

    head: LinearHead
    validation_ua: float
    validation_loss: float

    @property
    def merit(self) -> tuple[float, float]:
        """What selection compares: UA on validation, then a lower loss where UA ties."""
        return self.validation_ua, -self.validation_loss

    @property
    def selected(self) -> dict[str, float]:
        """What was chosen, as a record says it."""
        return {"strength": self.head.strength}


def fit_path(
    statistics: Doubles, labels: NDArray[np.int64], classes: int, strengths: Sequence[float]
) -> list[LinearHead]:
    """A head of every strength, each started from the one before.

    Args:
        statistics: of the utterances to train on, (A, K).
        labels: their label ids (A,), in which every one of 0 to C - 1 occurs.
        classes: C, at least 2.
        strengths: weights of half the squared weights of the standardised statistics, beside the mean cross-entropy.

    Raises:
        ProbeError: a fit does not converge.
    """
    mean, scale = statistics.mean(axis=0), statistics.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    coordinates, basis = _coordinates((statistics - mean) / scale)
    model = LogisticRegression(tol=TOLERANCE, max_iter=MOST_STEPS, warm_start=True)
    heads = []
    for strength in strengths:
        model.C = 1 / (strength * len(labels))
        model.fit(coordinates, labels)
        weights, bias = model.coef_, model.intercept_
        _check_converged(coordinates, labels, weights, bias, strength)
        if classes == 2:  # one row of weights, for the second label against the first
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        folded = (weights @ basis if basis is not None else weights) / scale
        heads.append(LinearHead(folded, bias - folded @ mean, strength))
    return heads


def _coordinates(standardised: Doubles) -> tuple[Doubles, Doubles | None]:
    """Coordinates (A, A) of rows (A, K), and the orthonormal rows (A, K) that they are along; None where A >= K."""
    if len(standardised) >= standardised.shape[1]:
        return standardised, None
    basis, triangle = np.linalg.qr(standardised.T)
    return np.ascontiguousarray(triangle.T), basis.T


def _check_converged(
    coordinates: Doubles, labels: NDArray[np.int64], weights: Doubles, bias: Doubles, strength: float
) -> None:
    if len(weights) == 1:
        # Of the second label alone; that of the first mirrors it.
        residuals = (1 / (1 + np.exp(-(coordinates @ weights[0] + bias[0]))) - labels)[:, None]
    else:
        shares = np.exp(log_softmax(coordinates @ weights.T + bias, axis=1))
        residuals = shares - np.eye(len(weights))[labels]
    gradient = residuals.T @ coordinates / len(labels) + strength * weights
    largest = max(np.abs(gradient).max(), np.abs(residuals.mean(axis=0)).max())
    if not largest <= CONVERGED:
        raise ProbeError(
            f"Expected logistic regression of strength {strength:g} to converge, but its gradient is still "
            f"{largest:.1e} after {MOST_STEPS} steps; look for features of extreme size (emobox extract, "
            f"--store-dtype float32)."
        )


def loss(logits: Doubles, labels: NDArray[np.int64]) -> float:
    """Mean cross-entropy of logits (N, C) and label ids (N,)."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())
