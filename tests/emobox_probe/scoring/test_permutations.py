"""What is left of a score without what it should come from: test labels, test audio, or training labels destroyed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import t
from sklearn.metrics import recall_score
from torch import Tensor

from emobox_datasets import corpora
from emobox_datasets.loading.builder import StoredItem
from emobox_probe.protocol import PAPER, STRICT, Protocol
from emobox_probe.scoring.scores import Outcome
from emobox_probe.scoring.sweep import train_tasks, views_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task, fold_tasks

LABELS = ("Angry", "Happy", "Neutral", "Sad")
SPEAKERS, TAKES, LAYERS, DIMENSION = ("ada", "ben", "cleo", "dan"), 12, 3, 8
QUICK = {"epochs": 8, "warm_up_epochs": 2, "hidden_sizes": (8, 4), "learning_rates": (5e-2, 5e-3)}
PROTOCOLS = [replace(PAPER, **QUICK), replace(STRICT, **QUICK, seeds=(0, 1))]
PERMUTATIONS = 16


class Store:
    """Frames of the last layer, and the means of every layer, of which the label can mostly be told."""

    def __init__(self, labels: Tensor):
        random = np.random.default_rng(0)
        rows = np.arange(len(labels))
        self._means = random.normal(size=(len(rows), LAYERS, DIMENSION)).astype(np.float32)
        for layer in range(LAYERS):
            self._means[rows, layer, labels.numpy()] += 1.0 + layer

    def with_noise(self, rows: Tensor) -> "Store":
        self._means[rows.numpy()] = np.random.default_rng(1).normal(size=(len(rows), LAYERS, DIMENSION)) * 5
        return self

    def means(self) -> Tensor:
        return torch.from_numpy(self._means)

    def read(self) -> Iterator[tuple[str, Tensor]]:
        return ((str(row), means[-1:].repeat(2, 1)) for row, means in enumerate(self.means()))


def pool_of(labels: list[str] | None = None) -> Pool:
    """Utterances of every speaker and label of the demo corpus, or with other labels, without audio."""
    demo = corpora.load("demo")
    true = [(speaker, label) for speaker in SPEAKERS for label in LABELS for _ in range(TAKES)]
    items = [
        StoredItem(f"demo-{row:03}", label, speaker, None)
        for row, ((speaker, _), label) in enumerate(
            zip(true, labels or [label for _, label in true], strict=True)
        )
    ]
    return Pool(LABELS, {"demo": demo}, {"demo": items}, {"demo": 0})


def permuted(rows: list[int], seed: int = 0) -> list[str]:
    """The labels of the whole corpus, those of the rows among themselves in another order."""
    labels = np.array([item.label for item in pool_of().all_items])
    labels[rows] = np.random.default_rng(seed).permutation(labels[rows])
    return [str(label) for label in labels]


def tasks_of(pool: Pool, protocol: Protocol, fold: str = "fold2") -> list[Task]:
    return [task for task in fold_tasks(pool, pool.corpora["demo"], protocol) if task.fold == fold]


def run(pool: Pool, tasks: list[Task], protocol: Protocol, store: Store) -> list[Outcome]:
    views = views_of([store], protocol, torch.device("cpu"), every_layer=True)  # type: ignore[list-item]
    return train_tasks(tasks, pool, views, protocol, lambda epochs: None)


@pytest.fixture(scope="module", params=PROTOCOLS, ids=["paper", "strict"])
def protocol(request: pytest.FixtureRequest, one_thread: None) -> Protocol:
    found: Protocol = request.param
    return found


@pytest.fixture(scope="module")
def outcomes(protocol: Protocol) -> list[Outcome]:
    pool = pool_of()
    made = run(pool, tasks_of(pool, protocol), protocol, Store(pool.label_ids))
    scores = [
        recall_score(o.predictions["label"], o.predictions["prediction"], average="macro") for o in made
    ]
    assert min(scores) > 0.5  # there is something to lose
    return made


def test_no_choice_and_no_prediction_follows_from_test_labels(
    protocol: Protocol, outcomes: list[Outcome]
) -> None:
    tested = tasks_of(pool_of(), protocol)[0].tested.tolist()
    pool = pool_of(permuted(tested))
    again = run(pool, tasks_of(pool, protocol), protocol, Store(pool_of().label_ids))
    for before, after in zip(outcomes, again, strict=True):
        assert not before.predictions["label"].equals(after.predictions["label"])
        assert before.selection == after.selection
        assert before.predictions.drop(columns=["label", "logits"]).equals(
            after.predictions.drop(columns=["label", "logits"])
        )
        for ours, theirs in zip(before.predictions["logits"], after.predictions["logits"], strict=True):
            assert np.array_equal(ours, theirs)
        assert before.speaker_only == after.speaker_only
        (one,), (other,) = before.tested.values(), after.tested.values()
        assert [v for v, _ in one.layers.values()] == [v for v, _ in other.layers.values()]
        assert one.weighted_sum.weights == other.weighted_sum.weights


def test_no_choice_follows_from_test_features(protocol: Protocol, outcomes: list[Outcome]) -> None:
    pool = pool_of()
    tasks = tasks_of(pool, protocol)
    again = run(pool, tasks, protocol, Store(pool.label_ids).with_noise(tasks[0].tested))
    for before, after in zip(outcomes, again, strict=True):
        assert not before.predictions["prediction"].equals(after.predictions["prediction"])
        assert before.selection == after.selection


def test_heads_that_learned_permuted_labels_are_at_chance(protocol: Protocol) -> None:
    """The 99 % interval of the mean UA over permutations holds chance, and is narrow enough to say something."""
    tasks = tasks_of(pool_of(), protocol)
    learned = torch.cat([tasks[0].group.training, tasks[0].group.validation]).tolist()
    uas = []
    for seed in range(PERMUTATIONS):
        pool = pool_of(permuted(learned, seed))
        store = Store(pool_of().label_ids)
        for made in run(pool, tasks_of(pool, protocol), protocol, store)[:1]:
            truth, said = made.predictions["label"], made.predictions["prediction"]
            uas.append(recall_score(truth, said, average="macro"))
    half = t.ppf(0.995, len(uas) - 1) * np.std(uas, ddof=1) / np.sqrt(len(uas))
    assert abs(np.mean(uas) - 1 / len(LABELS)) < half < 0.15
