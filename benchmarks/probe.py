"""Training a whole sweep: as one computation, one run after another, and as the EmoBox example reads features.

    python benchmarks/probe.py --device cpu      EmoDB, whisper-base features: 5 folds x 4 configurations
    python benchmarks/probe.py --device cuda     features shaped like IEMOCAP: 5 folds x 4 configurations x 3 seeds

(a) this project; (b) baseline: each run alone, a plain loop with torch's Adam, features resident on the device;
(c) each run alone, one .npy file an utterance through a DataLoader. A run-step is one optimiser step of one run.
The matrix-product rate of the device, measured on the shapes of (a) before and after it, is the ceiling; (a)'s
products are those of training, forward and weight gradient, and the forward one of validation after every epoch.
Writes benchmarks/results/probe.<device>.json.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from emobox_probe.heads.batches import Frames, MappedFrames, ResidentFrames
from emobox_probe.heads.cpu import keep_freed_memory
from emobox_probe.heads.groups import Group
from emobox_probe.heads.training import train
from emobox_probe.protocol import PAPER, HeadConfiguration, Protocol

HERE = Path(__file__).parent
WARM_UP_STEPS = 10


class PlainHead(nn.Module):
    """The head as one would write it, on padded batches."""

    def __init__(self, dimension: int, hidden: int, classes: int):
        super().__init__()
        self.first, self.second = nn.Linear(dimension, hidden), nn.Linear(hidden, classes)

    def forward(self, padded: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]
        hidden = F.relu(self.first(padded)) * mask[..., None]
        return self.second(hidden.sum(1) / lengths[:, None])


Batches = Callable[[Tensor], Iterator[tuple[Tensor, Tensor, Tensor]]]


def train_alone(
    group: Group,
    point: HeadConfiguration,
    batches: Batches,
    dimension: int,
    classes: int,
    protocol: Protocol,
    device: torch.device,
    steps: int,
) -> tuple[list[float], float]:
    """The losses of the first `steps` steps of one run, and the seconds that those after the warm-up took."""
    torch.manual_seed(group.seed)
    head = PlainHead(dimension, point.hidden, classes).to(device)
    optimiser = torch.optim.Adam(head.parameters(), lr=point.learning_rate)
    order = torch.Generator().manual_seed(group.seed)
    losses: list[Tensor] = []
    started = time.perf_counter()
    for rate in protocol.rates():
        optimiser.param_groups[0]["lr"] = rate * point.learning_rate
        shuffled = group.training[torch.randperm(len(group.training), generator=order)]
        for padded, lengths, targets in batches(shuffled):
            if len(losses) == WARM_UP_STEPS:
                synchronise(device)
                started = time.perf_counter()
            optimiser.zero_grad()
            loss = F.cross_entropy(head(padded, lengths), targets)
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
            if len(losses) == steps:
                synchronise(device)
                return torch.stack(losses).tolist(), time.perf_counter() - started
    synchronise(device)
    return torch.stack(losses).tolist(), time.perf_counter() - started


def resident_batches(parts: Sequence[Tensor], labels: Tensor, size: int, device: torch.device) -> Batches:
    """(b): normalised features on the device, padded there."""
    on_device = [F.layer_norm(part.to(device).float(), part.shape) for part in parts]

    def batches(shuffled: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for rows in shuffled.split(size):
            chosen = [on_device[row] for row in rows.tolist()]
            lengths = torch.tensor([len(part) for part in chosen], device=device)
            yield pad_sequence(chosen, batch_first=True), lengths, labels[rows].to(device)

    return batches


class NumpyFiles(torch.utils.data.Dataset):
    """(c): one .npy file an utterance, read and normalised when it is asked for."""

    def __init__(self, folder: Path, rows: Tensor, labels: Tensor):
        self.folder, self.rows, self.labels = folder, rows, labels

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        row = int(self.rows[place])
        frames = torch.from_numpy(np.load(self.folder / f"{row}.npy")).float()
        return F.layer_norm(frames, frames.shape), int(self.labels[row])


def file_batches(folder: Path, labels: Tensor, size: int, device: torch.device) -> Batches:
    def collate(items: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
        frames, targets = zip(*items, strict=True)
        lengths = torch.tensor([len(part) for part in frames])
        return pad_sequence(list(frames), batch_first=True), lengths, torch.tensor(targets)

    def batches(shuffled: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        files = NumpyFiles(folder, shuffled, labels)
        for batch in torch.utils.data.DataLoader(files, size, num_workers=4, collate_fn=collate):
            yield tuple(part.to(device) for part in batch)

    return batches


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def matrix_product_rate(
    device: torch.device, dtype: torch.dtype, groups: int, frames: int, dimension: int, width: int
) -> float:
    """Floating-point operations a second of the products that (a) is made of, in its data type, and nothing beside."""
    x = torch.randn(groups, frames, dimension, device=device).to(dtype)
    w = torch.randn(groups, dimension, width, device=device).to(dtype)
    g = torch.randn(groups, frames, width, device=device).to(dtype)
    times = []
    for _ in range(12):
        synchronise(device)
        started = time.perf_counter()
        torch.bmm(x, w)
        torch.bmm(x.transpose(1, 2), g)
        synchronise(device)
        times.append(time.perf_counter() - started)
    return 4.0 * groups * frames * dimension * width / sorted(times)[len(times) // 2]


def iemocap_like(seed: int = 0) -> tuple[list[Tensor], Tensor, int]:
    """5,531 utterances, about 1.26 M frames of 1,024 dimensions; the direction of the mean tells the label."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.lognormal(5.27, 0.57, 5531), 30, 1500).astype(int)
    labels = torch.from_numpy(random.integers(0, 4, 5531))
    centres = torch.from_numpy(random.standard_normal((4, 1024))).float()
    generator = torch.Generator().manual_seed(seed)
    parts = [
        (torch.randn(length, 1024, generator=generator) + 0.03 * centres[label]).half()
        for length, label in zip(lengths, labels, strict=True)
    ]
    return parts, labels, 4


def emodb(assets: Path, work: Path) -> tuple[list[Tensor], Tensor, int]:
    """EmoDB's features of whisper-base, extracted if they are not there yet."""
    from emobox_datasets import corpora
    from emobox_probe.config import ExtractConfig
    from emobox_probe.experiment import extract_features
    from emobox_probe.features.corpus import load_corpus

    config = ExtractConfig(
        model=str(assets / "models" / "whisper-base-encoder"),
        corpus="emodb",
        data_dir=assets / "corpora" / "emodb",
        features_dir=work / "features",
    )
    corpus = corpora.load("emodb")
    labels = load_corpus(corpus, config.data_dir)["label"][:]
    store = extract_features(config)
    return [frames for _, frames in store.read()], torch.tensor(labels), len(corpus.label_list)


def groups_of(labels: Tensor, folds: int, seeds: int) -> list[Group]:
    """`folds` x `seeds`: a fifth is tested, a fifth of the rest is for validation."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(7))
    groups = []
    for tested in shuffled.chunk(folds):
        rest = shuffled[~torch.isin(shuffled, tested)]
        cut = len(rest) // 5
        groups += [Group(labels, rest[cut:], rest[:cut], seed) for seed in range(seeds)]
    return groups


def measure(
    device: torch.device,
    parts: list[Tensor],
    labels: Tensor,
    classes: int,
    seeds: int,
    epochs: int,
    steps: int,
) -> dict[str, Any]:
    """All figures."""
    groups = groups_of(labels, 5, seeds)
    protocol = replace(PAPER, epochs=epochs, warm_up_epochs=max(epochs // 10, 1))
    points = protocol.sweep
    dimension = parts[0].shape[1]
    frames: Frames = MappedFrames(parts, device)
    dtype = torch.float32
    if device.type == "cuda":
        dtype = dtype if torch.get_float32_matmul_precision() == "highest" else torch.float16
        frames = ResidentFrames.of([part.to(dtype) for part in parts], device)
    batch_frames = int(np.mean([len(part) for part in parts]) * protocol.batch_size)

    width = sum(point.hidden for point in points)
    together = len(groups) if device.type == "cuda" else 1

    def rate_now() -> float:
        return matrix_product_rate(device, dtype, together, batch_frames, dimension, width)

    short = replace(protocol, epochs=1)
    train(frames, groups[:1], classes, short)  # warm up
    rates = [rate_now()]
    started = time.perf_counter()
    fused = train(frames, groups, classes, protocol)
    synchronise(device)
    seconds = time.perf_counter() - started
    rates.append(rate_now())
    run_steps = (
        sum(-(-len(group.training) // protocol.batch_size) for group in groups)
        * protocol.epochs
        * len(points)
    )
    seen = [
        4.0 * frames.lengths[group.training].sum() + 2.0 * frames.lengths[group.validation].sum()
        for group in groups
    ]
    work = dimension * width * protocol.epochs * float(sum(seen))
    rate = float(np.mean(rates))

    alone = resident_batches(parts, labels, protocol.batch_size, device)
    rates_b = []
    for point in points:
        losses, took = train_alone(groups[0], point, alone, dimension, classes, protocol, device, steps)
        rates_b.append((len(losses) - WARM_UP_STEPS) / took)
    agreement = compare(frames, groups[0], alone, dimension, classes, protocol, device)

    subset = replace(groups[0], training=groups[0].training[: steps * protocol.batch_size])
    with tempfile.TemporaryDirectory() as folder:
        for row in subset.training.tolist():
            np.save(Path(folder) / f"{row}.npy", parts[row].float().numpy())
        files = file_batches(Path(folder), labels, protocol.batch_size, device)
        losses, took = train_alone(subset, points[0], files, dimension, classes, protocol, device, steps)
    rate_c = (len(losses) - WARM_UP_STEPS) / took
    rate_a, rate_b = run_steps / seconds, float(np.mean(rates_b))
    return {
        "runs": len(groups) * len(points),
        "epochs": protocol.epochs,
        "utterances": len(parts),
        "frames": int(frames.lengths.sum()),
        "dimension": dimension,
        "run_steps": run_steps,
        "a_seconds": seconds,
        "a_run_steps_per_second": rate_a,
        "b_run_steps_per_second": rate_b,
        "c_run_steps_per_second": rate_c,
        "a_over_b": rate_a / rate_b,
        "a_over_c": rate_a / rate_c,
        "a_floating_point_operations_per_second": work / seconds,
        "matrix_product_rate": rate,
        "a_share_of_matrix_product_rate": work / seconds / rate,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "mean_validation_ua": float(np.mean([run.merit[0] for runs in fused for run in runs])),
        **agreement,
    }


def compare(
    frames: Frames,
    group: Group,
    alone: Batches,
    dimension: int,
    classes: int,
    protocol: Protocol,
    device: torch.device,
) -> dict[str, Any]:
    """The same runs trained for three epochs as (a) and as (b): how far validation losses differ, and predictions."""
    short = replace(protocol, epochs=3, warm_up_epochs=1)
    watched = replace(group, watched=group.validation)
    differences, same = [], []
    for point, run in zip(short.sweep, train(frames, [watched], classes, short)[0], strict=True):
        torch.manual_seed(group.seed)
        head = PlainHead(dimension, point.hidden, classes).to(device)
        optimiser = torch.optim.Adam(head.parameters(), lr=point.learning_rate)
        order = torch.Generator().manual_seed(group.seed)
        for epoch, rate in enumerate(short.rates()):
            optimiser.param_groups[0]["lr"] = rate * point.learning_rate
            shuffled = group.training[torch.randperm(len(group.training), generator=order)]
            for padded, lengths, targets in alone(shuffled):
                optimiser.zero_grad()
                F.cross_entropy(head(padded, lengths), targets).backward()
                optimiser.step()
            with torch.no_grad():
                scored = [(head(x, n), y) for x, n, y in alone(group.validation)]
            logits, truth = (torch.cat(part) for part in zip(*scored, strict=True))
            loss = F.cross_entropy(logits, truth).item()
            differences.append(abs(run.validation_loss[epoch] - loss) / loss)
            same.append((logits.argmax(1).cpu() == run.watched[epoch]).float().mean().item())
    return {
        "largest_relative_difference_of_losses": max(differences),
        "same_predictions": float(np.mean(same)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-scores")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cpu":
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        keep_freed_memory()  # as the main job does; (b) and (c) have it too
        figures = measure(device, *emodb(arguments.assets, arguments.work), seeds=1, epochs=5, steps=40)
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    else:
        data = iemocap_like()
        torch.set_float32_matmul_precision("high")
        figures = measure(device, *data, seeds=3, epochs=100, steps=300)
        torch.set_float32_matmul_precision("highest")
        exact = measure(device, *data, seeds=3, epochs=10, steps=100)
        figures = {"float16": figures, "float32": exact}
        machine = {"accelerator": torch.cuda.get_device_name(), "cores": os.cpu_count()}
    record = {"figures": figures, "machine": machine, "versions": {"torch": torch.__version__}}
    arguments.out.mkdir(exist_ok=True)
    path = arguments.out / f"probe.{arguments.device}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
