"""What a classifier has said before, kept by what its answers depend on, so that a killed run goes on."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from filelock import FileLock

from emobox_datasets.files import cache_folder

FOLDER = "predicted"


class Answers:
    """Logits by the SHA-256 of a file and the seconds of its part."""

    def __init__(self, identity: Sequence[Any]):
        content = json.dumps([version("emobox"), *identity], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:32]
        self._file = cache_folder(FOLDER) / f"{key}.jsonl"
        self._lock = FileLock(f"{self._file}.lock")
        self._known: dict[str, list[float]] = {}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._read()

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> list[float]:
        return self._known[key]

    def keep(self, answers: Mapping[str, list[float]]) -> None:
        """Remember them, in the file too."""
        self._known.update(answers)
        lines = "".join(f"{json.dumps([key, logits])}\n" for key, logits in answers.items())
        with self._lock, self._file.open("a", encoding="utf-8") as stream:
            stream.write(lines)

    def _read(self) -> None:
        """A line that a killed run did not finish is cut off; a damaged one is asked again."""
        if not self._file.is_file():
            return
        content = self._file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        os.truncate(self._file, len(whole))
        for line in whole.splitlines():
            with suppress(ValueError, TypeError):
                key, logits = json.loads(line)
                self._known[key] = [float(value) for value in logits]
