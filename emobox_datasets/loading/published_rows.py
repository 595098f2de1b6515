"""The builder of a prepared repository on this machine: the rows of its shards in the order of their ids.

Utterances that are in the same part of every configuration share a shard, so shards cannot follow each other in the
order of the ids; but every shard is in that order, and they are merged. Labels keep their names (`columns`).

`datasets` takes the one builder of a module, so this one has a module of its own.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.packaged_modules.parquet.parquet import Parquet

import emobox_datasets.corpora as corpora
import emobox_datasets.repository.prepared as prepared
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import find_configuration
from emobox_datasets.loading.cached import CachedBuilder
from emobox_datasets.loading.columns import recast_table

TABLE_ROWS = 64


class PublishedRowsBuilder(CachedBuilder, Parquet):
    """Builds a configuration from the shards of a prepared repository."""

    def _create_builder_config(self, *args: Any, **options: Any) -> tuple[datasets.BuilderConfig, str]:
        # What is missing here was allowed to be when the repository was made; every load says so.
        options.pop("allow_missing", None)
        created: tuple[datasets.BuilderConfig, str] = super()._create_builder_config(*args, **options)
        return created

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._describe()

    @cached_property
    def _copy(self) -> tuple[Corpus, int] | None:
        """The corpus, and how many utterances of it are here; None of a corpus that only its maker has."""
        try:
            repository = prepared.read(self.base_path)
            return corpora.load(repository.corpus), repository.utterances
        except CorpusError:
            return None

    def _describe(self) -> None:
        """Say in the description how many utterances are missing."""
        if self._copy and (missing := self._copy[0].utterances - self._copy[1]):
            corpus = self._copy[0]
            described = find_configuration(corpus, self.config.name).described(missing)
            self.info.description = f"{corpus.display_name}. {described}"

    def as_dataset(self, *args: Any, **options: Any) -> datasets.Dataset | datasets.DatasetDict:
        """As `datasets` does; of an incomplete copy of a corpus, it warns."""
        self._warn_of_missing()
        made: datasets.Dataset | datasets.DatasetDict = super().as_dataset(*args, **options)
        return made

    def as_streaming_dataset(self, *args: Any, **options: Any) -> Any:
        """As `datasets` does; of an incomplete copy of a corpus, it warns."""
        self._warn_of_missing()
        return super().as_streaming_dataset(*args, **options)

    def _warn_of_missing(self) -> None:
        self._describe()  # again: what was damaged in the cache has been made anew
        if self._copy:
            corpus, utterances = self._copy
            corpus.warn_of_missing(utterances)

    def _download_and_prepare(self, *args: Any, **options: Any) -> None:
        """As `datasets` does it, from shards that are as they were written.

        Raises:
            CorpusError: a shard is missing or was changed.
        """
        for shard in prepared.read(self.base_path).shards:
            if self.config.name in shard.parts:
                prepared.check_shard(Path(self.base_path), shard)
        super()._download_and_prepare(*args, **options)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        generators: list[datasets.SplitGenerator] = super()._split_generators(dl_manager)
        for generator in generators:
            # `datasets` reads what is in a list piece by piece, one after the other or in several processes.
            generator.gen_kwargs = {name: tuple(values) for name, values in generator.gen_kwargs.items()}
        return generators

    def _cast_table(self, table: pa.Table) -> pa.Table:
        known = datasets.Features.from_arrow_schema(table.schema)
        return recast_table(table, known, self.info.features)

    def _generate_tables(
        self, files: Sequence[str], row_groups_list: Sequence[Any]
    ) -> Iterator[tuple[int, pa.Table]]:
        if "id" not in self.info.features:
            raise CorpusError(
                f"Expected id among the columns, by which rows are ordered, but got {', '.join(self.info.features)}; "
                f"add it, and remove it once they are loaded."
            )
        shards = [self._rows(file, groups) for file, groups in zip(files, row_groups_list, strict=True)]
        ordered = (row for _, row in merge(*shards, key=itemgetter(0)))
        position = 0
        while rows := list(islice(ordered, TABLE_ROWS)):
            yield position, pa.concat_tables(rows)
            position += 1

    def _rows(self, file: str, row_groups: Any) -> Iterator[tuple[str, pa.Table]]:
        """(id, row) of one shard, in its order."""
        for _, table in super()._generate_tables([file], [row_groups]):
            for position, id in enumerate(table["id"].to_pylist()):
                yield id, table.slice(position, 1)
