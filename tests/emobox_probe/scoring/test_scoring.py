"""What is held out, and how folds become one record, against scikit-learn and plain pandas."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from emobox_probe.scoring.summary import confusion_of, interval_of, scores_of

NAMES = ["Angry", "Happy", "Sad"]


def table(seed: int = 0, rows: int = 90, speakers: int = 6) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, rows)
    predicted = np.where(random.random(rows) < 0.6, truth, random.integers(0, 3, rows))
    return pd.DataFrame(
        {
            "id": [f"u{number}" for number in range(rows)],
            "speaker": [f"s{number}" for number in random.integers(0, speakers, rows)],
            "label": np.array(NAMES)[truth],
            "prediction": np.array(NAMES)[predicted],
        }
    )


def test_scores_equal_scikit_learn() -> None:
    data = table()
    scores = scores_of(confusion_of(data, NAMES), "zero")
    assert scores.ua == pytest.approx(recall_score(data.label, data.prediction, average="macro"))
    assert scores.wa == pytest.approx(accuracy_score(data.label, data.prediction))
    assert scores.f1 == pytest.approx(f1_score(data.label, data.prediction, average="macro"))


def test_the_interval_resamples_speakers_where_they_are_known() -> None:
    data = table()
    known = interval_of(data, NAMES, "skip")
    assert known.resampled == "speakers"
    assert known.ua[0] < scores_of(confusion_of(data, NAMES), "zero").ua < known.ua[1]
    unknown = interval_of(data.assign(speaker=None), NAMES, "skip")
    assert unknown.resampled == "utterances"
    alone = interval_of(data.assign(speaker="one"), NAMES, "skip")
    assert (alone.resampled, alone.clusters, alone.ua) == ("speakers", 1, None)


def test_an_utterance_that_several_seeds_tested_is_one_utterance() -> None:
    data = table().assign(speaker=None)
    once, thrice = interval_of(data, NAMES, "skip"), interval_of(pd.concat([data] * 3), NAMES, "skip")
    assert thrice.ua == pytest.approx(once.ua, abs=0.02)
