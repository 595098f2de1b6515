"""Runs that tests of their use share, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_encoder import save_tiny
from used_runs import QUICK, QUICK_STRICT

from emobox_probe import experiment, probe
from emobox_probe.protocol import PROTOCOLS


# Of a module: what is changed here must not reach other tests.
@pytest.fixture(scope="module")
def quick_protocols() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROTOCOLS, "paper", QUICK)
        patch.setitem(PROTOCOLS, "strict", QUICK_STRICT)
        patch.setattr(experiment, "prepare_device", lambda accelerator: None)  # tests run beside each other
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Path, quick_protocols: None) -> dict[str, Path]:
    """The folders of short runs on the demo corpus, by a name."""
    folder = tmp_path_factory.mktemp("runs")
    for model, protocol in (("builtin:logmel", "paper"), (str(tiny), "paper"), (str(tiny), "strict")):
        probe(model, "demo", protocol, output_dir=folder)
    names = {"logmel": "builtin--logmel/demo/paper", "tiny": "tiny/demo/paper", "strict": "tiny/demo/strict"}
    return {name: next((folder / place).parent.glob(f"{Path(place).name}*")) for name, place in names.items()}
