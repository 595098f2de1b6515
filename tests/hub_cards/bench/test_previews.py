"""A dry run says which weights each model of a plan would read, and flags those that would be refused."""

import json
from pathlib import Path

import pytest
from bench_plans import demo_plan
from commands import run_command
from hub_server import HubServer
from published_models import files_of, save_as_published

from hub_cards.bench.models import find_model
from hub_cards.bench.plan import Model

EMOTION2VEC = "emotion2vec/emotion2vec_plus_base"


@pytest.fixture
def plan(hub: HubServer, tmp_path: Path, tiny_encoder: Path) -> Path:
    """A folder of safetensors, a repository of FunASR, one that is refused, and no model at all."""
    hub.create("model", EMOTION2VEC).add(
        "main", "weights", files_of(save_as_published(EMOTION2VEC, tmp_path / "emotion2vec"))
    )
    hub.create("model", "lab/foreign").add("main", "weights", {"config.json": b"{}", "tf_model.h5": b"x"})
    models = (tiny_encoder, EMOTION2VEC, "lab/foreign", "builtin:logmel")
    (tmp_path / "plan.yaml").write_text(demo_plan(tmp_path, *models))
    return tmp_path / "plan.yaml"


def test_files_are_named_and_refusals_flagged(
    plan: Path, hub: HubServer, tiny_encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("bench", plan, "--dry-run") == 1
    shown = capsys.readouterr().out
    assert f"{tiny_encoder}: reads model.safetensors (" in shown
    assert f"{EMOTION2VEC}: reads model.pt (" in shown
    assert "once, and keeps it as safetensors" in shown
    assert "lab/foreign: would be refused: Expected lab/foreign to have model.safetensors" in shown
    # Of the checkpoint not more than its head.
    heads = [request.sent for request in hub.requests if request.path.endswith("/model.pt")]
    assert max(heads, default=0) < 1_000_000


def test_programs_are_told_too(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("bench", plan, "--dry-run", "--log", "json", "--only", "extract/emotion2vec*") == 0
    (line,) = capsys.readouterr().out.splitlines()
    (model,) = json.loads(line)["models"]
    assert (model["model"], model["reads"], model["refused"]) == (EMOTION2VEC, "model.pt", None)
    assert model["bytes"] > 0


@pytest.mark.usefixtures("plan")
def test_the_size_of_a_model_of_funasr_is_in_its_settings(tmp_path: Path) -> None:
    on_hub = find_model(Model(name=EMOTION2VEC)).size
    assert (on_hub.dimension, on_hub.layers, on_hub.source) == (48, 3, "its configuration")
    assert find_model(Model(name=str(tmp_path / "emotion2vec"))).size == on_hub
    (tmp_path / "emotion2vec" / "config.yaml").write_text("- a list")
    assert find_model(Model(name=str(tmp_path / "emotion2vec"))).config == {}


@pytest.mark.usefixtures("quick", "in_process")
def test_a_plan_runs_models_that_are_converted(hub: HubServer, tmp_path: Path) -> None:
    folder = save_as_published("facebook/data2vec-audio-base", tmp_path / "published")
    hub.create("model", "lab/bin").add("main", "weights", files_of(folder))
    (tmp_path / "plan.yaml").write_text(demo_plan(tmp_path, "lab/bin"))
    assert run_command("bench", tmp_path / "plan.yaml") == 0
    assert (tmp_path / "runs" / "lab--bin" / "demo" / "paper" / "result.json").is_file()
