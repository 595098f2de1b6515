"""Heads trained as one, against a plain loop that trains each alone on padded batches with torch's own Adam."""

import gc
import weakref
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from plain_heads import CLASSES, LABELS, PlainHead, speechlike
from torch import Tensor, nn

from emobox_probe.errors import ProbeError
from emobox_probe.heads import training
from emobox_probe.heads.batches import MappedFrames, ResidentFrames, Rows, Statistics
from emobox_probe.heads.groups import Group, select
from emobox_probe.heads.heads import HeadBank
from emobox_probe.heads.learner import rounded
from emobox_probe.heads.training import predict, train, train_views
from emobox_probe.protocol import PAPER, HeadConfiguration, Protocol

SHORT = replace(PAPER, epochs=14, warm_up_epochs=4, batch_size=8)
CPU = torch.device("cpu")


def layer_vectors(layers: int = 4, dimension: int = 12) -> Tensor:
    """Vectors (N, L, D), of which only those of layer 2 tell anything about the label."""
    random = torch.Generator().manual_seed(3)
    centres = torch.randn(CLASSES, dimension, generator=random)
    vectors = torch.randn(60, layers, dimension, generator=random)
    vectors[:, 2] += centres[LABELS]
    return vectors


def train_alone(
    parts: list[Tensor],
    group: Group,
    tested: Tensor,
    point: HeadConfiguration,
    protocol: Protocol,
) -> tuple[list[float], list[float], list[Tensor]]:
    """Returns UA and loss on validation, and logits on test, after every epoch."""
    parts = [F.layer_norm(part, part.shape) for part in parts]

    def batch_of(rows: Tensor) -> tuple[Tensor, Tensor]:
        chosen = [parts[row] for row in rows]
        return nn.utils.rnn.pad_sequence(chosen, batch_first=True), torch.tensor([len(p) for p in chosen])

    torch.manual_seed(group.seed)
    head = PlainHead(parts[0].shape[1], point.hidden)
    optimiser = torch.optim.Adam(head.parameters(), lr=point.learning_rate)
    order = torch.Generator().manual_seed(group.seed)
    truth = LABELS[group.validation]
    ua, losses, tests = [], [], []
    for rate in protocol.rates():
        optimiser.param_groups[0]["lr"] = rate * point.learning_rate
        shuffled = group.training[torch.randperm(len(group.training), generator=order)]
        for rows in shuffled.split(protocol.batch_size):
            optimiser.zero_grad()
            F.cross_entropy(head(*batch_of(rows)), LABELS[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            logits = head(*batch_of(group.validation))
            tests.append(head(*batch_of(tested)))
        hits = logits.argmax(1) == truth
        ua.append(sum(hits[truth == c].float().mean().item() for c in range(CLASSES)) / CLASSES)
        losses.append(F.cross_entropy(logits, truth).item())
    return ua, losses, tests


# Groups of different sizes and seeds, so that they take different numbers of steps.
GROUPS = [
    Group(LABELS, torch.arange(0, 36), torch.arange(36, 48), seed=0),
    Group(LABELS, torch.arange(12, 48), torch.arange(0, 12), seed=1),
    Group(LABELS, torch.arange(0, 21), torch.arange(21, 48), seed=2),
]
TESTED = torch.arange(48, 60)


def resident(parts: list[Tensor]) -> ResidentFrames:
    return ResidentFrames.of(parts, CPU)


@pytest.mark.parametrize("at_once", [1, 3], ids=["one group", "all groups"])
@pytest.mark.parametrize("kind", ["mapped", "resident"])
def test_all_together_equals_one_after_another(
    kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol: at_once)
    parts = speechlike()
    frames = MappedFrames(parts, CPU) if kind == "mapped" else resident(parts)
    for group, runs in zip(GROUPS, train(frames, GROUPS, CLASSES, SHORT), strict=True):
        assert [run.configuration for run in runs] == SHORT.sweep
        for run in runs:
            ua, losses, tests = train_alone(parts, group, TESTED, run.configuration, SHORT)
            assert run.validation_score == pytest.approx(ua)
            assert run.validation_loss == pytest.approx(losses, rel=1e-5)
            best = max(range(SHORT.epochs), key=lambda epoch: (ua[epoch], -losses[epoch]))
            assert run.epoch == best + 1
            logits = predict(run.head, frames, TESTED)
            assert torch.allclose(logits, tests[best], atol=1e-5)
            assert torch.equal(logits.argmax(1), tests[best].argmax(1))


def test_training_twice_gives_the_same_heads() -> None:
    parts = speechlike()
    frames = MappedFrames(parts, CPU)
    first, second = (train(frames, GROUPS, CLASSES, SHORT) for _ in range(2))
    for one, two in zip(chain(*first), chain(*second), strict=True):
        assert one.validation_loss == two.validation_loss
        assert torch.equal(one.head.first, two.head.first)


def test_labels_outside_training_and_validation_are_not_read() -> None:
    parts = speechlike()
    frames = MappedFrames(parts, CPU)
    hidden = replace(GROUPS[0], labels=LABELS.index_fill(0, TESTED, -1))
    seen, blind = train(frames, GROUPS[:1], CLASSES, SHORT)[0], train(frames, [hidden], CLASSES, SHORT)[0]
    assert [run.validation_loss for run in seen] == [run.validation_loss for run in blind]


@pytest.mark.parametrize("at_once", [1, 3])
def test_views_trained_together_equal_each_alone(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol: at_once)
    vectors = layer_vectors()  # (60, L, D)
    layers = vectors.shape[1]
    packed = F.pad(vectors.flatten(0, 1), (0, 0, 0, 1))
    frames = ResidentFrames(packed, torch.ones(60 * layers, dtype=torch.long), layers)
    groups = [replace(group, watched=TESTED) for group in GROUPS]
    for group, by_view in zip(groups, train_views(frames, groups, CLASSES, SHORT), strict=True):
        assert len(by_view) == layers
        for view, runs in enumerate(by_view):
            parts = list(vectors[:, view : view + 1])
            alone = MappedFrames(parts, CPU, Statistics(torch.zeros(60), torch.ones(60)))
            for run, expected in zip(runs, train(alone, [group], CLASSES, SHORT)[0], strict=True):
                assert run.validation_loss == pytest.approx(expected.validation_loss, rel=1e-5)
                assert torch.equal(torch.stack(run.watched), torch.stack(expected.watched))
                logits = predict(run.head, frames, TESTED, view)
                torch.testing.assert_close(
                    logits, predict(expected.head, alone, TESTED), atol=1e-5, rtol=1e-4
                )


def test_more_padding_changes_nothing() -> None:
    parts = speechlike()
    frames = resident(parts)
    bank = HeadBank(SHORT.sweep, [0, 1], frames.dimension, CLASSES, CPU)
    members = torch.tensor([[3, 8, 59, -1], [0, 1, 2, 4]])
    rows = Rows(members, members)
    longest = frames.longest(rows)
    assert longest == max(sum(len(parts[row]) for row in one if row >= 0) for one in members.tolist())
    for utterances, more in ((4, 0), (4, 1), (32, 200)):
        padded = rounded(longest + more, utterances)
        assert longest + more <= padded <= (longest + more) * 1.13 + utterances
        expected = bank.logits(frames.batch(rows))
        torch.testing.assert_close(bank.logits(frames.padded(members, padded)), expected)


def test_a_head_that_diverges_does_not_disturb_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol: 3)
    parts = speechlike()
    frames = MappedFrames(parts, CPU)
    calm = replace(SHORT, learning_rates=(1e-3,), hidden_sizes=(16,))
    wild = replace(calm, learning_rates=(1e-3, 1e38))
    expected = train(frames, GROUPS, CLASSES, calm)
    for one, two in zip(expected, train(frames, GROUPS, CLASSES, wild), strict=True):
        assert two[0].validation_loss == pytest.approx(one[0].validation_loss, rel=1e-6)
        assert any(loss != loss or loss > 1e6 for loss in two[1].validation_loss)
        assert select(two) is two[0]


def test_an_utterance_does_not_depend_on_its_neighbours() -> None:
    parts = speechlike()
    for frames in (MappedFrames(parts, CPU), resident(parts)):
        head = train(frames, GROUPS[:1], CLASSES, replace(SHORT, epochs=3))[0][0].head
        together = predict(head, frames, torch.arange(60))
        for row, part in enumerate(parts):
            hidden = F.relu(F.linear(F.layer_norm(part, part.shape), head.first, head.first_bias))
            alone = F.linear(hidden.mean(0), head.second, head.second_bias)
            assert torch.allclose(together[row], alone, atol=1e-5)


class PlainSum(nn.Module):
    """A head on the learned sum of layers, as SUPERB words it: softmax weights, equal at first."""

    def __init__(self, layers: int, dimension: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dimension, hidden), nn.Linear(hidden, CLASSES)
        self.mixing = nn.Parameter(torch.zeros(layers))

    def forward(self, vectors: Tensor) -> Tensor:
        mixed = (self.mixing.softmax(0)[:, None] * vectors).sum(1)  # (B, D)
        return self.second(F.relu(self.first(mixed)))


def test_weighted_sums_of_layers_equal_one_after_another() -> None:
    vectors = layer_vectors()  # (N, L, D)
    layers, dimension = vectors.shape[1:]
    lengths = torch.full((60,), layers)
    frames = ResidentFrames(F.pad(vectors.flatten(0, 1), (0, 0, 0, 1)), lengths)
    protocol = replace(SHORT, learning_rates=(3e-2, 1e-3))
    for group, runs in zip(GROUPS, train(frames, GROUPS, CLASSES, protocol, layers=layers), strict=True):
        for run in runs:
            torch.manual_seed(group.seed)
            head = PlainSum(layers, dimension, run.configuration.hidden)
            optimiser = torch.optim.Adam(head.parameters(), lr=run.configuration.learning_rate)
            order = torch.Generator().manual_seed(group.seed)
            for epoch, rate in enumerate(protocol.rates(), start=1):
                optimiser.param_groups[0]["lr"] = rate * run.configuration.learning_rate
                shuffled = group.training[torch.randperm(len(group.training), generator=order)]
                for rows in shuffled.split(protocol.batch_size):
                    optimiser.zero_grad()
                    F.cross_entropy(head(vectors[rows]), LABELS[rows]).backward()
                    optimiser.step()
                with torch.no_grad():
                    loss = F.cross_entropy(head(vectors[group.validation]), LABELS[group.validation]).item()
                assert run.validation_loss[epoch - 1] == pytest.approx(loss, rel=1e-5)
                if epoch == run.epoch:
                    assert torch.allclose(run.head.mixing, head.mixing.softmax(0), atol=1e-6)
                    with torch.no_grad():
                        expected = head(vectors[TESTED])
                    assert torch.allclose(predict(run.head, frames, TESTED), expected, atol=1e-5)
        quickest = runs[0].head.mixing
        assert quickest.argmax() == 2
        assert quickest.sum() == pytest.approx(1)


def test_selection_prefers_ua_then_loss_then_order() -> None:
    parts = speechlike()
    runs = train(MappedFrames(parts, CPU), GROUPS[:1], CLASSES, replace(SHORT, epochs=1))[0]
    for run in runs:
        run.epoch, run.validation_score, run.validation_loss = 1, [0.5], [1.0]
    assert select(runs) is runs[0]
    runs[2].validation_loss = [0.9]
    assert select(runs) is runs[2]
    runs[3].validation_score = [0.6]
    assert select(runs) is runs[3]


def test_what_cannot_be_trained_is_an_error() -> None:
    parts = speechlike()
    frames = MappedFrames(parts, CPU)
    partial = Group(LABELS, (LABELS != 2).nonzero().flatten(), torch.arange(3), 0)
    with pytest.raises(ProbeError, match=r"classes \[2\] have none"):
        train(frames, [partial], CLASSES, SHORT)
    with pytest.raises(ProbeError, match="validation utterance"):
        train(frames, [replace(GROUPS[0], validation=torch.arange(0))], CLASSES, SHORT)
    broken = MappedFrames([part * float("nan") for part in parts], CPU)
    with pytest.raises(ProbeError, match="check the features for NaN"):
        train(broken, GROUPS[:1], CLASSES, SHORT)


def test_weights_and_moments_go_as_soon_as_training_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are most of what a GPU holds, and the next corpus trains in the same process: no cycle may keep them."""
    banks = []

    class Watched(HeadBank):
        def __init__(self, *given: Any, **named: Any):
            super().__init__(*given, **named)
            banks.append(weakref.ref(self))

    monkeypatch.setattr(training, "HeadBank", Watched)
    gc.disable()
    try:
        trained = train(resident(speechlike()), GROUPS, CLASSES, SHORT)
        assert trained
        assert [bank() for bank in banks] == [None]
    finally:
        gc.enable()
