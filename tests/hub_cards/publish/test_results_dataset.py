"""The dataset of results: what is in it, who loads it, which versions of a corpus it takes."""

import json
import shutil
from pathlib import Path

import datasets
import pandas as pd
import pytest
import yaml
from hub_server import HubServer
from hub_store import Repository
from result_runs import BY_HAND, MODEL, make_run, publish
from stress_records import make_stress

from emobox_probe.encoders.facts import OwnSource
from hub_cards.publish.results import checked
from hub_cards.publish.results_dataset import files_of
from hub_cards.runs.collection import collect


def test_records_and_predictions_go_to_a_dataset_that_plain_datasets_loads(
    hub: HubServer,
    model: Repository,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home/ada/secret-encoder"
    record = make_run(home, name=str(home))
    provenance = record.provenance.model_copy(update={"settings": {"model": str(home), "dtype": "float32"}})
    record.model_copy(update={"provenance": provenance}).write(home)
    assert publish(home, finished / "cross", "--to", MODEL, "--results-repo", "lab/results") == 1
    assert "names differ" in capsys.readouterr().err
    assert publish(home, "--to", MODEL, "--results-repo", "lab/results") == 0
    shown = capsys.readouterr().out
    assert "it will be made, private" in shown
    assert "local folder" in shown
    assert ("dataset", "lab/results") not in hub.repositories
    assert publish(home, "--to", MODEL, "--results-repo", "lab/results", "--send", "--no-pull-request") == 0
    dataset = hub.repository("dataset", "lab/results")
    assert dataset.private
    folder = "intra/lab--encoder/weights-0000000000000000/urdu/paper"
    files = dataset.files()
    assert set(files) == {
        ".gitattributes",
        "README.md",
        f"{folder}/result.json",
        f"{folder}/predictions.parquet",
    }
    assert files[f"{folder}/predictions.parquet"] == (home / "predictions.parquet").read_bytes()
    told = json.loads(files[f"{folder}/result.json"])
    assert told["mean"] == record.mean.model_dump()
    assert told["encoder"]["name"] == MODEL
    assert told["provenance"]["settings"] == {"model": MODEL, "dtype": "float32"}
    for content in (files[f"{folder}/result.json"], *model.files().values()):
        assert b"ada" not in content.replace(b"Ada", b"")
    entries = yaml.safe_load(model.files()[".eval_results/emobox_urdu_paper.yaml"])
    link = f"{hub.url}/datasets/lab/results/blob/main/{folder}/result.json"
    assert {entry["source"]["url"] for entry in entries} == {link}
    # Runs of older versions tell less of an utterance; both load as one table.
    make_run(tmp_path / "emodb", "emodb")
    table = pd.read_parquet(tmp_path / "emodb/predictions.parquet")
    table.assign(gender="female", language="de").to_parquet(
        tmp_path / "emodb/predictions.parquet", index=False
    )
    assert (
        publish(
            tmp_path / "emodb", "--to", MODEL, "--results-repo", "lab/results", "--send", "--no-pull-request"
        )
        == 0
    )
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    rows = datasets.load_dataset("lab/results", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 2 * len(table)
    assert {row["language"] for row in rows} == {None, "de"}


def test_a_stress_test_goes_with_its_run_and_is_found_there(
    hub: HubServer, model: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home/ada/secret-encoder"
    make_run(home, name=str(home))
    made = make_stress(home)
    stress = made.model_copy(update={"encoder": made.encoder.model_copy(update={"name": str(home)})})
    stress.write(home / "stress")
    words = (home, "--to", MODEL, "--results-repo", "lab/results", "--send", "--no-pull-request")
    assert publish(*words) == 0
    files = hub.repository("dataset", "lab/results").files()
    folder = "intra/lab--encoder/weights-0000000000000000/urdu/paper"
    shown = json.loads(files[f"{folder}/stress/stress.json"])
    assert shown["encoder"]["name"] == MODEL
    assert b"ada" not in files[f"{folder}/stress/stress.json"]
    # Somebody who has the dataset on disk sees both in the leaderboard.
    for name, content in files.items():
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_bytes(content)
    (result,) = collect([tmp_path / "clone"]).results
    assert result.stress is not None
    assert result.stress.perturbations == made.perturbations
    # Predictions on perturbed audio, which have other columns, are no part of the table of predictions.
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    rows = datasets.load_dataset("lab/results", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == len(pd.read_parquet(home / "predictions.parquet"))


def test_a_run_made_again_leaves_no_stress_test_of_the_earlier_one(
    hub: HubServer, model: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--to", MODEL, "--results-repo", "lab/results")
    for corpus in ("urdu", "emodb"):
        make_run(tmp_path / corpus, corpus)
        make_stress(tmp_path / corpus)
        assert publish(tmp_path / corpus, *words, "--send", "--no-pull-request") == 0
    dataset = hub.repository("dataset", "lab/results")
    before = dataset.files()
    shutil.rmtree(tmp_path / "urdu")
    make_run(tmp_path / "urdu", "urdu", chance=5)
    capsys.readouterr()
    assert publish(tmp_path / "urdu", *words) == 0
    assert "urdu/paper/stress/stress.json goes" in capsys.readouterr().out
    for _ in range(2):  # as a pull request, once
        assert publish(tmp_path / "urdu", *words, "--send") == 0
    assert len(dataset.discussions) == 1
    dataset.merge(1)
    gone = before.keys() - dataset.files()
    assert gone == {path for path in before if "/urdu/paper/stress/" in path} != set()


def test_a_dataset_of_others_is_asked(hub: HubServer, model: Repository, finished: Path) -> None:
    dataset = hub.create("dataset", "emobox/results")
    dataset.add("main", "", {"README.md": b"# Ours\n"})
    for _ in range(2):
        assert publish(finished / "cross", "--to", MODEL, "--results-repo", "emobox/results", "--send") == 0
    assert set(dataset.files()) == {"README.md"}
    assert len(dataset.discussions) == 1
    dataset.merge(1)
    files = dataset.files()
    assert files["README.md"] == b"# Ours\n"
    folder = "cross/lab--encoder/weights-0000000000000000/paper"
    assert {f"{folder}/cross.json", f"{folder}/predictions.parquet"} < set(files)
    text = model.files("refs/pr/1")["README.md"].decode()
    assert "### Between corpora, protocol paper" in text
    assert "| trained on | emodb | urdu |" in text


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("python:/home/ada/secret/mine.py:load", "python:mine.py:load"),
        ("hear:mine@/home/ada/secret/mine.pt", "hear:mine@mine.pt"),
    ],
)
def test_where_an_encoder_of_ones_own_lies_is_not_published(tmp_path: Path, place: str, shown: str) -> None:
    """Of a record from before the door kept it out."""
    record = make_run(tmp_path, name=shown)
    encoder = record.encoder.model_copy(update={"own": OwnSource(import_path=place)})
    record.model_copy(update={"encoder": encoder}).write(tmp_path)
    make_stress(tmp_path)
    (run,) = checked([tmp_path])
    for file, content in files_of([run], MODEL).items():
        assert b"secret" not in content, file
        if file.endswith(".json"):
            assert json.loads(content)["encoder"]["own"]["import_path"] == shown


def test_scores_on_another_version_of_a_corpus_are_refused(
    hub: HubServer, model: Repository, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--results-repo", "lab/results", "--send", "--no-pull-request")
    assert publish(finished / "urdu/paper", "--to", MODEL, *words) == 0
    hub.create("model", "lab/other").add("main", "", {"README.md": BY_HAND})
    record = make_run(tmp_path)
    told = record.model_dump(mode="json")
    told["corpus"]["fingerprint"] = "4" * 64
    (tmp_path / "result.json").write_text(json.dumps(told))
    before = hub.count("POST .*/commit/")
    assert publish(tmp_path, "--to", "lab/other", *words) == 1
    error = capsys.readouterr().err
    for part in ("333333333333", "444444444444", "emobox doctor urdu"):
        assert part in error
    assert hub.count("POST .*/commit/") == before


def test_records_of_an_older_schema_are_sent_in_todays(
    hub: HubServer, model: Repository, tmp_path: Path
) -> None:
    told = make_run(tmp_path).model_dump(mode="json")
    told["schema_version"] = 1
    del told["weighted_sum"], told["encoder"]["lengthened"], told["provenance"]["hardware"]
    (tmp_path / "result.json").write_text(json.dumps(told))
    assert publish(tmp_path, "--to", MODEL, "--results-repo", "lab/results", "--send") == 0
    files = hub.repository("dataset", "lab/results").files()
    (sent,) = (json.loads(content) for path, content in files.items() if path.endswith("result.json"))
    assert (sent["schema_version"], sent["weighted_sum"]) == (2, None)
