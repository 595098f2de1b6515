"""Draws of little data: disjoint from what is tested, nested, and MTEB's figure as MTEB computes it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run_command
from kept_runs import kept_run

from emobox_probe import probe
from emobox_probe.config import CurveConfig
from emobox_probe.errors import ProbeError
from emobox_probe.records.curve import CurveRecord
from emobox_probe.records.result import read_record
from emobox_probe.trust.curve import curve
from emobox_probe.trust.few import (
    FoldData,
    draw_per_label,
    draw_speakers,
    mteb_accuracies,
    predicted,
    sizes_up_to,
)

LABELS = np.arange(60) % 3
SPEAKERS = [f"s{number // 12}" for number in range(60)]


def generator() -> np.random.Generator:
    return np.random.default_rng([0, 0])


def test_draws_are_of_the_training_part_and_larger_ones_hold_smaller_ones() -> None:
    training = np.arange(12, 60)
    before: set[int] = set()
    for size in (1, 2, 4, 8):
        rows = draw_per_label(training, LABELS, size, generator())
        assert np.bincount(LABELS[rows]).tolist() == [size] * 3
        assert before < set(rows.tolist()) <= set(training.tolist())
        before = set(rows.tolist())
    for size in (1, 2, 4):
        rows = draw_speakers(training, SPEAKERS, size, generator())
        assert len({SPEAKERS[row] for row in rows}) == size
        assert "s0" not in {SPEAKERS[row] for row in rows}
    assert sizes_up_to(0) == []


def test_a_label_that_was_not_drawn_is_never_said() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 5)) + 3 * np.eye(5)[LABELS]
    fold = FoldData(values, np.arange(30), np.arange(30, 60), 0.1)
    without = np.flatnonzero(LABELS[:30] != 1)
    assert set(predicted(fold, without, LABELS)) == {0, 2}
    assert set(predicted(fold, np.flatnonzero(LABELS[:30] == 2), LABELS)) == {2}
    whole = predicted(fold, fold.training, LABELS)
    assert (whole == LABELS[30:]).mean() > 0.8


def test_accuracies_are_those_of_mtebs_own_client() -> None:
    """Its cross-validation, run on these embeddings in place of a model's."""
    datasets = pytest.importorskip("datasets")
    classification = pytest.importorskip("mteb.abstasks.classification", exc_type=ImportError)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    embeddings = rng.normal(size=(200, 12)) + np.eye(12)[labels]

    class Task(classification.AbsTaskClassification):
        seed, is_cross_validation, metadata = 42, True, None

        def __init__(self) -> None:
            pass

    task, order, theirs = Task(), None, []
    whole = datasets.Dataset.from_dict({"label": labels.tolist()})
    folds = classification.KFold(n_splits=task.n_splits, shuffle=True, random_state=task.seed)
    task.evaluator_model = task.evaluator_model.set_params(random_state=task.seed)
    for number, (training, tested) in enumerate(folds.split(range(200))):
        _, order, chosen = task._undersample_data(whole.select(training), number, order)
        task.evaluator_model.fit(embeddings[training][chosen], labels[training][chosen])
        said = task.evaluator_model.predict(embeddings[tested])
        theirs.append(float((said == labels[tested]).mean()))
    assert mteb_accuracies(embeddings, labels) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.slow
def test_curves_of_the_demo_corpus_rise_above_chance(tmp_path: Path) -> None:
    words = ["--model", "builtin:logmel", "--corpus", "demo", "--output-dir", tmp_path, "--draws", 2]
    assert run_command("curve", *words) == 0
    folder = tmp_path / "builtin--logmel" / "demo" / "linear"
    record = CurveRecord.model_validate_json((folder / "curve.json").read_bytes())
    assert [point.size for point in record.per_label] == [1, 2, 4, 8, 16, 32]
    assert [point.size for point in record.speakers] == [1, 2]
    assert record.per_label[-1].ua > record.per_label[0].ua > 0.25
    assert record.area_per_label is not None
    assert record.per_label[0].ua < record.area_per_label < record.per_label[-1].ua
    assert record.mteb is not None
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    again, _ = curve(CurveConfig(run=folder, draws=2))
    assert again == folder
    assert CurveRecord.model_validate_json((folder / "curve.json").read_bytes()) == record


def test_what_is_no_run_of_linear_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="or --model and --corpus, but got neither"):
        curve(CurveConfig())
    kept_run(tmp_path / "run", "a/b")
    with pytest.raises(ProbeError, match="Expected a run of protocol linear on one corpus"):
        curve(CurveConfig(run=tmp_path / "run"))


@pytest.fixture(scope="module")
def linear_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("runs")
    probe("builtin:logmel", "demo", "linear", output_dir=output, features_dir=output / "features")
    return output / "builtin--logmel" / "demo" / "linear"


OTHER = """
def frames(waveforms):
    return waveforms.unfold(1, 400, 320).square().mean(2, keepdim=True).repeat(1, 1, 4)

def loudness():
    return frames
"""


def test_a_curve_is_of_the_runs_own_encoder_and_corpus(linear_run: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OTHER)
    given = {"run": linear_run, "features_dir": tmp_path, "draws": 1}
    with pytest.raises(ProbeError, match=r"trained on \(builtin:logmel\), but .*other.py:loudness has other"):
        curve(CurveConfig.of({**given, "model": f"python:{tmp_path}/other.py:loudness"}))
    with pytest.raises(ProbeError, match="Expected the corpus of the run, demo, but got emodb"):
        curve(CurveConfig.of({**given, "corpus": "emodb"}))
    assert not (linear_run / "curve.json").exists()


def test_where_speakers_are_not_kept_apart_nothing_is_said_of_new_ones(
    linear_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(linear_run, tmp_path / "run")
    record = read_record(linear_run)
    other = {**record.protocol, "name": "linear-speaker-dependent"}
    record.model_copy(update={"protocol": other}).write(tmp_path / "run")
    with pytest.raises(ProbeError, match="Where speakers cannot be kept apart, there is no such run"):
        curve(CurveConfig(run=tmp_path / "run"))
