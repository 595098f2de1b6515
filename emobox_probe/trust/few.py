"""Heads on few utterances or few speakers: draws, fits and what they say of the test parts."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from emobox_probe.heads.linear import Doubles, fit_path

Ids = NDArray[np.int64]

# As MTEB's AbsTaskClassification has them, which its tasks on emotion use by cross-validation.
MTEB_PER_LABEL, MTEB_SPLITS, MTEB_SEED, MTEB_STEPS = 8, 5, 42, 100


@dataclass(frozen=True)
class FoldData:
    """One fold: statistics (N, K) of its layer, rows to draw from and rows to test, and the strength of its heads."""

    statistics: Doubles
    training: Ids
    tested: Ids
    strength: float


def sizes_up_to(most: int) -> list[int]:
    """1, 2, 4 … as far as there are so many.

    >>> sizes_up_to(11)
    [1, 2, 4, 8]
    """
    return [2**power for power in range(most.bit_length())] if most else []


def most_per_label(fold: FoldData, labels: Ids, classes: int) -> int:
    """How many utterances the rarest label has to draw from."""
    return int(np.bincount(labels[fold.training], minlength=classes).min())


def draw_per_label(training: Ids, labels: Ids, size: int, generator: np.random.Generator) -> Ids:
    """So many rows of every label; of a generator of one seed, larger draws hold the smaller ones."""
    order = generator.permutation(training)
    return np.concatenate([order[labels[order] == label][:size] for label in np.unique(labels[training])])


def draw_speakers(
    training: Ids, speakers: Sequence[str | None], size: int, generator: np.random.Generator
) -> Ids:
    """All rows of so many speakers; of a generator of one seed, larger draws hold the smaller ones."""
    names = np.array([str(speakers[row]) for row in training])
    chosen = generator.permutation(np.unique(names))[:size]
    return training[np.isin(names, chosen)]


def predicted(fold: FoldData, rows: Ids, labels: Ids) -> Ids:
    """Label ids of the tested rows by a head that is fitted on `rows`; a label that these lack is never said."""
    known, places = np.unique(labels[rows], return_inverse=True)
    if len(known) == 1:
        return np.full(len(fold.tested), known[0])
    (head,) = fit_path(fold.statistics[rows], places, len(known), [fold.strength])
    return np.asarray(known[head.logits(fold.statistics[fold.tested]).argmax(axis=1)])


def mteb_accuracies(embeddings: Doubles, labels: Ids, per_label: int = MTEB_PER_LABEL) -> list[float]:
    """Accuracy of each of MTEB's folds, computed as MTEB does it.

    Five folds of shuffled utterances, whoever speaks; in each, so many utterances of every label of the training part,
    taken in an order that is shuffled once more in place for every fold; logistic regression of scikit-learn with its
    default strength and up to 100 steps on embeddings as they are.

    Args:
        embeddings: of every utterance in the order of the data set, (N, K).
        labels: their label ids, (N,).
        per_label: utterances of each label to train on; fewer where a label has fewer.
    """
    folds = KFold(n_splits=MTEB_SPLITS, shuffle=True, random_state=MTEB_SEED)
    accuracies, order = [], None
    for training, tested in folds.split(np.arange(len(labels))):
        order = list(range(len(training))) if order is None else order
        np.random.RandomState(MTEB_SEED).shuffle(order)
        chosen = _first_of_each_label(order, labels[training], per_label)
        accuracies.append(mteb_accuracy(embeddings, labels, training[chosen], tested))
    return accuracies


def mteb_accuracy(embeddings: Doubles, labels: Ids, training: Ids, tested: Ids) -> float:
    """Accuracy of MTEB's head, trained and tested on these rows; it stops after 100 steps, converged or not."""
    model = LogisticRegression(max_iter=MTEB_STEPS, random_state=MTEB_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(embeddings[training], labels[training])
    return float((model.predict(embeddings[tested]) == labels[tested]).mean())


def _first_of_each_label(order: Sequence[int], labels: Ids, count: int) -> list[int]:
    taken: dict[int, int] = {}
    chosen = []
    # The order is of the first fold, which may have an utterance more than others.
    for place in (place for place in order if place < len(labels)):
        label = int(labels[place])
        if taken.get(label, 0) < count:
            taken[label] = taken.get(label, 0) + 1
            chosen.append(place)
    return chosen
