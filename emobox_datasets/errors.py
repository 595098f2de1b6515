"""The one error that tells a user what is wrong with a corpus, a configuration or an audio file."""

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike

from datasets.exceptions import DatasetGenerationError


class CorpusError(DatasetGenerationError, ValueError):
    """A corpus, a configuration or an audio file is not what was expected.

    It derives from `DatasetGenerationError` because `datasets` hides every other exception raised while it
    converts a corpus behind "An error occurred while generating the dataset".
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class AudioError(CorpusError):
    """One audio file cannot be used. `reason` and `remedy` name no file, so that equal faults can be counted together.

    >>> str(AudioError("a.wav", "it is empty", "replace it with the original"))
    'Expected audio in a.wav, but it is empty; replace it with the original.'
    """

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str):
        super().__init__(path, reason, remedy)  # the arguments, so that it travels between processes
        self.path, self.reason, self.remedy = str(path), reason, remedy

    def __str__(self) -> str:
        return printable(f"Expected audio in {self.path}, but {self.reason}; {self.remedy}.")


def printable(text: str) -> str:
    """The text with bytes of file names that are not UTF-8 written out, so that it can be shown and logged anywhere.

    >>> printable(b"caf\\xe9".decode(errors="surrogateescape"))
    'caf\\\\xe9'
    """
    if text.isascii():
        return text
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names what the user may have meant, or all that is known.

    >>> nearest("emo-db", ["emodb", "urdu"])
    'Did you mean emodb?'
    >>> nearest("zzz", ["emodb", "urdu"])
    'Choose one of emodb, urdu.'
    """
    known = list(known)
    matches = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(matches)}?" if matches else f"Choose one of {', '.join(known)}."
