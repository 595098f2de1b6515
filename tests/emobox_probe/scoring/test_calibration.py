"""Calibration of runs: what the record says follows from the logits, and temperatures never from the test part."""

import numpy as np
import pytest
from kept_runs import kept_run

from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import read_predictions
from emobox_probe.scoring.calibration import calibration_of, logits_of
from emobox_probe.scoring.check import check_scores


@pytest.fixture
def run(tmp_path):
    made = kept_run(tmp_path / "run", "a/b")
    return made, read_predictions(tmp_path / "run", made)


def test_temperatures_of_folds_scale_their_own_logits(run):
    made, predictions = run
    assert calibration_of(predictions, made).scaled is None
    warm = [fold.model_copy(update={"temperature": 2.0}) for fold in made.folds]
    warmed = calibration_of(predictions, made.model_copy(update={"folds": warm}))
    halved = predictions.assign(logits=[[value / 2 for value in row] for row in predictions["logits"]])
    assert warmed.scaled == calibration_of(halved, made).plain
    assert warmed.plain == calibration_of(predictions, made).plain


def test_risk_at_full_coverage_is_the_error_rate(run):
    made, predictions = run
    found = calibration_of(predictions, made)
    assert found.risk[-1] == pytest.approx(1 - made.pooled.wa)
    assert sum(bin.answers for bin in found.reliability) == len(predictions)


@pytest.mark.parametrize("broken", [None, [1.0], [np.nan] * 4])
def test_a_run_without_probabilities_says_so(run, broken):
    _, predictions = run
    logits = predictions["logits"].tolist()
    logits[3] = broken
    with pytest.raises(ProbeError, match="Expected 4 finite logits of every utterance"):
        logits_of(predictions.assign(logits=logits), 4)


def test_a_record_whose_calibration_does_not_follow_is_refused(run, tmp_path):
    made, predictions = run
    whole = made.model_copy(update={"calibration": calibration_of(predictions, made)})
    check_scores(tmp_path, whole, predictions)
    better = whole.calibration.plain.model_copy(update={"ece": 0.0})
    forged = whole.calibration.model_copy(update={"plain": better})
    with pytest.raises(ProbeError, match="the calibration is"):
        check_scores(tmp_path, whole.model_copy(update={"calibration": forged}), predictions)
    more = whole.calibration.model_copy(update={"scaled": better})  # without a temperature of any fold
    with pytest.raises(ProbeError, match="the calibration is"):
        check_scores(tmp_path, whole.model_copy(update={"calibration": more}), predictions)


def test_a_record_with_calibration_is_read_back_and_drawn(run):
    made, predictions = run
    whole = made.model_copy(update={"calibration": calibration_of(predictions, made)})
    again = type(whole).model_validate_json(whole.model_dump_json())
    assert again.calibration == whole.calibration
    assert list(again.pictures()) == ["confusion.png", "calibration.png"]
    assert again.pictures()["calibration.png"].content().startswith(b"\x89PNG")
