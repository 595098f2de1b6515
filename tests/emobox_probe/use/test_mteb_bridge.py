"""EmoBox's folds in MTEB's own client, and our encoders among its models."""

import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
import numpy as np
import pytest
from tiny_encoder import save_tiny

import emobox_datasets.corpora as corpora
from emobox_datasets.released.utterances import released_corpora
from emobox_probe import experiment, extract, mteb_encoder, mteb_tasks, probe
from emobox_probe.config import CurveConfig
from emobox_probe.errors import ProbeError
from emobox_probe.features.corpus import load_corpus
from emobox_probe.protocol import LINEAR_SPEAKER_DEPENDENT
from emobox_probe.records.result import ResultRecord
from emobox_probe.scoring.linear import statistics_of
from emobox_probe.trust.curve import curve
from emobox_probe.trust.few import mteb_accuracies
from emobox_probe.use.mteb_bridge import bridge
from emobox_probe.use.mteb_bridge.bridge import check_mteb
from emobox_probe.use.mteb_bridge.metadata import LANGUAGES, UNDETERMINED, task_metadata

INSTALL = "MTEB is not installed: pip install -e '.[mteb]'"


@pytest.fixture(name="mteb")
def mteb_fixture() -> ModuleType:
    module: ModuleType = pytest.importorskip("mteb", reason=INSTALL)
    return module


def scores_of_task(mteb: ModuleType, model: Any, task: Any) -> dict[str, Any]:
    """What MTEB's client says of a model on a task."""
    result = mteb.evaluate(model, [task], cache=None, show_progress_bar=False)
    (scores,) = result.task_results[0].scores["train"]
    told: dict[str, Any] = scores
    return told


@pytest.mark.parametrize("installed", ["1.38.9", "2.25.1", "3.0.0"])
def test_another_mteb_is_one_clear_error(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "version", lambda name: installed)
    for call in (lambda: mteb_tasks("demo"), lambda: mteb_encoder("builtin:logmel")):
        with pytest.raises(
            ProbeError, match=rf"Expected mteb>=2.26,<3 .* version {installed} is installed; pip"
        ):
            call()


def test_no_mteb_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(bridge, "version", absent)
    with pytest.raises(ProbeError, match=r"it is not installed; pip install emobox\[mteb\]"):
        check_mteb()


def test_every_corpus_has_what_mteb_asks_for() -> None:
    for name in released_corpora():
        corpus = corpora.load(name)
        told = task_metadata(corpus, "released", LINEAR_SPEAKER_DEPENDENT)
        assert UNDETERMINED not in told["eval_langs"], name
        assert told["date"], name
        assert str(corpus.utterances).replace(",", "") in told["description"].replace(",", "")
        assert told["bibtex_citation"] == corpus.citation


def test_mteb_takes_the_metadata_of_all_tasks(mteb: ModuleType) -> None:
    from mteb.languages import check_language_code

    for code in LANGUAGES.values():
        check_language_code(code)
    tasks = mteb_tasks(folds=("released", "strict", "shuffled"))
    assert all(task.metadata.is_filled() for task in tasks)
    names = [task.metadata.name for task in tasks]
    assert len(set(names)) == len(names)
    of_kind = {kind: [n for n in names if n.endswith(kind)] for kind in ("released", "strict", "shuffled")}
    assert len(of_kind["released"]) == len(of_kind["shuffled"]) == len(released_corpora())
    without = {name for name in released_corpora() if f"EmoBox_{name}_strict" not in of_kind["strict"]}
    assert (
        without
        == {name for name in released_corpora() if bridge._protocol(name, "strict") is None}
        != set(released_corpora())
    )
    assert mteb_tasks("emodb", "strict")[0].metadata.languages == ["deu"]


def test_what_is_no_folds_or_no_corpus_is_refused(mteb: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="Expected folds, but got 'stric'"):
        mteb_tasks("demo", "stric")  # type: ignore[arg-type]
    with pytest.raises(ProbeError, match="Expected a folder for each of 2 corpora"):
        mteb_tasks(["emodb", "urdu"], data_dir=tmp_path)
    with pytest.raises(
        ProbeError, match="Expected as layer none, because this encoder has no layers, but got 3"
    ):
        mteb_encoder("builtin:logmel", layer=3)


def test_settings_and_folders_that_would_do_nothing_are_refused(mteb: ModuleType, tmp_path: Path) -> None:
    for setting in (
        {"layers": "all"},
        {"data_dir": tmp_path},
        {"features_dir": tmp_path},
        {"store_dtyp": "float32"},
    ):
        (name,) = setting
        with pytest.raises(ProbeError, match=f"Expected a setting of an encoder for MTEB, but got '{name}'"):
            mteb_encoder("builtin:logmel", **setting)
    with pytest.raises(ProbeError, match=r"but got one of 'dmeo'.*demo"):
        mteb_tasks("demo", data_dir={"dmeo": tmp_path})


class Spectrum:
    """An encoder of one's own without weights: 50 frames a second."""

    sampling_rate = 16_000
    frame_rate = 50

    def __init__(self, bins: int, name: str = "mine"):
        self.bins, self.name = bins, name

    def encode(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        frames = (waveform[: len(waveform) // 320 * 320].reshape(-1, 320) for waveform in waveforms)
        spectra = (np.abs(np.fft.rfft(part))[:, :10] for part in frames)
        return [np.where(np.arange(10) < self.bins, part, 0).astype(np.float32) for part in spectra]


def test_a_revision_tells_embeddings_apart(mteb: ModuleType, tmp_path: Path) -> None:
    tiny = str(save_tiny(tmp_path / "tiny"))
    of_builtin: list[dict[str, Any]] = [{}, {"store_dtype": "float32"}]
    of_tiny: list[dict[str, Any]] = [{}, {"layer": 0}, {"layer": 1}, {"dtype": "bfloat16"}]
    made = [
        mteb_encoder(Spectrum(10)),
        mteb_encoder(Spectrum(1)),
        *(mteb_encoder("builtin:logmel", **one) for one in of_builtin),
        *(mteb_encoder(tiny, **one) for one in of_tiny),
    ]
    revisions = [encoder.mteb_model_meta.revision for encoder in made]
    assert len(set(revisions)) == len(made)
    assert mteb_encoder(Spectrum(10)).mteb_model_meta.revision == revisions[0]
    assert mteb_encoder("builtin:logmel", batch_seconds=1.0).mteb_model_meta.revision == revisions[2]


@pytest.mark.slow
def test_the_cache_of_mteb_does_not_answer_for_another_encoder(mteb: ModuleType, tmp_path: Path) -> None:
    from mteb.cache import ResultCache

    cache = ResultCache(cache_path=tmp_path)
    (task,) = mteb_tasks("demo", "strict")
    for encoder in (Spectrum(10), Spectrum(1)):
        model = mteb_encoder(encoder)
        result = mteb.evaluate(model, [task], cache=cache, show_progress_bar=False)
        (cached,) = result.task_results[0].scores["train"]
        assert cached["ua"] == scores_of_task(mteb, model, task)["ua"]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)


def test_a_task_scores_as_linear_does(mteb: ModuleType, plain: None, tmp_path: Path) -> None:
    """The client of MTEB, on the one embedding that an encoder without layers has."""
    record = probe(
        "builtin:logmel", "demo", "linear", output_dir=tmp_path, features_dir=tmp_path / "features"
    )
    assert isinstance(record, ResultRecord)
    (task,) = mteb_tasks("demo", "strict")
    found = scores_of_task(mteb, mteb_encoder("builtin:logmel"), task)
    for score in ("ua", "wa", "f1"):
        assert found[score] == pytest.approx(getattr(record.headline, score), abs=1e-6)
    assert found["main_score"] == found["ua"]
    folds = [(fold.name, fold.scores.ua) for fold in record.folds]
    assert [(fold["fold"], fold["ua"]) for fold in found["scores_per_experiment"]] == [
        (name, pytest.approx(ua, abs=1e-6)) for name, ua in folds
    ]
    assert found["ua_interval"] == pytest.approx(list(record.interval.ua or ()), abs=1e-6)


@pytest.mark.slow
def test_shuffled_folds_are_scored_as_the_curve_scores_them(mteb: ModuleType, tmp_path: Path) -> None:
    store = extract("builtin:logmel", "demo", features_dir=tmp_path)
    whole = load_corpus(corpora.load("demo"), None)
    ours = mteb_accuracies(statistics_of([store], "last"), np.array(whole["label"]))
    (task,) = mteb_tasks("demo", "shuffled")
    by_mteb = scores_of_task(mteb, mteb_encoder("builtin:logmel"), task)
    assert [one["accuracy"] for one in by_mteb["scores_per_experiment"]] == pytest.approx(ours, abs=1e-6)


def constant(embeddings: np.ndarray) -> Any:
    """A model that gives what it was made with, whatever it hears."""
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder

    class Constant(AbsEncoder):
        mteb_model_meta = ModelMeta.create_empty({"name": "made/up", "modalities": ["audio"]})

        def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
            return embeddings

    return Constant()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(320,), (319, 4), (320, 4, 2)])
def test_what_is_no_embedding_an_utterance_is_refused(mteb: ModuleType, shape: tuple[int, ...]) -> None:
    (task,) = mteb_tasks("demo", "strict")
    with pytest.raises(
        ProbeError, match="Expected one embedding of finite numbers for each of 320 utterances"
    ):
        task.evaluate(constant(np.zeros(shape)), encode_kwargs={})
    with pytest.raises(ProbeError, match="with NaN or infinity; look at its `encode`"):
        task.evaluate(constant(np.full((320, 2), np.nan)), encode_kwargs={})


@pytest.fixture
def torchaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    """MTEB's loaders import it, and use it only for audio that is not at the model's own rate."""
    monkeypatch.setitem(sys.modules, "torchaudio", ModuleType("torchaudio"))


@pytest.mark.slow
def test_a_model_of_mteb_runs_on_our_tasks(mteb: ModuleType, torchaudio: None, tmp_path: Path) -> None:
    from mteb.models.model_implementations.wav2vec2_models import Wav2Vec2AudioWrapper

    folder = save_tiny(tmp_path / "tiny")
    model = Wav2Vec2AudioWrapper(str(folder), None, device="cpu")
    model.mteb_model_meta = mteb.models.ModelMeta.create_empty({"name": "made/up", "modalities": ["audio"]})
    for kind in ("released", "strict"):
        (task,) = mteb_tasks("demo", kind)
        predictions = tmp_path / kind
        result = mteb.evaluate(
            model, [task], cache=None, show_progress_bar=False, prediction_folder=predictions
        )
        (scores,) = result.task_results[0].scores["train"]
        assert 0.25 < scores["ua"] <= 1
        assert len(scores["scores_per_experiment"]) == 4
        assert (predictions / f"EmoBox_demo_{kind}_predictions.json").is_file()


@pytest.mark.slow
def test_our_encoders_run_on_tasks_of_mteb(mteb: ModuleType, tmp_path: Path) -> None:
    """CREMA-D as MTEB has it, class and code; the audio is the demo corpus's, as the Hub cannot be reached."""
    task = mteb.get_task("CREMA_D")
    whole = datasets.load_dataset("emobox/demo", "all", split="train").select_columns(["audio", "label"])
    task.dataset = datasets.DatasetDict(
        {"train": whole.cast_column("audio", datasets.Audio(sampling_rate=44_100))}
    )
    task.data_loaded = True
    folder = save_tiny(tmp_path / "tiny")
    for model in (mteb_encoder("builtin:logmel"), mteb_encoder(folder, layer=1), mteb_encoder(folder)):
        scores = scores_of_task(mteb, model, task)
        assert 0.2 < scores["main_score"] <= 1
    with pytest.raises(ProbeError, match="Expected as layer one of 0 to 1, but got 2"):
        mteb_encoder(folder, layer=2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_emodb_with_eight_of_each_label_is_what_the_curve_says(
    mteb: ModuleType, plain: None, shared_assets: Path, tmp_path: Path
) -> None:
    """MTEB's own client and our code, on the same features of a real encoder; and new speakers beside them."""
    model = shared_assets / "models" / "whisper-tiny.en-encoder"
    data_dir = shared_assets / "corpora" / "emodb"
    probe(str(model), "emodb", "linear", data_dir=data_dir, output_dir=tmp_path)
    (folder,) = (found.parent for found in tmp_path.rglob("result.json"))
    _, record = curve(CurveConfig.of({"run": folder, "model": str(model), "data_dir": data_dir, "draws": 2}))
    assert record.mteb is not None
    store = extract(model, "emodb", data_dir=data_dir, layers="statistics")
    statistics = statistics_of([store], record.mteb.layer)
    (shuffled,) = mteb_tasks("emodb", "shuffled", data_dir)
    by_mteb = scores_of_task(mteb, constant(statistics), shuffled)
    found = [one["accuracy"] for one in by_mteb["scores_per_experiment"]]
    assert found == pytest.approx(record.mteb.accuracies, abs=1e-6)
    assert by_mteb["main_score"] == pytest.approx(record.mteb.accuracy, abs=1e-6)
    assert 0.5 < record.mteb.new_speakers < 1

    whole = load_corpus(corpora.load("emodb"), data_dir)
    first = whole.select(range(4)).cast_column("audio", datasets.Audio(sampling_rate=16_000))
    embedded = mteb_encoder(model, layer=int(record.mteb.layer)).encode([{"audio": list(first["audio"])}])
    np.testing.assert_allclose(embedded, statistics[:4], atol=1e-4 * statistics.std())
