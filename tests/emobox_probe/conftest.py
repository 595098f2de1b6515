"""What the tests of the probe share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hub_client import hub_for
from hub_server import HubServer


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For tiny models: threads that wait for each other are up to a hundred times slower where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub that the client of this process talks to."""
    with hub_for(monkeypatch, tmp_path / "token") as server:
        yield server
