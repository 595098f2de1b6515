"""A tiny encoder, short protocols, and items that run in this process instead of one of their own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_encoder import save_tiny

from emobox_datasets.errors import CorpusError
from emobox_probe import experiment
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench import child
from hub_cards.bench.items import config_of
from hub_cards.bench.jobs import Failure, Job


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
    """Run items here, for speed; the names of those that ran, or `look at` one."""
    ran: list[str] = []

    def run(self: Job, stopped: Callable[[], bool], look: Callable[[str], Any]) -> Failure | None:
        ran.append(f"look at {self.item.name}" if self.only_look else self.item.name)
        config = config_of(self.plan, self.item).model_dump(mode="json")
        job = {"kind": self.item.kind, "config": config, "smaller": self.smaller}
        try:
            child._do({**job, "made_for": str(self.plan.output.absolute()), "only_look": self.only_look})
        except (CorpusError, ProbeError) as error:
            return Failure("error", str(error), "")
        return None

    monkeypatch.setattr(Job, "run", run)
    return ran
