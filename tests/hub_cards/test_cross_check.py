"""Scores between corpora are computed again from their predictions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from result_runs import make_cross_run

from emobox_probe.errors import ProbeError
from hub_cards.publish_results import checked


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told["pairs"][1]["scores"].update(ua=0.99), "UA of emodb on urdu"),
        (lambda told: told["average"].update(wa=0.99), "WA of the average"),
        (lambda told: told.update(average=None), "Expected the average"),
        (lambda told: told["pairs"][2]["confusion"][0].__setitem__(0, 99), "urdu on emodb has another"),
        (lambda told: told["pairs"].pop(), "predictions of the pairs"),
        (lambda told: told["corpora"][0].update(missing=1), "1 utterances of emodb are missing"),
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
