"""The builder where a repository without audio meets the user's own copy: every row is held against the published one.

`datasets` takes the one builder of a module, so this one has a module of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

import emobox_datasets.loading.builder as builder
import emobox_datasets.repository.prepared as prepared
from emobox_datasets.corpus import Utterance
from emobox_datasets.folds.partition import configurations, partition
from emobox_datasets.repository.without_audio import Metadata, read_metadata


def joined_hash(copy_hash: str, metadata: str | Path) -> str:
    """What a conversion is known by: the copy, and what it was held against."""
    published = sha256(Path(metadata, prepared.FILE).read_bytes()).hexdigest()
    return sha256(f"{copy_hash}{published}".encode()).hexdigest()[:32]


@dataclass
class JoinedConfig(builder.EmoBoxConfig):
    """`metadata`: the local folder of the repository without audio."""

    metadata: str = ""


class JoinedBuilder(builder.EmoBoxBuilder):
    """Builds the corpus from the user's copy; ids, labels, speakers, folds and audio must be those published."""

    BUILDER_CONFIG_CLASS = JoinedConfig
    config: JoinedConfig

    @cached_property
    def _metadata(self) -> Metadata:
        return read_metadata(self.config.metadata, self.corpus)

    def _copy_hash(self) -> str:
        return joined_hash(super()._copy_hash(), self.config.metadata)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        generators = super()._split_generators(dl_manager)
        # Every fold is made of the rows of `all`, so all folds are looked at when these are stored.
        if self.config.name == "all" and not self.config.allow_missing:
            self._check_folds(generators[0].gen_kwargs["utterances"])
        elif not self.config.allow_missing and not self.config.listed:
            found = {one.name: [u.id for u in one.gen_kwargs["utterances"]] for one in generators}
            self._metadata.check_folds(self.config.name, found)
        return generators

    def _check_folds(self, utterances: list[Utterance]) -> None:
        for name in configurations(self.corpus):
            parts = partition(self.corpus, name, utterances)
            found = {part: [utterances[row].id for row in rows] for part, rows in parts.items()}
            self._metadata.check_folds(name, found)

    def _converted(self, utterances: list[Utterance]) -> Iterator[tuple[int, pa.Table]]:
        for key, table in super()._converted(utterances):
            names = self.corpus.label_list
            self._metadata.check_rows([{**row, "label": names[row["label"]]} for row in table.to_pylist()])
            yield key, table
