"""Suspects: cleanlab's rule, planted labels found, and what is asked of a run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from kept_runs import kept_run
from rated_records import make_rated
from result_runs import make_cross_run

from emobox_metric.ser_metric.calibration import softmax
from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import read_predictions
from emobox_probe.trust.suspects import confidently_denied, suspects, suspects_in

LABELS = ["Angry", "Happy", "Neutral", "Sad"]


def answers(seed: int, items: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, given labels, and which of those were planted."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, items)
    probabilities = softmax(2 * rng.normal(size=(items, 4)) + 4 * np.eye(4)[truth])
    planted = rng.random(items) < 0.05
    return probabilities, np.where(planted, (truth + 1) % 4, truth), planted


@pytest.mark.parametrize("seed", range(3))
def test_the_rule_is_cleanlabs(seed: int) -> None:
    filters = pytest.importorskip("cleanlab.filter")
    probabilities, given, _ = answers(seed)
    theirs = filters.find_label_issues(given, probabilities, filter_by="confident_learning", n_jobs=1)
    np.testing.assert_array_equal(confidently_denied(probabilities, given) >= 0, theirs)


def test_planted_labels_are_suspected_before_others() -> None:
    probabilities, given, planted = answers(0)
    table = pd.DataFrame(
        {
            "id": [f"u{number:03}" for number in range(len(given))],
            "speaker": "s",
            "fold": "fold1",
            "label": np.array(LABELS)[given],
            "prediction": np.array(LABELS)[probabilities.argmax(axis=1)],
            "logits": list(np.log(probabilities)),
        }
    )
    found = suspects_in(pd.concat([table.assign(seed=0), table.assign(seed=1)]), LABELS)
    places = found["id"].str[1:].astype(int).to_numpy()
    assert planted[places[:10]].mean() >= 0.8
    assert planted[places].mean() > 5 * planted.mean()
    assert (found["answers"] == 2).all()
    assert set(found["agreeing"]) <= {0, 2}
    assert (found["suspected"] != found["label"]).all()


def test_a_label_that_nobody_was_given_denies_nothing() -> None:
    probabilities = np.array([[0.9, 0.0, 0.1], [0.1, 0.0, 0.9]])
    assert confidently_denied(probabilities, np.array([0, 0])).tolist() == [-1, -1]


def test_the_command_writes_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = kept_run(tmp_path / "run", "a/b")
    assert run_command("doctor", "--suspects", tmp_path / "run", "--csv", tmp_path / "listen.csv") == 0
    written = pd.read_csv(tmp_path / "listen.csv")
    predictions = read_predictions(tmp_path / "run", made)
    wrong = predictions[predictions["label"] != predictions["prediction"]]
    assert set(written["id"]) <= set(wrong["id"])
    assert len(written) > 0
    assert "Suspects are no errors" in " ".join(capsys.readouterr().out.split())
    assert run_command("doctor", "--suspects", tmp_path / "run", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == written["id"].tolist()
    assert not (tmp_path / "run" / "suspects.csv").exists()


def test_runs_that_cannot_say_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept_run(tmp_path / "run", "a/b")
    with pytest.raises(ProbeError, match="Expected the corpus of the run, urdu, but got emodb"):
        suspects(tmp_path / "run", corpus="emodb")
    make_cross_run(tmp_path / "cross")
    with pytest.raises(ProbeError, match="Expected a run on the labels of one corpus"):
        suspects(tmp_path / "cross")
    make_rated(tmp_path / "rated")
    with pytest.raises(ProbeError, match="give a run of emobox probe with --target label"):
        suspects(tmp_path / "rated")
    assert run_command("doctor") == 2
    assert "or --suspects with a run" in " ".join(capsys.readouterr().err.split())
