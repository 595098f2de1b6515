"""One module per corpus: a card of facts and how to read it.

Modules of your own are found in the folders that `EMOBOX_CORPORA` names, parted as in `PATH`.
"""

import os
import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError, nearest

VARIABLE = "EMOBOX_CORPORA"
# Last, so that a corpus of the benchmark is never another one's.
__path__ += [folder for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


@cache
def names() -> tuple[str, ...]:
    """The snake_case names of all corpora, sorted.

    Raises:
        CorpusError: a folder that `EMOBOX_CORPORA` names does not exist.
    """
    if missing := [folder for folder in __path__ if not Path(folder).is_dir()]:
        raise CorpusError(
            f"Expected folders of corpus modules in {VARIABLE}, but {', '.join(missing)} does not exist; correct it."
        )
    return tuple(sorted({module.name for module in pkgutil.iter_modules(__path__)}))


def load(name: str) -> Corpus:
    """The card of a corpus by its name, such as `emodb`.

    Raises:
        CorpusError: no corpus has that name; says which are near. Or its module does not define it.
    """
    if name not in names():
        raise CorpusError(
            f"Expected the name of a corpus, but got {name!r}. {nearest(name, names())} For a corpus of your own, set "
            f"{VARIABLE} to the folder of its module."
        )
    module = import_module(f"{__name__}.{name}")
    corpus = getattr(module, "CORPUS", None)
    if not isinstance(corpus, Corpus) or corpus.name != name:
        raise CorpusError(
            f"Expected a Corpus named {name!r} as CORPUS in {module.__file__}, but got "
            f"{getattr(corpus, 'name', corpus)!r}; the module, the file and the corpus have one name."
        )
    return corpus


def source_of(name: str) -> Path:
    """The file of a corpus's module."""
    return Path(str(import_module(f"{__name__}.{name}").__file__))
