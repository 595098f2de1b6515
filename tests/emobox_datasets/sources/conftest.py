"""Publishers on the loopback interface, and leave to use the network."""

from collections.abc import Iterator

import datasets
import huggingface_hub.constants
import pytest
from publisher_server import PublisherServer

from emobox_datasets.sources import transfer


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublisherServer]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", False)
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    with PublisherServer() as server:
        monkeypatch.setenv("EMOBOX_MIRROR", server.url)
        yield server
