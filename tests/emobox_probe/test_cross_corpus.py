"""Training on one corpus and testing on another, through the command, against a plain loop."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile
from commands import run_command
from conftest import shared_assets
from cross_runs import QUICK, make_savee, run_cross
from plain_loop import PlainCorpus, read_features, train_plainly
from publishers import PUBLISHERS, lay_out, released, touch
from scipy.special import softmax
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, recall_score

from emobox_datasets import corpora
from emobox_datasets.labels import SHARED_FOUR
from emobox_probe import experiment, fit, predict
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PAPER, PROTOCOLS
from emobox_probe.records.cross_result import CrossRecord, read_cross_record
from emobox_probe.scoring.check import check_scores
from emobox_probe.tasks import pool

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
FOUR = ("iemocap", "meld", "ravdess", "savee")


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, protocol in QUICK.items():
            patch.setitem(PROTOCOLS, name, protocol)
        # One process takes all cores, which `one_thread` is there to prevent.
        patch.setattr(experiment, "prepare_device", lambda accelerator: None)
        yield


@dataclass(frozen=True)
class Finished:
    """Where a run is, what it was called with but for the corpora, and what it left."""

    words: list[object]
    folder: Path
    record: CrossRecord
    predictions: pd.DataFrame


def finish(folder: Path, *words: object, protocol: str = "paper", features: Path | None = None) -> Finished:
    """Make a run of which nothing goes wrong."""
    places = ["--features-dir", features or folder / "features", "--output-dir", folder / "runs"]
    assert run_cross(*words, *places, "--protocol", protocol) == 0
    (found,) = (folder / "runs").rglob("cross.json")
    return Finished(
        list(words),
        found.parent,
        read_cross_record(found.parent),
        pd.read_parquet(found.parent / "predictions.parquet"),
    )


@pytest.fixture(scope="module")
def savee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_savee(tmp_path_factory.mktemp("corpora") / "savee")


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def finished(
    savee: Path, features: Path, quick: None, one_thread: None, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    words = ("--train", "demo,savee", "--data-dir", f"savee={savee}")
    return finish(tmp_path_factory.mktemp("finished"), *words, features=features)


def check_pair(run: Finished, source: PlainCorpus, target: PlainCorpus, names: tuple[str, str]) -> None:
    """Hold one pair of a run of `paper` against the plain computation."""
    record, protocol = run.record, PROTOCOLS["paper"]
    (seed,) = protocol.seeds
    epochs = [
        epoch
        for point in protocol.sweep
        for epoch in train_plainly(source, target, len(record.labels), point, protocol, seed)
    ]
    best = max(epochs, key=lambda epoch: epoch.merit)
    (told,) = [one for one in record.sources if one.name == names[0]]
    assert (told.epoch, told.learning_rate, told.hidden) == (
        best.epoch,
        best.point.learning_rate,
        best.point.hidden,
    )
    assert told.validation_ua == pytest.approx(best.merit[0])
    assert told.training + told.validation == len(source.ids)
    mine = run.predictions
    mine = mine[(mine.source == names[0]) & (mine.target == names[1])].set_index("id").loc[target.ids]
    assert len(mine) == len(target.ids)
    assert np.allclose(np.stack(mine.logits), best.logits.numpy(), atol=1e-4)
    said = [record.labels[place] for place in best.logits.argmax(1)]
    truth = [record.labels[place] for place in target.labels]
    assert list(mine.prediction) == said
    assert list(mine.label) == truth
    (pair,) = [one for one in record.pairs if (one.source, one.target) == names]
    assert pair.test == len(target.ids)
    assert pair.scores.ua == pytest.approx(recall_score(truth, said, average="macro"))
    assert pair.scores.wa == pytest.approx(accuracy_score(truth, said))
    assert pair.scores.f1 == pytest.approx(f1_score(truth, said, average="macro"))
    assert pair.confusion == confusion_matrix(truth, said, labels=record.labels).tolist()
    every = [recall_score(target.labels, epoch.logits.argmax(1), average="macro") for epoch in epochs]
    assert pair.test_selected.ua == pytest.approx(max(every))


def rows_of(corpus: str, data_dir: Path | None) -> pd.DataFrame:
    whole = datasets.load_dataset(
        f"emobox/{corpus}", "all", split="train", data_dir=data_dir and str(data_dir)
    )
    names = whole.features["label"].names
    return pd.DataFrame({"id": list(whole["id"]), "label": [names[label] for label in whole["label"]]})


@pytest.mark.parametrize("names", [("demo", "savee"), ("savee", "demo")])
def test_scores_equal_those_of_a_plain_loop(
    finished: Finished, savee: Path, features: Path, names: tuple[str, str]
) -> None:
    known = {
        corpus: read_features(features, rows_of(corpus, folder), finished.record.labels)
        for corpus, folder in (("demo", None), ("savee", savee))
    }
    check_pair(finished, known[names[0]], known[names[1]], names)


@pytest.mark.slow
def test_scores_of_real_corpora_equal_those_of_a_plain_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The paper's own rates: larger ones blow rounding up, over so many frames.
    monkeypatch.setitem(PROTOCOLS, "paper", replace(PAPER, epochs=8, warm_up_epochs=2, hidden_sizes=(64,)))
    folders = {name: shared_assets() / "corpora" / name for name in ("emodb", "urdu")}
    words = [word for name, folder in folders.items() for word in ("--data-dir", f"{name}={folder}")]
    run = finish(tmp_path, "--train", "emodb,urdu", *words)
    assert run.record.labels == list(SHARED_FOUR)
    known = {
        name: read_features(tmp_path / "features", rows_of(name, folder), run.record.labels)
        for name, folder in folders.items()
    }
    for names in (("emodb", "urdu"), ("urdu", "emodb")):
        check_pair(run, known[names[0]], known[names[1]], names)


def test_every_pair_has_its_calibration_and_gaps(finished: Finished, tmp_path: Path) -> None:
    record = finished.record
    for pair in record.pairs:
        part = finished.predictions.query("source == @pair.source and target == @pair.target")
        logits = np.stack(part["logits"].to_numpy()).astype(float)
        (temperature,) = {one.temperature for one in record.sources if one.name == pair.source}
        for scores, scaled in (
            (pair.calibration.plain, logits),
            (pair.calibration.scaled, logits / temperature),
        ):
            nll = log_loss(part["label"], softmax(scaled, axis=1), labels=record.labels)
            assert scores.nll == pytest.approx(nll)
        if pair.target == "savee":  # four men
            assert pair.gaps is None
            continue
        uas = {
            gender: recall_score(of.label, of.prediction, average="macro")
            for gender, of in part.groupby("gender")
        }
        assert pair.gaps.gaps[0].difference == pytest.approx(uas["female"] - uas["male"])
    demo = record.pairs[1]
    worse = demo.calibration.plain.model_copy(update={"nll": 9.0})
    forged = demo.model_copy(update={"calibration": demo.calibration.model_copy(update={"plain": worse})})
    with pytest.raises(ProbeError, match="the calibration of savee on demo"):
        check_scores(
            tmp_path, record.model_copy(update={"pairs": [record.pairs[0], forged]}), finished.predictions
        )


def test_groups_are_of_the_targets_that_tell_them(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    """SAVEE numbers its sentences, and the demo corpus has none."""
    for asked in ([], ["--gaps"]):
        words = ["score", finished.folder, "--by", "sentence", *asked, "--json"]
        capsys.readouterr()
        assert run_command(*words) == 0
        rows = json.loads(capsys.readouterr().out)
        by_target = {name: [row for row in rows if row["test"] == name] for name in ("demo", "savee")}
        assert by_target["savee"]
        if asked:
            assert not by_target["demo"]
        else:
            assert [(row["group"], row["utterances"]) for row in by_target["demo"]] == [("not known", 320)]
            part = finished.predictions.query("target == 'savee' and sentence == '01'")
            (first,) = [row for row in by_target["savee"] if row["group"] == "01"]
            expected = recall_score(part["label"], part["prediction"], average="macro")
            assert first["ua"] == pytest.approx(100 * expected)
    assert run_command("score", finished.folder, "--by", "race") == 1
    assert "a corpus that tells race, but demo, savee does not" in capsys.readouterr().err


def test_a_run_leaves_everything_behind(finished: Finished) -> None:
    record = finished.record
    assert finished.folder.parts[-3:] == ("cross", "demo+savee", "paper")
    assert {path.name for path in finished.folder.iterdir()} == {
        "cross.json",
        "predictions.parquet",
        "heads.safetensors",
        "cross.png",
    }
    assert (finished.folder / "cross.png").read_bytes().startswith(b"\x89PNG")
    assert [(pair.source, pair.target, pair.test) for pair in record.pairs] == [
        ("demo", "savee", 300),
        ("savee", "demo", 320),
    ]
    assert (record.training, record.test, record.labels) == ("all", "all", list(SHARED_FOUR))
    assert [(corpus.name, corpus.missing) for corpus in record.corpora] == [("demo", 0), ("savee", 0)]
    assert [source.held_out for source in record.sources] == ["utterances", "utterances"]
    assert record.provenance.extraction_seconds > 0
    assert record.average.ua == pytest.approx(np.mean([pair.scores.ua for pair in record.pairs]))
    assert [pair.overlap for pair in record.pairs] == [[], []]
    record.write(finished.folder)
    assert read_cross_record(finished.folder) == record


def test_its_heads_say_what_it_recorded_and_are_fitted_together(
    finished: Finished, savee: Path, features: Path, tmp_path: Path
) -> None:
    table = finished.predictions[finished.predictions["target"] == "savee"].head(6)
    corpus = datasets.load_dataset("emobox/savee", "all", data_dir=str(savee), split="train")
    rows = {row["id"]: row for row in corpus.cast_column("audio", datasets.Audio(decode=False))}
    files = [tmp_path / f"{id}.flac" for id in table["id"]]
    for file in files:
        file.write_bytes(rows[file.stem]["audio"]["bytes"])
    said = predict(finished.folder, files, fold="demo").predictions
    np.testing.assert_allclose([p.logits for p in said], np.stack(table["logits"]), rtol=0, atol=1e-5)
    made = fit(
        finished.folder, data_dir={"savee": savee}, features_dir=features, out=tmp_path / "fit", seeds=2
    )
    assert [corpus.name for corpus in made.corpora] == ["demo", "savee"]
    assert made.labels == finished.record.labels
    assert made.settings is not None
    assert made.settings.seeds == [0, 1]
    assert made.expected.scores == finished.record.average
    assert {group.group for group in made.expected.groups} >= {"demo and savee", "savee and demo"}
    assert len(predict(tmp_path / "fit", files).predictions) == len(files)


def test_labels_of_targets_change_nothing_but_scores(
    savee: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--train", "demo", "--test", "savee", "--data-dir", f"savee={savee}")
    true = finish(tmp_path / "true", *words, features=features)
    honest = pool.stored_items

    def deceitful(whole: datasets.Dataset, corpus: corpora.Corpus) -> list[pool.StoredItem]:
        items = honest(whole, corpus)
        if corpus.name != "savee":
            return items
        rows = [row for row, item in enumerate(items) if item.label in SHARED_FOUR]
        labels = np.random.default_rng(1).permutation([items[row].label for row in rows])
        for row, label in zip(rows, labels, strict=True):
            items[row] = pool.StoredItem(items[row].id, str(label), items[row].speaker, items[row].split)
        return items

    monkeypatch.setattr(pool, "stored_items", deceitful)
    false = finish(tmp_path / "false", *words, features=features)
    assert false.record.sources == true.record.sources
    told = ["source", "target", "id", "speaker", "seed", "prediction"]
    pd.testing.assert_frame_equal(false.predictions[told], true.predictions[told])
    assert np.array_equal(np.stack(false.predictions.logits), np.stack(true.predictions.logits))
    assert (false.predictions.label != true.predictions.label).any()
    assert false.record.pairs[0].scores != true.record.pairs[0].scores


def test_strict_holds_out_speakers_and_repeats(savee: Path, features: Path, tmp_path: Path) -> None:
    words = ("--train", "demo,savee", "--data-dir", f"savee={savee}")
    run = finish(tmp_path, *words, protocol="strict", features=features)
    record = run.record
    assert [(source.name, source.seed) for source in record.sources] == [
        ("demo", 0), ("demo", 1), ("savee", 0), ("savee", 1)
    ]  # fmt: skip
    assert {source.held_out for source in record.sources} == {"speakers"}
    for pair in record.pairs:
        part = run.predictions[
            (run.predictions.source == pair.source) & (run.predictions.target == pair.target)
        ]
        by_seed = [
            recall_score(one.label, one.prediction, average="macro") for _, one in part.groupby("seed")
        ]
        assert pair.scores.ua == pytest.approx(np.mean(by_seed))
        assert pair.seed_spread.ua == pytest.approx(np.std(by_seed, ddof=1))
        assert pair.interval.resampled == "speakers"
        assert pair.test_selected is None
        assert np.sum(pair.confusion) == 2 * pair.test


@pytest.mark.slow
def test_two_processes_give_the_same_record(finished: Finished, features: Path, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import sys\n"
        "from cross_runs import QUICK, run_cross\n"
        "from emobox_probe.protocol import PROTOCOLS\n"
        "PROTOCOLS.update(QUICK)\n"
        "sys.exit(run_cross(*sys.argv[1:]))\n"
    )
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--num_machines",
        "1",
        "--num_processes",
        "2",
    ]
    launch += ["--multi_gpu", "--mixed_precision", "no", "--dynamo_backend", "no", str(script)]
    places = ["--features-dir", features, "--output-dir", tmp_path / "runs"]
    tests = Path(__file__).parents[1]
    helpers = tests / "helpers"
    done = subprocess.run(
        [*launch, *map(str, [*finished.words, *places])],
        env={
            **os.environ,
            "ACCELERATE_USE_CPU": "true",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (helpers, tests, tests.parent))),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = (tmp_path / "runs").rglob("cross.json")
    two, one = read_cross_record(found.parent), finished.record
    assert (one.provenance.processes, two.provenance.processes) == (1, 2)
    assert two.sources == one.sources
    assert two.model_dump(exclude={"provenance"}) == one.model_dump(exclude={"provenance"})


def test_what_two_corpora_share_stands_beside_the_score(tmp_path: Path, savee: Path, features: Path) -> None:
    """A recording of the demo corpus is put among those of SAVEE."""
    copy = shutil.copytree(savee, tmp_path / "savee")
    whole = datasets.load_dataset("emobox/demo", "all", split="train").cast_column(
        "audio", datasets.Audio(decode=False)
    )
    (copy / "DC" / "stolen.flac").write_bytes(whole[0]["audio"]["bytes"])
    stolen, rate = soundfile.read(copy / "DC" / "stolen.flac")
    soundfile.write(copy / "DC" / "a01.wav", stolen, rate)
    (copy / "DC" / "stolen.flac").unlink()
    words = ("--train", "demo", "--test", "savee", "--data-dir", f"savee={copy}")
    run = finish(tmp_path, *words, features=features)
    assert run.record.pairs[0].overlap == ["1 recording is in both demo and savee, sample by sample."]


def test_leaving_each_corpus_out(savee: Path, features: Path, tmp_path: Path) -> None:
    words = ("--train", "demo,savee", "--leave-one-out", "--data-dir", f"savee={savee}")
    record = finish(tmp_path, *words, features=features).record
    assert [(pair.source, pair.target) for pair in record.pairs] == [
        ("all but demo", "demo"),
        ("all but savee", "savee"),
    ]
    assert [source.corpora for source in record.sources] == [["savee"], ["demo"]]
    assert record.average is None


def test_results_of_other_settings_are_not_replaced(
    finished: Finished, features: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = finished.folder.parents[3]
    words = [*finished.words, "--output-dir", output, "--features-dir", features]
    before = (finished.folder / "cross.json").read_bytes()
    for more, what in (
        (["--labels", "Angry,Sad"], "labels"),
        (["--training", "released"], "training utterances"),
    ):
        assert run_cross(*words, *more) == 1
        assert f"holds one of {what} that are others; give another" in capsys.readouterr().err
    assert (finished.folder / "cross.json").read_bytes() == before
    assert run_cross(*words, "--labels", "Angry,Sad", "--name", "two") == 0
    assert read_cross_record(finished.folder.parents[1] / "two" / "paper").labels == ["Angry", "Sad"]


def put_paper_corpora(root: Path) -> list[object]:
    """The balanced utterances of the paper's four corpora, each a tenth of a second of its own noise."""
    random = np.random.default_rng(0)
    words: list[object] = []
    for name in FOUR:
        rows = released(name)
        rows = rows[rows.id.isin(corpora.load(name).balanced_ids)]
        if name in PUBLISHERS:
            lay_out(root / name, name, rows)
        else:
            touch(root / name, rows.path)
        stereo = set(rows.path[rows.channel == 1]) if name == "meld" else set()
        for path in rows.path:
            file = root / name / f"{name} (copy)" / path if name in PUBLISHERS else root / name / path
            channels = 2 if path in stereo else 6 if name == "meld" else 1
            with file.open("wb") as stream:  # FFmpeg looks at the content, not at the name
                soundfile.write(stream, random.normal(0, 0.1, (1_600, channels)), 16_000, format="WAV")
        words += ["--data-dir", f"{name}={root / name}"]
    return words


def test_the_papers_corpora_are_tested_on_their_balanced_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = put_paper_corpora(tmp_path / "corpora")
    record = finish(tmp_path, "--train", ",".join(FOUR), "--allow-missing", *words).record
    assert record.test == "balanced"
    sizes = {name: 236 if name == "meld" else 240 for name in FOUR}
    assert {(pair.source, pair.target): pair.test for pair in record.pairs} == {
        (source, target): sizes[target] for source in FOUR for target in FOUR if source != target
    }
    for metric in ("ua", "wa", "f1"):  # Equation 1: n² - n = 12 pairs
        sums = sum(getattr(pair.scores, metric) for pair in record.pairs)
        assert getattr(record.average, metric) == pytest.approx(sums / 12)
    assert "meld: Published as 6 speakers" in " ".join(record.remarks)
    assert any(remark.startswith("iemocap: 113 of the listed speakers") for remark in record.remarks)
    assert [corpus.missing for corpus in record.corpora] == [
        corpora.load(name).utterances - sizes[name] for name in FOUR
    ]
    assert "mean of pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train", "demo"], "another corpus to test heads of demo on"),
        (["--train", "demo,emodbb"], "but got 'emodbb'. Did you mean emodb"),
        (["--train", "demo,savee"], "told where SAVEE is"),
        (["--train", "demo,savee", "--data-dir", "savee=/no/such"], "folder with SAVEE at /no/such"),
        (["--train", "demo,savee", "--data-dir", "urdu=/data"], "CORPUS=FOLDER with one of demo, savee, but got"),
        (["--train", "demo,savee", "--labels", "Angry"], "at least two labels that all corpora have, but got Angry"),
        (["--train", "demo,savee", "--labels", "Angry,Fear"], "but demo has no 'Fear'; it has Angry, Happy"),
        (["--train", "savee", "--test", "demo", "--test-set", "balanced"], "but demo has none; take --test-set all"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cross(*words, "--output-dir", tmp_path) == 1
    error = capsys.readouterr().err
    assert f"error: Expected {message}" in error or message in error[error.index("error: Expected") :]
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_source_with_one_speaker_cannot_hold_out_speakers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = make_savee(tmp_path / "savee", ("DC",))
    words = ["--train", "savee", "--test", "demo", "--data-dir", f"savee={alone}", "--allow-missing"]
    words += ["--features-dir", tmp_path / "features", "--output-dir", tmp_path / "runs"]
    assert run_cross(*words, "--protocol", "strict") == 1
    assert (
        "several speakers in savee, so that some can be held out for validation, but got one; use --protocol paper"
        in (capsys.readouterr().err)
    )
    assert not (tmp_path / "features").exists()  # before any features are made
    assert run_cross(*words) == 0
