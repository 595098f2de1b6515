"""How near an answer in probabilities is to the raters' distribution.

Each is a mean over utterances; votes may be counts or shares. Entropies are sums of p log p with 0 log 0 = 0.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.raters.votes import shares_of
from emobox_metric.ser_metric.calibration import are_probabilities
from emobox_metric.ser_metric.scores import check_same_length

# A share that is computed in another order differs in the last bits: that is not above the threshold.
ROUNDING = 1e-12


def entropy(votes: ArrayLike) -> NDArray[np.float64]:
    """Return the entropy of every row of votes, `(N,)`, in bits: 0 where all raters agree.

    Raises:
        ValueError: as `check_votes`.

    Example:
        >>> entropy([[4, 0], [1, 1]])
        array([0., 1.])
    """
    return _entropy(shares_of(votes)) / log(2)


def jensen_shannon_divergence(probabilities: ArrayLike, votes: ArrayLike) -> float:
    """Return the mean Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones.

    H((p + q) / 2) - (H(p) + H(q)) / 2 (Lin, IEEE Transactions on Information Theory 37(1), 1991,
    https://doi.org/10.1109/18.61115). It is the square of SciPy's `jensenshannon(p, q, base=2)`.

    Args:
        probabilities: shape `(N, C)`; rows sum to 1.
        votes: counts or shares of raters, `(N, C)`.

    Returns:
        The mean, in 0..1.

    Raises:
        ValueError: if the shapes differ, rows are no probabilities, or an utterance has no raters.

    Example:
        >>> jensen_shannon_divergence([[0.5, 0.5], [1.0, 0.0]], votes=[[2, 2], [0, 3]])
        0.5
    """
    return float(divergences(*paired_shares(probabilities, votes)).mean())


def cross_entropy(probabilities: ArrayLike, votes: ArrayLike) -> float:
    """Return the mean of -sum(share * ln(probability)), in nats: what training on soft labels makes small.

    Its least value is the raters' entropy. It is infinite where a label that a rater chose has probability 0.

    Args, Raises: as `jensen_shannon_divergence`.

    Example:
        >>> round(cross_entropy([[0.5, 0.5]], votes=[[3, 1]]), 4)
        0.6931
    """
    return float(cross_entropies(*paired_shares(probabilities, votes)).mean())


def brier_score(probabilities: ArrayLike, votes: ArrayLike) -> float:
    """Return the mean squared distance of the probabilities and the raters' shares, summed over labels: in 0..2.

    Where all raters agree it is the score of Brier (Monthly Weather Review 78(1), 1950,
    https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2), which some halve.

    Args, Raises: as `jensen_shannon_divergence`.

    Example:
        >>> brier_score([[1.0, 0.0], [0.5, 0.5]], votes=[[0, 4], [1, 1]])
        1.0
    """
    return float(squared_distances(*paired_shares(probabilities, votes)).mean())


def multilabel_f1(probabilities: ArrayLike, votes: ArrayLike, threshold: float | None = None) -> float:
    """Return the macro-F1 of all labels whose share is above a threshold, as EMO-SUPERB scores.

    A label counts as given by raters, or by the system, where its share is above `threshold`; F1 of each label is over
    utterances, 0 where neither side has it, and the mean is over all labels (Wu et al., 2024,
    https://arxiv.org/abs/2402.13018). Equals scikit-learn's `f1_score(average="macro", zero_division=0)`.

    Args:
        probabilities: shape `(N, C)`; rows sum to 1.
        votes: counts or shares of raters, `(N, C)`.
        threshold: a share in 0..1; None is 1 / C, as EMO-SUPERB has it.

    Returns:
        The macro-F1, in 0..1.

    Raises:
        ValueError: as `jensen_shannon_divergence`, or if the threshold is not in 0..1.

    Example:
        >>> multilabel_f1([[0.6, 0.3, 0.1], [0.1, 0.5, 0.4]], votes=[[3, 0, 1], [0, 2, 2]])
        1.0
    """
    answers, truth = paired_shares(probabilities, votes)
    bar = 1 / truth.shape[1] if threshold is None else threshold
    if not 0 <= bar < 1:
        raise ValueError(
            f"Expected `threshold` in 0..1, below 1, but got {threshold!r}; leave it out for 1 / C, the default."
        )
    given, chosen = is_above(answers, bar), is_above(truth, bar)
    return float(macro_f1((given & chosen).sum(axis=0), given.sum(axis=0) + chosen.sum(axis=0)))


def divergences(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Jensen-Shannon divergence of every row of shares `(N, C)`, in bits."""
    mixed = _entropy((answers + truth) / 2) - (_entropy(answers) + _entropy(truth)) / 2
    return np.asarray(mixed / log(2))


def cross_entropies(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cross-entropy of every row of shares `(N, C)`, in nats."""
    with np.errstate(divide="ignore"):
        logarithms = np.log(answers)
    terms = np.multiply(truth, logarithms, out=np.zeros_like(truth), where=truth > 0)
    return np.asarray(-terms.sum(axis=1))


def squared_distances(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared distance of every row of shares `(N, C)`."""
    return np.asarray(np.square(answers - truth).sum(axis=1))


def is_above(shares: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Whether a label counts as given, `(N, C)`: its share is above the threshold by more than rounding."""
    return np.asarray(shares > threshold + ROUNDING)


def macro_f1(hits: NDArray[Any], marks: NDArray[Any]) -> NDArray[np.float64]:
    """The mean over labels of F1, `(...)`, from what both sides give and what either gives, `(..., C)`."""
    f1 = np.divide(2 * hits, marks, out=np.zeros(marks.shape), where=marks > 0)
    return np.asarray(f1.mean(axis=-1))


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entropy of every row of `(N, C)` in nats."""
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logarithms).sum(axis=1) + 0.0)


def paired_shares(
    probabilities: ArrayLike, votes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities and shares of raters, `(N, C)` both, each row summing to 1."""
    truth, answers = shares_of(votes), shares_of(probabilities, "probabilities")
    check_same_length({"probabilities": len(answers), "votes": len(truth)})
    if answers.shape[1] != truth.shape[1]:
        raise ValueError(
            f"Expected as many columns in `probabilities` as in `votes`, but got {answers.shape[1]} and "
            f"{truth.shape[1]}; list the same labels in the same order."
        )
    if not are_probabilities(probabilities):
        raise ValueError(
            "Expected `probabilities` whose rows sum to 1, but got other rows; take the softmax of logits."
        )
    return answers, truth
