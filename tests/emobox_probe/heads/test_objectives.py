"""Heads that learn what raters said, against a plain loop that trains each alone with torch's own Adam."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from plain_heads import PlainHead, speechlike
from torch import Tensor, nn

from emobox_metric.raters.dimensions import ccc
from emobox_probe.errors import ProbeError
from emobox_probe.heads import training
from emobox_probe.heads.batches import MappedFrames
from emobox_probe.heads.groups import Group, identity
from emobox_probe.heads.objectives import OBJECTIVES
from emobox_probe.heads.training import predict, train, train_for
from emobox_probe.protocol import PAPER, HeadConfiguration, Protocol, Target

OUTPUTS = 3
CPU = torch.device("cpu")
SHORT = replace(PAPER, epochs=8, warm_up_epochs=3, batch_size=8, hidden_sizes=(16, 24))
LABELS = torch.arange(60) % OUTPUTS
TESTED = torch.arange(48, 60)


def ratings(target: Target) -> Tensor:
    """(60, 3) that go with the labels, somewhat: shares, or numbers in 0..1."""
    random = torch.Generator().manual_seed(5)
    values = torch.rand(60, OUTPUTS, generator=random) + 2 * F.one_hot(LABELS, OUTPUTS)
    known = values / values.sum(1, keepdim=True) if target == "distribution" else values / 3
    return known.index_fill(0, TESTED, torch.nan)


def groups(target: Target) -> list[Group]:
    """Of different sizes, so that batches are short and some groups go on when others have finished."""
    known = ratings(target)
    return [
        Group(LABELS, torch.arange(0, 36), torch.arange(36, 48), seed=0, ratings=known),
        Group(LABELS, torch.arange(12, 48), torch.arange(0, 12), seed=1, ratings=known),
        Group(LABELS, torch.arange(0, 21), torch.arange(21, 48), seed=2, ratings=known),
    ]


def soft_cross_entropy(outputs: Tensor, shares: Tensor) -> Tensor:
    return F.cross_entropy(outputs, shares)  # torch takes probabilities as targets


def concordance_loss(outputs: Tensor, truth: Tensor) -> Tensor:
    losses = []
    for x, y in zip(outputs.T, truth.T, strict=True):
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        spread = x.var(correction=0) + y.var(correction=0) + (x.mean() - y.mean()) ** 2
        losses.append(1 - 2 * covariance / (spread + 1e-8))
    return torch.stack(losses).mean()


LOSSES = {"distribution": soft_cross_entropy, "dimensions": concordance_loss}


def train_alone(
    parts: list[Tensor], group: Group, point: HeadConfiguration, protocol: Protocol
) -> tuple[list[float], list[Tensor]]:
    """The loss on validation, and what is given for test, after every epoch."""
    parts = [F.layer_norm(part, part.shape) for part in parts]
    loss, known = LOSSES[protocol.target], group.ratings
    assert known is not None

    def given(head: nn.Module, rows: Tensor) -> Tensor:
        chosen = [parts[row] for row in rows]
        lengths = torch.tensor([len(part) for part in chosen])
        given: Tensor = head(nn.utils.rnn.pad_sequence(chosen, batch_first=True), lengths)
        return given

    torch.manual_seed(group.seed)
    head = PlainHead(parts[0].shape[1], point.hidden)
    optimiser = torch.optim.Adam(head.parameters(), lr=point.learning_rate)
    order = torch.Generator().manual_seed(group.seed)
    losses, tests = [], []
    for rate in protocol.rates():
        optimiser.param_groups[0]["lr"] = rate * point.learning_rate
        shuffled = group.training[torch.randperm(len(group.training), generator=order)]
        for rows in shuffled.split(protocol.batch_size):
            optimiser.zero_grad()
            loss(given(head, rows), known[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(loss(given(head, group.validation), known[group.validation]).item())
            tests.append(given(head, TESTED))
    return losses, tests


@pytest.mark.parametrize("at_once", [1, 3], ids=["one group", "all groups"])
@pytest.mark.parametrize("target", ["distribution", "dimensions"])
def test_all_together_equals_one_after_another(
    target: Target, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "groups_at_once", lambda frames, protocol: at_once)
    parts = speechlike()
    frames, protocol = MappedFrames(parts, CPU), SHORT.with_target(target)
    trained = train(frames, groups(target), OUTPUTS, protocol)
    for group, runs in zip(groups(target), trained, strict=True):
        for run in runs:
            losses, tests = train_alone(parts, group, run.configuration, protocol)
            assert run.validation_loss == pytest.approx(losses, rel=1e-5)
            assert run.epoch == int(np.argmin(losses)) + 1
            assert torch.allclose(predict(run.head, frames, TESTED), tests[run.epoch - 1], atol=1e-5)


def test_a_head_of_a_given_number_of_epochs_is_that_of_the_plain_loop() -> None:
    parts, protocol = (
        speechlike(),
        replace(SHORT.with_target("dimensions"), learning_rates=(1e-3,), hidden_sizes=(16,)),
    )
    group = groups("dimensions")[0]
    frames = MappedFrames(parts, CPU)
    head = train_for(frames, group, OUTPUTS, protocol, epochs=5)
    _, tests = train_alone(parts, group, protocol.sweep[0], protocol)
    assert torch.allclose(predict(head, frames, TESTED), tests[4], atol=1e-5)


def test_the_loss_of_dimensions_is_one_less_their_concordance() -> None:
    random = torch.Generator().manual_seed(0)
    outputs, truth = torch.randn(1, 20, 2, 3, generator=random), torch.rand(1, 20, 3, generator=random)
    losses = OBJECTIVES["dimensions"].judge(outputs, truth[0])[1]
    for head, loss in enumerate(losses[0]):
        values = [ccc(truth[0, :, name].numpy(), outputs[0, :, head, name].numpy()) for name in range(3)]
        assert loss == pytest.approx(1 - np.mean(values), abs=1e-5)


def test_a_batch_without_spread_has_no_gradient_and_no_nan() -> None:
    outputs = torch.full((1, 2, 1, 1), 0.5, requires_grad=True)
    targets = torch.tensor([[[0.5], [torch.nan]]])
    loss = OBJECTIVES["dimensions"].loss(outputs, targets)
    loss.backward()
    assert loss.item() == 1
    assert outputs.grad is not None
    assert outputs.grad.abs().sum() == 0


def test_what_raters_said_of_other_rows_is_not_read() -> None:
    parts, protocol = speechlike(), SHORT.with_target("distribution")
    frames, group = MappedFrames(parts, CPU), groups("distribution")[0]
    assert group.ratings is not None
    strange = replace(group, ratings=group.ratings.index_fill(0, TESTED, 7.0))
    (first,), (second,) = (train(frames, [one], OUTPUTS, protocol) for one in (group, strange))
    for one, other in zip(first, second, strict=True):
        assert one.validation_loss == other.validation_loss
        assert torch.equal(one.head.first, other.head.first)
    assert identity([group]) == identity([strange])
    seen = replace(group, ratings=group.ratings.index_fill(0, group.training[:1], 0.5))
    assert identity([group]) != identity([seen])


@pytest.mark.parametrize(
    ("part", "rows", "said"),
    [
        ("training", [0], "Expected 2 or more training utterances with raters, but got 1"),
        ("validation", [0], "Expected 2 validation utterances, but got 1"),
        ("validation", [], "Expected 2 validation utterances, but got none"),
    ],
)
def test_too_few_ratings_are_said(part: str, rows: list[int], said: str) -> None:
    group = replace(groups("dimensions")[0], **{part: torch.tensor(rows, dtype=torch.long)})
    with pytest.raises(ProbeError, match=said):
        train(MappedFrames(speechlike(), CPU), [group], OUTPUTS, SHORT.with_target("dimensions"))
