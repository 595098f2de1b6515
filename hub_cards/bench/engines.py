"""Where a plan's items can be done: by processes of this machine, or by actors of a Ray cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hub_cards.bench.options import Engine
from hub_cards.bench.ray_workers import cluster_workers, count_in_cluster
from hub_cards.bench.workers import Worker, local_workers


@dataclass(frozen=True)
class Places:
    """How many workers an engine has if nobody says, and so many of them, with a folder for their logs."""

    count: Callable[[], int]
    workers: Callable[[int, Path], Sequence[Worker]]


ENGINES: dict[Engine, Places] = {
    "processes": Places(lambda: max(torch.cuda.device_count(), 1), local_workers),
    "ray": Places(count_in_cluster, cluster_workers),
}
