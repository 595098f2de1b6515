"""What heads learn of a group: the labels, the raters' distribution, or what raters gave on scales.

Each objective says what is known of the rows of a batch, the loss that training makes small, and how heads are judged
on the whole validation part. Scores of validation are the higher the better; where they tie, the lower loss counts.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from emobox_probe.errors import ProbeError
from emobox_probe.heads.groups import Group
from emobox_probe.protocol import Target

# A batch of one rating, or of ratings that are all the same, has no spread: its concordance is then 0, not 0 / 0.
LEAST_SPREAD = 1e-8


class Objective(Protocol):
    """What heads of K configurations with C outputs learn in G groups."""

    def check(self, group: Group, outputs: int) -> None:
        """Raise ProbeError where a group cannot be trained or chosen on."""
        ...

    def known(self, group: Group) -> Tensor:
        """What is known of all rows: (N,) or (N, C)."""
        ...

    def targets(self, known: Tensor, rows: Tensor) -> Tensor:
        """(G, B) or (G, B, C) of rows (G, B), from `known` of every group; marked where a row is -1."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sum over heads of the loss of each, from (G, B, K, C) and the targets."""
        ...

    def judge(self, outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (V, K) in float64 and losses (V, K) of outputs (V, B, K, C), from what is known of the B rows.

        Both where the outputs are, so that a GPU need not be waited for.
        """
        ...


class Labels:
    """Cross-entropy of the label; chosen by UA."""

    def check(self, group: Group, outputs: int) -> None:
        counts = torch.bincount(group.labels[group.training], minlength=outputs)
        if absent := (counts == 0).nonzero().flatten().tolist():
            raise ProbeError(
                f"Expected every class to have a training utterance, but classes {absent} have none; "
                f"complete the corpus or choose another fold."
            )
        _check_validation(group, 1)

    def known(self, group: Group) -> Tensor:
        return group.labels

    def targets(self, known: Tensor, rows: Tensor) -> Tensor:
        return torch.where(rows < 0, -100, known.gather(1, rows.clamp(min=0)))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        heads = outputs.shape[2]
        losses = F.cross_entropy(
            outputs.flatten(0, 2), targets[..., None].expand(-1, -1, heads).flatten(), reduction="none"
        ).view(*targets.shape, heads)
        return (losses.sum(1) / (targets >= 0).sum(1, keepdim=True)).sum()

    def judge(self, outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        targets = truth[:, None].expand(outputs.shape[:3])
        losses = F.cross_entropy(outputs.movedim(3, 1), targets, reduction="none").mean(1)
        return unweighted_averages(truth, outputs.argmax(3), outputs.shape[3]), losses


class Rated:
    """What raters said, `Group.ratings` (N, C); chosen by the loss over the whole validation part."""

    fewest = 1

    def check(self, group: Group, outputs: int) -> None:
        if len(group.training) < self.fewest:
            raise ProbeError(
                f"Expected {self.fewest} or more training utterances with raters, but got {len(group.training)}; "
                f"complete the corpus and its tables."
            )
        _check_validation(group, self.fewest)

    def known(self, group: Group) -> Tensor:
        assert group.ratings is not None
        return group.ratings

    def targets(self, known: Tensor, rows: Tensor) -> Tensor:
        there = rows.clamp(min=0)[..., None].expand(-1, -1, known.shape[2])
        return known.gather(1, there).masked_fill((rows < 0)[..., None], torch.nan)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.losses(outputs, targets).sum()

    def judge(self, outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        losses = self.losses(outputs, truth.expand(len(outputs), *truth.shape))
        return -_in_double(losses), losses

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(G, K) from (G, B, K, C) and (G, B, C), which is NaN where a group's batch is shorter."""
        raise NotImplementedError


class Distribution(Rated):
    """Soft cross-entropy: the mean of -sum(share * log probability) over utterances."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        there = ~targets[..., 0].isnan()  # (G, B)
        shares = targets.nan_to_num()[:, :, None]  # (G, B, 1, C)
        terms = -(shares * outputs.log_softmax(3)).sum(3)  # (G, B, K)
        return terms.sum(1) / there.sum(1, keepdim=True)


class Dimensions(Rated):
    """1 - CCC of a batch, mean over dimensions: the concordance of Lin (1989), as `emobox_metric` has it."""

    fewest = 2

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        there = ~targets[..., 0].isnan()
        share = (there / there.sum(1, keepdim=True))[..., None, None]  # (G, B, 1, 1)
        truth = targets.nan_to_num()[:, :, None]  # (G, B, 1, C)
        mean_x, mean_y = ((share * values).sum(1, keepdim=True) for values in (outputs, truth))
        x, y = outputs - mean_x, truth - mean_y
        spread = (share * (x.square() + y.square())).sum(1) + (mean_x - mean_y).square().squeeze(1)
        concordance = 2 * (share * x * y).sum(1) / (spread + LEAST_SPREAD)  # (G, K, C)
        return (1 - concordance).mean(2)


OBJECTIVES: dict[Target, Objective] = {
    "label": Labels(),
    "distribution": Distribution(),
    "dimensions": Dimensions(),
}


def unweighted_averages(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """UA (V, K) in float64 of predicted label ids (V, B, K) against true ones (B,); a label without any counts as 0.

    As `emobox_metric` has it, whose sums also run over the labels in their order.
    """
    of_class = _in_double(truth[:, None] == torch.arange(classes, device=truth.device))  # (B, C)
    hits = _in_double(predicted == truth[:, None])
    recalls = torch.einsum("bc,vbk->cvk", of_class, hits) / of_class.sum(0).clamp(min=1)[:, None, None]
    return recalls.sum(0) / classes


def _in_double(values: Tensor) -> Tensor:
    """In float64, which Apple's GPUs do not have."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _check_validation(group: Group, fewest: int) -> None:
    if len(group.validation) < fewest:
        wanted = "at least one validation utterance" if fewest == 1 else f"{fewest} validation utterances"
        got = len(group.validation) or "none"
        raise ProbeError(f"Expected {wanted}, but got {got}; complete the corpus.")
