"""The `datasets` builder of every corpus.

A corpus is converted and stored once, as configuration `all`; every fold is a list of row numbers into it, and so is
whatever is loaded with features of the user's own. Rows are in the order of their ids.

`datasets` replaces `os`, `open` and `Path` in the module of a builder by copies that stream; nothing here uses them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import pyarrow as pa
from datasets.arrow_reader import ArrowReader
from datasets.arrow_writer import ArrowWriter

import emobox_datasets.corpora as corpora
from emobox_datasets.audio_files.audio import SAMPLING_RATE, read_waveform, to_flac
from emobox_datasets.audio_files.statistics import warn_of_silence
from emobox_datasets.copy.raters.tables import VOTE_TYPES
from emobox_datasets.corpus import Corpus, OwnSplit, Utterance
from emobox_datasets.errors import CorpusError, printable
from emobox_datasets.folds.partition import Configuration, Item, find_configuration, of_list, parts_of
from emobox_datasets.folds.utterance_list import UtteranceList
from emobox_datasets.loading.cached import CachedBuilder
from emobox_datasets.loading.columns import check_features, recast, recast_table
from emobox_datasets.loading.row_version import source_hash
from emobox_datasets.sources.download import fetch_missing
from emobox_datasets.sources.location import find_root

# Rows a table of the Arrow file: a few seconds of conversion, a few MB.
TABLE_ROWS = 64


@dataclass
class EmoBoxConfig(datasets.BuilderConfig):
    """One fold, `balanced`, `all`, or the utterances of a list.

    With `allow_missing`, an incomplete copy of the corpus is loaded as far as it goes. `listed` are the ids of a list;
    users name its file instead, as configuration `list:<path>`.
    """

    allow_missing: bool = False
    listed: tuple[str, ...] = ()

    def create_config_id(self, config_kwargs: dict[str, Any], *args: Any, **options: Any) -> str:
        """As `datasets` does it, which cannot quote the name of a folder that is not UTF-8."""
        quotable = {
            name: printable(value) if isinstance(value, str) else value
            for name, value in config_kwargs.items()
        }
        config_id: str = super().create_config_id(quotable, *args, **options)
        return config_id


class EmoBoxBuilder(CachedBuilder):
    """Builds the corpus that `dataset_name` names."""

    BUILDER_CONFIG_CLASS = EmoBoxConfig
    config: EmoBoxConfig
    # What the user gave as `features=`, if it differs from what is stored.
    _asked: datasets.Features | None = None
    # Whether this load has said how many utterances are missing: finding the files does, finding them stored does not.
    warned = False

    @property
    def corpus(self) -> Corpus:
        return corpora.load(self.dataset_name)

    def _info(self) -> datasets.DatasetInfo:
        corpus = self.corpus
        return datasets.DatasetInfo(
            description=f"{corpus.display_name}. {self.config.description}",
            citation=corpus.citation,
            homepage=corpus.homepage,
            license=corpus.licence,
            features=self._asked or features_of(corpus),
        )

    def _count(self, utterances: int) -> None:
        """Say in the description how many utterances are missing, once the number found is known."""
        corpus = self.corpus
        described = self._configuration().described(corpus.utterances - utterances)
        self.info.description = f"{corpus.display_name}. {described}"

    def _create_builder_config(
        self,
        config_name: str | None = None,
        custom_features: datasets.Features | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[datasets.BuilderConfig, str]:
        if not kwargs.get("allow_missing"):
            kwargs.pop("allow_missing", None)  # the default is not to be stored a second time
        known = features_of(self.corpus)
        if custom_features is not None and custom_features != known:
            check_features(known, custom_features)
            self._asked = custom_features
        if "listed" in kwargs:
            raise CorpusError(
                "Expected a list of utterances as configuration 'list:<path>', but got the option listed."
            )
        if config_name is not None:
            chosen = find_configuration(self.corpus, config_name)
            if chosen.kind == "list":
                # Named by what is listed, not by its file: no cache answers with an earlier content.
                listed = tuple(sorted(chosen.ids))
                kwargs |= {"name": chosen.name, "description": chosen.description, "listed": listed}
                config_name = "all"
        created: tuple[datasets.BuilderConfig, str] = super()._create_builder_config(
            config_name, self._asked, *args, **kwargs
        )
        return created

    def _fetch(self) -> None:
        """Fetch an open corpus that the user has nowhere; from then on its conversion is known by its files."""
        if fetch_missing(self.corpus, self.config.data_dir):
            self.hash = self._copy_hash()
            self._cache_dir = self._output_dir = self._build_cache_dir()

    def _copy_hash(self) -> str:
        return source_hash(self.corpus, find_root(self.corpus, self.config.data_dir))

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        fetch_missing(self.corpus, self.config.data_dir)  # has been done, but where rows are streamed
        root = find_root(self.corpus, self.config.data_dir)
        utterances = self.corpus.scan(root, self.config.allow_missing)
        self.warned = True
        self._count(len(utterances))
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"utterances": [utterances[row] for row in rows]})
            for split, rows in self._parts(utterances).items()
        ]

    def _parts(self, items: Sequence[Item]) -> dict[str, list[int]]:
        return parts_of(self.corpus, self._configuration(), items, self.config.allow_missing)

    def _configuration(self) -> Configuration:
        if not self.config.listed:
            return find_configuration(self.corpus, self.config.name)
        return of_list(UtteranceList(self.config.listed, {}))

    def _generate_tables(self, utterances: list[Utterance]) -> Iterator[tuple[int, pa.Table]]:
        known = features_of(self.corpus)
        for key, table in self._converted(utterances):
            yield key, recast_table(table, known, self.info.features)

    def _converted(self, utterances: list[Utterance]) -> Iterator[tuple[int, pa.Table]]:
        """(position, rows) of a few utterances at a time, in the columns of the corpus."""
        schema = features_of(self.corpus).arrow_schema
        for first in range(0, len(utterances), TABLE_ROWS):
            rows = [row_of(utterance, self.corpus) for utterance in utterances[first : first + TABLE_ROWS]]
            yield first, pa.Table.from_pylist(rows, schema=schema)

    def _stores_rows_only(self) -> bool:
        """In the cache, all but the corpus as it is are rows of it; written anywhere else they must stand alone."""
        return self._is_in_cache() and (self.config.name != "all" or self._asked is not None)

    def _whole(self) -> "EmoBoxBuilder":
        return type(self)(
            cache_dir=self._cache_dir_root,
            dataset_name=self.dataset_name,
            config_name="all",
            hash=self.hash,
            **self.config_kwargs,
        )

    def download_and_prepare(self, output_dir: str | None = None, *args: Any, **options: Any) -> None:
        self._fetch()
        if output_dir is None:
            self._aim_at_cache(options.get("file_format"))
        if output_dir is None and self._stores_rows_only():
            # Also where the row numbers are stored already: what they count must be there and whole.
            passed_on = ("download_mode", "num_proc")
            whole = self._whole()
            whole.download_and_prepare(**{name: options.get(name) for name in passed_on})
            self.warned = whole.warned
        super().download_and_prepare(output_dir, *args, **options)

    def _download_and_prepare(self, dl_manager: Any, verification_mode: Any, **options: Any) -> None:
        if not self._stores_rows_only():
            super()._download_and_prepare(dl_manager, verification_mode, **options)
            return
        whole = self._whole()
        whole.warned = True
        items = stored_items(whole.as_dataset("train"), self.corpus)
        self._count(len(items))
        splits = datasets.splits.SplitDict(dataset_name=self.dataset_name)
        for split, rows in self._parts(items).items():
            path = f"{self._output_dir}/{self.dataset_name}-{split}.arrow"
            with ArrowWriter(features=ROW_NUMBERS, path=path) as writer:
                writer.write_table(pa.table({"row": pa.array(rows, pa.uint64())}))
                count, size = writer.finalize()
            splits.add(datasets.SplitInfo(split, num_bytes=size, num_examples=count))
        self.info.splits = splits
        self.info.download_size = 0

    def as_dataset(self, *options: Any, **more: Any) -> datasets.Dataset | datasets.DatasetDict:
        """As `datasets` does; of an incomplete copy that was stored before, it warns again."""
        made: datasets.Dataset | datasets.DatasetDict = super().as_dataset(*options, **more)
        if self.config.allow_missing and not self.warned and (stored := self._whole().info.splits):
            self.corpus.warn_of_missing(stored["train"].num_examples)
        return made

    def _as_dataset(self, split: Any = datasets.Split.TRAIN, in_memory: bool = False) -> datasets.Dataset:
        if not self._stores_rows_only():
            return super()._as_dataset(split, in_memory)
        stored = ArrowReader(self._output_dir, self.info).read(
            name=self.dataset_name, instructions=split, split_infos=self.info.splits.values()
        )
        whole = self._whole()
        whole.warned = True
        rows = whole.as_dataset("train", in_memory=in_memory)
        fingerprint = self._get_dataset_fingerprint(split)
        named = datasets.Dataset(
            recast(rows, self.info.features).data,
            info=stored["info"],
            split=stored["split"],
            fingerprint=fingerprint,
        )
        return named.select(stored["arrow_table"]["row"].to_pylist(), new_fingerprint=fingerprint)


ROW_NUMBERS = datasets.Features({"row": datasets.Value("uint64")})


@dataclass(frozen=True)
class StoredItem:
    """What a partition needs to know of a stored row."""

    id: str
    label: str
    speaker: str | None
    split: str | None


def stored_items(whole: datasets.Dataset, corpus: Corpus) -> list[StoredItem]:
    """The rows of configuration `all`, without their audio."""
    columns = [column for column in ("id", "label", "speaker", "split") if column in whole.column_names]
    return [
        StoredItem(row["id"], corpus.label_list[row["label"]], row["speaker"], row.get("split"))
        for row in whole.select_columns(columns)
    ]


def features_of(corpus: Corpus) -> datasets.Features:
    """The columns of a corpus: those all corpora share, then what else this one tells."""
    text = datasets.Value("string")
    return datasets.Features(
        {
            "audio": datasets.Audio(sampling_rate=SAMPLING_RATE),
            "label": datasets.ClassLabel(names=list(corpus.label_list)),
            "id": text,
            "speaker": text,
            "raw_label": text,
            "duration": datasets.Value("float64"),
            "language": text,
            "gender": text,
            **({"split": text} if isinstance(corpus.folds, OwnSplit) else {}),
            **{name: datasets.Value(dtype) for name, dtype in corpus.details.items()},
            **({"intended": text} if corpus.intended else {}),
            **{
                name: _votes(table.voted, VOTE_TYPES[dtype]) if dtype in VOTE_TYPES else datasets.Value(dtype)
                for table in corpus.tables
                for name, dtype in table.columns.items()
            },
        }
    )


def _votes(labels: Sequence[str], dtype: str) -> dict[str, datasets.Value]:
    return {label: datasets.Value(dtype) for label in labels}


def row_of(utterance: Utterance, corpus: Corpus) -> dict[str, Any]:
    """Decode one utterance and lay out its row."""
    waveform = read_waveform(utterance.path, utterance.start, utterance.end, utterance.channel)
    warn_of_silence(waveform, utterance.id)
    return {
        "audio": {"bytes": to_flac(waveform), "path": f"{utterance.id}.flac"},
        "label": corpus.label_list.index(utterance.label),
        "id": utterance.id,
        "speaker": utterance.speaker,
        "raw_label": utterance.raw_label,
        "duration": len(waveform) / SAMPLING_RATE,
        "language": utterance.language,
        "gender": utterance.gender,
        **({"split": utterance.split} if isinstance(corpus.folds, OwnSplit) else {}),
        **{name: utterance.details.get(name) for name in corpus.details},
        **({"intended": utterance.label} if corpus.intended else {}),
        **{name: utterance.annotations.get(name) for table in corpus.tables for name in table.columns},
    }
