"""The `datasets` builder of every corpus, and the hook that lets `load_dataset("emobox/<corpus>")` find it.

A corpus is converted and stored once, as configuration `all`; every fold is a list of row numbers into it.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.arrow_reader import ArrowReader
from datasets.arrow_writer import ArrowWriter
from datasets.load import BuilderConfigsParameters, DatasetModule

from emobox_datasets import corpora
from emobox_datasets.audio import SAMPLING_RATE, read_waveform, to_flac
from emobox_datasets.corpus import RELEASED, Corpus, OwnSplit, Utterance
from emobox_datasets.errors import CorpusError
from emobox_datasets.folder import CorpusFolder
from emobox_datasets.partition import configurations, find_configuration, partition

NAMESPACE = "emobox/"
DATA_VARIABLE = "EMOBOX_DATA"
VERSION = datasets.Version("1.0.0")
# Rows a table of the Arrow file: a few seconds of conversion, a few MB.
TABLE_ROWS = 64
# What shapes the rows: if any of these files changes, stored corpora are made anew.
ROW_SOURCES = (
    "annotations.py",
    "audio.py",
    "corpus.py",
    "folder.py",
    "labels.py",
    "partition.py",
    "synthesis.py",
)


@dataclass
class EmoBoxConfig(datasets.BuilderConfig):
    """One fold, or `all`. With `allow_missing`, an incomplete copy of the corpus is loaded as far as it goes."""

    allow_missing: bool = False


class EmoBoxBuilder(datasets.ArrowBasedBuilder):
    """Builds the corpus that `dataset_name` names."""

    BUILDER_CONFIG_CLASS = EmoBoxConfig
    config: EmoBoxConfig

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
            features=features_of(corpus),
        )

    def _create_builder_config(
        self, config_name: str | None = None, *args: Any, **kwargs: Any
    ) -> tuple[datasets.BuilderConfig, str]:
        if config_name is not None:
            find_configuration(self.corpus, config_name)
        created: tuple[datasets.BuilderConfig, str] = super()._create_builder_config(
            config_name, *args, **kwargs
        )
        return created

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        root = find_root(self.corpus, self.config.data_dir)
        utterances = self.corpus.scan(root, self.config.allow_missing)
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"utterances": [utterances[row] for row in rows]})
            for split, rows in partition(self.corpus, self.config.name, utterances).items()
        ]

    def _generate_tables(self, utterances: list[Utterance]) -> Iterator[tuple[int, pa.Table]]:
        schema = self.info.features.arrow_schema
        for first in range(0, len(utterances), TABLE_ROWS):
            rows = [row_of(utterance, self.corpus) for utterance in utterances[first : first + TABLE_ROWS]]
            yield first, pa.Table.from_pylist(rows, schema=schema)

    def _stores_rows_only(self) -> bool:
        """A fold in the cache is a list of rows of `all`; written anywhere else it must stand alone."""
        in_cache = self._output_dir.removesuffix(".incomplete") == self._cache_dir
        return self.config.name != "all" and in_cache and self._file_format in (None, "arrow")

    def _whole(self) -> "EmoBoxBuilder":
        return type(self)(
            cache_dir=self._cache_dir_root,
            dataset_name=self.dataset_name,
            config_name="all",
            hash=self.hash,
            **self.config_kwargs,
        )

    def _download_and_prepare(self, dl_manager: Any, verification_mode: Any, **options: Any) -> None:
        if not self._stores_rows_only():
            super()._download_and_prepare(dl_manager, verification_mode, **options)
            return
        whole = self._whole()
        again = dl_manager.download_config.force_download
        whole.download_and_prepare(
            download_mode="force_redownload" if again else None, num_proc=options.get("num_proc")
        )
        items = stored_items(whole.as_dataset("train"), self.corpus)
        splits = datasets.splits.SplitDict(dataset_name=self.dataset_name)
        for split, rows in partition(self.corpus, self.config.name, items).items():
            path = os.path.join(self._output_dir, f"{self.dataset_name}-{split}.arrow")
            with ArrowWriter(features=ROW_NUMBERS, path=path) as writer:
                writer.write_table(pa.table({"row": pa.array(rows, pa.uint64())}))
                count, size = writer.finalize()
            splits.add(datasets.SplitInfo(split, num_bytes=size, num_examples=count))
        self.info.splits = splits
        self.info.download_size = 0

    def _as_dataset(self, split: Any = datasets.Split.TRAIN, in_memory: bool = False) -> datasets.Dataset:
        if not self._stores_rows_only():
            return super()._as_dataset(split, in_memory)
        stored = ArrowReader(self._output_dir, self.info).read(
            name=self.dataset_name, instructions=split, split_infos=self.info.splits.values()
        )
        whole = self._whole().as_dataset("train", in_memory=in_memory)
        return datasets.Dataset(
            arrow_table=whole.data,
            info=stored["info"],
            split=stored["split"],
            fingerprint=self._get_dataset_fingerprint(split),
            indices_table=stored["arrow_table"],
        )


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
        }
    )


def row_of(utterance: Utterance, corpus: Corpus) -> dict[str, Any]:
    """Decode one utterance and lay out its row."""
    waveform = read_waveform(utterance.path, utterance.start, utterance.end, utterance.channel)
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
    }


def candidate_root(corpus: Corpus, data_dir: str | None) -> Path | None:
    """Where the corpus should be: `data_dir`, else the sub-folder of `EMOBOX_DATA`, else made on the spot."""
    if data_dir is not None:
        return Path(data_dir).expanduser().absolute()
    if corpus.synthesise is not None:
        return Path(datasets.config.HF_CACHE_HOME).expanduser() / "emobox" / "corpora" / corpus.name
    if DATA_VARIABLE in os.environ:
        return Path(os.environ[DATA_VARIABLE]).expanduser().absolute() / corpus.name
    return None


def find_root(corpus: Corpus, data_dir: str | None) -> Path:
    """The folder that holds the corpus; a built-in corpus is made there at first use.

    Raises:
        CorpusError: no folder was named, or there is none of that name.
    """
    root = candidate_root(corpus, data_dir)
    if root is None:
        raise CorpusError(
            f"Expected to be told where {corpus.display_name} is; pass data_dir='/path/to/{corpus.name}' "
            f"(--data-dir), or set {DATA_VARIABLE} to a folder with a sub-folder {corpus.name}. The corpus "
            f"comes from {corpus.homepage}."
        )
    if corpus.synthesise is not None and data_dir is None and not root.is_dir():
        _make(corpus, root)
    if not root.is_dir():
        named = "data_dir" if data_dir is not None else DATA_VARIABLE
        raise CorpusError(
            f"Expected a folder with {corpus.display_name} at {root} (from {named}), but there is none; "
            f"correct the path. The corpus comes from {corpus.homepage}."
        )
    return root


def _make(corpus: Corpus, root: Path) -> None:
    """Synthesise into a folder of this process, then rename it: no one ever reads half a corpus."""
    assert corpus.synthesise is not None
    root.parent.mkdir(parents=True, exist_ok=True)
    unfinished = root.with_name(f"{root.name}.{os.getpid()}.incomplete")
    corpus.synthesise(unfinished)
    try:
        unfinished.rename(root)
    except OSError:
        if not root.is_dir():  # another process made it first
            raise


def source_hash(corpus: Corpus, root: Path | None) -> str:
    """Changes with the code that shapes the rows, the released lists, and the files of the copy on disk."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    sources = [package / name for name in ROW_SOURCES] + [package / "corpora" / f"{corpus.name}.py"]
    for source in sources + sorted((RELEASED / corpus.name).glob("*.txt")):
        digest.update(source.read_bytes())
    if root is not None and root.is_dir():
        for path, stat in CorpusFolder(root).entries:
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def dataset_module(corpus: Corpus, data_dir: str | None) -> DatasetModule:
    """What `datasets` needs to know to build one of our corpora."""
    root = candidate_root(corpus, data_dir)
    if corpus.synthesise is not None and data_dir is None:
        root = find_root(corpus, None)
    configs = [
        EmoBoxConfig(name=known.name, version=VERSION, description=known.description)
        for known in configurations(corpus).values()
    ]
    return DatasetModule(
        module_path=__name__,
        hash=source_hash(corpus, root),
        builder_kwargs={"dataset_name": corpus.name, "data_dir": None if root is None else str(root)},
        builder_configs_parameters=BuilderConfigsParameters(
            builder_configs=configs, default_config_name=configs[0].name
        ),
    )


def install() -> None:
    """Let `datasets` resolve `emobox/<corpus>` to our builder; every other name goes where it always went.

    A local folder `./emobox/<corpus>` (made by `emobox prepare`) wins, as local folders do in `datasets`.
    """
    original = datasets.load.dataset_module_factory
    if getattr(original, "knows_emobox", False):
        return

    def dataset_module_factory(path: str, *args: Any, **kwargs: Any) -> DatasetModule:
        if not str(path).startswith(NAMESPACE) or os.path.isdir(path):
            return original(path, *args, **kwargs)
        corpus = corpora.load(str(path).removeprefix(NAMESPACE))
        return dataset_module(corpus, kwargs.get("data_dir"))

    dataset_module_factory.knows_emobox = True  # type: ignore[attr-defined]
    datasets.load.dataset_module_factory = dataset_module_factory
    datasets.inspect.dataset_module_factory = dataset_module_factory
