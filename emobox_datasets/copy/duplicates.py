"""Of several files that claim to be one: the file as published, and what becomes of the others."""

import filecmp
import os
from collections.abc import Sequence
from dataclasses import dataclass

from emobox_datasets.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Choice:
    """`equal`: second copies of `file`, byte for byte; `converted`: files of other endings beside the published one."""

    file: str
    equal: list[str]
    converted: list[str]


def choose(files: Sequence[str], ending: str, what: str) -> Choice:
    """The file to use of those that claim to be `what`.

    Files with the published `ending` come before converted ones; of equal copies the first is used.

    Raises:
        CorpusError: files of equal rank differ; names two of them.
    """
    published = [file for file in files if file.lower().endswith(ending)]
    first, *others = published or files
    for other in others:
        if first == other or not same_bytes(first, other):
            raise CorpusError(
                f"Expected one file for {what}, but got {first} and {other}, which are not equal; remove the one that "
                f"is not the corpus's."
            )
    return Choice(first, others, [file for file in files if published and file not in published])


def same_bytes(first: str, other: str) -> bool:
    """Whether two files hold the same; sizes are looked at before bytes. What cannot be read is like nothing else."""
    try:
        return os.path.samefile(first, other) or filecmp.cmp(first, other, shallow=False)
    except OSError:
        return False
