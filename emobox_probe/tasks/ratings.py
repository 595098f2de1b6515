"""What raters said, as heads learn it: a row an utterance, shares of labels or ratings on scales."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import numpy as np
import torch
from torch import Tensor

from emobox_datasets.copy.raters.tables import VOTE_TYPES, Scale, is_off_scale
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import nearest
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import Target

# Ids that a sentence on many utterances names.
NAMED = 3


@dataclass(frozen=True)
class Ratings:
    """What raters said of N utterances.

    `values` (N, C), doubles, are shares of the labels in `names` or, of the dimensions in `names`, ratings from 0 (the
    lowest of the scale) to 1; NaN where an utterance has no raters. `scales` is empty for shares.
    """

    names: tuple[str, ...]
    values: Tensor
    scales: dict[str, Scale]
    remarks: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of all of it: other raters, other ratings or other dimensions make another target."""
        content = json.dumps([self.names, self.scales]).encode() + self.values.numpy().tobytes()
        return hashlib.sha256(content).hexdigest()

    @property
    def known(self) -> Tensor:
        """(N,) which utterances have raters."""
        return ~self.values.isnan().any(dim=1)

    def as_given(self, numbers: np.ndarray) -> np.ndarray:
        """(E, C) of shares as they are, of ratings on the scales of the corpus, as doubles."""
        if not self.scales:
            return np.asarray(numbers, dtype=float)
        low, high = np.array([self.scales[name] for name in self.names]).T
        return np.asarray(low + numbers.astype(float) * (high - low))


def scales_of(corpus: Corpus) -> dict[str, Scale]:
    """The dimensions that a corpus has, and their scales: of its annotations, then of its raters' tables."""
    of_tables = {name: scale for table in corpus.tables for name, scale in table.scales.items()}
    return {**corpus.scales, **of_tables}


def voted_labels(corpus: Corpus) -> tuple[str, ...]:
    """The labels that raters of a corpus could choose; none where it has no votes."""
    return next((table.voted for table in corpus.tables if table.columns.get("votes") in VOTE_TYPES), ())


def names_of(corpus: Corpus, target: Target, chosen: Sequence[str]) -> tuple[str, ...]:
    """What heads give: a share for each label that raters could choose, or a number for each dimension.

    Raises:
        ProbeError: the corpus has no votes, no dimensions, or none of that name.
    """
    scales, voted = scales_of(corpus), voted_labels(corpus)
    others = {"distribution": bool(voted), "dimensions": bool(scales), "label": True}
    there = " or ".join(f"--target {name}" for name, is_there in others.items() if is_there)
    if target == "distribution":
        if not voted:
            raise ProbeError(
                f"Expected a corpus with votes of raters for --target distribution, but {corpus.name} has none; choose "
                f"{there}, or another corpus."
            )
        return voted
    if not scales:
        raise ProbeError(
            f"Expected a corpus with emotion dimensions for --target dimensions, but {corpus.name} has none; choose "
            f"{there}, or another corpus."
        )
    if strangers := [name for name in chosen if name not in scales]:
        raise ProbeError(
            f"Expected --dimensions of {corpus.name} ({', '.join(scales)}), but got {', '.join(strangers)}. "
            f"{nearest(strangers[0], list(scales))}"
        )
    return tuple(name for name in scales if name in chosen) if chosen else tuple(scales)


def ratings_of(whole: datasets.Dataset, corpus: Corpus, names: Sequence[str], target: str) -> Ratings:
    """What raters said of the utterances of a stored corpus.

    Raises:
        ProbeError: no utterance has raters: the copy lacks the publisher's table.
    """
    if target == "distribution":
        ratings = Ratings(tuple(names), _shares(whole["votes"], names), {})
    else:
        scales = {name: scale for name, scale in scales_of(corpus).items() if name in names}
        given = {name: [np.nan if v is None else float(v) for v in whole[name]] for name in scales}
        columns = [(np.array(given[name]) - low) / (high - low) for name, (low, high) in scales.items()]
        values = torch.tensor(np.stack(columns, axis=1))
        # An utterance that one dimension has no rating of is of no use to a head that gives all of them.
        values[values.isnan().any(dim=1)] = torch.nan
        ratings = Ratings(tuple(scales), values, scales, _off_scale(whole["id"], given, scales))
    if not ratings.known.any():
        tables = " and ".join(table.name for table in corpus.tables if table.by == "id") or "its annotations"
        raise ProbeError(
            f"Expected what raters said of {corpus.name}, but this copy has nothing in "
            f"{'votes' if target == 'distribution' else ', '.join(names)}; copy {tables} there as published."
        )
    return ratings


def _shares(votes: Sequence[Any], names: Sequence[str]) -> Tensor:
    counts = torch.tensor(
        [[float((row or {}).get(name) or 0) for name in names] for row in votes], dtype=torch.float64
    )
    return counts / counts.sum(dim=1, keepdim=True)  # 0 / 0 is NaN: no raters


def _off_scale(
    ids: Sequence[str], given: dict[str, list[float]], scales: dict[str, Scale]
) -> tuple[str, ...]:
    sentences = []
    for name, (low, high) in scales.items():
        off = [
            id
            for id, value in zip(ids, given[name], strict=True)
            if value == value and is_off_scale(value, (low, high))
        ]
        if off:
            sentences.append(
                f"{name} of {len(off)} utterances is not in {low:g} to {high:g} (first {', '.join(off[:NAMED])}), and "
                f"was taken as it is."
            )
    return tuple(sentences)
