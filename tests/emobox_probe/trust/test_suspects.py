"""Suspects: cleanlab's rule, planted labels found, and what is asked of a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from conftest import shared_assets
from kept_runs import kept_run
from rated_records import make_rated
from result_runs import make_cross_run

from emobox_metric.ser_metric.calibration import softmax
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import read_run
from emobox_probe.records.predictions import label_ids, read_predictions
from emobox_probe.scoring.calibration import logits_of
from emobox_probe.trust.suspects import confidently_denied, suspects, suspects_in

LABELS = ["Angry", "Happy", "Neutral", "Sad"]


def answers(seed: int, items: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, given labels, and which of those were planted."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, items)
    probabilities = softmax(2 * rng.normal(size=(items, 4)) + 4 * np.eye(4)[truth])
    planted = rng.random(items) < 0.05
    return probabilities, np.where(planted, (truth + 1) % 4, truth), planted


def theirs(probabilities: np.ndarray, given: np.ndarray, ranked: str | None = None) -> np.ndarray:
    """Which labels cleanlab holds to be issues, or, ranked, their places."""
    filters = pytest.importorskip("cleanlab.filter")
    return filters.find_label_issues(
        given, probabilities, filter_by="confident_learning", return_indices_ranked_by=ranked, n_jobs=1
    )


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(8))
def test_the_rule_is_cleanlabs(seed: int, sharpness: float) -> None:
    """Also where a likely label is above its mean but not the likeliest, of few labels and of many, even or not."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    given = rng.choice(classes, 300, p=rng.dirichlet(np.full(classes, 2.0)))
    bias = 2 * rng.normal(size=classes)
    probabilities = softmax(bias + rng.normal(size=(300, classes)) + sharpness * np.eye(classes)[given])
    denied = confidently_denied(probabilities, given)
    np.testing.assert_array_equal(denied, theirs(probabilities, given))
    assert not (denied & (probabilities.argmax(axis=1) == given)).any()


def test_ties_labels_without_probability_and_labels_not_given_are_cleanlabs() -> None:
    halves = np.array([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [0.8, 0.2, 0.0], [0.5, 0.5, 0.0]])
    for given in ([0, 0, 1, 1], [2, 2, 0, 1], [0, 1, 1, 2]):
        labels = np.array(given)
        np.testing.assert_array_equal(confidently_denied(halves, labels), theirs(halves, labels))


@pytest.fixture(scope="module", name="emodb_run")
def run_on_emodb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads on mel spectrograms of EmoDB are wrong often, and sure of labels that they seldom give."""
    folder = tmp_path_factory.mktemp("emodb")
    words = ["--model", "builtin:logmel", "--corpus", "emodb", "--data-dir", emodb(), "--protocol", "linear"]
    assert run_command("probe", *words, "--features-dir", folder / "features", "--output-dir", folder) == 0
    return folder / "builtin--logmel" / "emodb" / "linear"


def emodb() -> Path:
    return shared_assets() / "corpora" / "emodb"


def test_suspects_of_a_run_are_cleanlabs_in_its_order(emodb_run: Path) -> None:
    made = read_run(emodb_run)
    predictions = read_predictions(emodb_run, made).sort_values("id")
    probabilities = softmax(logits_of(predictions, len(made.corpus.labels)))
    given = label_ids(predictions["label"], made.corpus.labels)
    listed = suspects(emodb_run)
    places = theirs(probabilities, given, "normalized_margin")
    assert listed["id"].tolist() == predictions["id"].to_numpy()[places].tolist()
    answers = predictions.set_index("id")["prediction"]
    assert (answers[listed["id"]].to_numpy() == listed["suspected"]).all()
    assert (listed["suspected"] != listed["label"]).all()


def test_what_listeners_said_is_shown_and_columns_without_values_are_not(
    emodb_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    shutil.copy(emodb() / "erkennung.txt", tables)
    words = ["doctor", "--suspects", emodb_run, "--csv", tmp_path / "listen.csv"]
    assert run_command("doctor", "emodb", tables, *words[1:]) == 0
    shown = capsys.readouterr().out
    written = pd.read_csv(tmp_path / "listen.csv")
    assert list(written.columns[-3:]) == ["answers", "recognition", "naturalness"]
    first = next(line for line in shown.splitlines() if written["id"][0] in line)
    assert f"{written['recognition'][0]:.4g}" in first
    assert "recognition" in shown
    assert "recognised" not in shown
    said = " ".join(shown.split())
    assert f"{len(written)} of 535 utterances" in said
    assert "the most doubtful first, of which the first 15 are shown" in said
    assert "mostly it is the heads that are wrong" in said
    assert run_command(*words) == 0
    assert "recognition" not in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "listen.csv").columns[-1] == "answers"


def test_votes_of_a_corpus_that_is_here_are_shown_unasked(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("doctor", "--suspects", run, "--csv", tmp_path / "listen.csv") == 0
    shown = capsys.readouterr().out
    written = pd.read_csv(tmp_path / "listen.csv")
    assert list(written.columns[-5:]) == ["votes", "recognised", "arousal", "valence", "dominance"]
    assert written["votes"][0] in shown
    assert f"{written['recognised'][0]:.0%}" in shown
    assert "arousal" not in shown


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
    assert not confidently_denied(probabilities, np.array([0, 0])).any()


def test_the_command_writes_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = kept_run(tmp_path / "run", "a/b")
    # URDU has no raters: its folder adds nothing, and is no error.
    words = [
        "doctor",
        "urdu",
        tmp_path,
        "--suspects",
        tmp_path / "run",
        "--csv",
        tmp_path / "new" / "listen.csv",
    ]
    assert run_command(*words) == 0
    written = pd.read_csv(tmp_path / "new" / "listen.csv")
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
