"""Pictures of results: the figures in them against hand-made cases, and the files against what was asked for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from cross_records import cross_record
from kept_runs import kept_run
from matplotlib.image import imread
from records import record

from emobox_probe.errors import ProbeError
from emobox_probe.report.heat_map import heat_map
from emobox_probe.report.pictures import shortened
from hub_cards.tables.critical_difference import critical_difference
from hub_cards.tables.drawings import critical_difference_picture, recalls
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
    for shape in ((5, 2), (1, 5)):
        with pytest.raises(ProbeError, match="at least 3 models that share at least 2 corpora"):
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
    assert any(name.startswith(f"lab--good.{version}.cross-corpus.ua") for name in drawn)
    assert f"lab--third.{version}.urdu.paper.recall.png" not in drawn
    assert all(is_drawn(path) for path in (tmp_path / "plots").iterdir())
    told = capsys.readouterr().out
    assert "no recall by label of lab/third on urdu, protocol paper: its predictions were not kept" in told
    assert "no layer curve of lab/poor on urdu" in told
    assert f"{len(drawn)} pictures written" in told


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
