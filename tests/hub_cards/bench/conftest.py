"""A tiny encoder, short protocols, and items that run in this process instead of one of their own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from bench_running import Here
from tiny_encoder import save_tiny

from emobox_probe import experiment
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench.engines import ENGINES, Places
from hub_cards.bench.work import Failure


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Two epochs, one seed: what is tested here does not depend on how well heads are trained."""
    for name, protocol in PROTOCOLS.items():
        short = replace(protocol, epochs=2, warm_up_epochs=1, hidden_sizes=(4,), seeds=(0,))
        monkeypatch.setitem(PROTOCOLS, name, short)
    monkeypatch.setattr(
        experiment, "prepare_device", lambda accelerator: None
    )  # else all cores, which others use


@pytest.fixture(scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the items that ran here, or `look at` one."""
    ran: list[str] = []
    really = Here.do

    def do(self: Here, *given: Any) -> Failure | None:
        self.ran = ran
        return really(self, *given)

    monkeypatch.setattr(Here, "do", do)
    here = Places(lambda: 1, lambda count, logs: [Here()])
    monkeypatch.setitem(ENGINES, "processes", here)
    return ran
