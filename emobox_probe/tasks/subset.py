"""A part of a corpus for a smoke test: so many utterances of each label and part, the same in every run."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import datasets

from emobox_datasets.corpus import Corpus
from emobox_datasets.folds.partition import partition
from emobox_datasets.loading.builder import StoredItem, stored_items


def first_of_each_label(rows: Iterable[int], items: Sequence[StoredItem], limit: int) -> list[int]:
    """Of these rows the first `limit` of each label, in an order that a hash of the ids gives; sorted.

    What it takes of a part it also takes of any smaller part that still has these rows, so folds can be cut out of
    what `limited` leaves.
    """
    of_label: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        of_label[items[row].label].append(row)
    return sorted(
        row
        for members in of_label.values()
        for row in sorted(members, key=lambda row: _place(items[row].id))[:limit]
    )


def limited(
    whole: datasets.Dataset, corpus: Corpus, configurations: Iterable[str], limit: int
) -> datasets.Dataset:
    """The utterances that any part of these configurations has among its first `limit` of each label."""
    items = stored_items(whole, corpus)
    kept: set[int] = set()
    for configuration in configurations:
        for rows in partition(corpus, configuration, items).values():
            kept.update(first_of_each_label(rows, items, limit))
    return whole.select(sorted(kept))


def _place(id: str) -> bytes:
    """A place in an order that has nothing to do with what an id says."""
    return hashlib.sha256(f"emobox limit:{id}".encode("utf-8", "surrogateescape")).digest()
