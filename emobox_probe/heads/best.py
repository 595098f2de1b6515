"""The best heads so far, chosen on validation after every epoch.

They are judged, compared and copied where they are trained: a GPU never waits for the host to decide, and goes on with
the next epoch. What was seen is fetched when training ends, or when it is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emobox_probe.heads.batches import Batch, Frames, ResidentFrames, Rows
from emobox_probe.heads.checkpoint import State
from emobox_probe.heads.cuda_graph import Replayed
from emobox_probe.heads.groups import Group, Trained
from emobox_probe.heads.heads import HeadBank, pieces
from emobox_probe.heads.objectives import Objective
from emobox_probe.protocol import HeadConfiguration

# Frames in one matrix product when no gradient is needed: bounds memory, about 50 MB at 768 hidden units on a CPU.
EVALUATION_FRAMES, EVALUATION_FRAMES_ON_GPU = 16_384, 32_768


@dataclass
class Seen:
    """Of one group after every epoch: scores and losses (V, K) on validation, ids (V, E, K) of the watched rows."""

    scores: list[Tensor] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    watched: list[Tensor] = field(default_factory=list)


class _Kept:
    """The best heads and what the newest ones are held against, in tables (G, V, K) that stay in their places.

    By itself, so that what records its work (`Replayed`) is not part of it: both go as soon as training has ended.
    """

    def __init__(self, bank: HeadBank, frames: Frames, groups: Sequence[Group], objective: Objective):
        self.bank, self._frames, self._objective = bank, frames, objective
        self.parameters = [torch.empty_like(parameter) for parameter in bank.parameters]
        self._validation = [_rows_of(frames, group.validation) for group in groups]
        self._truth = [objective.known(group)[group.validation].to(frames.device) for group in groups]
        self.watched = [_rows_of(frames, group.watched) for group in groups]
        # Scores of Apple's GPUs are made on the CPU.
        self.device = frames.device if frames.device.type == "cuda" else torch.device("cpu")
        shape = len(groups), frames.views, len(bank.widths)
        # Of the epoch that was judged last; of the watched rows, ids (V, E, K) by group.
        self.epoch = torch.zeros(len(groups), dtype=torch.long, device=self.device)
        self.scores = torch.zeros(shape, dtype=torch.float64, device=self.device)
        self.losses = torch.zeros(shape, device=self.device)
        self.answers = [self._no_answers(rows) for rows in self.watched]
        # Of the best epoch; 0: none yet.
        self.best_epochs = torch.zeros(shape, dtype=torch.long, device=self.device)
        self.best_scores, self.least_losses = torch.zeros_like(self.scores), torch.zeros_like(self.losses)

    def _no_answers(self, rows: Sequence[Rows]) -> Tensor:
        count = sum(piece.device.shape[1] for piece in rows)
        shape = self._frames.views, count, len(self.bank.widths)
        return torch.zeros(shape, dtype=torch.int16, device=self.device)

    def judge(self, index: int) -> None:
        """Score the heads of a group as they are, and copy those that are better than ever before."""
        views = self._frames.views
        members = slice(index * views, (index + 1) * views)
        outputs = self._outputs(self._validation[index], members)
        scores, losses = self.scores[index], self.losses[index]
        judged = self._objective.judge(outputs, self._truth[index])  # (V, K)
        scores.copy_(judged[0])
        losses.copy_(judged[1])
        self.epoch[index] += 1
        best, least, epochs = self.best_scores[index], self.least_losses[index], self.best_epochs[index]
        better = (epochs == 0) | (scores > best) | ((scores == best) & (losses < least))
        better &= ~losses.isnan()
        for kept, new in ((best, scores), (least, losses), (epochs, self.epoch[index])):
            torch.where(better, new, kept, out=kept)
        self.bank.copy_heads(self.parameters, better.to(self._frames.device), members)
        if self.watched[index]:
            self.answers[index].copy_(self._outputs(self.watched[index], members).argmax(3))

    def _outputs(self, rows: Sequence[Rows], members: slice) -> Tensor:
        """(V, B, K, C) of heads of a group."""
        return torch.cat([self.bank.logits(self._frames.batch(piece), members) for piece in rows], dim=1)


class Best:
    """The heads of a bank at their best epochs, in the views V of groups that are trained together."""

    def __init__(self, bank: HeadBank, frames: Frames, groups: Sequence[Group], objective: Objective):
        self._seen = [Seen() for _ in groups]
        self._kept = kept = _Kept(bank, frames, groups, objective)
        # The same small kernels end every epoch of a group: a GPU is told of them once.
        recorded = frames.device.type == "cuda" and isinstance(frames, ResidentFrames)
        self._judge: Callable[[int], None] = Replayed(kept.judge) if recorded else kept.judge

    @torch.no_grad()
    def choose(self, index: int) -> None:
        """Judge the heads of a group after an epoch, and keep those that are better than ever before."""
        self._judge(index)
        seen, kept = self._seen[index], self._kept
        seen.scores.append(kept.scores[index].clone())
        seen.losses.append(kept.losses[index].clone())
        if kept.watched[index]:
            seen.watched.append(kept.answers[index].clone())

    def epochs_seen(self) -> int:
        """Of all groups together."""
        return sum(len(seen.scores) for seen in self._seen)

    def trained(self, sweep: Sequence[HeadConfiguration]) -> list[list[list[Trained]]]:
        """The heads by group, view and configuration."""
        return [self._of_group(index, sweep) for index in range(len(self._seen))]

    def _of_group(self, index: int, sweep: Sequence[HeadConfiguration]) -> list[list[Trained]]:
        seen, kept = self._seen[index], self._kept
        epochs = kept.best_epochs[index].tolist()
        scores, losses = (torch.stack(table).movedim(0, 2).tolist() for table in (seen.scores, seen.losses))
        watched = torch.stack(seen.watched).cpu() if seen.watched else None  # (epochs, V, E, K)

        def run(view: int, place: int) -> Trained:
            ids = [] if watched is None else list(watched[:, view, :, place])
            one = Trained(sweep[place], epochs[view][place], scores[view][place], losses[view][place], ids)
            if one.epoch:
                one.head = kept.bank.head(index * len(epochs) + view, place, kept.parameters)
            return one

        return [[run(view, place) for place in range(len(sweep))] for view in range(len(epochs))]

    def state(self) -> State:
        """All of it, without a copy."""
        kept = self._kept
        return {
            "parameters": kept.parameters,
            "best": [kept.best_epochs, kept.best_scores, kept.least_losses],
            "seen": [[seen.scores, seen.losses, seen.watched] for seen in self._seen],
        }

    def load(self, state: State) -> None:
        """Go on from a state of the same groups."""
        kept = self._kept
        tables = [*kept.parameters, kept.best_epochs, kept.best_scores, kept.least_losses]
        for table, values in zip(tables, [*state["parameters"], *state["best"]], strict=True):
            table.copy_(values)
        self._seen = [Seen(*lists) for lists in state["seen"]]
        for index, seen in enumerate(self._seen):
            kept.epoch[index] = len(seen.scores)
            for values in (seen.scores, seen.losses, seen.watched):
                values[:] = [value.to(kept.device) for value in values]


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
