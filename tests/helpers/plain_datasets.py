"""Loads repositories with plain `datasets`, in a process that cannot import this package, and prints their rows.

    python tests/plain_datasets.py '[["emobox/emodb", "fold2", false], …]'

One JSON line for every (path, configuration, streaming): its splits as `rows_of` tells them, or the name of the error.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OURS = ("emobox", "emobox_datasets", "emobox_metric", "emobox_probe", "hub_cards")


def rows_of(splits: Any) -> dict[str, list[str]]:
    """Split to its rows sorted by id, every column told; labels by name, audio by checksum of its bytes."""
    import datasets

    told = {}
    for name, split in splits.items():
        names = split.features["label"].names
        if "audio" in split.features:
            split = split.cast_column("audio", datasets.Audio(decode=False))
        rows = []
        for row in split:
            row["label"] = names[row["label"]]
            if "audio" in row:
                row["audio"] = [hashlib.sha256(row["audio"]["bytes"]).hexdigest(), row["audio"]["path"]]
            rows.append(json.dumps(row, sort_keys=True))
        told[name] = sorted(rows, key=lambda row: json.loads(row)["id"])
    return told


def load_elsewhere(
    asked: list[tuple[str, str, bool]], folder: Path, environment: dict[str, str] | None = None
) -> list[Any]:
    """What this module prints, run in `folder` with a cache of its own."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, __file__, json.dumps(asked)],
            cwd=folder,
            env={**os.environ, "HF_HOME": cache, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    for name in OURS:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails from here on
    import datasets

    datasets.disable_progress_bars()
    for path, configuration, streaming in json.loads(sys.argv[1]):
        try:
            print(json.dumps(rows_of(datasets.load_dataset(path, configuration, streaming=streaming))))
        except Exception as error:
            print(json.dumps(type(error).__name__))
    assert not any(sys.modules[name] for name in OURS)


if __name__ == "__main__":
    main()
