"""Headline, interval, rank, chart and confusion matrix are of one quantity, wherever they are shown.

The run is one whose mean over folds is another: the second fold is small and lacks a label, as strict folds of URDU do.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from commands import run_command
from records import record
from scipy.special import logit
from sklearn.metrics import recall_score

from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.predictions import confusion_of
from emobox_probe.records.result import HEADLINE, ResultRecord
from emobox_probe.scoring.summary import scores_of, summary_of
from hub_cards.cards.eval_results import to_yaml
from hub_cards.cards.model_card import model_card
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.rows.within import contender
from hub_cards.runs.collection import collect

LABELS = ["Angry", "Happy", "Neutral", "Sad"]


def fold(name: str, size: int, labels: list[str], right: float) -> pd.DataFrame:
    generator = np.random.default_rng(size)
    truth = np.resize(labels, size)
    said = np.where(generator.random(size) < right, truth, generator.choice(LABELS, size))
    ids = [f"{name}-{number}" for number in range(size)]
    speakers = [f"{name}-speaker{number // 10}" for number in range(size)]
    logits = [row.tolist() for row in np.eye(4, dtype=np.float32)[[LABELS.index(label) for label in said]]]
    columns = {"id": ids, "speaker": speakers, "label": truth, "prediction": said, "logits": logits}
    return pd.DataFrame(columns).assign(fold=name, seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    parts = [fold("fold1", 90, LABELS, 0.5), fold("fold2", 30, LABELS[:3], 0.95)]
    predictions = pd.concat(parts, ignore_index=True)
    base = record()
    folds = [
        base.folds[0].model_copy(
            update={
                "name": part["fold"].iloc[0],
                "test": len(part),
                "scores": scores_of(confusion_of(part, LABELS), "skip"),
            }
        )
        for part in parts
    ]
    protocol = json.loads(json.dumps(asdict(PROTOCOLS["paper"])))
    content = base.model_dump() | {"folds": folds, "protocol": protocol}
    made = ResultRecord(**(content | summary_of(folds, predictions, LABELS, "skip")))
    made.write(folder)
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def ua(folder: Path) -> float:
    """By scikit-learn, of all tested utterances together."""
    table = pd.read_parquet(folder / "predictions.parquet")
    return float(recall_score(table["label"], table["prediction"], average="macro"))


def test_of_the_record(folder: Path, ua: float) -> None:
    (made,) = (one.record for one in collect([folder]).results)
    assert made.headline.ua == pytest.approx(ua)
    assert abs(made.mean.ua - ua) > 0.05
    # A label that a fold lacks does not count in that fold.
    second = pd.read_parquet(folder / "predictions.parquet").query("fold == 'fold2'")
    lacking = recall_score(second["label"], second["prediction"], labels=LABELS[:3], average="macro")
    assert made.folds[1].scores.ua == pytest.approx(lacking)
    assert made.mean.ua == pytest.approx((made.folds[0].scores.ua + lacking) / 2)
    counts = np.array(made.confusion)
    assert (np.diag(counts) / counts.sum(axis=1)).mean() == pytest.approx(ua)
    assert made.interval.ua is not None
    assert np.mean(logit(made.interval.ua)) == pytest.approx(logit(ua))
    table = made.table().set_index("")
    assert table.loc[HEADLINE, "ua"] == pytest.approx(100 * ua)
    assert table["ua_low"].dropna().index.tolist() == [HEADLINE]
    assert np.isnan(table.loc["mean over folds", "ua_low"])


def test_a_fold_of_one_label_counts_by_its_utterances(folder: Path) -> None:
    first = pd.read_parquet(folder / "predictions.parquet").query("fold == 'fold1'")
    single = fold("fold2", 10, ["Sad"], 0.5)
    assert scores_of(confusion_of(single, LABELS), "skip").ua == (single["prediction"] == "Sad").mean()
    together = pd.concat([first, single], ignore_index=True)
    base = record().folds[0]
    folds = [
        base.model_copy(
            update={
                "name": part["fold"].iloc[0],
                "test": len(part),
                "scores": scores_of(confusion_of(part, LABELS), "skip"),
            }
        )
        for part in (first, single)
    ]
    summary = summary_of(folds, together, LABELS, "skip")
    expected = recall_score(together["label"], together["prediction"], average="macro")
    assert summary["pooled"].ua == pytest.approx(expected)
    assert summary["interval"].ua[0] < expected < summary["interval"].ua[1]


def test_of_the_rank_and_the_board(folder: Path, ua: float) -> None:
    collection = collect([folder])
    assert contender(collection.results[0]).scores["ua"] == pytest.approx(ua)
    columns = page_data(collection)["results"]
    (place,) = [place for place, rank in enumerate(columns["ua_rank"]) if rank]
    assert columns["ua"][place] == pytest.approx(100 * ua, abs=0.006)
    assert columns["ua_mean"][place] == pytest.approx(100 * collection.results[0].record.mean.ua, abs=0.006)
    ends = [columns[f"ua_{end}"][place] / 100 for end in ("low", "high")]
    assert np.mean(logit(ends)) == pytest.approx(logit(ua), abs=2e-3)


def test_of_tables_and_cards(folder: Path, ua: float, capsys: pytest.CaptureFixture[str]) -> None:
    (made,) = (one.record for one in collect([folder]).results)
    assert run_command("results", str(folder), "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["ua"] == pytest.approx(100 * ua, abs=0.006)
    assert row["ua_mean_over_folds"] == pytest.approx(100 * made.mean.ua, abs=0.006)
    card = model_card(made)
    metadata = card.data.to_dict()["model-index"][0]["results"][0]["metrics"]
    assert {metric["name"]: metric["value"] for metric in metadata}["UA (mean recall over classes)"] == round(
        ua, 4
    )
    assert f"| {HEADLINE} | {100 * ua:.1f} |" in card.text
    assert f"| mean over folds | {100 * made.mean.ua:.1f} |" in card.text
    (entry, *_) = yaml.safe_load(to_yaml(made))
    assert entry["value"] == round(ua, 4)
