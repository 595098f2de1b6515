"""Any choice of utterances as a configuration of its own: a text file of ids, loaded as `list:<path>`.

One id a line. Lines that begin with `#` tell about the list, `# key: value`; of these only `corpus` binds: a list of
another corpus is refused.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import write_whole

PREFIX = "list:"
CORPUS = "corpus"


@dataclass(frozen=True)
class UtteranceList:
    """Distinct ids, sorted, and what the file says about them."""

    ids: tuple[str, ...]
    about: Mapping[str, str]

    @property
    def name(self) -> str:
        """What caches know the list by: equal names, equal ids.

        >>> UtteranceList(("demo-ada_sad_01", "demo-ada_sad_02"), {}).name
        'list-e638791d3c7380ec'
        """
        digest = hashlib.sha256("\n".join(self.ids).encode()).hexdigest()
        return f"list-{digest[:16]}"

    @property
    def description(self) -> str:
        """What it is, as the beginning of a sentence."""
        return f"A list of utterances: {len(self.ids)}"


def read(path: str | Path, corpus: Corpus) -> UtteranceList:
    """The list in a file.

    Raises:
        CorpusError: there is no such file, it is no text, lists nothing or one id twice, or is of another corpus.
    """
    file = Path(path).expanduser()
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"Expected a text file with an utterance id a line at {file.absolute()}, but it cannot be read ({error}); "
            f"name a list that emobox balance wrote, or one like it."
        ) from error
    told = (line.lstrip("# ").partition(":") for line in lines if line.startswith("#"))
    about = {key.strip(): value.strip() for key, colon, value in told if colon}
    ids = [line for line in lines if line and not line.startswith("#")]
    if about.get(CORPUS, corpus.name) != corpus.name:
        raise CorpusError(
            f"Expected a list of utterances of {corpus.name}, but {file} is one of {about[CORPUS]}; name another list, "
            f"or load emobox/{about[CORPUS]}."
        )
    distinct = tuple(sorted(set(ids)))
    if not ids or len(distinct) < len(ids):
        wrong = "one id twice, " + min(id for id in distinct if ids.count(id) > 1) if ids else "nothing"
        raise CorpusError(
            f"Expected distinct utterance ids in {file}, but it lists {wrong}; correct the list."
        )
    return UtteranceList(distinct, about)


def write(path: str | Path, ids: Iterable[str], corpus: Corpus, about: Mapping[str, str]) -> UtteranceList:
    """Write a list that `read` reads; no one ever reads half of it."""
    file = Path(path).expanduser()
    listed = UtteranceList(tuple(sorted(set(ids))), {CORPUS: corpus.name, **about})
    lines = [f"# {key}: {' '.join(value.split())}" for key, value in listed.about.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, ("\n".join([*lines, *listed.ids]) + "\n").encode())
    return listed
