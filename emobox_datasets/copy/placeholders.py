"""What lies where audio should be: pointers that a clone leaves, web pages, links to nothing, pipes, empty files.

A copy of a corpus that was cloned without its large files, or downloaded without signing in, has every file by name
and none by content. That is told at once, by kind, before anything is converted.
"""

import logging
import os
import stat
from collections.abc import Iterable, Sequence

from emobox_datasets.copy.utterance import Utterance
from emobox_datasets.errors import AudioError, CorpusError, grouped

logger = logging.getLogger(__name__)

Fault = tuple[str, str]  # reason and remedy, as `AudioError` takes them

REPLACE = "replace it with the original"
SILENT_VIDEO = ("it has no sound", "take a recording that has some")
ABSENT = ("there is no such file", "copy it there from the corpus as published")
_DENIED = ("it cannot be read (permission denied)", "give yourself the right to read it (chmod +r)")
_EMPTY = ("it is empty", REPLACE)
_FOLDER = ("it is a folder", REPLACE)
_SPECIAL = ("it is a named pipe, a socket or a device", REPLACE)
_DANGLING = ("it is a link to a file that is not there", "replace the link with the original file")
_ANNEX = ("it is a git-annex link without its file", "run `git annex get .` in the corpus's folder")
_LFS = ("it is a Git-LFS pointer", "run `git lfs pull` in the corpus's folder")
_PAGE = ("it is a web page", "download the original again, signed in if its publisher asks for that")

_ORIGINALS = "replace them with the originals"
_OF_MANY: dict[Fault, Fault] = {
    _DENIED: ("cannot be read (permission denied)", "give yourself the right to read them (chmod +r)"),
    _EMPTY: ("are empty", _ORIGINALS),
    _FOLDER: ("are folders", _ORIGINALS),
    _SPECIAL: ("are named pipes, sockets or devices", _ORIGINALS),
    _DANGLING: ("are links to files that are not there", "replace the links with the original files"),
    _ANNEX: ("are git-annex links without their files", _ANNEX[1]),
    _LFS: ("are Git-LFS pointers", _LFS[1]),
    _PAGE: ("are web pages", "download the originals again, signed in if their publisher asks for that"),
}

_POINTER_SIZE = 1024  # Git-LFS forbids longer pointers; those of git-annex are a path
_SNIFFED = 512
_PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<script")
_NAMES_SHOWN = 3


def recognise(path: str | os.PathLike[str]) -> Fault | None:
    """Reason and remedy if `path` is no file that can be read, is empty or is a pointer; None for all else.

    Only what is small is opened, and nothing that is not a regular file: opening a pipe would wait for ever.
    """
    try:
        status = os.stat(path)
    except PermissionError:
        return _DENIED
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return _missing(path)
    if not stat.S_ISREG(status.st_mode):
        return _FOLDER if stat.S_ISDIR(status.st_mode) else _SPECIAL
    if not os.access(path, os.R_OK):
        return _DENIED
    if status.st_size == 0:
        return _EMPTY
    return sniff(path) if status.st_size < _POINTER_SIZE else None


def sniff(path: str | os.PathLike[str]) -> Fault | None:
    """Reason and remedy if the regular file `path` starts like a pointer or a web page."""
    with open(path, "rb") as file:
        return sniffed(file.read(_SNIFFED))


def sniffed(head: bytes) -> Fault | None:
    """The same of the first bytes of a file.

    >>> sniffed(b"<!DOCTYPE html>")[0], sniffed(b"RIFF")
    ('it is a web page', None)
    """
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return _LFS
    # A pointer file is a path below /annex/objects; a link checked out as text is that path from its own folder.
    if head.startswith((b"/annex/objects/", b"../", b".git/")) and b"annex/objects/" in head:
        return _ANNEX
    return _PAGE if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE_STARTS) else None


def check(display_name: str, utterances: Sequence[Utterance]) -> None:
    """Hold that every file of the utterances of a corpus can be audio, by looking at the suspicious ones only.

    Raises:
        CorpusError: files are placeholders; one sentence for each kind, with how many and the first of them.
    """
    errors = _errors(utterances)
    if errors:
        others = any((error.reason, error.remedy) != _DENIED for error in errors)
        raise CorpusError(
            f"Expected audio in {len({utterance.path for utterance in utterances})} files of {display_name}, but "
            + _sentences(errors)
            + (" Or pass allow_missing=True (--allow-missing) to go on without them." if others else "")
        )


def without(display_name: str, utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances of an incomplete corpus whose files can be audio; the others are missing, and told as a warning.

    All of them where none would be left, and those that the user has not the right to read: `check` says why.
    """
    errors = [error for error in _errors(utterances) if (error.reason, error.remedy) != _DENIED]
    faulty = {error.path for error in errors}
    rest = [utterance for utterance in utterances if utterance.path not in faulty]
    if not errors or not rest:
        return list(utterances)
    logger.warning(f"Counted as missing are files of {display_name} that hold no audio: {_sentences(errors)}")
    return rest


def _errors(utterances: Iterable[Utterance]) -> list[AudioError]:
    """What is wrong with files. What is missing altogether is for `check_complete` to tell."""
    faults = {path: recognise(path) for path in dict.fromkeys(utterance.path for utterance in utterances)}
    return [AudioError(path, *fault) for path, fault in faults.items() if fault and fault != ABSENT]


def _sentences(errors: list[AudioError]) -> str:
    return " ".join(_sentence(fault, alike) for fault, alike in grouped(errors).items())


def _sentence(fault: Fault, alike: list[AudioError]) -> str:
    if len(alike) == 1:
        reason, remedy = fault
        return f"1 {reason.removeprefix('it ')} ({alike[0].path}); {remedy}."
    reason, remedy = _OF_MANY[fault]
    first = ", ".join(error.path for error in alike[:_NAMES_SHOWN])
    return f"{len(alike)} {reason} (first {first}); {remedy}."


def _missing(path: str | os.PathLike[str]) -> Fault:
    if not os.path.islink(path):
        return ABSENT
    return _ANNEX if "annex/objects/" in os.readlink(path).replace("\\", "/") else _DANGLING
