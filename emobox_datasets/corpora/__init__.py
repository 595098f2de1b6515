"""One module per corpus: a card of facts and how to read it."""

import pkgutil
from functools import cache
from importlib import import_module

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError, nearest


@cache
def names() -> tuple[str, ...]:
    """The snake_case names of all corpora, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Corpus:
    """The card of a corpus by its name, such as `emodb`.

    Raises:
        CorpusError: no corpus has that name; says which are near.
    """
    if name not in names():
        raise CorpusError(f"Expected the name of a corpus, but got {name!r}. {nearest(name, names())}")
    corpus: Corpus = import_module(f"{__name__}.{name}").CORPUS
    return corpus
