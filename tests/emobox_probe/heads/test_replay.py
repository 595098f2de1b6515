"""Steps that a GPU replays train the same heads as steps that are launched kernel by kernel."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from emobox_probe.heads import best, learner
from emobox_probe.heads.batches import Frames, ResidentFrames
from emobox_probe.heads.groups import Group
from emobox_probe.heads.training import train_views
from emobox_probe.protocol import PAPER

CLASSES, UTTERANCES, DIMENSION, LAYERS = 3, 200, 64, 4


class Launched:
    """In the place of `Replayed`."""

    def __init__(self, work: Callable[..., None]):
        self._work = work

    def __call__(self, size: int, *given: torch.Tensor) -> None:
        self._work(size, *given)


def frames_of(kind: str, device: torch.device) -> tuple[Frames, dict[str, Any]]:
    random = torch.Generator().manual_seed(0)
    if kind == "frames":
        lengths = torch.randint(20, 200, (UTTERANCES,), generator=random)
        parts = [torch.randn(int(n), DIMENSION, generator=random).half() for n in lengths]
        return ResidentFrames.of(parts, device), {}
    means = torch.randn(UTTERANCES, LAYERS, DIMENSION, generator=random)
    packed = F.pad(F.layer_norm(means, means.shape[2:]).flatten(0, 1), (0, 0, 0, 1)).to(device)
    if kind == "layers":
        return ResidentFrames(packed, torch.ones(UTTERANCES * LAYERS, dtype=torch.long), LAYERS), {}
    return ResidentFrames(packed, torch.full((UTTERANCES,), LAYERS)), {"layers": LAYERS}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", ["frames", "layers", "weighted sum"])
def test_replayed_steps_equal_launched_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, options = frames_of(kind, torch.device("cuda"))
    labels = torch.arange(UTTERANCES) % CLASSES
    groups = [
        Group(labels, torch.arange(10 * seed, 130), torch.arange(130, 170), seed, torch.arange(170, 200))
        for seed in range(3)
    ]
    protocol = replace(PAPER, epochs=6, warm_up_epochs=2)
    replayed = train_views(frames, groups, CLASSES, protocol, **options)
    monkeypatch.setattr(learner, "Replayed", Launched)
    monkeypatch.setattr(best, "Replayed", Launched)
    launched = train_views(frames, groups, CLASSES, protocol, **options)
    for mine, other in zip(replayed, launched, strict=True):
        for runs, others in zip(mine, other, strict=True):
            for run, expected in zip(runs, others, strict=True):
                assert run.validation_loss == pytest.approx(expected.validation_loss, rel=1e-4)
                assert torch.equal(torch.stack(run.watched), torch.stack(expected.watched))
