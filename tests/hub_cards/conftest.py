"""A Hub on the loopback interface, and corpora prepared for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import shared_assets
from hub_client import hub_for
from hub_server import HubServer
from hub_store import Repository
from result_runs import BY_HAND, MODEL, make_cross_run, make_run

from emobox_datasets import corpora
from emobox_datasets.repository.write import prepare
from emobox_datasets.sources.location import find_root
from hub_cards.cards.dataset_card import describe
from hub_cards.hub import one_commit as publish


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub that the client of this process talks to, with a token; retries do not wait."""
    monkeypatch.setattr(publish, "WAIT_SECONDS", 0.0)
    with hub_for(monkeypatch, tmp_path / "token") as server:
        yield server


def prepared_in(folder: Path, corpus: str, data_dir: str | None) -> Path:
    out = folder / "emobox" / corpus
    card = corpora.load(corpus)
    prepare(card, find_root(card, data_dir), out, describe)
    return out


@pytest.fixture(scope="session")
def prepared_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_in(tmp_path_factory.mktemp("demo"), "demo", None)


@pytest.fixture(scope="session")
def prepared_emodb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shared_assets() / "corpora" / "emodb"
    return prepared_in(tmp_path_factory.mktemp("emodb"), "emodb", str(root))


@pytest.fixture
def model(hub: HubServer) -> Repository:
    """A model's repository with a card that somebody wrote."""
    made = hub.create("model", MODEL)
    made.add("main", "by hand", {**made.files(), "README.md": BY_HAND, "model.safetensors": b"\0weights"})
    return made


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one model: two corpora by one protocol, one by another, and between corpora."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root / "urdu/paper", "urdu")
    make_run(root / "emodb/paper", "emodb")
    make_run(root / "urdu/strict", "urdu", "strict")
    make_cross_run(root / "cross/paper")
    return root
