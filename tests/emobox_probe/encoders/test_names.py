"""Records and commands for other eyes tell nothing of where things are on this machine."""

from pathlib import Path

import pytest

from emobox_probe.config import CrossConfig, ProbeConfig
from emobox_probe.encoders.names import recorded_name


def test_a_folder_is_recorded_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "latest").symlink_to(folder)
    monkeypatch.chdir(folder)
    for name in (str(folder), f"{folder}/", ".", "../mine", str(tmp_path / "latest")):
        assert recorded_name(name) == "mine"
    assert recorded_name(f"{folder}:trimmed") == "mine:trimmed"


@pytest.mark.parametrize("name", ["builtin:logmel", "openai/whisper-base", "openai/whisper-base:trimmed"])
def test_what_others_can_load_is_recorded_as_it_is(name: str) -> None:
    assert recorded_name(name) == name


def test_the_command_of_a_record_keeps_what_was_typed_but_paths_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = ProbeConfig(
        model="/home/ada/models/mine:trimmed",
        corpus="emodb",
        data_dir=Path("data/emodb"),
        output_dir=tmp_path / "runs" / "new",
        features_dir=Path("/scratch/ada/features"),
    )
    assert " ".join(config.for_others().words()) == (
        "--model /path/to/mine:trimmed --features-dir /path/to/features --output-dir runs/new --corpus emodb "
        "--data-dir data/emodb"
    )
    assert config.recorded()["model"] == "/path/to/mine:trimmed"
    cross = CrossConfig(model="a/b", train=("emodb", "urdu"), data_dir={"urdu": Path("/home/ada/urdu")})
    assert cross.for_others().data_dir == {"urdu": Path("/path/to/urdu")}
