"""What of a training part heads are chosen on: the release's validation part, or utterances or speakers held out."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from emobox_probe.errors import ProbeError
from emobox_probe.heads.groups import Group
from emobox_probe.protocol import Protocol
from emobox_probe.tasks.pool import HIDDEN
from emobox_probe.tasks.validation_speakers import choose_speakers

# How the validation part is made: the release's own, or speakers or utterances of the training part.
HeldOut = Literal["released", "speakers", "utterances"]


def validation_of(training: Tensor, speakers: Sequence[str | None], protocol: Protocol) -> HeldOut:
    """What is held out of a training part without a validation part of its own."""
    known = all(speakers[row] is not None for row in training.tolist())
    return "speakers" if protocol.validation == "speakers" and known else "utterances"


def held_out(
    rows: Mapping[str, Tensor],
    labels: Tensor,
    speakers: Sequence[str | None],
    protocol: Protocol,
    seed: int,
) -> Group:
    """What to train and to choose on: the release's validation part, else a share of utterances or of speakers.

    The labels of the tested rows are hidden. Speakers are held out where the protocol says so and all are known; a
    person has one name in `speakers`.

    Raises:
        ProbeError: no speaker can be held out without a label losing all its training utterances.
    """
    hidden = labels.index_fill(0, rows["test"], HIDDEN)
    watched = rows["test"] if protocol.peek else None
    training = rows["train"]
    if "validation" in rows:
        return Group(hidden, training, rows["validation"], seed, watched)
    if validation_of(training, speakers, protocol) == "speakers":
        held = _some_speakers(training, labels, speakers, protocol.validation_share, seed)
    else:
        held = _share_of_every_label(training, labels, protocol.validation_share, seed)
    validation = training[held]
    return Group(hidden, training[~held], validation, seed, watched)


def _share_of_every_label(training: Tensor, labels: Tensor, share: float, seed: int) -> Tensor:
    """(A,) whether a training row is held out."""
    order = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(training), dtype=torch.bool)
    for label in labels[training].unique().tolist():
        places = (labels[training] == label).nonzero().flatten()
        shuffled = places[torch.randperm(len(places), generator=order)]
        held[shuffled[: round(share * len(places))]] = True
    return held


def _some_speakers(
    training: Tensor, labels: Tensor, speakers: Sequence[str | None], share: float, seed: int
) -> Tensor:
    """(A,) whether a training row is held out: all of some speakers."""
    names, speaker_of = np.unique([str(speakers[row]) for row in training.tolist()], return_inverse=True)
    taught, label_of = labels[training].unique(return_inverse=True)
    counts = np.zeros((len(names), len(taught)), dtype=np.int64)
    np.add.at(counts, (speaker_of, label_of.numpy()), 1)
    chosen = choose_speakers(names.tolist(), counts, share, seed)
    if chosen is None:
        raise ProbeError(
            f"Expected several speakers to train on, so that some can be held out, but got only "
            f"{'speakers' if len(names) > 1 else 'speaker'} {', '.join(names[:5])}, "
            f"without whom labels would have no training utterance; use --protocol paper."
        )
    return torch.from_numpy(np.isin(speaker_of, chosen))
