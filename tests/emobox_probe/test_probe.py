"""The whole experiment through its command lines, with real files, caches and processes."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from commands import run_command
from datasets import load_dataset
from records import record as made_up_record
from safetensors.torch import load_file, save_file
from sklearn.metrics import recall_score
from tiny_encoder import save_tiny
from transformers import BertConfig, BertModel

from emobox_probe import experiment
from emobox_probe.protocol import PAPER, PROTOCOLS
from emobox_probe.records.result import ResultRecord, read_record

PROBE = Path(experiment.__file__).with_name("probe.py")
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1", "--num_processes", "1"]
LAUNCH += ["--mixed_precision", "no", "--dynamo_backend", "no"]
# Six epochs instead of a hundred: what is tested here does not depend on how well the heads are trained.
QUICK = replace(PAPER, epochs=6, warm_up_epochs=2, hidden_sizes=(8,))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "paper", QUICK)
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)  # tests run beside each other


def run(*words: str) -> int:
    """The experiment in this process; the exit status."""
    return run_command("probe", *words)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


def scores_and_settings(record: ResultRecord) -> dict:
    return record.model_dump(exclude={"provenance"})


@pytest.mark.usefixtures("quick")
def test_a_run_leaves_everything_behind(tmp_path: Path, tiny_encoder: Path) -> None:
    assert run("--model", str(tiny_encoder), "--corpus", "demo", "--output-dir", str(tmp_path)) == 0
    folder = tmp_path / "tiny" / "demo" / "paper"
    kept = {"result.json", "predictions.parquet", "heads.safetensors", "confusion.png", "calibration.png"}
    assert {path.name for path in folder.iterdir()} == kept
    record = read_record(folder)
    assert [fold.name for fold in record.folds] == ["fold1", "fold2", "fold3", "fold4"]
    assert record.corpus.labels == ["Angry", "Happy", "Neutral", "Sad"]
    assert (record.encoder.dimension, record.encoder.architecture) == (16, "wav2vec2")
    assert record.provenance.libraries["torch"] == torch.__version__
    assert record.encoder.name == "tiny"
    told = (folder / "result.json").read_text()
    assert set(re.findall(r"(?<![\w./])/[\w./-]+", told)) == {"/path/to/tiny", f"/path/to/{tmp_path.name}"}
    predictions = pd.read_parquet(folder / "predictions.parquet")
    for fold in record.folds:
        rows = predictions[predictions.fold == fold.name]
        assert set(rows.id) == set(load_dataset("emobox/demo", fold.name, split="test")["id"])
        assert fold.scores.ua == pytest.approx(recall_score(rows.label, rows.prediction, average="macro"))
    best = predictions.logits.map(lambda logits: record.corpus.labels[logits.argmax()])
    assert (best == predictions.prediction).all()
    assert record.pooled.wa == pytest.approx((predictions.label == predictions.prediction).mean())


@pytest.mark.usefixtures("quick")
def test_all_layers_stand_beside_the_score(tmp_path: Path, tiny_encoder: Path) -> None:
    words = ["--model", str(tiny_encoder), "--corpus", "demo", "--features-dir", str(tmp_path / "features")]
    assert run(*words, "--output-dir", str(tmp_path / "last")) == 0
    assert run(*words, "--layers", "all", "--output-dir", str(tmp_path / "all")) == 0
    # Features with all layers are there now; a record does not depend on that.
    assert run(*words, "--output-dir", str(tmp_path / "again")) == 0
    last, every, again = (
        read_record(tmp_path / n / "tiny" / "demo" / "paper") for n in ("last", "all", "again")
    )
    assert (last.layers, last.weighted_sum) == ([], None)
    assert [layer.layer for layer in every.layers] == ["0", "1"]
    assert sum(every.weighted_sum.weights) == pytest.approx(1)
    assert {fold.layer for fold in every.folds} == {"last"}
    for part in ("mean", "pooled", "folds", "confusion"):
        assert getattr(last, part) == getattr(every, part) == getattr(again, part)
    assert again.layers == []


@pytest.mark.usefixtures("quick")
def test_twice_gives_the_same_scores_and_extracts_once(tmp_path: Path, tiny_encoder: Path) -> None:
    words = ["--model", str(tiny_encoder), "--corpus", "demo", "--features-dir", str(tmp_path / "features")]
    assert run(*words, "--output-dir", str(tmp_path / "1")) == 0
    stored = tmp_path / "features"
    times = {path: path.stat().st_mtime_ns for path in stored.rglob("*.safetensors")}
    assert run(*words, "--output-dir", str(tmp_path / "2")) == 0
    assert times == {path: path.stat().st_mtime_ns for path in stored.rglob("*.safetensors")}
    first, second = (read_record(tmp_path / n / "tiny" / "demo" / "paper") for n in ("1", "2"))
    assert scores_and_settings(first) == scores_and_settings(second)
    assert first.provenance.extraction_seconds == second.provenance.extraction_seconds > 0
    # Killed between the record and that, a run has left its state of training.
    left = tmp_path / "2" / "tiny" / "demo" / "paper" / ".training"
    left.mkdir()
    assert run(*words, "--output-dir", str(tmp_path / "2")) == 0
    assert not left.exists()
    # What only informs can be lost.
    shutil.rmtree(tmp_path / "features" / "times")
    shutil.rmtree(tmp_path / "features" / "locks")
    assert run(*words, "--output-dir", str(tmp_path / "3")) == 0
    third = read_record(tmp_path / "3" / "tiny" / "demo" / "paper")
    assert scores_and_settings(third) == scores_and_settings(first)
    told = third.provenance
    assert (told.extraction_seconds, told.extraction_times_real_time, told.extraction_busy_share) == (
        None,
    ) * 3


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "emobox_probe"],
        [sys.executable, "-m", "emobox", "probe"],
        [*LAUNCH, str(PROBE)],
    ],
    ids=["python", "emobox", "accelerate"],
)
def test_the_command_lines(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "--model", "builtin:logmel", "--corpus", "demoo", "--output-dir", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "error: Expected the name of a corpus, but got 'demoo'. Did you mean demo" in done.stderr
    assert "Traceback" not in done.stderr or "accelerate" in command[2]


@pytest.mark.slow
def test_killed_during_extraction_it_continues(tmp_path: Path, tiny_encoder: Path) -> None:
    """SIGKILL at random moments; the store must end up byte for byte as if nothing had happened."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys\n"
        "from dataclasses import replace\n"
        "import emobox\n"
        "from emobox_probe.features import store\n"
        "from emobox_probe.protocol import PROTOCOLS\n"
        "store.SHARDS, store.SHORTEST_SHARD = 20, 10.0\n"
        "PROTOCOLS['paper'] = replace(PROTOCOLS['paper'], epochs=4, warm_up_epochs=2)\n"
        "emobox.main(['probe', *sys.argv[1:]])\n"
    )
    words = ["--model", str(tiny_encoder), "--corpus", "demo"]

    def start(name: str) -> subprocess.Popen:
        places = ["--features-dir", str(tmp_path / name / "features"), "--output-dir", str(tmp_path / name)]
        return subprocess.Popen([sys.executable, script, *words, *places], stderr=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    kills = 0
    while True:
        process = start("killed")
        if kills == 3:
            assert process.wait() == 0
            break
        shards = len(list((tmp_path / "killed").rglob("shard-*.safetensors")))
        while process.poll() is None and len(list((tmp_path / "killed").rglob("shard-*"))) < shards + 3:
            time.sleep(0.002)
        time.sleep(random.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    beside = ("times", "locks")
    stores = [
        {f.relative_to(root): f.read_bytes() for f in root.glob("*/*") if f.parent.name not in beside}
        for root in (tmp_path / "whole" / "features", tmp_path / "killed" / "features")
    ]
    assert len(stores[0]) > 10
    assert stores[0] == stores[1]
    records = [read_record(tmp_path / name / "tiny" / "demo" / "paper") for name in ("whole", "killed")]
    assert scores_and_settings(records[0]) == scores_and_settings(records[1])


@pytest.mark.slow
def test_two_processes_give_the_same_record(tmp_path: Path, tiny_encoder: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import sys\n"
        "from dataclasses import replace\n"
        "import emobox\n"
        "from emobox_probe.features import store\n"
        "from emobox_probe.protocol import PROTOCOLS\n"
        "store.SHARDS, store.SHORTEST_SHARD = 20, 10.0\n"
        "PROTOCOLS['paper'] = replace(PROTOCOLS['paper'], epochs=4, warm_up_epochs=2)\n"
        "emobox.main(['probe', *sys.argv[1:]])\n"
    )
    for processes in ("1", "2"):
        # With --cpu, accelerate 1.15 would start one process only.
        several = ["--num_processes", "2", "--multi_gpu"] if processes == "2" else []
        words = ["--model", str(tiny_encoder), "--corpus", "demo", "--output-dir", str(tmp_path / processes)]
        done = subprocess.run(
            [
                *LAUNCH,
                *several,
                str(script),
                *words,
                "--features-dir",
                str(tmp_path / processes / "features"),
            ],
            env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = (read_record(tmp_path / n / "tiny" / "demo" / "paper") for n in ("1", "2"))
    assert (one.provenance.processes, two.provenance.processes) == (1, 2)
    assert [fold.name for fold in two.folds] == [fold.name for fold in one.folds]
    assert two.pooled.ua == pytest.approx(one.pooled.ua, abs=0.02)


@pytest.mark.usefixtures("quick")
def test_results_of_other_weights_are_not_replaced(
    tmp_path: Path, tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(tiny_encoder, tmp_path / "tiny")
    words = ["--model", str(model), "--corpus", "demo", "--output-dir", str(tmp_path / "runs")]
    assert run(*words) == 0
    weights = load_file(model / "model.safetensors")
    save_file(
        {name: 1.01 * tensor for name, tensor in weights.items()},
        model / "model.safetensors",
        {"format": "pt"},
    )
    assert run(*words) == 1
    assert "it holds one of weights and features" in capsys.readouterr().err
    assert run(*words, "--overwrite") == 0


@pytest.mark.usefixtures("quick")
def test_mistakes_about_the_model_are_explained(
    tmp_path: Path, tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def message(model: Path | str) -> str:
        assert run("--model", str(model), "--corpus", "demo", "--output-dir", str(tmp_path / "runs")) == 1
        error = capsys.readouterr().err
        return error[error.index("error: ") :]

    text = tmp_path / "text"
    BertModel(
        BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
        )
    ).save_pretrained(text)
    assert "speech encoder, but" in message(text)
    assert "bert" in message(text)

    assert "Did you mean" in message(tiny_encoder.parent / "tyny")
    assert "Did you mean builtin:logmel" in message("builtin:logmell")
    assert "HF_HUB_OFFLINE" in message("nobody/no-such-model")

    unprepared = shutil.copytree(tiny_encoder, tmp_path / "unprepared")
    (unprepared / "preprocessor_config.json").unlink()
    assert "preprocessor_config.json" in message(unprepared)

    partial = shutil.copytree(tiny_encoder, tmp_path / "partial")
    weights = load_file(partial / "model.safetensors")
    dropped = next(name for name in weights if name.startswith("encoder.layers.0."))
    save_file(
        {k: v for k, v in weights.items() if k != dropped}, partial / "model.safetensors", {"format": "pt"}
    )
    assert f"missing, such as {dropped}" in message(partial)


def test_records_of_schema_1_stay_readable(tmp_path: Path) -> None:
    today = made_up_record()
    old = today.model_dump(mode="json")
    del old["weighted_sum"], old["encoder"]["lengthened"], old["provenance"]["hardware"]
    (tmp_path / "result.json").write_text(json.dumps({**old, "schema_version": 1}))
    found = read_record(tmp_path)
    assert found.encoder.lengthened is None
    assert found.provenance.hardware is None
    assert found.mean == today.mean


def test_records_that_did_not_count_silence_stay_readable(tmp_path: Path) -> None:
    old = made_up_record().model_dump(mode="json")
    del old["corpus"]["silent"]
    (tmp_path / "result.json").write_text(json.dumps(old))
    assert read_record(tmp_path).corpus.silent is None


def test_a_damaged_record_is_explained(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"schema_version": 1}))
    with pytest.raises(ValueError, match=r"result record of schema 2 in .*encoder.name is wrong"):
        read_record(tmp_path)
    for content in (b'{"schema_version": 2', b"\xff"):
        (tmp_path / "result.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"result.json, but it is not JSON"):
            read_record(tmp_path)
