"""The Hub client of this process, made to talk to a Hub on the loopback interface and to no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub_server import HubServer
from huggingface_hub import constants
from huggingface_hub.utils import _http


@contextmanager
def hub_for(monkeypatch: pytest.MonkeyPatch, token: Path) -> Iterator[HubServer]:
    """A Hub whose token the client has; retries do not wait.

    Args:
        monkeypatch: what puts the client back.
        token: where the client keeps a token, in a folder of the test.
    """
    with HubServer() as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(token))
        monkeypatch.setenv("HF_TOKEN", server.token)
        monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
        yield server
