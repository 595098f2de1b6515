"""May the audio of a corpus be passed on to everyone? What its card says of the licence, as a decision."""

from dataclasses import dataclass
from typing import Literal

from emobox_datasets.corpus import Corpus

Permission = Literal["granted", "refused", "unknown"]

# What a card's licence begins with: the Hub's name for it. Only licences that let anyone pass on converted copies
# are here: with "no derivatives" (ND) that may not be so, because audio is resampled, mixed down and cut.
REDISTRIBUTABLE = {
    "Apache-2.0": "apache-2.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-NC-SA-3.0": "cc-by-nc-sa-3.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "CC0-1.0": "cc0-1.0",
    "GPL-3.0": "gpl-3.0",
    "MIT": "mit",
    "ODbL-1.0 and DbCL-1.0": "odbl",
}
# Licences that the Hub has a name for, but that do not let converted copies be passed on.
NAMED = {"CC-BY-NC-ND-4.0": "cc-by-nc-nd-4.0", "unknown": "unknown"}


# Terms that let nobody pass on what was made from the audio.
NO_DERIVATIVES = "-ND-"


@dataclass(frozen=True)
class Derivation:
    """Whether a model trained on a corpus may be passed on; `reason` completes the sentence "the licence …"."""

    permission: Permission
    reason: str


def derivation(corpus: Corpus) -> Derivation:
    """What the licence on the corpus's card lets a third party do with models trained on it.

    Licences are granted that let anyone change and pass on the audio itself. Terms of their own say nothing of models
    that could be read here: a person has to.

    >>> from emobox_datasets import corpora
    >>> [derivation(corpora.load(name)).permission for name in ("demo", "ravdess", "emodb", "urdu")]
    ['granted', 'granted', 'unknown', 'unknown']
    """
    known = corpus.licence.partition(" (")[0]
    if known in REDISTRIBUTABLE:
        return Derivation("granted", f"is {corpus.licence}")
    if NO_DERIVATIVES in known:
        return Derivation("refused", f"is {corpus.licence}, which lets nobody pass on what is made of it")
    if known == "unknown":
        return Derivation("unknown", "is not known")
    return Derivation("unknown", f"is {corpus.licence!r}, which has to be read for what it says of models")


@dataclass(frozen=True)
class Redistribution:
    """Whether the converted audio may be public; `reason` completes the sentence "the licence …"."""

    permission: Permission
    hub_licence: str
    reason: str


def redistribution(corpus: Corpus) -> Redistribution:
    """What the licence on the corpus's card lets a third party do with its audio.

    >>> from emobox_datasets import corpora
    >>> [redistribution(corpora.load(name)).permission for name in ("demo", "urdu", "emodb")]
    ['granted', 'refused', 'unknown']
    """
    known = corpus.licence.partition(" (")[0]
    if known in REDISTRIBUTABLE:
        return Redistribution("granted", REDISTRIBUTABLE[known], f"is {corpus.licence}")
    hub_licence = NAMED.get(known, "other")
    if known == "unknown":
        return Redistribution("unknown", hub_licence, "is not known")
    if NO_DERIVATIVES in known:
        reason = f"is {corpus.licence}, which does not let converted audio be passed on"
    else:
        reason = f"is {corpus.licence!r}, which does not let its audio be passed on"
    return Redistribution("refused", hub_licence, reason)
