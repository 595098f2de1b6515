"""Scores between corpora are computed again from their predictions."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cross_runs import QUICK, make_savee, run_cross
from hub_server import HubServer
from hub_store import Repository
from result_runs import MODEL, make_cross_run, publish

from emobox_probe import experiment
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS
from hub_cards.publish.results import checked
from hub_cards.runs.find_and_check import CrossRun


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told["pairs"][1]["scores"].update(ua=0.99), "UA of all together of emodb on urdu"),
        (lambda told: told["average"].update(wa=0.99), "WA of the average"),
        (lambda told: told.update(average=None), "the average is none in the record"),
        (
            lambda told: told["pairs"][1]["interval"].update(wa=[0.1, 0.2]),
            "WA of the interval of emodb on urdu",
        ),
        (
            lambda told: told["pairs"][1].update(seed_spread=None),
            "spread over seeds of emodb on urdu is none",
        ),
        (
            lambda told: told["pairs"][2]["confusion"][0].__setitem__(0, 99),
            "matrix of urdu on emodb is another",
        ),
        (lambda told: told["pairs"].pop(), "predictions by part and seed"),
        (
            lambda told: told["protocol"].update(epochs=3),
            "Expected the settings of the protocol paper in .*epochs",
        ),
        (lambda told: told["protocol"].update(name="mine"), "Expected a protocol of"),
        (lambda told: told["corpora"][0].update(missing=1), "all 535 utterances of emodb"),
    ],
)
def test_cross_corpus_records_are_held_against_their_predictions(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    told = make_cross_run(tmp_path).model_dump(mode="json")
    checked([tmp_path])
    change(told)
    (tmp_path / "cross.json").write_text(json.dumps(told))
    with pytest.raises(ProbeError, match=message):
        checked([tmp_path])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="seed"), "seed are missing"),
        (lambda table: table.assign(label="Bored"), "Expected labels of"),
        (lambda table: pd.concat([table, table.head(1)]), "is there twice"),
        (lambda table: table.assign(prediction=table["label"]), "follow from the predictions"),
    ],
)
def test_predictions_of_others_are_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    make_cross_run(tmp_path)
    file = tmp_path / "predictions.parquet"
    change(pd.read_parquet(file)).to_parquet(file)
    with pytest.raises(ProbeError, match=message):
        checked([tmp_path])
    file.write_text("none")
    with pytest.raises(ProbeError, match="Expected a Parquet file"):
        checked([tmp_path])
    file.unlink()
    with pytest.raises(ProbeError, match="there are none"):
        checked([tmp_path])


def test_a_real_run_can_be_published(
    hub: HubServer,
    model: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(PROTOCOLS, "paper", QUICK["paper"])
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)
    savee = make_savee(tmp_path / "savee")
    words = ["--train", "demo,savee", "--data-dir", f"savee={savee}", "--features-dir", tmp_path / "features"]
    assert run_cross(*words, "--output-dir", tmp_path / "runs") == 0
    assert [type(run) for run in checked([tmp_path / "runs"])] == [CrossRun]
    capsys.readouterr()
    assert publish(tmp_path / "runs", "--to", MODEL, "--results-repo", "lab/results") == 0
    shown = capsys.readouterr().out
    assert "+### Between corpora, protocol paper" in shown
    assert "+| demo | " in shown
    assert re.search(r"cross/lab--encoder/weights-none/paper/cross\.json", shown)
    assert "Nothing was sent" in shown
    assert str(tmp_path) not in shown
    assert len(model.commits) == 2
    assert not [request for request in hub.requests if "/commit/" in request.path]
