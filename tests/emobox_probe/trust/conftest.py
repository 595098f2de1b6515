"""A short run on the demo corpus that stress tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from used_runs import QUICK

from emobox_probe import experiment, probe
from emobox_probe.protocol import PROTOCOLS


# Of a module: what is changed here must not reach other tests.
@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run of `builtin:logmel` by a short protocol."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROTOCOLS, "paper", QUICK)
        patch.setattr(experiment, "prepare_device", lambda accelerator: None)  # tests run beside each other
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        probe("builtin:logmel", "demo", output_dir=folder)
        yield next((folder / "builtin--logmel" / "demo").glob("paper*"))
        torch.set_num_threads(threads)
