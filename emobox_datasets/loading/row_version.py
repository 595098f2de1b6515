"""Which rows a corpus has: what a stored conversion is known by."""

import hashlib
from pathlib import Path

import emobox_datasets.corpora as corpora
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import RELEASED, Corpus

# Raise it with every change of code after which a stored row, or the order of rows, would be another one: rows that
# an earlier version stored are then made anew. A golden test, test_row_version.py, notices such a change.
ROW_VERSION = 3
# The same of the columns of corpora that have optional tables.
TABLES_VERSION = 3


def source_hash(corpus: Corpus, root: Path | None) -> str:
    """Changes with `ROW_VERSION`, the module of a user's own corpus, the released lists, and the files of the copy."""
    digest = hashlib.sha256(f"rows {ROW_VERSION}\n".encode())
    if corpus.tables:
        digest.update(f"tables {TABLES_VERSION}\n".encode())
    for source in _own_module(corpus) + sorted((RELEASED / corpus.name).glob("*.txt")):
        digest.update(source.read_bytes())
    if root is not None and root.is_dir():
        for path, stat in CorpusFolder(root).entries:
            line = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _own_module(corpus: Corpus) -> list[Path]:
    """The module of a corpus that is not one of this package's: no number tells when its author changes it."""
    module = corpora.source_of(corpus.name)
    return [] if module.parent == Path(corpora.__file__).parent else [module]
