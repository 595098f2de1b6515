"""`emobox bench` with short protocols, as a script: items run through it too, so that they are as short."""

import os
import sys
from dataclasses import replace

import torch

import emobox
from emobox_probe import experiment
from emobox_probe.features import store as features
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench import workers


def main() -> None:
    """Run `emobox` with the words of the command line; with `worker` before them, what does items."""
    for name, protocol in PROTOCOLS.items():
        PROTOCOLS[name] = replace(protocol, epochs=2, warm_up_epochs=1, hidden_sizes=(4,), seeds=(0,))
    # More shards than a small corpus has otherwise, to be killed between; and one thread, because tests share cores.
    features.SHARDS, features.SHORTEST_SHARD = 20, 10.0
    experiment.prepare_device = lambda accelerator: torch.set_num_threads(1)  # type: ignore[assignment]
    workers.COMMAND = [sys.executable, os.path.abspath(__file__), "worker"]
    if sys.argv[1] == "worker":
        workers.serve(*map(int, sys.argv[2:]))
    else:
        emobox.main(sys.argv[1:])


if __name__ == "__main__":
    main()
