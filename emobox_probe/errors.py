"""The errors of the probe room."""

from os import PathLike


class ProbeError(ValueError):
    """Something the user gave (a model, a folder, a setting) is not what was expected."""

    def __str__(self) -> str:
        return _shown(super().__str__())


class UtteranceError(ProbeError):
    """An encoder fails on one utterance, at `position` in its batch."""

    def __init__(self, position: int, message: str):
        super().__init__(position, message)
        self.position, self.message = position, message

    def __str__(self) -> str:
        return _shown(self.message)


class UnreadableError(ProbeError):
    """A file or folder that is there must not be read, so nothing is known to be wrong with what it holds."""

    def __init__(self, path: str | PathLike[str]):
        super().__init__(path)  # the argument, so that it travels between processes
        self.path = str(path)

    def __str__(self) -> str:
        return _shown(
            f"Expected to read {self.path}, but it cannot be read (permission denied); ask its owner for access."
        )


def _shown(message: str) -> str:
    """Without what a terminal would obey, in names of files and models."""
    from emobox_datasets.errors import (
        printable,
    )  # a second of imports, which whoever makes no mistake does without

    return printable(message, keep="\n")
