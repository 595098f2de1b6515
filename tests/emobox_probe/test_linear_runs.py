"""Runs of `linear`: from stored statistics, the same on any number of threads, and apart from other protocols."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import run_command
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tiny_encoder import save_tiny

import emobox_datasets.corpora as corpora
from emobox_probe import experiment, extract
from emobox_probe.errors import ProbeError
from emobox_probe.features.store import FeatureStore
from emobox_probe.protocol import LINEAR, PAPER, STRICT, protocol_id, settings_of
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import ResultRecord
from emobox_probe.report.report import remarks
from emobox_probe.scoring.linear import layers_in, statistics_of
from emobox_probe.tasks.tasks import protocol_within
from emobox_probe.use.usable import read_usable


@pytest.fixture(autouse=True)
def as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        experiment, "prepare_device", lambda accelerator: None
    )  # threads are those of the test


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def store(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    features = tmp_path_factory.mktemp("features")
    return extract(str(tiny), "demo", layers="statistics", features_dir=features)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(tiny: Path, store: FeatureStore, output: Path, *words: object) -> ResultRecord:
    given = ["--model", tiny, "--corpus", "demo", "--features-dir", store.root, "--output-dir", output]
    assert run_command("probe", *given, *words) == 0
    (made,) = output.rglob("result.json")
    record = experiment.read_run(made.parent)
    assert isinstance(record, ResultRecord)
    return record


def test_older_protocols_say_nothing_of_strengths() -> None:
    """Records that were made before there was `linear` stay today's."""
    for protocol in (PAPER, STRICT):
        assert "strengths" not in settings_of(protocol)
        assert "strengths" not in settings_of({**asdict(protocol), "strengths": []})
    assert protocol_id(asdict(LINEAR)) == "linear"
    assert protocol_id(asdict(LINEAR) | {"strengths": (1.0,)}).startswith("linear-")


def test_statistics_of_frames_without_layers_are_those_of_what_is_stored(tmp_path: Path) -> None:
    store = extract("builtin:logmel", "demo", features_dir=tmp_path)
    found = statistics_of([store], "last")
    frames = [frames.double() for _, frames in store.read()]
    means = torch.stack([f.mean(0) for f in frames])
    spreads = torch.stack([f.std(0, correction=0) for f in frames])
    np.testing.assert_allclose(found, torch.cat([means, spreads], dim=1))


def test_a_run_is_scikit_learns_and_the_same_on_any_number_of_threads(
    tiny: Path, store: FeatureStore, tmp_path: Path, threads: None
) -> None:
    tables, records = [], []
    for count in (1, 2):
        torch.set_num_threads(count)
        records.append(run(tiny, store, tmp_path / str(count), "--protocol", "linear"))
        folder = tmp_path / str(count) / "tiny" / "demo" / "linear"
        tables.append(read_predictions(folder, records[-1]))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    first, second = ([fold.model_dump() for fold in record.folds] for record in records)
    assert first == second
    assert [layer.layer for layer in records[0].layers] == layers_in([store], True) == ["0", "1"]
    assert records[0].protocol_id == "linear"
    assert not (folder / "heads.safetensors").exists()
    with pytest.raises(ProbeError, match="run the probe with --protocol strict"):
        read_usable(folder)
    _check_against_scikit_learn(records[0], tables[0], store)


def _check_against_scikit_learn(record: ResultRecord, predictions: pd.DataFrame, store: FeatureStore) -> None:
    """On what the first fold trained on: one speaker is tested and one held out, whom records do not name."""
    fold = record.folds[0]
    assert (fold.learning_rate, fold.hidden, fold.epoch) == (None, None, None)
    table = predictions.set_index("id").loc[store.ids]
    labels = np.array([record.corpus.labels.index(label) for label in table["label"]])
    speakers = table["speaker"].to_numpy()
    values = statistics_of([store], fold.layer)
    tested = predictions[predictions["fold"] == fold.name].set_index("id")
    rows = [store.ids.index(id) for id in tested.index]
    others = sorted(set(speakers) - {*speakers[rows]})
    agreeing = []
    for held in others:
        training = np.flatnonzero(~np.isin(speakers, [held, *speakers[rows]]))
        if len(training) != fold.training:
            continue
        scaler = StandardScaler().fit(values[training])
        model = LogisticRegression(C=1 / (fold.strength * len(training)), tol=1e-8, max_iter=100_000)
        model.fit(scaler.transform(values[training]), labels[training])
        said = model.predict(scaler.transform(values[rows]))
        agreeing.append(bool((np.array(record.corpus.labels)[said] == tested["prediction"]).all()))
    assert agreeing.count(True) == 1


def test_richer_features_serve_other_protocols(tiny: Path, store: FeatureStore, tmp_path: Path) -> None:
    again = extract(str(tiny), "demo", layers="all", features_dir=store.root)
    assert again.key == store.key
    torch.testing.assert_close(again.means()[:, 1], again.statistics(1)[:, :16])
    alone = extract(str(tiny), "demo", layers="all", features_dir=tmp_path)
    assert alone.key != store.key
    torch.testing.assert_close(alone.means(), again.means(), atol=0, rtol=0)
    with pytest.raises(ProbeError, match="--layers statistics"):
        alone.statistics(0)


def test_layers_are_not_chosen_by_hand(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", tiny, "--corpus", "demo", "--protocol", "linear", "--layers", "last"]
    assert run_command("probe", *words) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Expected no --layers last with protocol linear" in said


def test_linear_is_another_protocol_where_speakers_cannot_be_kept_apart(
    tiny: Path, store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "fewer than four speakers are known"
    monkeypatch.setattr("emobox_probe.tasks.tasks.why_speaker_dependent", lambda corpus: reason)
    monkeypatch.setattr("emobox_probe.tasks.design.why_speaker_dependent", lambda corpus: reason)
    record = run(tiny, store, tmp_path, "--protocol", "linear")
    assert record.protocol_id == "linear-speaker-dependent"
    (remark,) = [sentence for sentence in remarks(record) if "No claim about new speakers" in sentence]
    assert "never to be compared or averaged with scores of linear" in remark


def test_it_cannot_be_asked_for_where_speakers_are_kept_apart() -> None:
    with pytest.raises(ProbeError, match="use --protocol linear"):
        protocol_within("linear-speaker-dependent", corpora.load("emodb"))
