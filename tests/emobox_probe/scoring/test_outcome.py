"""What is chosen, on what, and what is said of the test part then: made-up heads and features, by scikit-learn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, recall_score
from torch import Tensor

from emobox_datasets import corpora
from emobox_datasets.loading.builder import StoredItem
from emobox_probe.heads.groups import Group, Trained
from emobox_probe.heads.heads import Head
from emobox_probe.protocol import PAPER, STRICT, HeadConfiguration, Protocol
from emobox_probe.scoring.scores import Answer, Outcome, outcome
from emobox_probe.scoring.sweep import train_tasks, views_of
from emobox_probe.tasks.pairings import pairings_of
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task, cross_tasks, fold_tasks

LABELS = ("Angry", "Happy", "Neutral", "Sad")
SPEAKERS = {"demo": ("ada", "ben", "cleo", "dan"), "savee": ("DC", "JE", "JK", "KL")}
TAKES, LAYERS, DIMENSION = 12, 3, 8
QUICK = {"epochs": 12, "warm_up_epochs": 2, "hidden_sizes": (8,), "learning_rates": (5e-2,)}
STRICTLY = replace(STRICT, **QUICK, seeds=(0, 1))
PAPERLY = replace(PAPER, **QUICK)


def pool_of(*names: str) -> Pool:
    """Utterances of every speaker and label, without audio."""
    pool = Pool(LABELS)
    for name in names:
        pool.first[name] = sum(map(len, pool.items.values()))
        pool.corpora[name] = corpora.load(name)
        pool.items[name] = [
            StoredItem(f"{name}-{speaker}-{label}-{take}", label, speaker, None)
            for speaker in SPEAKERS[name]
            for label in LABELS
            for take in range(TAKES)
        ]
    return pool


def logits_of(ids: np.ndarray) -> Tensor:
    return F.one_hot(torch.from_numpy(ids), len(LABELS)).float()


def partly_right(truth: np.ndarray, right: int) -> np.ndarray:
    """The first `right` of every label are told right, the others taken for the next label."""
    said = truth.copy()
    for label in range(len(LABELS)):
        places = (truth == label).nonzero()[0]
        said[places[right:]] = (label + 1) % len(LABELS)
    return said


def trained(validation_ua: float, epoch: int, loss: float = 1.0, mixing: Tensor | None = None) -> Trained:
    """A head that was best after `epoch`, with that UA and loss on validation."""
    run = Trained(HeadConfiguration(learning_rate=10.0**-epoch, hidden=8 * epoch))
    run.epoch = epoch
    run.validation_score = [0.0] * (epoch - 1) + [validation_ua]
    run.validation_loss = [9.0] * (epoch - 1) + [loss]
    run.head = Head(*(torch.zeros(1) for _ in range(4)), mixing)
    return run


def task_of(pool: Pool, kind: str = "strict") -> Task:
    """Everything of the last two speakers of each corpus is tested."""
    half = 2 * len(LABELS) * TAKES
    names = list(pool.first) if kind == "cross" else ["demo"]
    targets = {name: torch.arange(half, 2 * half) + pool.first[name] for name in names}
    group = Group(pool.label_ids, torch.arange(0, 60), torch.arange(60, half), seed=7)
    return Task("demo", ("demo",), "strict2", kind, group, targets, "speakers")


def truth_of(task: Task, pool: Pool) -> np.ndarray:
    return pool.label_ids[task.tested].numpy()


def answers_of(truth: np.ndarray) -> list[Answer]:
    """(layer, UA and loss on validation, epoch, right of every label): what is better elsewhere is worse here."""
    views = [
        ("best on test", 0.6, 1.0, 3, TAKES),
        ("latest epoch", 0.5, 1.0, 9, 3),
        ("best on validation", 0.8, 0.5, 2, 5),
        ("lower loss", 0.6, 0.1, 4, 6),
        ("same UA, higher loss", 0.8, 0.7, 8, 8),
    ]
    made = [
        Answer(view, trained(ua, epoch, loss), logits_of(partly_right(truth, right)), True, True)
        for view, ua, loss, epoch, right in views
    ]
    return [*made, Answer("no candidate", trained(0.9, 1), logits_of(truth), False, True)]


def test_the_layer_is_chosen_by_validation_alone() -> None:
    pool = pool_of("demo")
    task = task_of(pool)
    truth = truth_of(task, pool)
    answers = answers_of(truth)
    made = outcome(task, pool, answers, None, [], STRICT)
    chosen = made.selection
    assert (chosen.layer, chosen.epoch, chosen.validation_ua) == ("best on validation", 2, 0.8)
    assert (chosen.learning_rate, chosen.hidden) == (1e-2, 16)
    assert (chosen.seed, chosen.training, chosen.validation) == (7, 60, 36)
    assert (made.predictions["prediction"] == np.array(LABELS)[answers[2].ids]).all()
    # Whatever order they come in.
    backwards = outcome(task, pool, answers[::-1], None, [], STRICT)
    assert backwards.selection == chosen


def test_the_labels_of_the_test_part_choose_nothing() -> None:
    pool = pool_of("demo")
    task = task_of(pool)
    answers = answers_of(truth_of(task, pool))
    made = outcome(task, pool, answers, None, [], STRICT)
    for row in task.tested.tolist():
        item = pool.items["demo"][row]
        pool.items["demo"][row] = replace(item, label=LABELS[(LABELS.index(item.label) + 1) % 4])
    vars(pool).pop("all_items")
    other = outcome(task, pool, answers, None, [], STRICT)
    assert other.selection == made.selection
    assert (other.predictions["prediction"] == made.predictions["prediction"]).all()
    assert (other.predictions["label"] != made.predictions["label"]).all()
    assert other.tested["demo"].layers != made.tested["demo"].layers


def test_every_layer_has_its_score_and_the_sum_of_layers_too() -> None:
    pool = pool_of("demo")
    task = task_of(pool)
    truth = truth_of(task, pool)
    answers, mixing = answers_of(truth), torch.tensor([0.25, 0.75])
    said = partly_right(truth, 7)
    learned = Answer("weighted sum", trained(0.65, 5, mixing=mixing), logits_of(said), False, False)
    watched = [torch.from_numpy(partly_right(truth, right)) for right in (2, 9, 4)]
    tested = outcome(task, pool, answers, learned, watched, STRICT).tested["demo"]
    assert tested.layers == {
        answer.view: (answer.head.merit[0], pytest.approx(recall_score(truth, answer.ids, average="macro")))
        for answer in answers
    }
    assert tested.weighted_sum.validation_ua == 0.65
    assert tested.weighted_sum.scores.wa == pytest.approx(accuracy_score(truth, said))
    assert tested.weighted_sum.weights == [0.25, 0.75]
    assert tested.test_selected.ua == pytest.approx(recall_score(truth, watched[1], average="macro"))


def test_predictions_say_what_was_trained_and_tested_and_who_speaks() -> None:
    pool = pool_of("demo")
    made = outcome(task_of(pool), pool, answers_of(truth_of(task_of(pool), pool)), None, [], STRICT)
    table = made.predictions
    assert set(table["source"]) == set(table["target"]) == {"demo"}
    assert set(table["fold"]) == {"strict2"}
    assert set(table["seed"]) == {7}
    assert list(table["id"].str.split("-").str[1]) == list(table["speaker"])
    assert list(table["id"].str.split("-").str[2]) == list(table["label"])
    best = [LABELS[int(np.argmax(logits))] for logits in table["logits"]]
    assert best == list(table["prediction"])


def test_between_corpora_every_target_is_scored_by_itself() -> None:
    pool = pool_of("demo", "savee")
    task = task_of(pool, "cross")
    truth = truth_of(task, pool)
    half = len(truth) // 2
    said = np.concatenate([partly_right(truth[:half], 9), partly_right(truth[half:], 2)])
    answers = [Answer("last", trained(0.5, 1), logits_of(said), True, True)]
    made = outcome(task, pool, answers, None, [torch.from_numpy(said)], PAPER)
    assert list(made.tested) == ["demo", "savee"]
    for place, name in enumerate(("demo", "savee")):
        rows = slice(place * half, (place + 1) * half)
        ua = recall_score(truth[rows], said[rows], average="macro")
        assert made.tested[name].layers["last"] == (0.5, pytest.approx(ua))
        assert made.tested[name].test_selected.ua == pytest.approx(ua)
        part = made.predictions[made.predictions["target"] == name]
        assert (part["label"] == part["prediction"]).mean() == pytest.approx(
            accuracy_score(truth[rows], said[rows])
        )
        # A name of a speaker counts within its corpus.
        assert {speaker.split(" ")[0] for speaker in part["speaker"]} == {name}


class Store:
    """Made-up features: frames of the last layer, and the means of every layer."""

    def __init__(self, means: Tensor):
        self._means = means

    def means(self) -> Tensor:
        return self._means

    def read(self) -> Iterator[tuple[str, Tensor]]:
        return ((str(row), means[-1:].repeat(2, 1)) for row, means in enumerate(self._means))


def features(pool: Pool, tested: Sequence[int], seed: int = 0) -> Store:
    """Layer 0 says nothing, layer 1 all but of what is tested, and layer 2 what the label is, most of the time."""
    random = np.random.default_rng(seed)
    labels = pool.label_ids.numpy()
    rows = np.arange(len(labels))
    wrong = random.random(len(rows)) < 0.3
    seen = np.where(np.isin(rows, tested), random.integers(0, 4, len(rows)), labels)
    mostly = np.where(wrong, random.integers(0, 4, len(rows)), labels)
    signals = [random.integers(0, 4, len(rows)), seen, mostly]
    means = random.normal(size=(len(rows), LAYERS, DIMENSION)) * 0.1
    for layer, signal in enumerate(signals):
        means[rows, layer, signal] += 3
    return Store(torch.from_numpy(means).float())


def run(pool: Pool, tasks: Sequence[Task], protocol: Protocol) -> list[Outcome]:
    tested = sorted({row for task in tasks for row in task.tested.tolist()})
    views = views_of([features(pool, tested)], protocol, torch.device("cpu"), every_layer=True)  # type: ignore[list-item]
    return train_tasks(tasks, pool, views, protocol, lambda epochs: None)


def within(protocol: Protocol) -> tuple[Pool, list[Task]]:
    pool = pool_of("demo")
    tasks = fold_tasks(pool, pool.corpora["demo"], protocol)
    fold = tasks[0].fold
    return pool, [task for task in tasks if task.fold == fold]


def between(protocol: Protocol) -> tuple[Pool, list[Task]]:
    pool = pool_of("demo", "savee")
    pairings = pairings_of(["demo"], ["savee"], leave_one_out=False)
    return pool, cross_tasks(pool, pairings, "all", "all", protocol)


@pytest.mark.parametrize("design", [within, between])
def test_strict_takes_the_layer_that_validation_likes_even_if_test_would_not(design) -> None:
    pool, tasks = design(STRICTLY)
    outcomes = run(pool, tasks, STRICTLY)
    assert [made.selection.seed for made in outcomes] == [0, 1]
    for made in outcomes:
        (tested,) = made.tested.values()
        assert list(tested.layers) == ["0", "1", "2"]
        assert made.selection.layer == "1"
        assert made.selection.validation_ua == tested.layers["1"][0] > tested.layers["2"][0]
        table = made.predictions
        ua = recall_score(table["label"], table["prediction"], average="macro")
        assert tested.layers["1"][1] == pytest.approx(ua)
        assert ua < tested.layers["2"][1]  # what choosing on test would have taken
        assert np.argmax(tested.weighted_sum.weights) == 1
        assert tested.test_selected is None  # strict does not peek


@pytest.mark.parametrize("design", [within, between])
def test_paper_scores_the_last_layer_and_the_others_stand_beside_it(design) -> None:
    pool, tasks = design(PAPERLY)
    (made,) = run(pool, tasks, PAPERLY)
    (tested,) = made.tested.values()
    assert made.selection.layer == "last"
    assert list(tested.layers) == ["0", "1", "2"]
    table = made.predictions
    ua = recall_score(table["label"], table["prediction"], average="macro")
    assert 0.5 < ua <= tested.test_selected.ua
    assert list(table["id"]) == [pool.all_items[row].id for row in tasks[0].tested.tolist()]
