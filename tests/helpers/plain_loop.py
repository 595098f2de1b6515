"""A head trained on one corpus and tested on another, with none of the project's code but the protocol's schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from sklearn.metrics import recall_score
from torch import Tensor, nn

from emobox_probe.protocol import HeadConfiguration, Protocol


class PlainHead(nn.Module):
    """The head as the paper words it, on a padded batch with a mask."""

    def __init__(self, dimension: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dimension, hidden), nn.Linear(hidden, classes)

    def forward(self, utterances: Sequence[Tensor]) -> Tensor:
        lengths = torch.tensor([len(frames) for frames in utterances])
        padded = nn.utils.rnn.pad_sequence(list(utterances), batch_first=True)
        mask = torch.arange(padded.shape[1]) < lengths[:, None]
        hidden = F.relu(self.first(padded)) * mask[..., None]  # (B, T, H)
        return self.second(hidden.sum(1) / lengths[:, None])


@dataclass
class PlainCorpus:
    """Utterances of the label space in the order of their ids: normalised frames (T, D) and label ids (N,)."""

    ids: list[str]
    frames: list[Tensor]
    labels: Tensor


def read_features(root: Path, rows: pd.DataFrame, labels: Sequence[str]) -> PlainCorpus:
    """The stored features of a corpus with the columns id and label."""
    for file in root.glob("*/index.parquet"):
        index = pd.read_parquet(file).set_index("id")
        if set(index.index) == set(rows.id):
            break
    else:
        raise AssertionError("no store has these utterances")
    shards = {n: load_file(file.parent / f"shard-{n:05d}.safetensors")["frames"] for n in set(index.shard)}
    chosen = rows[rows.label.isin(labels)].sort_values("id")
    frames = []
    for id in chosen.id:
        part = index.loc[id]
        stored = shards[part.shard][part.offset : part.offset + part.length].float()
        frames.append(F.layer_norm(stored, stored.shape))
    return PlainCorpus(list(chosen.id), frames, torch.tensor([labels.index(label) for label in chosen.label]))


def hold_out(labels: Tensor, share: float, seed: int) -> Tensor:
    """Whether a row is for validation: a share of every label, drawn label by label."""
    order = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in range(int(labels.max()) + 1):
        rows = (labels == label).nonzero().flatten()
        held[rows[torch.randperm(len(rows), generator=order)][: round(share * len(rows))]] = True
    return held


@dataclass
class Chosen:
    """The best epoch of a head on validation, and its logits on the target."""

    merit: tuple[float, float]
    epoch: int
    point: HeadConfiguration
    logits: Tensor


def train_plainly(
    source: PlainCorpus,
    target: PlainCorpus,
    classes: int,
    point: HeadConfiguration,
    protocol: Protocol,
    seed: int,
) -> list[Chosen]:
    """Every epoch of one head, trained with torch's own Adam."""
    held = hold_out(source.labels, protocol.validation_share, seed)
    training, validation = (~held).nonzero().flatten(), held.nonzero().flatten()
    torch.manual_seed(seed)
    head = PlainHead(source.frames[0].shape[1], point.hidden, classes)
    optimiser = torch.optim.Adam(head.parameters(), lr=point.learning_rate)
    order = torch.Generator().manual_seed(seed)
    epochs = []
    for epoch, rate in enumerate(protocol.rates(), start=1):
        optimiser.param_groups[0]["lr"] = rate * point.learning_rate
        for rows in training[torch.randperm(len(training), generator=order)].split(protocol.batch_size):
            optimiser.zero_grad()
            F.cross_entropy(head([source.frames[row] for row in rows]), source.labels[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            said = head([source.frames[row] for row in validation])
            logits = head(target.frames)
        truth = source.labels[validation]
        merit = recall_score(truth, said.argmax(1), average="macro"), -float(F.cross_entropy(said, truth))
        epochs.append(Chosen(merit, epoch, point, logits))
    return epochs
