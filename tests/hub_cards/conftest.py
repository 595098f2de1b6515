"""A Hub on the loopback interface, and corpora prepared for it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import shared_assets
from hub_server import HubServer
from huggingface_hub import constants
from huggingface_hub.utils import _http

from emobox_datasets import corpora
from emobox_datasets.repository import prepare
from emobox_datasets.roots import find_root
from hub_cards import publish
from hub_cards.dataset_card import describe


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub that the client of this process talks to, with a token; retries do not wait."""
    with HubServer() as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", server.token)
        monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
        monkeypatch.setattr(publish, "WAIT_SECONDS", 0.0)
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
