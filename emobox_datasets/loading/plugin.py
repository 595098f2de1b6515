"""The hook that lets `load_dataset("emobox/<corpus>", "<config>")` find our builder."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
from datasets.load import BuilderConfigsParameters, DatasetModule

import emobox_datasets.corpora as corpora
import emobox_datasets.repository.prepared as prepared
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import configurations
from emobox_datasets.loading import builder, joined, published_rows
from emobox_datasets.loading.row_version import ROW_VERSION, source_hash
from emobox_datasets.sources.download import remind
from emobox_datasets.sources.location import candidate_root, downloaded_root, find_root, named_folder
from emobox_datasets.sources.source import Source

NAMESPACE = "emobox/"
VERSION = datasets.Version("1.0.0")


def dataset_module(corpus: Corpus, data_dir: str | None) -> DatasetModule:
    """What `datasets` needs to know to build one of our corpora."""
    root = candidate_root(corpus, data_dir)
    if corpus.synthesise is not None and data_dir is None:
        root = find_root(corpus, None)
    if root is None and isinstance(corpus.download, Source):
        root = downloaded_root(corpus)  # where the builder puts it, once its audio is asked for
    elif root is not None:
        remind(root)
    configs = [
        builder.EmoBoxConfig(name=known.name, version=VERSION, description=known.description)
        for known in configurations(corpus).values()
    ]
    return DatasetModule(
        module_path=builder.__name__,
        hash=source_hash(corpus, root),
        builder_kwargs={"dataset_name": corpus.name, "data_dir": None if root is None else str(root)},
        builder_configs_parameters=BuilderConfigsParameters(
            builder_configs=configs, default_config_name=configs[0].name
        ),
    )


def joined_module(corpus: Corpus, data_dir: str | None, metadata: Path) -> DatasetModule:
    """`dataset_module` where a repository without audio is at `metadata`: every row is held against it."""
    plain = dataset_module(corpus, data_dir)
    configs = [
        joined.JoinedConfig(name=config.name, version=config.version, description=config.description)
        for config in plain.builder_configs_parameters.builder_configs
    ]
    return replace(
        plain,
        module_path=joined.__name__,
        hash=joined.joined_hash(plain.hash, metadata),
        builder_kwargs={**plain.builder_kwargs, "metadata": str(metadata.absolute())},
        builder_configs_parameters=replace(plain.builder_configs_parameters, builder_configs=configs),
    )


def published_module(plain: DatasetModule) -> DatasetModule:
    """What `datasets` would do with a prepared repository on this machine, with rows in the order of their ids."""
    marked = f"{plain.hash} by id {ROW_VERSION}"  # not to be taken for what was stored without this package
    return replace(
        plain, module_path=published_rows.__name__, hash=hashlib.sha256(marked.encode()).hexdigest()[:32]
    )


def check_data_dir(folder: str, data_dir: Any, data_files: Any) -> None:
    """Refuse what would make `datasets` forget the folds of a prepared repository: train and test in one split.

    Raises:
        CorpusError: `folder` is such a repository, and the user names a folder or files beside it, or an empty folder.
    """
    if not os.path.isfile(os.path.join(folder, prepared.FILE)):
        return
    if data_dir is not None:
        named_folder(data_dir, "data_dir")
    if data_dir or data_files:
        raise CorpusError(
            f"Expected no data_dir and no data_files, because {folder} is a prepared repository with the audio in it, "
            f"but got {data_dir or data_files!r}; leave it out, or move the folder away to read your own copy."
        )


def install() -> None:
    """Let `datasets` resolve `emobox/<corpus>` to our builder; every other name goes where it always went.

    A local folder `./emobox/<corpus>` (made by `emobox prepare`) wins, as local folders do in `datasets`; if it has no
    audio, that of the user's own copy is put to it. Wherever a prepared repository lies on this machine, its rows come
    in the order of their ids.
    """
    original = datasets.load.dataset_module_factory
    if getattr(original, "knows_emobox", False):
        return

    def dataset_module_factory(path: str, *args: Any, **kwargs: Any) -> DatasetModule:
        ours = str(path).startswith(NAMESPACE)
        if not ours or (os.path.isdir(path) and not prepared.is_metadata_only(path)):
            check_data_dir(path, kwargs.get("data_dir"), kwargs.get("data_files"))
            module = original(path, *args, **kwargs)
            return published_module(module) if prepared.is_readable(path) else module
        corpus = corpora.load(str(path).removeprefix(NAMESPACE))
        if os.path.isdir(path):
            return joined_module(corpus, kwargs.get("data_dir"), Path(path))
        return dataset_module(corpus, kwargs.get("data_dir"))

    dataset_module_factory.knows_emobox = True  # type: ignore[attr-defined]
    datasets.load.dataset_module_factory = dataset_module_factory
    datasets.inspect.dataset_module_factory = dataset_module_factory
