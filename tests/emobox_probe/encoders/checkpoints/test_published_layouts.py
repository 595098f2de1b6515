"""Models as their repositories on the Hub are laid out: one line each, online, offline and at a commit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import run_command
from hub_server import HubServer
from huggingface_hub import constants
from published_models import BESIDE, NAMES, files_of, save_as_published, save_as_safetensors

from emobox_probe import experiment
from emobox_probe.encoders.data2vec2 import pickles
from emobox_probe.protocol import PROTOCOLS

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested does not depend on how well heads are trained."""
    short = replace(PROTOCOLS["paper"], epochs=8, warm_up_epochs=1, hidden_sizes=(4,), seeds=(0,))
    monkeypatch.setitem(PROTOCOLS, "paper", short)
    monkeypatch.setattr(experiment, "prepare_device", lambda accelerator: None)


def probe(model: object, out: Path, *words: object) -> dict[str, Any]:
    """The record of `emobox probe` on the demo corpus; features are shared by what they depend on."""
    features = out.parent / "features"
    words = ("--output-dir", out, "--features-dir", features, *words)
    assert run_command("probe", "--model", model, "--corpus", "demo", *words) == 0
    (record,) = out.rglob("result.json")
    content: dict[str, Any] = json.loads(record.read_text())
    return content


def what_must_be_equal(record: dict[str, Any]) -> dict[str, Any]:
    encoder = {key: value for key, value in record["encoder"].items() if key not in ("name", "revision")}
    # The file of heads says where the encoder came from too.
    others = {key: value for key, value in record.items() if key not in ("provenance", "heads_sha256")}
    return {**others, "encoder": encoder}


@pytest.mark.parametrize("name", NAMES)
def test_one_line_online_offline_and_at_a_commit(
    name: str, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = hub.create("model", name)
    commit = repository.add("main", "weights", files_of(save_as_published(name, tmp_path / "published"))).oid

    online = probe(name, tmp_path / "online")
    asked = [request.path for request in hub.requests if request.status == 200]
    assert {path.split("/")[-1] for path in asked}.isdisjoint(BESIDE[name])
    assert [path for path in asked if "discussions" in path or "commits" in path] == []  # for no conversion
    assert (online["encoder"]["name"], online["encoder"]["revision"]) == (name, commit)

    def read_again(*_: Any, **__: Any) -> None:
        raise AssertionError("the checkpoint is read again")

    repository.add("main", "another", {"README.md": b"main has moved on\n"})
    with monkeypatch.context() as patch:
        patch.setattr(pickles.torch, "load", read_again)
        at_commit = probe(name, tmp_path / "commit", "--revision", commit)
        count = len(hub.requests)
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        offline = probe(name, tmp_path / "offline")
        assert len(hub.requests) == count

    expected = probe(save_as_safetensors(name, tmp_path / "safe"), tmp_path / "runs")
    for record in (online, at_commit, offline):
        assert what_must_be_equal(record) == what_must_be_equal(expected)
