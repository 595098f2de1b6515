"""What a model would read is told without reading it."""

import argparse
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import HubServer
from huggingface_hub import constants, hf_hub_download
from published_models import files_of, save_as_funasr, save_as_published, save_as_safetensors

from emobox_probe.encoders.checkpoints.preview import HEAD, Preview, preview
from emobox_probe.encoders.data2vec2.pickles import objects_in_head

HUBERT = "facebook/hubert-large-ll60k"


class Code:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.mark.parametrize("name", [HUBERT, "emotion2vec/emotion2vec_plus_base"])
def test_folders_and_repositories(name: str, hub: HubServer, tmp_path: Path) -> None:
    folder = save_as_published(name, tmp_path / "published")
    file = "pytorch_model.bin" if name == HUBERT else "model.pt"
    # A large file, of which only the head may be asked for.
    with (folder / file).open("ab") as checkpoint:
        checkpoint.write(bytes(4 * HEAD))
    expected = Preview(file, (folder / file).stat().st_size)
    hub.create("model", name).add("main", "weights", files_of(folder))
    assert preview(str(folder), None) == expected
    assert preview(name, None) == expected
    assert sum(request.sent for request in hub.requests) < 3 * HEAD


def test_safetensors_are_preferred(tmp_path: Path) -> None:
    folder = save_as_safetensors(HUBERT, tmp_path / "safe")
    torch.save({}, folder / "pytorch_model.bin")
    size = (folder / "model.safetensors").stat().st_size
    assert preview(str(folder), None) == Preview("model.safetensors", size)


@pytest.mark.parametrize("archive", [True, False])
def test_objects_are_named_from_the_head_alone(archive: bool, hub: HubServer, tmp_path: Path) -> None:
    folder = save_as_published(HUBERT, tmp_path / "published")
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    content = {**weights, "code": Code()}
    torch.save(content, folder / "pytorch_model.bin", _use_new_zipfile_serialization=archive)
    hub.create("model", "lab/code").add("main", "weights", files_of(folder))
    problem = preview("lab/code", None).problem
    assert problem is not None
    assert "pytorch_model.bin of lab/code also holds posix.system" in problem


def test_a_head_that_ends_too_early_tells_nothing(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "code": Code()}, tmp_path / "a.bin")
    head = (tmp_path / "a.bin").read_bytes()
    assert objects_in_head(head) == ["posix.system"]
    assert objects_in_head(head[:80]) == objects_in_head(b"") == objects_in_head(b"PK\x03\x04") == []


def test_settings_of_fairseq_are_allowed_in_checkpoints_only(tmp_path: Path) -> None:
    torch.save({"cfg": argparse.Namespace()}, tmp_path / "a.pt")
    head = (tmp_path / "a.pt").read_bytes()
    assert objects_in_head(head) == []
    assert objects_in_head(head, allowed=()) == ["argparse.Namespace"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"config.json": b"{}", "tf_model.h5": b"x"}, "to have model.safetensors, pytorch_model.bin or"),
        ({"config.yaml": b"{}"}, "to have model.pt, but it has none"),
        ({"config.json": b"{}", "pytorch_model.bin": b"<html>"}, "but it is a web page"),
        ({"config.json": b"{}", "pytorch_model.bin.index.json": b"[]"}, "no index of weights"),
        (
            {
                "config.json": b"{}",
                "pytorch_model.bin.index.json": b'{"metadata": {}, "weight_map": {"a": "a.bin"}}',
            },
            "a.bin",
        ),
        (
            {"config.yaml": b"{}", "configuration.json": b'{"file_path_metas": {"init_param": "../a.pt"}}'},
            "to name a checkpoint beside it",
        ),
    ],
)
def test_what_would_be_refused_is_flagged(
    files: dict[str, bytes], problem: str, hub: HubServer, tmp_path: Path
) -> None:
    hub.create("model", "lab/wrong").add("main", str(files), files)
    commit = hub.repository("model", "lab/wrong").branches["main"]
    folder = tmp_path / "wrong"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for seen in (preview("lab/wrong", commit), preview(str(folder), None)):
        assert seen.problem is not None
        assert problem in seen.problem


def test_offline_the_cache_is_looked_at(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_as_funasr(tmp_path / "published")
    hub.create("model", "lab/cached").add("main", "weights", files_of(folder))
    for file in ("config.yaml", "configuration.json", "model.pt"):
        hf_hub_download("lab/cached", file)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert preview("lab/cached", None) == Preview("model.pt", (folder / "model.pt").stat().st_size)
    assert "but it has none" in str(preview("lab/nothing", None).problem)
