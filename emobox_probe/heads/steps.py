"""What heads are trained on and when: the batches of every group, in order, and the learning rates."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_probe.heads.batches import Rows
from emobox_probe.heads.groups import Group
from emobox_probe.protocol import Protocol

# Steps that are planned and sent to a GPU at a time.
STEPS_SENT = 64


class Step(NamedTuple):
    """One batch of every group; the shares (G,) of the full rates; the groups for which it ends an epoch.

    `following` is the batch after it; of the last step, its own.
    """

    rows: Rows
    shares: Tensor
    finished: list[int]
    following: Rows


def steps(groups: Sequence[Group], protocol: Protocol, device: torch.device, done: int) -> Iterator[Step]:
    """The steps after those that are done, -1 for all, until the last group has finished."""
    if done < 0:
        return
    for step, following in pairwise(chain(_steps_sent(groups, protocol, device, done), [None])):
        assert step is not None
        yield step if following is None else step._replace(following=following.rows)


def _steps_sent(
    groups: Sequence[Group], protocol: Protocol, device: torch.device, done: int
) -> Iterator[Step]:
    """The same, sent to the device many at a time, so that it need not wait for them."""
    plans = [_plan(group, protocol) for group in groups]
    longest = max(-(-len(group.training) // protocol.batch_size) for group in groups) * protocol.epochs
    for plan in plans:
        next(islice(plan, done, done), None)
    for first in range(done, longest, STEPS_SENT):
        planned = [[next(plan) for plan in plans] for _ in range(min(STEPS_SENT, longest - first))]
        rows = torch.stack([torch.stack([one.rows for one in step]) for step in planned])  # (S, G, B)
        shares = torch.tensor([[one.share for one in step] for step in planned])  # (S, G)
        sent_rows, sent_shares = (_sent(table, device) for table in (rows, shares))
        for place, step in enumerate(planned):
            finished = [index for index, one in enumerate(step) if one.last]
            batch = Rows(rows[place], sent_rows[place])
            yield Step(batch, sent_shares[place], finished, batch)


def _sent(table: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        table = table.pin_memory()
    return table.to(device, non_blocking=True)


class Planned(NamedTuple):
    """One batch of a group: rows (B,), -1 behind them where it is short; the share of the full rate."""

    rows: Tensor
    share: float
    last: bool


def _plan(group: Group, protocol: Protocol) -> Iterator[Planned]:
    """The batches of a group in order: every epoch is a new permutation from the group's seed.

    A group that has finished goes on with its last batch at rate zero: it changes nothing, for itself or others.
    """
    generator = torch.Generator().manual_seed(group.seed)
    for share in protocol.rates():
        shuffled = group.training[torch.randperm(len(group.training), generator=generator)]
        short = -len(shuffled) % protocol.batch_size
        batches = F.pad(shuffled, (0, short), value=-1).view(-1, protocol.batch_size)
        for number, rows in enumerate(batches, start=1):
            yield Planned(rows, share, number == len(batches))
    while True:
        yield Planned(rows, 0.0, False)
