"""The one error that tells a user what is wrong with a corpus, a configuration or an audio file."""

from collections.abc import Iterable
from difflib import get_close_matches

from datasets.exceptions import DatasetGenerationError


class CorpusError(DatasetGenerationError, ValueError):
    """A corpus, a configuration or an audio file is not what was expected.

    It derives from `DatasetGenerationError` because `datasets` hides every other exception raised while it
    converts a corpus behind "An error occurred while generating the dataset".
    """


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
