"""A head in the paper's words, and features that tell the label somewhat."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 3
LABELS = torch.arange(60) % CLASSES


def speechlike(seed: int = 0, utterances: int = 60, dimension: int = 12) -> list[Tensor]:
    """Frames (T, D) whose direction tells the label, somewhat."""
    random = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, dimension, generator=random)
    lengths = torch.randint(1, 20, (utterances,), generator=random).tolist()
    parts = [
        torch.randn(n, dimension, generator=random) + 0.7 * centres[c]
        for n, c in zip(lengths, LABELS, strict=True)
    ]
    return parts


class PlainHead(nn.Module):
    """The head as the paper words it, on a padded batch with a mask."""

    def __init__(self, dimension: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dimension, hidden), nn.Linear(hidden, CLASSES)

    def forward(self, padded: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(padded.shape[1]) < lengths[:, None]
        hidden = F.relu(self.first(padded)) * mask[..., None]  # (B, T, H)
        return self.second(hidden.sum(1) / lengths[:, None])
