"""Scores of groups of utterances against scikit-learn, and records that do not follow from their predictions."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from cross_records import cross_record
from records import record
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score, f1_score

from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import interval_of, read_predictions
from emobox_probe.records.result import RESULT_FILE, ResultRecord, Scores, read_record
from emobox_probe.report.report import remarks, score_rows
from emobox_probe.scoring.by_group import scores_by, show
from emobox_probe.scoring.check import as_shown, check_scores
from emobox_probe.scoring.summary import as_of_today, confusion_of, scores_of
from hub_cards.cards.eval_results import to_yaml

LABELS = ["Angry", "Happy", "Neutral", "Sad"]


def predictions(rows: int = 100) -> pd.DataFrame:
    random = np.random.default_rng(5)
    truth = np.array(LABELS)[np.arange(rows) % 4]
    said = np.where(random.random(rows) < 0.7, truth, random.choice(LABELS, rows))
    return pd.DataFrame(
        {
            "id": [f"u{n}" for n in range(rows)],
            "speaker": [f"s{n}" for n in random.integers(0, 5, rows)],
            "fold": "fold1",
            "seed": 0,
            "label": truth,
            "prediction": said,
            "logits": [[0.0] * 4] * rows,
            "gender": np.where(random.random(rows) < 0.5, "female", "male"),
            "language": "ur",
        }
    )


def honest(table: pd.DataFrame) -> ResultRecord:
    confusion = confusion_of(table, LABELS)
    scores = scores_of(confusion, "skip")
    made_up = record()
    fold = made_up.folds[0].model_copy(update={"scores": scores, "test": len(table)})
    return made_up.model_copy(
        update={
            "folds": [fold],
            "mean": scores,
            "pooled": scores,
            "interval": interval_of(table, LABELS, "skip"),
            "confusion": confusion.tolist(),
            "protocol": {**made_up.protocol, "absent": "skip"},
        }
    )


def stored(folder: Path, table: pd.DataFrame, made: ResultRecord) -> Path:
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / "predictions.parquet", index=False)
    made.write(folder)
    return folder


def score(*words: str) -> int:
    return run_command("score", *words)


def test_groups_are_scored_as_scikit_learn_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = predictions()
    folder = stored(tmp_path / "run", table, honest(table))
    found = scores_by(read_predictions(folder, honest(table)), honest(table), ["gender"]).set_index("group")
    for gender, part in table.groupby("gender"):
        assert found.ua[gender] == pytest.approx(100 * balanced_accuracy_score(part.label, part.prediction))
        assert found.f1[gender] == pytest.approx(100 * f1_score(part.label, part.prediction, average="macro"))
        assert found.ua_low[gender] < found.ua[gender] < found.ua_high[gender]
        assert found.utterances[gender] == len(part)
    assert score(str(folder), "--by", "gender") == 0
    shown = capsys.readouterr().out
    gap = found.ua.max() - found.ua.min()
    assert f"Largest gap in UA by gender: {gap:.1f}" in shown
    assert score(str(folder), "--by", "speaker", "--format", "csv") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + table.speaker.nunique()


def test_beside_every_group_stand_chance_and_what_its_speakers_alone_would_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = predictions().assign(speaker_only="Sad")
    table.loc[table.gender == "female", "speaker_only"] = table.label
    table = pd.concat([table, table.assign(seed=1)])
    table = table[(table.gender == "female") | (table.label != "Sad")]
    made = honest(table[table.seed == 0])
    found = scores_by(table, made, ["gender"]).set_index("group")
    assert found.ua_chance.to_dict() == pytest.approx({"female": 25.0, "male": 100 / 3})
    assert found.ua_speaker.to_dict() == {"female": 100.0, "male": 0.0}
    # Runs of before kept what the record says only.
    before = made.model_copy(update={"speaker_only": Scores(ua=0.4, wa=0.4, f1=0.4)})
    table = table[table.seed == 0].drop(columns="speaker_only")
    assert scores_by(table, before).ua_speaker.tolist() == [40.0]
    assert scores_by(table, before, ["gender"]).ua_speaker.isna().all()
    assert score(str(stored(tmp_path / "run", table, before))) == 0
    assert re.search(r"│ 25.0 +│ 40.0 +│ 4", capsys.readouterr().out)


def test_the_gap_between_corpora_is_within_each_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best of one target and the worst of another are no gap between groups."""
    rows = [
        {
            "source": source,
            "target": target,
            "fold": "all",
            "id": f"{target}{number}",
            "speaker": f"{target}_s{number % 4}",
            "seed": 0,
            "label": LABELS[number % 4],
            "prediction": LABELS[number % 4 if number % 8 < right else 0],
            "gender": "female" if number % 16 < 8 else "male",
        }
        for source, target, right in (("demo", "emodb", 8), ("emodb", "demo", 2))
        for number in range(32)
    ]
    table = pd.DataFrame(rows)
    table.loc[(table.target == "demo") & (table.gender == "male"), "prediction"] = "Happy"
    made = cross_record(("demo", "emodb")).model_copy(update={"labels": LABELS})
    found = scores_by(table, made, ["gender"])
    assert found[["train", "test", "group"]].to_numpy().tolist() == [
        ["demo", "emodb", "female"],
        ["demo", "emodb", "male"],
        ["emodb", "demo", "female"],
        ["emodb", "demo", "male"],
    ]
    console = Console(file=io.StringIO(), width=200)
    show(found, table, made, ["gender"], console)
    gaps = [line for line in console.file.getvalue().splitlines() if line.startswith("Largest gap")]
    assert [gap.split(";")[0] for gap in gaps] == [
        "Largest gap in UA by gender, demo on emodb: 0.0",
        "Largest gap in UA by gender, emodb on demo: 12.5",
    ]


def test_what_is_not_known_is_a_group_of_its_own_or_an_error() -> None:
    table = predictions().assign(target="urdu")
    table.loc[table.speaker == "s0", "gender"] = None
    found = scores_by(table, honest(table), ["gender"])
    assert list(found.group) == ["female", "male", "not known"]
    with pytest.raises(ProbeError, match="corpus that tells gender, but urdu does not"):
        scores_by(table.assign(gender=None), honest(table), ["gender"])
    with pytest.raises(ProbeError, match="did not keep it"):
        scores_by(table.drop(columns="gender"), honest(table), ["gender"])


def test_a_group_of_too_few_speakers_has_no_interval() -> None:
    table = predictions()
    table.loc[0, "speaker"] = "alone"
    found = scores_by(table, honest(table), ["speaker"]).set_index("group")
    assert np.isnan(found.ua_low.astype(float)).all()
    assert set(found.interval) == {"none (1 speaker)"}
    assert found.labels["alone"] == 1
    unnamed = scores_by(table[:3].assign(speaker=None), honest(table))
    assert list(unnamed.interval) == ["none (3 utterances)"]


@pytest.mark.parametrize("names", [["one"], ["one", "two"], ["one", "two", "three"]])
def test_a_record_of_too_few_speakers_has_no_interval_and_says_why(names: list[str], tmp_path: Path) -> None:
    table = predictions().assign(speaker=np.resize(names, 100))
    made = honest(table)
    folder = stored(tmp_path / "run", table, made)
    again = read_record(folder)
    assert again.model_dump_json() == made.model_dump_json()
    check_scores(folder, again, read_predictions(folder, again))
    assert (again.interval.ua, again.interval.standard_errors) == (None, None)
    assert again.interval.reason == f"speakers tested: {len(names)}, and at least 4 are needed"
    assert score_rows(again)[2][1] == again.interval.note
    assert f"No interval: speakers tested: {len(names)}" in again._repr_html_()


def test_a_record_without_spread_between_speakers_has_no_interval_and_says_so(tmp_path: Path) -> None:
    table = predictions().assign(speaker=np.resize([f"s{place}" for place in range(5)], 100))
    table["prediction"] = table["label"]
    made = honest(table)
    folder = stored(tmp_path / "run", table, made)
    again = read_record(folder)
    check_scores(folder, again, read_predictions(folder, again))
    assert again.interval.ua is None
    assert [again.interval.text(name) for name in ("ua", "wa", "f1")] == [
        "none (no spread between 5 speakers)"
    ] * 3
    assert score_rows(again)[2][1] == "none (no spread between 5 speakers)"
    assert "No interval of UA, WA, F1: the same in all resamples of 5 speakers" in again._repr_html_()
    assert "no interval: the same in all resamples of 5 speakers" in to_yaml(again)
    # As versions before wrote it.
    content = json.loads((folder / RESULT_FILE).read_text())
    content["interval"] |= dict.fromkeys(("ua", "wa", "f1"), (1.0, 1.0))
    (folder / RESULT_FILE).write_text(json.dumps(content))
    check_scores(folder, read_record(folder), table)
    assert read_record(folder).interval == again.interval


def test_a_score_without_spread_stands_beside_others_with_an_interval() -> None:
    """The same answer to everything: UA is that of chance in every resample, WA is not."""
    table = predictions().assign(
        prediction="Sad", speaker=np.resize([f"s{place}" for place in range(5)], 100)
    )
    # Every speaker has every label, one has fewer that are sad.
    table = table.drop(table.index[(table.speaker == "s0") & (table.label == "Sad")][1:])
    interval = honest(table).interval
    assert interval.text("ua") == f"none (no spread between {interval.basis})"
    assert " to " in interval.text("wa")
    assert "none" not in interval.text("wa")
    assert interval.note.startswith("UA")
    assert "WA" not in interval.note
    assert interval.remark.startswith("No interval of UA")


def test_records_of_before_are_checked_by_percentiles_and_shown_as_of_today(tmp_path: Path) -> None:
    table = predictions()
    today = honest(table)
    earlier = today.model_copy(update={"interval": interval_of(table, LABELS, "skip", "percentile")})
    folder = stored(tmp_path / "run", table, earlier)
    content = json.loads((folder / "result.json").read_text())
    for name in ("method", "clusters", "standard_errors", "reason"):  # which they do not have
        del content["interval"][name]
    (folder / "result.json").write_text(json.dumps(content))
    again = read_record(folder)
    assert again.model_dump_json() == earlier.model_dump_json()
    check_scores(folder, again, read_predictions(folder, again))
    wrong = again.model_copy(update={"interval": again.interval.model_copy(update={"ua": today.interval.ua})})
    with pytest.raises(ProbeError, match="UA of the interval"):
        check_scores(folder, wrong, table)
    assert as_of_today(again, table).model_dump_json() == today.model_dump_json()
    assert as_shown(folder, again).model_dump_json() == today.model_dump_json()
    (folder / "predictions.parquet").unlink()
    assert as_shown(folder, again) == again
    assert again.interval.note == "(percentiles)"
    assert any("as recorded" in sentence for sentence in remarks(again))


@pytest.mark.parametrize(
    "part", ["mean", "pooled", "folds", "confusion", "interval", "spread", "seed_spread", "test_selected"]
)
def test_tampered_records_are_refused(part: str, tmp_path: Path) -> None:
    table = predictions()
    made = honest(table)
    better = Scores(ua=min(made.mean.ua + 0.01, 1), wa=made.mean.wa, f1=made.mean.f1)
    changes = {
        "mean": better,
        "pooled": better,
        "folds": [made.folds[0].model_copy(update={"scores": better})],
        "confusion": [[25 * (a == b) for b in range(4)] for a in range(4)],
        "interval": made.interval.model_copy(update={"ua": (0.0, 1.0)}),
        "spread": better,
        "seed_spread": better,
        "test_selected": better,
    }
    folder = stored(tmp_path / "run", table, made)
    check_scores(folder, made, read_predictions(folder, made))
    tampered = made.model_copy(update={part: changes[part]})
    with pytest.raises(ProbeError, match="follow"):
        check_scores(folder, tampered, read_predictions(folder, tampered))


def test_predictions_of_another_run_are_refused(tmp_path: Path) -> None:
    table = predictions()
    made = honest(table)
    for changed, what in [
        (table.assign(prediction="Bored"), "labels of"),
        (table.assign(fold="fold2"), "by part and seed"),
        (pd.concat([table[:-1], table[:1]]), "u0 is there twice"),
        (table.drop(columns="logits"), "logits are missing"),
        (table[:-1], "by part and seed"),
    ]:
        with pytest.raises(ProbeError, match=what):
            read_predictions(stored(tmp_path / "run", changed, made), made)
    (tmp_path / "run" / "predictions.parquet").write_bytes(b"no parquet")
    with pytest.raises(ProbeError, match="Parquet file"):
        read_predictions(tmp_path / "run", made)
    with pytest.raises(ProbeError, match="there are none"):
        read_predictions(tmp_path, made)
