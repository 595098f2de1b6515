"""May a corpus be fetched now? It has a source, the network may be used, and its licence is open or accepted."""

import os

import datasets
import huggingface_hub.constants

from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.sources.source import Recipe, Source

ACCEPTED_VARIABLE = "EMOBOX_ACCEPT_LICENCE"
# What the card of a corpus says first, where its licence lets everyone use it without asking or signing.
_OPEN = ("Apache-", "CC-BY-", "CC0-", "MIT", "ODbL-")


def is_open(corpus: Corpus) -> bool:
    """Whether the licence is one of those that hold for everyone who uses the corpus, without being accepted first.

    >>> from emobox_datasets import corpora
    >>> [is_open(corpora.load(name)) for name in ("ravdess", "urdu", "emodb")]
    [True, False, False]
    """
    return corpus.licence.startswith(_OPEN)


def is_accepted(corpus: Corpus) -> bool:
    """Whether the user has named the corpus in `EMOBOX_ACCEPT_LICENCE`."""
    accepted = os.environ.get(ACCEPTED_VARIABLE, "").split(",")
    return corpus.name in [name.strip() for name in accepted]


def is_offline() -> bool:
    """Whether the user has told the ecosystem not to use the network."""
    return bool(huggingface_hub.constants.HF_HUB_OFFLINE or datasets.config.HF_DATASETS_OFFLINE)


def source_of(corpus: Corpus, accept_licence: bool = False) -> Source:
    """The source of a corpus that may be fetched now.

    Raises:
        CorpusError: the corpus has none, the network is not to be used, or its licence is not accepted.
    """
    if not isinstance(corpus.download, Source):
        raise CorpusError(
            f"Expected a corpus that anyone may download, but {corpus.display_name} has to be asked for:\n"
            f"{how_to_ask(corpus)}"
        )
    if is_offline():
        raise CorpusError(
            f"Expected {corpus.display_name} on this machine, or a network to fetch it, but HF_HUB_OFFLINE or "
            f"HF_DATASETS_OFFLINE is set; unset it, or name the folder that holds the corpus as data_dir (--data-dir)."
        )
    if not (is_open(corpus) or accept_licence or is_accepted(corpus)):
        raise CorpusError(
            f"Expected that you accept the licence of {corpus.display_name} ({corpus.licence}); read it at "
            f"{corpus.homepage}, then pass --accept-licence to emobox download {corpus.name}, or set "
            f"{ACCEPTED_VARIABLE}={corpus.name}."
        )
    return corpus.download


def how_to_ask(corpus: Corpus) -> str:
    """How to come by a corpus that has no source: five lines, or one where nothing is known."""
    recipe = corpus.download
    if not isinstance(recipe, Recipe):
        return f"{corpus.display_name} has no known source; it comes from {corpus.whence}."
    steps = (
        recipe.ask,
        f"Its page: {corpus.homepage} (licence: {corpus.licence}).",
        f"What is needed: {recipe.fetch}.",
        f"Unpack it into one folder, $FOLDER, so that it holds files such as {corpus.example}.",
        f"Ask whether it is right: emobox doctor {corpus.name} $FOLDER. Then name it as data_dir (--data-dir).",
    )
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
