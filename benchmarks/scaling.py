"""How time and memory of training grow with the corpus: stores of 1, 10 and 100 hours of made-up features.

    python benchmarks/scaling.py --device cuda --hours 1 10 100
    python benchmarks/scaling.py --hours 0.3 --dimension 80 --protocols paper --output scaling-narrow.cpu.json

Features are those of a base-sized model unless told: 768 dimensions, 50 frames a second, 13 layers, utterances of about
4.4 s. Five folds are trained for a few epochs, as `paper` does on frames of the last layer, and as `strict` does on the
means of every layer with its five seeds. Seconds are those of opening the store (checksums included), of putting
features where heads train on them, and of one epoch; memory is the most that this process held beside mapped files, and
on the GPU.
Writes benchmarks/results/scaling.<device>.json.
"""

import argparse
import json
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emobox_probe.encoders.encoder import Encoded, Pending
from emobox_probe.features.store import FeatureStore
from emobox_probe.heads.cpu import keep_freed_memory
from emobox_probe.heads.groups import Group
from emobox_probe.heads.training import train_views
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.scoring.sweep import views_of

FRAME_RATE, LAYERS, CLASSES = 50, 13, 4
FOLDS = 5


def main() -> None:
    """Measure every size and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--hours", type=float, nargs="+", default=[1, 10, 100])
    parser.add_argument("--dimension", type=int, default=768, help="of a frame; default: %(default)s")
    parser.add_argument(
        "--epochs",
        type=int,
        help="that are timed; default: 2 on a CPU, 20 on a GPU, which records the second",
    )
    parser.add_argument("--protocols", nargs="+", default=["paper", "strict"], choices=PROTOCOLS)
    parser.add_argument(
        "--folder", type=Path, help="where there is room for the features; default: a temporary one"
    )
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    epochs = arguments.epochs or (20 if device.type == "cuda" else 2)
    output = arguments.output or Path(__file__).parent / "results" / f"scaling.{device.type}.json"
    cuda = device.type == "cuda"
    if not cuda:
        keep_freed_memory()  # as the main job does
    report: dict[str, Any] = {
        "machine": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "dimension": arguments.dimension,
        "sizes": [],
    }
    for hours in arguments.hours:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            store = made_up(Path(folder), hours, arguments.dimension)
            figures = {"hours": hours, "utterances": len(store.ids)}
            for name in arguments.protocols:
                figures[name] = measured(fresh(store), name, device, epochs, arguments.dimension)
                print(hours, name, json.dumps(figures[name]), flush=True)
        report["sizes"].append(figures)
        report["growth_from_size_to_size"] = growth(report["sizes"])
        output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def growth(sizes: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Memory of each hour more: heads take the same whatever the corpus."""
    return [
        {
            f"{name}_{key}_per_hour": (two[name][key] - one[name][key]) / (two["hours"] - one["hours"])
            for name in two
            if name in PROTOCOLS
            for key in two[name]
            if key.endswith("_megabytes")
        }
        for one, two in pairwise(sizes)
    ]


def made_up(root: Path, hours: float, dimension: int) -> FeatureStore:
    """A store whose shards repeat the same random utterances: what is in them does not matter here."""
    random = np.random.default_rng(0)
    durations: list[float] = []
    while sum(durations) < 1800:
        durations.append(round(float(np.clip(random.lognormal(1.3, 0.6), 1, 20)), 2))
    generator = torch.Generator().manual_seed(0)
    known = [
        Encoded(
            torch.randn(int(seconds * FRAME_RATE), dimension, generator=generator).half(),
            torch.randn(LAYERS, dimension, generator=generator),
        )
        for seconds in durations
    ]
    count = round(len(durations) * hours * 3600 / sum(durations))
    lengths = [durations[number % len(durations)] for number in range(count)]
    store = FeatureStore(root, {"encoder": "made up"}, [f"u{number}" for number in range(count)], lengths)

    def encode(shards: Iterator[range]) -> Iterator[Pending]:
        for rows in shards:
            yield lambda rows=rows: [known[row % len(known)] for row in rows]

    store.fill(encode, torch.float16, lambda seconds: None)
    return store


def fresh(store: FeatureStore) -> FeatureStore:
    """The same as a new process would see it: nothing is verified yet."""
    return FeatureStore(store.root, store.identity, store.ids, store.durations)


def measured(
    store: FeatureStore, name: str, device: torch.device, epochs: int, dimension: int
) -> dict[str, float]:
    """Seconds and bytes of one protocol on one store."""
    protocol = replace(PROTOCOLS[name], epochs=epochs, warm_up_epochs=1)
    hours = sum(store.durations) / 3600
    labels = torch.arange(len(store.ids)) % CLASSES
    groups = [
        Group(labels, training, validation, seed)
        for training, validation in folds(len(labels))
        for seed in protocol.seeds
    ]
    with memory(device) as most:
        opening, _ = timed(store.find_damage, device)
        every = protocol.layers == "every"
        loading, views = timed(lambda: views_of([store], protocol, device, every), device)
        frames = views.candidates
        train_views(frames, groups[:1], CLASSES, replace(protocol, epochs=1))  # kernels of these shapes
        training, _ = timed(lambda: train_views(frames, groups, CLASSES, protocol), device)
        summed = 0.0
        if views.layers is not None:
            layers = views.layers
            train_views(layers, groups[:1], CLASSES, replace(protocol, epochs=1), layers=LAYERS)
            summed, _ = timed(lambda: train_views(layers, groups, CLASSES, protocol, layers=LAYERS), device)
        passed = most()
    vectors = len(store.ids) * LAYERS if every else sum(store.durations) * FRAME_RATE
    width = sum(point.hidden for point in protocol.sweep)
    # as hub_cards/bench/speeds.py counts: vectors x hidden units x dimension x epochs, for every fold and seed; a
    # learned sum of the layers counts as much as the layers, though it has fewer products
    products = vectors * width * dimension * epochs * len(groups)
    return {
        "opening_seconds_per_hour": opening / hours,
        "loading_seconds_per_hour": loading / hours,
        "epoch_seconds_per_hour": training / epochs / hours,
        "products_per_second": products / training,
        **({"products_per_second_with_sums": 2 * products / (training + summed)} if summed else {}),
        **{f"{where}_megabytes": value / 1e6 for where, value in passed.items()},
    }


def folds(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(training, validation) of every fold: 64 % and 16 %."""
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(7))
    parts = []
    for tested in shuffled.chunk(FOLDS):
        rest = shuffled[~torch.isin(shuffled, tested)]
        parts.append((rest[len(rest) // 5 :], rest[: len(rest) // 5]))
    return parts


def timed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


@contextmanager
def memory(device: torch.device) -> Iterator[Callable[[], dict[str, float]]]:
    """The most bytes in use while inside, beyond those at the start: of this process but mapped files, of the GPU."""
    start, most, done = anonymous(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], anonymous() - start)

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()

    def passed() -> dict[str, float]:
        gpu = {"gpu": float(torch.cuda.max_memory_allocated())} if device.type == "cuda" else {}
        return {"host": most[0], **gpu}

    yield passed
    done.set()
    watcher.join()


def anonymous() -> float:
    """Bytes of memory of this process that no file backs."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return float(line.split()[1]) * 1024
    raise RuntimeError("Expected RssAnon in /proc/self/status; run this on Linux.")


if __name__ == "__main__":
    main()
