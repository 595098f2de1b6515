"""Kernels against what torch computes: compiled where a GPU is, else interpreted, where Triton is installed."""

import importlib.util
import os

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

GPU = torch.cuda.is_available()
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("triton") is None, reason="triton is not installed: pip install triton"
    ),
    *([] if GPU else [pytest.mark.slow]),
]

from emobox_probe.heads import heads as heads_module  # noqa: E402  (after the variable)
from emobox_probe.heads.batches import Batch, ResidentFrames, Rows  # noqa: E402
from emobox_probe.heads.heads import HeadBank  # noqa: E402
from emobox_probe.heads.kernels import kernels_work, pooled_relu  # noqa: E402
from emobox_probe.heads.objectives import Labels  # noqa: E402
from emobox_probe.protocol import PAPER  # noqa: E402

DEVICE = torch.device("cuda" if GPU else "cpu")
CLASSES, ROWS = 3, 50


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def batch_of(random: torch.Generator, dimension: int) -> Batch:
    """Eight utterances of one group, five of another, and frames that only pad."""
    lengths = torch.randint(1, 150, (40,), generator=random).tolist()
    frames = ResidentFrames.of([torch.randn(n, dimension, generator=random) for n in lengths], DEVICE)
    rows = torch.stack([torch.randperm(40, generator=random)[:8] for _ in range(2)])
    rows[1, 5:] = -1
    return frames.padded(rows.to(DEVICE), frames.longest(Rows(rows, rows)) + 37)


def test_a_gpu_has_kernels_and_a_cpu_does_without() -> None:
    assert kernels_work(DEVICE) == GPU
    assert not kernels_work(torch.device("cpu"))


def test_pooled_units_and_their_slopes(random: torch.Generator) -> None:
    batch = batch_of(random, 20)
    hidden = torch.randn(2, batch.frames.shape[1], 300, generator=random).to(DEVICE).requires_grad_()
    bias = torch.randn(2, 300, generator=random).to(DEVICE).requires_grad_()
    expected = batch.averaged((hidden + bias[:, None]).relu())
    pooled = pooled_relu(hidden, bias, batch.owner, batch.lengths)
    torch.testing.assert_close(pooled, expected, atol=1e-3 if GPU else 1e-5, rtol=1e-3 if GPU else 1e-5)
    slope = torch.randn(pooled.shape, generator=random).to(DEVICE)
    for mine, other in zip(
        torch.autograd.grad(pooled, [hidden, bias], slope),
        torch.autograd.grad(expected, [hidden, bias], slope),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, atol=1e-2 if GPU else 1e-4, rtol=1e-3 if GPU else 1e-5)


@pytest.mark.parametrize("layers", [None, 4])
def test_steps_of_adam(layers: int | None, random: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(random, 20)
    if layers:
        packed = F.pad(torch.randn(40 * layers, 20, generator=random), (0, 0, 0, 1)).to(DEVICE)
        rows = torch.arange(16, device=DEVICE).view(2, 8)
        batch = ResidentFrames(packed, torch.full((40,), layers)).padded(rows, 8 * layers)
    targets = torch.randint(0, CLASSES, (2, 8), generator=random).to(DEVICE)
    mine, other = (HeadBank(PAPER.sweep, [0, 1], 20, CLASSES, DEVICE, layers) for _ in range(2))
    shares = torch.tensor([1.0, 0.3], device=DEVICE)
    for _ in range(5):
        for bank in (mine, other):
            monkeypatch.setattr(
                heads_module, "kernels_work", lambda device, with_them=bank is mine: with_them
            )
            bank.step(Labels().loss(bank.logits(batch), targets), shares)
    close(mine, other)


@pytest.mark.parametrize("dimension", [72, 20])
def test_steps_on_vectors(dimension: int, random: torch.Generator) -> None:
    """Batches that are short, groups at other rates, and widths that no block divides."""
    from emobox_probe.heads.vector_steps import VectorSteps

    vectors = F.pad(torch.randn(ROWS, dimension, generator=random), (0, 0, 0, 1)).to(DEVICE)
    frames = ResidentFrames(vectors, torch.ones(ROWS, dtype=torch.long))
    assert frames.vectors is vectors
    labels = torch.randint(0, CLASSES, (ROWS,), generator=random).to(DEVICE)
    shares = torch.tensor([1.0, 0.5, 0.2], device=DEVICE)
    rows = torch.stack(
        [torch.stack([torch.randperm(ROWS, generator=random)[:32] for _ in range(3)]) for _ in range(6)]
    )
    rows[2, 1, 20:] = -1
    rows[3, 0, 1:] = -1
    rows = rows.to(DEVICE)
    targets = torch.where(rows < 0, -100, labels[rows.clamp(min=0)])
    mine, other = (HeadBank(PAPER.sweep, [0, 1, 2], dimension, CLASSES, DEVICE) for _ in range(2))

    def plain(bank: HeadBank, number: int) -> None:
        batch = frames.batch(Rows(rows[number].cpu(), rows[number]))
        bank.step(Labels().loss(bank.logits(batch), targets[number]), shares)

    plain(mine, 0)
    plain(other, 0)
    steps = VectorSteps(mine, vectors, 32)
    steps.begin(rows[1])
    for number in range(1, 5):
        steps.step(rows[number], targets[number], shares, rows[number + 1])
        plain(other, number)
    close(mine, other)


def close(mine: HeadBank, other: HeadBank) -> None:
    """Equal within float32 where kernels are interpreted, within TF32 on a GPU."""

    def distance(one: Tensor, two: Tensor) -> float:
        return float(((one - two).norm() / two.norm()).detach())

    for one, two in zip(mine.parameters, other.parameters, strict=True):
        assert distance(one, two) < (1e-3 if GPU else 1e-6)
