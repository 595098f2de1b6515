"""Training that is killed goes on, and ends as if nothing had happened."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_probe.heads import checkpoint as checkpoint_module
from emobox_probe.heads import training
from emobox_probe.heads.batches import Frames, MappedFrames, ResidentFrames
from emobox_probe.heads.checkpoint import Checkpoint, forget
from emobox_probe.heads.groups import Group, Trained, identity
from emobox_probe.heads.heads import Head
from emobox_probe.heads.training import train_views
from emobox_probe.protocol import PAPER

CLASSES, UTTERANCES, DIMENSION, LAYERS = 3, 60, 8, 3
QUICK = replace(PAPER, epochs=4, warm_up_epochs=1, batch_size=8, hidden_sizes=(4, 6))
LABELS = torch.arange(UTTERANCES) % CLASSES
GROUPS = [
    Group(LABELS, torch.arange(5 * seed, 40), torch.arange(40, 50), seed, torch.arange(50, 60))
    for seed in range(3)
]


class KilledError(BaseException):
    pass


@pytest.fixture(params=["frames", "every layer", "weighted sum"])
def features(request: pytest.FixtureRequest) -> tuple[Frames, int | None]:
    random = torch.Generator().manual_seed(0)
    if request.param == "frames":
        parts = [torch.randn(3 + row % 4, DIMENSION, generator=random) for row in range(UTTERANCES)]
        return MappedFrames(parts, torch.device("cpu")), None
    count = UTTERANCES * LAYERS
    packed = F.pad(torch.randn(count, DIMENSION, generator=random), (0, 0, 0, 1))
    if request.param == "every layer":
        return ResidentFrames(packed, torch.ones(count, dtype=torch.long), LAYERS), None
    return ResidentFrames(packed, torch.full((UTTERANCES,), LAYERS)), LAYERS


def flat(trained: Sequence[Sequence[Sequence[Trained]]]) -> list[dict[str, Any]]:
    """Everything that is known of every run, to be compared to the last bit."""
    return [
        {
            "epoch": run.epoch,
            "ua": run.validation_score,
            "loss": run.validation_loss,
            "watched": torch.stack(run.watched).tolist(),
            "head": [listed(getattr(run.head, part.name)) for part in fields(Head)],
        }
        for by_view in trained
        for runs in by_view
        for run in runs
    ]


def listed(part: Tensor | None) -> Any:
    return None if part is None else part.tolist()


@pytest.mark.parametrize("at_once", [1, 3])
def test_killed_again_and_again_it_ends_with_the_same_heads(
    features: tuple[Frames, int | None], at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol: at_once)
    monkeypatch.setattr(checkpoint_module, "PAUSE", 0.0)
    monkeypatch.setattr(checkpoint_module, "BYTES_A_SECOND", float("inf"))
    frames, layers = features
    expected = flat(train_views(frames, GROUPS, CLASSES, QUICK, layers=layers))
    write = Checkpoint._write
    left = 0

    def write_then_die(self: Checkpoint, parts: dict) -> None:
        nonlocal left
        write(self, parts)
        left -= 1
        if left == 0:
            raise KilledError

    monkeypatch.setattr(Checkpoint, "_write", write_then_die)
    deaths = 0
    while True:
        left = 7  # steps that each process lives
        told: list[int] = []
        kept = Checkpoint(tmp_path, identity(GROUPS))
        try:
            found = train_views(frames, GROUPS, CLASSES, QUICK, told.append, layers, kept)
            break
        except KilledError:
            deaths += 1
    assert deaths >= 2
    assert sum(told) == len(GROUPS) * QUICK.epochs * frames.views
    assert flat(found) == expected
    assert kept.seconds_before > 0
    forget(tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_numbers_of_groups_side_by_side_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU with less free memory than before."""
    monkeypatch.setattr(checkpoint_module, "PAUSE", 0.0)
    random = torch.Generator().manual_seed(0)
    parts = [torch.randn(4, DIMENSION, generator=random) for _ in range(UTTERANCES)]
    frames = MappedFrames(parts, torch.device("cpu"))
    for at_once in (3, 2):
        monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol, n=at_once: n)
        kept = Checkpoint(tmp_path, identity(GROUPS))
        assert (kept.seconds_before > 0) == (at_once == 2)
        trained = train_views(frames, GROUPS, CLASSES, QUICK, checkpoint=kept)
        assert all(len(run.validation_score) == QUICK.epochs for (runs,) in trained for run in runs)


def test_what_is_of_other_groups_is_left_alone(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path, identity(GROUPS))
    kept._write({"part": {"steps": 3}})
    assert Checkpoint(tmp_path, identity(GROUPS)).part("part") == {"steps": 3}
    others = [replace(GROUPS[0], seed=9), *GROUPS[1:]]
    relabelled = [replace(group, labels=group.labels.roll(1)) for group in GROUPS]
    tested = torch.where(torch.arange(UTTERANCES) < 50, LABELS, 0)  # labels that training never reads
    for groups, same in (
        (others, False),
        (relabelled, False),
        ([replace(g, labels=tested) for g in GROUPS], True),
    ):
        assert (Checkpoint(tmp_path, identity(groups)).part("part") is not None) == same


def test_a_damaged_checkpoint_is_never_gone_on_from(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    state = {
        "steps": 3,
        "heads": [torch.randn(40, 8, generator=random) for _ in range(3)],
        "rates": [0.1, 0.2],
    }
    Checkpoint(tmp_path, identity(GROUPS))._write({"part": state})
    (path,) = tmp_path.rglob("*.pt")
    whole = path.read_bytes()
    choose = Random(0)
    bits = choose.sample(range(8 * len(whole)), 400)
    damaged = [bytes([*whole[: k // 8], whole[k // 8] ^ 1 << k % 8, *whole[k // 8 + 1 :]]) for k in bits]
    damaged += [whole[:size] for size in (0, 1, 31, 32, 33, *choose.sample(range(len(whole)), 20))]
    damaged += [whole + b"\0", whole[:-32], whole[32:], b"no checkpoint" * 100]
    for content in damaged:
        path.write_bytes(content)
        with pytest.warns(UserWarning, match=f"{path.name} as it was kept, .*begins anew") as warned:
            kept = Checkpoint(tmp_path, identity(GROUPS))
        assert len(warned) == 1
        assert kept.part("part") is None
        assert kept.seconds_before == 0
    path.write_bytes(whole)
    found = Checkpoint(tmp_path, identity(GROUPS)).part("part")
    assert found is not None
    assert all(torch.equal(*pair) for pair in zip(found["heads"], state["heads"], strict=True))


def test_a_checkpoint_of_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "a", ["a"])._write({"part": {"steps": 3}})
    Checkpoint(tmp_path / "b", ["b"])._write({"part": {"steps": 4}})
    (one,), (other,) = ((tmp_path / name).rglob("*.pt") for name in "ab")
    other.write_bytes(one.read_bytes())
    with pytest.warns(UserWarning, match="damaged or another's"):
        assert Checkpoint(tmp_path / "b", ["b"]).part("part") is None


def test_one_without_a_checksum_is_not_gone_on_from(tmp_path: Path) -> None:
    """As earlier versions wrote them."""
    Checkpoint(tmp_path, [])._write({})
    (path,) = tmp_path.rglob("*.pt")
    torch.save({"seconds": 1.0, "parts": {"part": {"steps": 3}}}, path)
    with pytest.warns(UserWarning, match="begins anew"):
        assert Checkpoint(tmp_path, []).part("part") is None


def test_it_is_saved_now_and_then_and_never_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(checkpoint_module.time, "perf_counter", lambda: now[0])
    kept = Checkpoint(tmp_path, [])
    saved = []
    state = {"tensor": torch.zeros(10_000_000)}  # 40 MB: 2 s
    large = {"tensor": torch.zeros(50_000_000)}  # 200 MB: 10 s
    monkeypatch.setattr(
        Checkpoint, "_write", lambda self, parts: (saved.append(now[0]), setattr(self, "_saved", now[0]))
    )
    for second in range(1, 31):
        now[0] = float(second)
        kept.keep("part", lambda: state if now[0] < 15 else large)
    assert saved == [5, 10, 20, 30]


def test_training_goes_on_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "PAUSE", 0.0)
    folder = tmp_path / "file"
    folder.write_text("no folder")
    parts = [torch.randn(4, DIMENSION) for _ in range(UTTERANCES)]
    frames = MappedFrames(parts, torch.device("cpu"))
    with pytest.warns(UserWarning, match="if it is killed, it begins anew"):
        trained = train_views(frames, GROUPS, CLASSES, QUICK, checkpoint=Checkpoint(folder, []))
    assert len(trained) == len(GROUPS)
