"""Where a corpus is on this machine."""

import os
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

from filelock import FileLock

from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError, printable
from emobox_datasets.files import cache_folder, whole_folder
from emobox_datasets.sources.source import Source

DATA_VARIABLE = "EMOBOX_DATA"


def candidate_root(corpus: Corpus, data_dir: str | None) -> Path | None:
    """Where the corpus should be: `data_dir`, else the sub-folder of `EMOBOX_DATA`, else where it was fetched or made.

    The sub-folder has the corpus's name or display name, in any case: `crema_d`, `CREMA-D`.

    Raises:
        CorpusError: `data_dir` or `EMOBOX_DATA` is empty, or two sub-folders may be meant.
    """
    if data_dir is not None:
        return named_folder(data_dir, "data_dir")
    if corpus.synthesise is not None:
        return downloaded_root(corpus)
    if DATA_VARIABLE in os.environ:
        return _sub_folder(named_folder(os.environ[DATA_VARIABLE], DATA_VARIABLE), corpus)
    return root if (root := downloaded_root(corpus)).is_dir() else None


def downloaded_root(corpus: Corpus) -> Path:
    """Where a corpus is fetched to, or made, for which the user names no folder."""
    return cache_folder("corpora") / corpus.name


def named_folder(folder: str | os.PathLike[str], source: str) -> Path:
    """The absolute path of a folder that the user named; there need be none.

    Raises:
        CorpusError: the name is empty, which elsewhere means the working directory; `source` is who gave it.
    """
    if not str(folder).strip():
        raise CorpusError(
            f"Expected the path of a folder in {source}, but it is empty; name the folder, or leave {source} out."
        )
    return Path(folder).expanduser().absolute()


def data_variable_problem() -> str:
    """What is wrong with the folder that `EMOBOX_DATA` names, in a sentence; empty if it is there, or none is named."""
    if (
        DATA_VARIABLE not in os.environ
        or (folder := named_folder(os.environ[DATA_VARIABLE], DATA_VARIABLE)).is_dir()
    ):
        return ""
    state = "is a file" if folder.exists() else "is not there"
    return (
        f"Expected a folder in {DATA_VARIABLE}, but {printable(str(folder))} {state}; correct the variable."
    )


def _sub_folder(parent: Path, corpus: Corpus) -> Path:
    if (exact := parent / corpus.name).exists():
        return exact
    names = {_letters(corpus.name), _letters(corpus.display_name)}
    alike = [name for name in _folders(parent) if _letters(name) in names]
    if len(alike) > 1:
        raise CorpusError(
            f"Expected one folder with {corpus.display_name} below {parent} (from {DATA_VARIABLE}), but got "
            f"{' and '.join(map(printable, alike))}; call the one that is meant {corpus.name}."
        )
    return parent / alike[0] if alike else exact


def _letters(name: str) -> str:
    """Letters and digits in lower case, without accents: what two spellings of a folder's name share."""
    return "".join(letter for letter in normalize("NFKD", name).casefold() if letter.isalnum())


def _folders(parent: Path) -> list[str]:
    try:
        # Hidden ones are what is being fetched or written.
        entries = (entry for entry in parent.iterdir() if not entry.name.startswith("."))
        return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []


def find_root(corpus: Corpus, data_dir: str | None) -> Path:
    """The folder that holds the corpus; a built-in corpus is made there at first use.

    Raises:
        CorpusError: no folder was named, or there is none of that name; says which is near.
    """
    root = candidate_root(corpus, data_dir)
    if root is None:
        raise CorpusError(
            f"Expected to be told where {corpus.display_name} is; pass data_dir='/path/to/{corpus.name}' "
            f"(--data-dir), or set {DATA_VARIABLE} to a folder with a sub-folder {corpus.name}. The corpus "
            f"comes from {corpus.whence}.{_how_to_get(corpus)}"
        )
    if corpus.synthesise is not None and data_dir is None and not root.is_dir():
        _make(corpus, root)
    if not root.is_dir():
        raise CorpusError(
            f"Expected a folder with {corpus.display_name} at {root} (from {_source(corpus, root)}), but there is "
            f"{'a file' if root.exists() else 'none'}; correct the path.{_near(root)} The corpus comes from "
            f"{corpus.whence}.{_how_to_get(corpus)}"
        )
    return root


def _how_to_get(corpus: Corpus) -> str:
    """A sentence about the command that helps; empty for a corpus that is not known to it."""
    if corpus.download is None:
        return ""
    helps = "fetches it" if isinstance(corpus.download, Source) else "says how to ask for it"
    return f" `emobox download {corpus.name}` {helps}."


def _source(corpus: Corpus, root: Path) -> str:
    """Where a path came from. What `EMOBOX_DATA` says reaches a builder as its data_dir, and is told by its value."""
    from_variable = corpus.synthesise is None and bool(os.environ.get(DATA_VARIABLE, "").strip())
    return DATA_VARIABLE if from_variable and root == candidate_root(corpus, None) else "data_dir"


def _near(root: Path) -> str:
    """A sentence that names folders beside `root` of nearly that name."""
    spelled = {_letters(name): name for name in _folders(root.parent)}
    near = [printable(spelled[match]) for match in get_close_matches(_letters(root.name), spelled, n=3)]
    return f" Did you mean {' or '.join(near)}?" if near else ""


def is_here(corpus: Corpus) -> bool:
    """Whether the folder of a corpus is below `EMOBOX_DATA` and holds any file: not whether it is the corpus."""
    root = candidate_root(corpus, None)
    return root is not None and holds_files(root)


def holds_files(root: Path) -> bool:
    """Whether there is a folder with any file, hidden ones aside."""
    return root.is_dir() and not CorpusFolder(root).is_empty


def _make(corpus: Corpus, root: Path) -> None:
    """Synthesise all of it or nothing: no one ever reads half a corpus."""
    assert corpus.synthesise is not None
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_name(f".{root.name}.lock")):
        if not root.is_dir():
            with whole_folder(root) as unfinished:
                corpus.synthesise(unfinished)
