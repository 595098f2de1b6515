"""Pictures of results: the figures in them against hand-made cases, and the files against what was asked for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from cross_records import cross_record
from kept_runs import kept_run
from matplotlib.image import imread
from matplotlib.text import Text
from records import record

from emobox_probe.errors import ProbeError
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import LayerScore, read_record
from emobox_probe.report.heat_map import heat_map
from emobox_probe.report.pictures import Picture, shortened
from emobox_probe.report.trust_pictures import calibration_picture, curve_picture
from hub_cards.tables.critical_difference import critical_difference
from hub_cards.tables.drawings import (
    SizedScore,
    critical_difference_picture,
    recalls,
    recalls_picture,
    sizes_picture,
)
from hub_cards.tables.plots import file_name

HOSTILE = "</script>| a | b\n# $x_1$ " + "long" * 100


def plots(*words: str | Path) -> int:
    return run_command("plots", *words)


def is_drawn(path: Path) -> bool:
    """Whether a picture has ink on it, and none at its edges: nothing is cut off."""
    grey = imread(path)[..., :3].mean(axis=-1)
    edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return bool(grey.min() < 0.5 and edges.min() > 0.95)


# Table 5 of Demšar (2006): critical values of Nemenyi's test at 0.05, for that many models.
@pytest.mark.parametrize(("count", "value"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_that_of_the_published_table(count: int, value: float) -> None:
    corpora = 14
    scores = np.random.default_rng(0).random((corpora, count))
    found = critical_difference([str(number) for number in range(count)], scores)
    assert found.difference == pytest.approx(value * np.sqrt(count * (count + 1) / (6 * corpora)), abs=5e-4)


def test_ranks_and_the_test_of_friedman_by_hand() -> None:
    # Best, middle, worst on three corpora; on the fourth the first two tie.
    scores = np.array([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [2, 2, 1]])
    found = critical_difference(["a", "b", "c"], scores)
    assert found.ranks.tolist() == [1.125, 1.875, 3.0]
    # Friedman's statistic with the correction for ties, (K - 1) sum(R_k - N(K+1)/2)^2 / sum(r^2 - K(K+1)^2/4).
    sums = 4 * found.ranks
    spread = 3 * (1 + 4 + 9) + (1.5**2 + 1.5**2 + 9) - 4 * 3 * 16 / 4
    statistic = 2 * ((sums - 8) ** 2).sum() / spread
    assert found.p_value == pytest.approx(np.exp(-statistic / 2))  # two degrees of freedom
    assert found.groups == [[0, 1], [1, 2]]


def test_models_that_are_alike_do_not_differ() -> None:
    found = critical_difference(["a", "b", "c"], np.ones((5, 3)))
    assert (found.p_value, found.groups) == (1.0, [[0, 1, 2]])


def test_too_few_models_or_corpora_are_said() -> None:
    for shape, got in (
        ((5, 2), "2 models that share 5"),
        ((1, 5), "5 models that share 1"),
        ((1, 1), "1 model, which has 1"),
    ):
        with pytest.raises(ProbeError, match=f"at least 3 models that share at least 2 corpora .* got {got}"):
            critical_difference(["x"] * shape[1], np.zeros(shape))


def test_recall_by_label_and_its_interval() -> None:
    labels = ["Angry", "Happy", "Sad", "Fear"]
    # Angry always right; Happy right by half of the speakers; Sad never; Fear is not there.
    rows = [
        {"speaker": speaker, "label": label, "prediction": label if right else "Fear"}
        for speaker in range(10)
        for label, right in (("Angry", True), ("Happy", speaker < 5), ("Sad", False))
    ]
    table = pd.DataFrame(rows * 4)
    table["id"] = [str(number) for number in range(len(table))]
    shares, bounds = recalls(table, labels)
    assert shares[:3].tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(shares[3])
    assert np.isnan(bounds[3]).all()
    # All right, all wrong: no spread between speakers, so no interval.
    assert np.isnan(bounds[[0, 2]]).all()
    # Ten speakers, each right or wrong throughout: the interval is that of a binomial share of ten.
    assert bounds[1].tolist() == pytest.approx([0.2, 0.8], abs=0.11)


def test_the_command_draws_what_there_is_and_says_what_there_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/good", layers=4)
    for name, right in (("lab/good", 0.9), ("lab/poor", 0.5), ("lab/third", 0.7)):
        kept_run(tmp_path / "runs" / name, name, corpus="iemocap", right=right)
    kept_run(tmp_path / "runs" / "c", "lab/poor", right=0.5)
    kept_run(tmp_path / "runs" / "d", "lab/third", right=0.6)
    (tmp_path / "runs" / "d" / "predictions.parquet").unlink()
    cross_record(name="lab/good").write(tmp_path / "runs")
    assert plots(tmp_path / "runs", "--out", tmp_path / "plots") == 0
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    version = "abc123"
    assert {
        f"lab--good.{version}.urdu.paper.confusion.png",
        f"lab--good.{version}.urdu.paper.recall.png",
        f"lab--good.{version}.urdu.paper.layers.png",
        "critical-difference.paper.ua.png",
    } <= drawn
    # Which protocol a matrix is of, its name says.
    protocol = cross_record(name="lab/good").protocol_id
    assert any(name.startswith(f"lab--good.{version}.cross-corpus.{protocol}.ua.") for name in drawn)
    assert {"urdu.paper.size.ua.png", "iemocap.paper.size.ua.png"} <= drawn
    assert f"lab--third.{version}.urdu.paper.recall.png" not in drawn
    assert all(is_drawn(path) for path in (tmp_path / "plots").iterdir())
    told = capsys.readouterr().out
    assert "no recall by label of lab/third on urdu, protocol paper: its predictions were not kept" in told
    assert "no layer curve of lab/poor on urdu" in told
    assert f"{len(drawn)} pictures written" in told


def words_of(picture: Picture) -> str:
    """All that is written in a picture."""
    return " ".join(" ".join(text.get_text().split()) for text in picture.findobj(Text))


def test_the_confusion_matrix_has_the_score_and_says_what_its_brackets_count(tmp_path: Path) -> None:
    one = record()
    assert "UA 50.0 (40.0 to 60.0), WA 62.5, F1 55.0" in words_of(one.pictures()["confusion.png"])
    assert "(in brackets: utterances)" in words_of(one.pictures()["confusion.png"])
    folds = [one.folds[0].model_copy(update={"seed": seed}) for seed in range(3)]
    several = one.model_copy(
        update={"folds": folds, "interval": one.interval.model_copy(update={"ua": None})}
    )
    said = words_of(several.pictures()["confusion.png"])
    assert "(in brackets: utterances, each once for every one of 3 seeds)" in said
    assert "UA 50.0, WA 62.5" in said


def test_the_layer_curve_has_chance_the_interval_and_the_layers_that_were_chosen() -> None:
    one = record()
    layers = [LayerScore(layer=str(layer), validation_ua=0.5, ua=0.4) for layer in range(3)]
    folds = [one.folds[0].model_copy(update={"layer": layer}) for layer in ("1", "2", "2")]
    picture = one.model_copy(update={"layers": layers, "folds": folds}).pictures()["layers.png"]
    (axes,) = picture.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1\n1×", "2\n2×"]
    assert "how many of 3 heads chose it" in axes.get_xlabel()
    (chance,) = [line for line in axes.lines if line.get_label() == "chance"]
    assert set(chance.get_ydata()) == {25.0}
    (band,) = axes.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((40, 60))
    # Of a run whose heads are on the last layer, none of these was chosen.
    last = one.model_copy(update={"layers": layers}).pictures()["layers.png"]
    assert last.axes[0].get_xlabel() == "layer"


def test_no_legend_lies_on_what_is_drawn(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "run", "lab/good", layers=4)
    predictions = read_predictions(tmp_path / "run", made)
    points = [(1, 30.0, 25.0, 35.0), (8, 60.0, 50.0, 65.0)]
    for picture in (
        recalls_picture(predictions, made.corpus.labels, "recall"),
        made.pictures()["layers.png"],
        calibration_picture([(5, 0.2, 0.3), (5, 0.7, 0.6)], [0.1, 0.2], "calibration"),
        curve_picture(points, points, 25.0, "curve"),
    ):
        picture.canvas.draw()
        (legend,) = picture.legends
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.get_window_extent()) for axes in picture.axes)


def test_a_picture_of_sizes_has_every_model_with_its_interval() -> None:
    rows = [SizedScore("small", 600_000, 0.6, (0.5, 0.7)), SizedScore("large", 20_600_000, 0.9, None)]
    picture = sizes_picture(rows, "UA by size", "UA", 0.25)
    lines = picture.axes[0].lines
    points = {line.get_xdata()[0]: line.get_ydata()[0] for line in lines if line.get_marker() == "o"}
    assert points == pytest.approx({600_000: 60.0, 20_600_000: 90.0})
    bars = [pytest.approx(list(line.get_ydata())) for line in lines if line.get_marker() == "_"]
    assert bars == [[50.0, 70.0], [90.0, 90.0]]
    assert {"small", "large"} <= set(words_of(picture).split())


def test_of_many_models_by_size_those_at_the_front_have_names() -> None:
    scores = (0.5, 0.4, 0.6, 0.6, 0.55, 0.7, 0.1, 0.2, 0.3)
    rows = [SizedScore(f"model{place}", 1000 + place, score, None) for place, score in enumerate(scores)]
    said = words_of(sizes_picture(rows, "UA by size", "UA", None)).split()
    assert {word for word in said if word.startswith("model")} - {"models"} == {"model0", "model2", "model5"}


def test_scores_on_part_of_a_corpus_do_not_stand_beside_those_on_all_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("lab/good", "lab/part"):
        kept_run(tmp_path / "runs" / name, name)
    part = read_record(tmp_path / "runs" / "lab/part")
    copy = part.corpus.model_copy(update={"missing": 9, "utterances": part.corpus.utterances - 9})
    part.model_copy(update={"corpus": copy}).write(tmp_path / "runs" / "lab/part")
    assert plots(tmp_path / "runs", "--out", tmp_path / "plots") == 0
    assert "models with weights, on complete copies, are 1 of the two needed" in capsys.readouterr().out


def test_the_critical_difference_says_what_a_bar_means() -> None:
    found = critical_difference(["a", "b", "c"], np.random.default_rng(0).random((6, 3)))
    said = words_of(critical_difference_picture(found, "UA"))
    assert "1 is best" in said
    assert "A blue bar joins models whose ranks differ by less than the critical difference" in said


def test_the_tables_of_the_paper_are_drawn_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/good")
    assert plots(tmp_path / "runs", "--out", tmp_path / "plots", "--published", "--format", "svg") == 0
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert "critical-difference.paper-as-published.ua.svg" in names or any(
        "as-published" in name for name in names
    )
    assert len([name for name in names if name.startswith("published.")]) == 10
    assert (
        "no critical-difference diagram of protocol paper: Expected at least 3 models"
        in capsys.readouterr().out
    )


def test_long_and_strange_names_stay_within_the_picture(tmp_path: Path) -> None:
    hostile = record(name=HOSTILE)
    labels = [HOSTILE, "Happy", "$", "Sad"]
    hostile = hostile.model_copy(
        update={"corpus": hostile.corpus.model_copy(update={"labels": labels, "name": HOSTILE})}
    )
    scores = {(source, target): 0.5 + 0.1 * (source == target) for source in labels for target in labels}
    many = [f"{number} {HOSTILE}" for number in range(12)]
    found = critical_difference(many, np.random.default_rng(1).random((6, 12)))
    pictures = {
        **kept_run(tmp_path / "run", HOSTILE, layers=30).pictures(),
        "confusion.png": hostile.plot(),
        "cross.png": heat_map(scores, HOSTILE.replace("$", r"\$"), [(HOSTILE, "Sad")]),
        "difference.png": critical_difference_picture(found, "twelve models"),
    }
    assert len(pictures) == 4
    for name, picture in pictures.items():
        picture.write(tmp_path / name)
        assert is_drawn(tmp_path / name), name


def test_names_of_files_are_safe_and_differ() -> None:
    one, other = file_name(HOSTILE, "urdu", "recall"), file_name(HOSTILE + "x", "urdu", "recall")
    assert one != other
    for name in (one, other, file_name("../../etc/passwd"), file_name("")):
        assert "/" not in name
        assert not name.startswith((".", "-"))
        assert len(name) <= 80
    assert len(shortened(HOSTILE)) <= 40


def test_mistakes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plots(tmp_path, "--out", tmp_path / "plots") == 1
    assert "found none; run the probe first" in capsys.readouterr().err
    kept_run(tmp_path / "a", "lab/good")
    assert plots(tmp_path, "--out", tmp_path / "a" / "result.json") == 1
    assert "is a file; name another" in capsys.readouterr().err
