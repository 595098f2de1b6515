"""The report: differences and rank correlations against figures worked out by hand."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from bench_plans import demo_plan
from records import record as made_up_record

from emobox_probe.protocol import PAPER
from hub_cards.bench import report
from hub_cards.bench.events import Events
from hub_cards.bench.items import expand
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.states import Ledger
from hub_cards.paper import read_table_4


def test_ranks_are_correlated_by_corpus_and_over_all() -> None:
    table = pd.DataFrame(
        {
            "corpus": ["a"] * 4 + ["b"] * 2,
            "ua_mean_over_folds": [10.0, 20, 30, 40, 5, 50],
            # Ranks 1 2 4 3: 1 - 6 * (0 + 0 + 1 + 1) / (4 * 15) = 0.8.
            "ua_in_paper": [11.0, 12, 40, 30, 1, 99],
        }
    )
    found = report.rank_correlations(table)
    assert found["a"] == (0.8, 4)
    assert "b" not in found  # two models
    # Ranks of all: 2 3 4 5 1 6 and 2 3 5 4 1 6.
    assert found["all"] == (round(1 - 6 * 2 / (6 * 35), 3), 6)


def test_equal_scores_have_no_rank_correlation() -> None:
    table = pd.DataFrame({"corpus": ["a"] * 3, "ua_mean_over_folds": [1.0, 1, 1], "ua_in_paper": [1.0, 2, 3]})
    assert report.rank_correlations(table) == {}


def test_scores_stand_beside_the_row_of_the_paper_that_the_plan_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "emodb").mkdir()
    text = demo_plan(tmp_path, "{name: /my/copy, paper: WavLM base}").replace(
        "[demo]", f"[{{name: emodb, path: {tmp_path}/emodb}}]"
    )
    plan = parse_plan(text, "plan.yaml")
    ledger = Ledger(plan, expand(plan), {})
    monkeypatch.setattr(Ledger, "state", lambda self, item: "done")
    made_up = made_up_record()
    corpus = made_up.corpus.model_copy(update={"name": "emodb"})
    known = made_up.model_copy(update={"corpus": corpus, "protocol": asdict(PAPER)})
    monkeypatch.setattr(report, "read_item", lambda plan, item: known)
    table = report.score_table(ledger)
    paper = read_table_4()
    expected = paper[(paper["name"] == "WavLM base") & (paper["corpus"] == "emodb")]["ua"].iloc[0]
    assert table["ua_in_paper"].tolist() == [expected]
    assert table["ua_difference"].iloc[0] == pytest.approx(100 * known.mean.ua - expected, abs=0.011)
    report.write(ledger, {})
    written = (plan.output / "report.md").read_text()
    assert f"{expected:.1f}" in written
    assert "Rank correlations need 3 models" in written
    # The same on an incomplete copy stands alone.
    lacking = known.model_copy(update={"corpus": corpus.model_copy(update={"missing": 4, "utterances": 396})})
    monkeypatch.setattr(report, "read_item", lambda plan, item: lacking)
    assert report.score_table(ledger)["ua_in_paper"].isna().all()
    report.write(ledger, {})
    written = (plan.output / "report.md").read_text()
    assert "50.0 (40.0–60.0) / 62.5 / 55.0 † |" in written
    assert "† 4 of 400 utterances of emodb are missing: not comparable." in written
    assert "No model and corpus of Table 4 is among the scores." in written


def test_reasons_cannot_break_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = parse_plan(demo_plan(tmp_path, "builtin:logmel"), "plan.yaml")
    ledger = Ledger(plan, expand(plan), {})
    monkeypatch.setattr(Ledger, "state", lambda self, item: "missing")
    report.write(ledger, {"extract/builtin--logmel/demo": "a | b\n# c"})
    written = (plan.output / "report.md").read_text()
    assert "a &#124; b \\# c |" in written
    assert "No score is done yet." in written


def test_events_for_machines_have_standard_output_to_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    with Events() as events:
        print("a library says something")
        events.tell("plan", items=3)
    print("after it")
    seen = capsys.readouterr()
    told, after = seen.out.splitlines()
    assert json.loads(told)["items"] == 3
    assert after == "after it"
    assert seen.err == "a library says something\n"
