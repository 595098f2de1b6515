"""emotion2vec as FunASR lays it out: the folder is the model."""

import json
from pathlib import Path

import pytest
import torch
from hub_server import HubServer
from published_models import files_of, save_as_funasr

from emobox_probe.encoders.checkpoints import conversions
from emobox_probe.encoders.classifier import load_classifier
from emobox_probe.encoders.convert_checkpoint import convert_checkpoint
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions.constants, "HF_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_as_funasr(tmp_path / "emotion2vec")


def test_a_folder_is_what_convert_checkpoint_makes_of_it(folder: Path, tmp_path: Path) -> None:
    convert_checkpoint(folder / "model.pt", tmp_path / "converted")
    expected = load_encoder(str(tmp_path / "converted"), CPU).facts
    facts = load_encoder(str(folder), CPU).facts
    assert facts == expected.model_copy(update={"name": folder.name})
    classifier = load_classifier(str(folder), CPU)
    assert classifier.classes[:2] == ("angry", "disgusted")


def test_the_checkpoint_may_have_another_name(tmp_path: Path, hub: HubServer) -> None:
    folder = save_as_funasr(tmp_path / "base", "emotion2vec_base.pt")
    hub.create("model", "emotion2vec/emotion2vec_base").add("main", "as published", files_of(folder))
    on_hub = load_encoder("emotion2vec/emotion2vec_base", CPU).facts
    assert on_hub.identity == load_encoder(str(folder), CPU).facts.identity


def test_other_settings_are_another_conversion(folder: Path) -> None:
    load_encoder(str(folder), CPU)
    (folder / "tokens.txt").write_text("one\ntwo\n")
    with pytest.raises(ProbeError, match=f"9 classes of model.pt of {folder}, but got 2"):
        load_encoder(str(folder), CPU)


def test_without_its_checkpoint_it_is_no_model(folder: Path) -> None:
    (folder / "model.pt").unlink()
    with pytest.raises(ProbeError, match=rf"Expected model\.pt beside config\.yaml of {folder}"):
        load_encoder(str(folder), CPU)


@pytest.mark.parametrize("named", ["../model.pt", "/model.pt", 3])
def test_a_checkpoint_elsewhere_is_refused(folder: Path, named: object) -> None:
    description = {"file_path_metas": {"init_param": named}}
    (folder / "configuration.json").write_text(json.dumps(description))
    with pytest.raises(ProbeError, match="to name a checkpoint beside it"):
        load_encoder(str(folder), CPU)


def test_a_pointer_is_named(folder: Path) -> None:
    (folder / "model.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ProbeError, match=rf"model\.pt of {folder}, but it is a Git-LFS pointer"):
        load_encoder(str(folder), CPU)
