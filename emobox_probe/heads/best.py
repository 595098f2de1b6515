"""The best heads so far, chosen on validation after every epoch.

They are judged, compared and copied where they are trained: a GPU never waits for the host to decide, and goes on with
the next epoch. What was seen is fetched when training ends, or when it is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emobox_probe.heads.batches import Batch, Frames, Rows
from emobox_probe.heads.checkpoint import State
from emobox_probe.heads.groups import Group, Trained
from emobox_probe.heads.heads import HeadBank, pieces
from emobox_probe.heads.objectives import Objective
from emobox_probe.protocol import HeadConfiguration

# Frames in one matrix product when no gradient is needed: bounds memory, about 50 MB at 768 hidden units on a CPU.
EVALUATION_FRAMES, EVALUATION_FRAMES_ON_GPU = 16_384, 131_072


@dataclass
class Seen:
    """Of one group after every epoch: scores and losses (V, K) on validation, ids (V, E, K) of the watched rows."""

    scores: list[Tensor] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    watched: list[Tensor] = field(default_factory=list)


class Best:
    """The heads of a bank at their best epochs, in the views V of groups that are trained together."""

    def __init__(self, bank: HeadBank, frames: Frames, groups: Sequence[Group], objective: Objective):
        self._bank, self._frames, self._objective = bank, frames, objective
        self._parameters = [torch.empty_like(parameter) for parameter in bank.parameters]
        self._validation = [_rows_of(frames, group.validation) for group in groups]
        self._truth = [objective.known(group)[group.validation].to(frames.device) for group in groups]
        self._watched = [_rows_of(frames, group.watched) for group in groups]
        self._seen = [Seen() for _ in groups]
        shape = len(groups), frames.views, len(bank.widths)
        # Epoch 0: none yet.
        self._epochs = torch.zeros(shape, dtype=torch.long)
        self._scores = torch.zeros(shape, dtype=torch.float64)
        self._losses = torch.zeros(shape)

    @torch.no_grad()
    def choose(self, index: int) -> None:
        """Judge the heads of a group after an epoch, and keep those that are better than ever before."""
        seen, views = self._seen[index], self._frames.views
        members = slice(index * views, (index + 1) * views)
        outputs = self._outputs(self._validation[index], members)
        scores, losses = self._objective.judge(outputs, self._truth[index])  # (V, K)
        losses = losses.to(scores.device)  # scores of Apple's GPUs are made on the CPU
        self._to(scores.device)
        best, least, epochs = self._scores[index], self._losses[index], self._epochs[index]
        better = (epochs == 0) | (scores > best) | ((scores == best) & (losses < least))
        better &= ~losses.isnan()
        seen.scores.append(scores)
        seen.losses.append(losses)
        epochs.masked_fill_(better, len(seen.scores))
        torch.where(better, scores, best, out=best)
        torch.where(better, losses, least, out=least)
        self._bank.copy_heads(self._parameters, better.to(self._bank.first.device), members)
        if self._watched[index]:
            ids = self._outputs(self._watched[index], members).argmax(3)
            seen.watched.append(ids.to(torch.int16))  # (V, E, K)

    def epochs_seen(self) -> int:
        """Of all groups together."""
        return sum(len(seen.scores) for seen in self._seen)

    def trained(self, sweep: Sequence[HeadConfiguration]) -> list[list[list[Trained]]]:
        """The heads by group, view and configuration."""
        return [self._of_group(index, sweep) for index in range(len(self._seen))]

    def _of_group(self, index: int, sweep: Sequence[HeadConfiguration]) -> list[list[Trained]]:
        seen, epochs = self._seen[index], self._epochs[index].tolist()
        scores, losses = (torch.stack(table).movedim(0, 2).tolist() for table in (seen.scores, seen.losses))
        watched = torch.stack(seen.watched).cpu() if seen.watched else None  # (epochs, V, E, K)

        def run(view: int, place: int) -> Trained:
            ids = [] if watched is None else list(watched[:, view, :, place])
            one = Trained(sweep[place], epochs[view][place], scores[view][place], losses[view][place], ids)
            if one.epoch:
                one.head = self._bank.head(index * len(epochs) + view, place, self._parameters)
            return one

        return [[run(view, place) for place in range(len(sweep))] for view in range(len(epochs))]

    def _outputs(self, rows: Sequence[Rows], members: slice) -> Tensor:
        """(V, B, K, C) of heads of a group."""
        return torch.cat([self._bank.logits(self._frames.batch(piece), members) for piece in rows], dim=1)

    def _to(self, device: torch.device) -> None:
        self._epochs, self._scores, self._losses = (
            table.to(device) for table in (self._epochs, self._scores, self._losses)
        )

    def state(self) -> State:
        """All of it, without a copy."""
        return {
            "parameters": self._parameters,
            "best": [self._epochs, self._scores, self._losses],
            "seen": [[seen.scores, seen.losses, seen.watched] for seen in self._seen],
        }

    def load(self, state: State) -> None:
        """Go on from a state of the same groups."""
        for parameter, kept in zip(self._parameters, state["parameters"], strict=True):
            parameter.copy_(kept)
        self._epochs, self._scores, self._losses = state["best"]
        self._seen = [Seen(*lists) for lists in state["seen"]]
        if self._frames.device.type == "cuda":
            self._to(self._frames.device)
            for seen in self._seen:
                for table in (seen.scores, seen.losses, seen.watched):
                    table[:] = [values.to(self._frames.device) for values in table]


def _rows_of(frames: Frames, rows: Tensor | None) -> list[Rows]:
    """Rows of a group in pieces of bounded size, in all views."""
    if rows is None:
        return []
    views = frames.views
    parts = pieces(rows, frames.lengths, max(most_frames(frames.device) // views, 1))
    return [Rows.of(part, frames.device).in_views(views) for part in parts]


def most_frames(device: torch.device) -> int:
    """Frames in one matrix product when no gradient is needed."""
    return EVALUATION_FRAMES_ON_GPU if device.type == "cuda" else EVALUATION_FRAMES


def batches_of(frames: Frames, rows: Tensor, view: int) -> Iterator[Batch]:
    """Batches of bounded size of one view."""
    for part in pieces(rows, frames.lengths, max(most_frames(frames.device) // frames.views, 1)):
        yield frames.batch(Rows.of(part * frames.views + view, frames.device))
