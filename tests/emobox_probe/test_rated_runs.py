"""Whole runs whose heads learn what raters said, and that no table takes their scores for UA."""

import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import audmetric
import numpy as np
import pandas as pd
import pytest
from commands import run_command
from scipy.spatial.distance import jensenshannon

from emobox_datasets import corpora
from emobox_metric.raters.dimensions import ccc_interval
from emobox_probe import experiment, probe
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import read_run
from emobox_probe.features.corpus import load_corpus
from emobox_probe.protocol import PAPER, PROTOCOLS, Target
from emobox_probe.records.rated import RatedRecord, read_rated
from emobox_probe.records.result import ResultRecord
from hub_cards.bench.items import expand
from hub_cards.bench.plan import PlanError
from hub_cards.bench.reading import parse_plan
from hub_cards.bench.states import read_item
from hub_cards.cards.model_card import write_card
from hub_cards.leaderboard.data import page_data
from hub_cards.publish.results import checked
from hub_cards.runs.collection import collect
from hub_cards.tables.plots import draw

QUICK = replace(PAPER, epochs=12, warm_up_epochs=2, hidden_sizes=(16,))
DIMENSIONS = ["arousal", "valence", "dominance"]
# What scores and folder of a run on all of them go by.
ALL = "paper-dimensions-arousal+valence+dominance"
TWO = "paper-dimensions-arousal+valence"


@pytest.fixture(scope="module", autouse=True)
def quick() -> None:
    patch = pytest.MonkeyPatch()
    patch.setitem(PROTOCOLS, "paper", QUICK)
    patch.setattr(experiment, "prepare_device", lambda accelerator: None)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the label, of the distribution and of the dimensions, on the demo corpus and its made-up raters."""
    folder = tmp_path_factory.mktemp("rated")
    asked = ("label", ""), ("distribution", ""), ("dimensions", ""), ("dimensions", "arousal,valence")
    for target, dimensions in asked:
        probe(
            "builtin:logmel",
            "demo",
            target=target,
            **({"dimensions": dimensions} if dimensions else {}),
            output_dir=folder / "runs",
            features_dir=folder / "features",
        )
    return folder / "runs" / "builtin--logmel" / "demo"


def table(folder: Path) -> tuple[RatedRecord, pd.DataFrame]:
    return read_rated(folder), pd.read_parquet(folder / "predictions.parquet")


def test_the_distribution_is_scored_as_scipy_does(runs: Path) -> None:
    record, predictions = table(runs / "paper-distribution")
    assert record.outputs == ["Angry", "Happy", "Neutral", "Sad"]
    whole = load_corpus(corpora.load("demo"), None)
    votes = dict(zip(whole["id"], whole["votes"], strict=True))
    shares = np.array([[votes[id][name] / 10 for name in record.outputs] for id in predictions.id])
    truth, answers = np.stack(list(predictions.truth)), np.stack(list(predictions.prediction))
    assert np.allclose(truth, shares)
    assert np.allclose(answers.sum(axis=1), 1)
    divergence = pd.Series([jensenshannon(p, q, base=2) ** 2 for p, q in zip(truth, answers, strict=True)])
    assert record.scores["jensen_shannon"] == pytest.approx(
        divergence.groupby(predictions.label).mean().mean()
    )
    low, high = record.interval.bounds["jensen_shannon"]
    assert low < record.scores["jensen_shannon"] < high
    # Even heads of twelve epochs have learned something of it.
    assert record.scores["cross_entropy"] < record.constant["cross_entropy"]


def test_dimensions_are_scored_as_audmetric_does(runs: Path) -> None:
    record, predictions = table(runs / ALL)
    assert (record.outputs, record.scales) == (DIMENSIONS, dict.fromkeys(DIMENSIONS, (1, 5)))
    whole = load_corpus(corpora.load("demo"), None)
    for place, name in enumerate(DIMENSIONS):
        given = dict(zip(whole["id"], whole[name], strict=True))
        truth = np.array([row[place] for row in predictions.truth])
        answers = np.array([row[place] for row in predictions.prediction])
        assert np.allclose(truth, [given[id] for id in predictions.id], atol=1e-5)
        assert record.scores[name] == pytest.approx(audmetric.concordance_cc(truth, answers), abs=1e-9)
        assert record.interval.bounds[name] == pytest.approx(
            ccc_interval(truth, answers, predictions.speaker.tolist())
        )
    assert record.scores["arousal"] > 0.2 > abs(record.constant["arousal"])


def test_folds_and_parts_are_those_of_the_label(runs: Path) -> None:
    label = read_run(runs / "paper")
    assert isinstance(label, ResultRecord)
    for name in ("paper-distribution", ALL):
        record, predictions = table(runs / name)
        for fold, other in zip(record.folds, label.folds, strict=True):
            for name in ("name", "seed", "training", "validation", "test", "held_out"):
                assert getattr(fold, name) == getattr(other, name)
        assert len(predictions) == sum(fold.test for fold in record.folds)
        assert not (runs / name / "heads.safetensors").exists()


def test_a_run_that_is_there_is_not_made_again(runs: Path) -> None:
    folder = runs / ALL
    before = (folder / "rated.json").stat().st_mtime_ns
    settings = {"output_dir": runs.parents[1], "features_dir": runs.parents[2] / "features"}
    record = probe("builtin:logmel", "demo", target="dimensions", **settings)
    assert isinstance(record, RatedRecord)
    assert (folder / "rated.json").stat().st_mtime_ns == before


def test_a_run_on_other_ratings_is_not_taken_for_this_one(runs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(runs / ALL, tmp_path / "builtin--logmel/demo" / ALL)
    content = json.loads((folder / "rated.json").read_text())
    (folder / "rated.json").write_text(json.dumps(content | {"ratings_sha256": "0" * 64}))
    with pytest.raises(ProbeError, match="it holds one of what raters said that are others"):
        probe(
            "builtin:logmel",
            "demo",
            target="dimensions",
            output_dir=tmp_path,
            features_dir=runs.parents[2] / "features",
        )


@pytest.mark.parametrize("part", ["scores", "folds", "constant", "predictions", "interval"])
def test_numbers_that_do_not_follow_from_the_predictions_are_refused(
    runs: Path, part: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(runs / "paper-distribution", tmp_path / "run")
    content = json.loads((folder / "rated.json").read_text())
    if part == "predictions":
        predictions = pd.read_parquet(folder / "predictions.parquet")
        predictions.iloc[1:].to_parquet(folder / "predictions.parquet")
    elif part == "interval":
        content[part]["clusters"] += 90
    else:
        changed = content["folds"][0]["scores"] if part == "folds" else content[part]
        changed["brier"] += 0.01
    (folder / "rated.json").write_text(json.dumps(content))
    with pytest.raises(ProbeError, match=r"predictions"):
        read_run(folder)


@pytest.mark.parametrize("command", ["fit", "export --to onnx", "predict"])
def test_heads_that_are_not_kept_are_refused(
    runs: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = command.split()
    files = ["x.wav"] if name == "predict" else []
    assert run_command(name, runs / "paper-distribution", *files, *options) == 1
    assert "learned what raters said, and are not kept" in capsys.readouterr().err


def test_no_table_mixes_them_with_labels(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("results", runs, "--format", "csv") == 1
    assert "some are on labels, some on what raters said" in capsys.readouterr().err
    assert run_command("score", runs) == 1
    assert "Expected runs of one kind" in capsys.readouterr().err
    assert run_command("results", runs) == 0
    shown = capsys.readouterr().out
    assert "not UA" in shown
    assert run_command("results", runs / ALL, "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["score"] for row in rows] == list(read_rated(runs / ALL).scores) == DIMENSIONS
    assert "ua" not in rows[0]
    with pytest.raises(ProbeError, match="learned what raters said"):
        checked([runs])


def test_they_are_scored_by_group(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("score", runs / ALL, "--by", "gender", "--format", "json") == 0
    rows = pd.DataFrame(json.loads(capsys.readouterr().out))
    assert set(rows.group) == {"female", "male"}
    _, predictions = table(runs / ALL)
    part = predictions[predictions.gender == "male"]
    truth, answers = (np.array([row[1] for row in part[name]]) for name in ("truth", "prediction"))
    (row,) = rows[(rows.group == "male") & (rows.score == "valence")].to_dict("records")
    assert row["value"] == pytest.approx(audmetric.concordance_cc(truth, answers))
    assert run_command("score", runs / ALL, "--data-dir", runs) == 1
    assert "leave --data-dir out" in capsys.readouterr().err


def test_the_board_has_a_view_of_them_alone(runs: Path) -> None:
    data = page_data(collect([runs]))
    assert {row["protocol"] for row in data["rated"]} == {"paper-distribution", ALL, TWO}
    assert {row["remark"] for row in data["rated"]} == {"Utterances and raters of Demo are made up"}
    assert {row["better"] for row in data["rated"] if row["score"] == "Brier score"} == {"lower"}
    assert {row["score"] for row in data["rated"]} >= {"CCC of valence", "Brier score"}
    measured = [name for name in data["results"]["resampled"] if name is not None]
    assert len(measured) == 1  # the run on labels
    assert [protocol["id"] for protocol in data["protocols"] if "-d" in protocol["id"]] == []


def test_one_result_is_said_in_the_singular(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("leaderboard", runs, "--out", tmp_path / "site") == 0
    assert "1 result; 3 on what raters said written to" in capsys.readouterr().out
    assert run_command("plots", runs / "paper-distribution", "--out", tmp_path / "pictures") == 0
    assert "1 picture written to" in capsys.readouterr().out


def test_their_pictures_are_of_their_own_kind(runs: Path, tmp_path: Path) -> None:
    written = draw([runs], tmp_path, "png", "ua")
    names = [path.name for path in written if path.name.endswith("scores.png")]
    assert len(names) == len(set(names)) == 3
    assert (runs / "paper-distribution" / "scores.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "panels"), [("paper-distribution", 4), (ALL, 1)])
def test_scores_share_an_axis_only_in_one_unit_and_direction_and_stay_within_the_frame(
    runs: Path, name: str, panels: int
) -> None:
    record = read_rated(runs / name)
    picture = record.plot()
    assert len(picture.axes) == panels
    drawn = [line.get_xdata() for axes in picture.axes for line in axes.lines]
    numbers = {float(number) for data in drawn for number in np.atleast_1d(data)}
    bounds = [bound for pair in record.interval.bounds.values() if pair for bound in pair]
    assert numbers == {*record.scores.values(), *record.constant.values(), *bounds}
    for axes in picture.axes:
        assert re.search("(lower|higher) is better", axes.get_xlabel())
        low, high = axes.get_xlim()
        margin = 0.02 * (high - low)
        within = [number for line in axes.lines for number in np.atleast_1d(line.get_xdata())]
        assert low + margin < min(within) <= max(within) < high - margin
        assert axes.get_ylim()[1] < min(axes.get_yticks()) <= max(axes.get_yticks()) < axes.get_ylim()[0]


def test_the_card_says_what_they_are(runs: Path, tmp_path: Path) -> None:
    text = write_card([runs], out=tmp_path / "README.md").read_text()
    record = read_rated(runs / "paper-distribution")
    assert f"| {record.scores['jensen_shannon']:.3f} |" in text
    assert "no score here is a UA" in text
    assert "This corpus and its raters are made up" in text
    index = re.search(r"model-index:.*?\n---", text, re.DOTALL)
    assert index is not None
    assert "jensen" not in index[0]
    assert "UA is the mean recall" in text
    assert f"--target dimensions --dimensions {','.join(DIMENSIONS)}\n" in text
    assert "&#96;" not in text
    alone = write_card([runs / ALL], out=tmp_path / "alone.md").read_text()
    assert "CCC of valence" in alone
    assert "model-index" not in alone
    assert "UA is the mean recall" not in alone
    assert 'always the mean of training" is what saying the same' in alone
    for row in (
        "layer | log-mel bands, 80 dim",
        "utterances | 320",
        "extraction, training",
        "versions | acc",
    ):
        assert f"| {row}" in alone
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", alone)
    assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    beside = write_card([runs / ALL]).read_text()
    assert "](scores.png)" in beside


@pytest.mark.parametrize("target", ["distribution", "dimensions"])
@pytest.mark.parametrize("name", ["paper", "strict", "speaker-dependent"])
def test_the_recipe_is_of_these_heads_and_takes_nothing_back(name: str, target: Target) -> None:
    rated = PROTOCOLS[name].with_target(target)
    assert rated.summary.endswith(f"on the folds of {name}; no score is a UA, and none is in the paper")
    words = rated.description
    assert "is chosen by UA" not in words
    assert "Where this says" not in words
    assert {"distribution": "soft cross-entropy", "dimensions": "1 - CCC"}[target] in words
    assert "lowest loss on the whole validation part" in words


def test_runs_on_other_dimensions_are_told_apart_wherever_they_stand(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [runs / ALL, runs / TWO]
    titles = {read_rated(folder).title for folder in both}
    assert len(titles) == 2
    assert {title.rpartition(" ")[2] for title in titles} == {ALL, TWO}
    assert run_command("results", *both) == 0
    assert {ALL, TWO} <= set(re.findall(r"paper-dimensions-[\w+]+", capsys.readouterr().out))
    assert run_command("results", *both, "--format", "csv") == 0
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert rows.groupby("protocol").size().to_dict() == {ALL: 3, TWO: 2}
    assert len(collect(both).rated) == 2
    text = write_card(both, out=tmp_path / "README.md").read_text()
    assert re.findall(r"^### Demo, protocol (.*): what raters said$", text, re.M) == [TWO, ALL]


def test_tables_say_units_directions_and_that_the_raters_are_made_up(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = runs / "paper-distribution"
    assert run_command("results", folder, "--format", "csv") == 0
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out), keep_default_na=False).set_index("score")
    assert rows.loc["jensen_shannon", ["unit", "better"]].tolist() == ["bits", "lower"]
    assert rows.loc["multilabel_f1", ["unit", "better"]].tolist() == ["", "higher"]
    assert set(rows["remark"]) == {"Utterances and raters of Demo are made up"}
    for words in (("results", folder), ("score", folder, "--by", "speaker")):
        assert run_command(*words) == 0
        shown = capsys.readouterr().out
        assert "Jensen-Shannon divergence (bits, lower is better)" in shown
        assert "jensen_shannon" not in shown
    assert "none (1 speaker)" in shown  # every group is of one
    assert run_command("results", runs / "paper", "--format", "csv") == 0
    assert "Utterances and raters of Demo are made up" in capsys.readouterr().out


def test_predictions_beyond_the_scale_are_counted_and_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(runs / ALL, tmp_path / "run")
    record, predictions = table(folder)
    counts = {
        name: sum(not 1 <= row[place] <= 5 for row in predictions.prediction)
        for place, name in enumerate(DIMENSIONS)
    }
    assert record.beyond_scale == counts
    assert max(counts.values()) > 0
    content = json.loads((folder / "rated.json").read_text())
    del content["beyond_scale"]  # as records of before have it
    (folder / "rated.json").write_text(json.dumps(content))
    assert read_run(folder).beyond_scale == counts
    assert run_command("results", folder) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, count in counts.items():
        said = f"{count} of {len(predictions)} predictions of {name} are beyond its scale"
        assert (said in shown) == (count > 0)
    assert read_rated(runs / "paper-distribution").beyond_scale is None


def test_a_plan_has_them_as_items(runs: Path) -> None:
    text = f"""
output: {runs.parents[1]}
features: {runs.parents[2] / "features"}
models: ["builtin:logmel"]
corpora: [demo]
protocols: [paper]
target: distribution
"""
    plan = parse_plan(text, "plan.yaml")
    items = expand(plan)
    (item,) = [item for item in items if item.kind == "probe"]
    assert item.name == "probe/builtin--logmel/demo/paper-distribution"
    assert isinstance(read_item(plan, item), RatedRecord)


def test_a_plan_says_what_cannot_be_learned() -> None:
    text = """
models: ["builtin:logmel"]
corpora: [demo]
protocols: [paper]
target: dimensions
dimensions: [arousal, naturalness]
cross: [{train: [demo], test: [demo]}]
"""
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "plan.yaml")
    assert any("Expected --dimensions of demo" in problem for problem in caught.value.problems)
