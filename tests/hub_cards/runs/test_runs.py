"""Runs on disk: what is found, what is let through, what is refused."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from result_runs import make_cross_run, make_run

from emobox_datasets.errors import CorpusError
from emobox_probe.errors import ProbeError
from hub_cards.publish.results import checked
from hub_cards.runs.find_and_check import find_runs


def test_runs_are_found_once_at_any_depth(tmp_path: Path) -> None:
    make_run(tmp_path / "a/urdu")
    make_run(tmp_path / "emodb", "emodb")
    make_cross_run(tmp_path / "cross")
    *runs, cross = found = find_runs([tmp_path, tmp_path / "a/urdu"])
    assert sorted(run.record.corpus.name for run in runs) == ["emodb", "urdu"]
    assert cross.folder == tmp_path / "cross"
    assert checked([tmp_path]) == found


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "paper")
    make_run(tmp_path / "strict", protocol="strict")
    make_run(tmp_path / "other", "emodb", name="lab/other")
    told = make_run(tmp_path / "version", "emodb").model_dump(mode="json")
    make_cross_run(tmp_path / "cross")
    told["corpus"]["fingerprint"] = "4" * 64
    (tmp_path / "version/result.json").write_text(json.dumps(told))
    for names, message in (
        (("paper", "strict"), "one protocol, but got paper, strict"),
        (("paper", "other"), "their names differ: 'lab/encoder"),
        (("cross", "version"), "one version of emodb"),
        (("paper", "nothing"), "run the probe first"),
    ):
        with pytest.raises(ProbeError, match=message):
            checked([tmp_path / name for name in names])


def spoiled(folder: Path, how: str) -> str:
    """Spoil a run; what the error should say."""
    told = make_run(folder).model_dump(mode="json")
    file = folder / "result.json"
    if how == "mean":
        told["mean"]["ua"] += 0.01
        message = "UA of the mean"
    elif how == "fold":
        told["folds"][1]["scores"]["wa"] = 1.0
        message = "WA of fold2"
    elif how == "confusion":
        told["confusion"][0][0] += 1
        message = "the confusion matrix is another in the record"
    elif how == "interval":
        told["interval"]["ua"] = [0.2, 0.9]
        message = "UA of the interval is 0.200000 to 0.900000"
    elif how == "spread":
        told["spread"]["f1"] = 0.5
        message = "F1 of the spread over folds is 0.500000"
    elif how == "predictions":
        table = pd.read_parquet(folder / "predictions.parquet")
        table["prediction"] = table["label"]
        table.to_parquet(folder / "predictions.parquet")
        message = "follow from the predictions"
    elif how == "no predictions":
        (folder / "predictions.parquet").unlink()
        message = "Expected the predictions"
    elif how == "incomplete":
        told["corpus"] |= {"missing": 3, "utterances": 397}
        message = "but 3 of 400 utterances of urdu are missing; complete the copy"
    elif how == "version":
        told["corpus"]["utterances"] = 397
        message = "all 400 utterances of urdu"
    elif how == "labels":
        told["corpus"]["labels"] = ["Angry", "Happy", "Neutral", "Bored"]
        message = "but got ['Sad']; predictions and record are not of one run"
    elif how == "corpus":
        told["corpus"]["name"] = "../../etc"
        message = "corpus.name is wrong"
    elif how == "protocol":
        told["protocol"]["name"] = "../strict"
        message = "Expected a protocol of paper, strict"
    elif how == "settings":
        told["protocol"]["epochs"] = 5
        message = "Expected the settings of the protocol paper"
    elif how == "schema":
        told["mean"]["ua"] = 63.1
        message = "mean.ua is wrong"
    else:
        make_run(folder / "again")
        message = "both of urdu"
    file.write_text(json.dumps(told))
    return message


@pytest.mark.parametrize(
    "how",
    [
        "mean",
        "fold",
        "confusion",
        "interval",
        "spread",
        "predictions",
        "no predictions",
        "incomplete",
        "version",
        "labels",
        "corpus",
        "protocol",
        "settings",
        "schema",
        "twice",
    ],
)
def test_records_that_are_not_what_they_claim_are_refused(tmp_path: Path, how: str) -> None:
    message = spoiled(tmp_path, how)
    with pytest.raises((CorpusError, ProbeError), match=re.escape(message)):
        checked([tmp_path])
