"""The one error that tells a user what is wrong with a corpus, a configuration or an audio file."""

import errno
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from os import PathLike

from datasets.exceptions import DatasetGenerationError

# Marks that make the letters behind them run the other way, to the end of the line or to another mark.
_DIRECTIONS = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


class CorpusError(DatasetGenerationError, ValueError):
    """A corpus, a configuration or an audio file is not what was expected.

    It derives from `DatasetGenerationError` because `datasets` hides every other exception raised while it
    converts a corpus behind "An error occurred while generating the dataset".
    """

    def __str__(self) -> str:
        return printable(super().__str__(), keep="\n")


class AudioError(CorpusError):
    """One audio file cannot be used. `reason` and `remedy` name no file, so that equal faults can be counted together.

    What differs from file to file, such as what a decoder said, is the `detail`.

    >>> str(AudioError("a.wav", "it is empty", "replace it with the original"))
    'Expected audio in a.wav, but it is empty; replace it with the original.'
    >>> str(AudioError("a.wav", "it cannot be decoded", "replace it with the original", "no audio stream"))
    'Expected audio in a.wav, but it cannot be decoded (no audio stream); replace it with the original.'
    """

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str, detail: str = ""):
        super().__init__(path, reason, remedy, detail)  # the arguments, so that it travels between processes
        self.path, self.reason, self.remedy, self.detail = str(path), reason, remedy, detail

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return printable(f"Expected audio in {self.path}, but {self.reason}{detail}; {self.remedy}.")


def grouped(errors: Iterable[AudioError]) -> dict[tuple[str, str], list[AudioError]]:
    """Errors that have one reason and one remedy, together; the most frequent first."""
    groups: dict[tuple[str, str], list[AudioError]] = {}
    for error in errors:
        groups.setdefault((error.reason, error.remedy), []).append(error)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def printable(text: str, keep: str = "") -> str:
    """The text with what a terminal cannot show, or would obey, written out, so that it can be shown anywhere.

    That is bytes of file names that are not UTF-8, control characters but those to `keep`, and what turns the direction
    of writing around.

    >>> printable(b"caf\\xe9".decode(errors="surrogateescape")), printable("wei\\nrd\\x1b[31m.wav")
    ('caf\\\\xe9', 'wei\\\\nrd\\\\x1b[31m.wav')
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(
        repr(letter)[1:-1] if _is_obeyed(letter) and letter not in keep else letter for letter in text
    )


def _is_obeyed(letter: str) -> bool:
    """Whether a terminal would act on a letter: controls, ends of lines, marks of direction."""
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp") or letter in _DIRECTIONS


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def os_errors(error: BaseException) -> Iterator[OSError]:
    """The errors of the operating system among an error and what caused it."""
    return (cause for cause in causes(error) if isinstance(cause, OSError))


def is_disk_full(error: BaseException) -> bool:
    """Whether it happened because a disk, the user's share of it, or what a file may grow to is full."""
    return any(cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) for cause in os_errors(error))


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
