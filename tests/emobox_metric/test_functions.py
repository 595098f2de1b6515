"""The plain functions: scikit-learn's scores, the metric's results, and no `evaluate` behind them."""

import subprocess
import sys
import warnings

import evaluate
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from emobox_metric import compare, intervals, metric_path, scores

LABELS = ["angry", "bored", "happy", "neutral", "sad"]
GENERATOR = np.random.default_rng(0)
REFERENCES = GENERATOR.choice([0, 1, 2, 4], 400)  # nobody is neutral
PREDICTIONS = np.where(GENERATOR.random(400) < 0.6, REFERENCES, GENERATOR.integers(0, 5, 400))
OTHER = np.where(GENERATOR.random(400) < 0.5, REFERENCES, GENERATOR.integers(0, 5, 400))
SPEAKERS = [f"speaker {number % 8}" for number in range(400)]


def test_scores_are_those_of_scikit_learn() -> None:
    found = scores(REFERENCES, PREDICTIONS, LABELS)
    given = {"labels": range(5), "average": "macro", "zero_division": 0}
    assert found["ua"] == pytest.approx(recall_score(REFERENCES, PREDICTIONS, **given))
    assert found["f1"] == pytest.approx(f1_score(REFERENCES, PREDICTIONS, **given))
    assert found["wa"] == pytest.approx(accuracy_score(REFERENCES, PREDICTIONS))
    assert found["confusion"] == confusion_matrix(REFERENCES, PREDICTIONS, labels=range(5)).tolist()
    skipping = scores(REFERENCES, PREDICTIONS, LABELS, absent="skip")
    of_present = recall_score(REFERENCES, PREDICTIONS, labels=[0, 1, 2, 4], average="macro")
    assert skipping["ua"] == pytest.approx(of_present)


def test_columns_come_in_any_form() -> None:
    names = np.array(LABELS)
    wanted = scores(REFERENCES, PREDICTIONS, LABELS)
    for references, predictions in (
        (names[REFERENCES], PREDICTIONS),
        (torch.from_numpy(REFERENCES), pd.Series(names[PREDICTIONS])),
        (REFERENCES.tolist(), names[PREDICTIONS].tolist()),
    ):
        assert scores(references, predictions, LABELS) == wanted


def test_one_implementation_is_behind_them_and_the_metric() -> None:
    metric = evaluate.load(metric_path(), labels=LABELS)
    told = metric.compute(
        references=REFERENCES, predictions=PREDICTIONS, other_predictions=OTHER, speakers=SPEAKERS
    )
    assert told["intervals"] == intervals(REFERENCES, PREDICTIONS, LABELS, SPEAKERS)
    assert told["comparison"] == compare(REFERENCES, PREDICTIONS, OTHER, LABELS, SPEAKERS)
    found = scores(REFERENCES, PREDICTIONS, LABELS)
    assert {name: told[name] for name in found} == found
    low, high = told["intervals"]["ua"]
    assert low < found["ua"] < high


def test_a_list_that_is_not_given_is_inferred_aloud() -> None:
    with pytest.warns(UserWarning, match="means over the 2 labels seen") as caught:
        found = scores(["sad", "sad"], ["sad", "angry"])
    assert caught[0].filename == __file__
    assert (found["ua"], found["labels"], found["labels_inferred"]) == (0.25, ["angry", "sad"], True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores([0, 0], [0, 1], ["angry", "sad"])["labels_inferred"] is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scores(["sad"], ["sad", "sad"], LABELS), "1 references, 2 predictions"),
        (lambda: scores([0.5], [1], LABELS), "Expected `references` to be label ids"),
        (lambda: scores([0], ["glad"], LABELS), "Expected `predictions` to be among the labels"),
        (lambda: scores([0], [7], LABELS), "label ids in 0..4, but got 7"),
        (lambda: scores([], [], LABELS), "but got nothing"),
        (lambda: scores([0], [0], {"a", "b"}), "in the order of their ids"),
        (
            lambda: scores(pd.DataFrame([[0]]), [0], LABELS),
            "`references` to be a list.* a table of 1 columns",
        ),
        (lambda: scores([0], pd.DataFrame({"of": [0]}), LABELS), "pass one of them"),
        (lambda: intervals([0, 1], [0, 1], LABELS, ["a", "b"]), "Expected at least 4 clusters"),
        (lambda: compare([0], [0], [0, 1], LABELS), "2 other_predictions"),
        (lambda: compare([0, 1], [0, 1], [0, 1], LABELS, ["a", "b"]), "Expected at least 4 clusters"),
    ],
)
def test_what_cannot_be_scored_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_evaluate_is_not_imported_for_them() -> None:
    script = """
import sys
from emobox_metric import compare, intervals, scores
scores([0, 1], [0, 1], ["a", "b"])
print([name for name in ("evaluate", "datasets", "torch", "transformers") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
