"""Where a corpus is on this machine."""

import os
from pathlib import Path

import datasets

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError

DATA_VARIABLE = "EMOBOX_DATA"


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
            f"comes from {corpus.whence}."
        )
    if corpus.synthesise is not None and data_dir is None and not root.is_dir():
        _make(corpus, root)
    if not root.is_dir():
        named = "data_dir" if data_dir is not None else DATA_VARIABLE
        raise CorpusError(
            f"Expected a folder with {corpus.display_name} at {root} (from {named}), but there is none; "
            f"correct the path. The corpus comes from {corpus.whence}."
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
