"""How long it takes to find and read 35,000 utterances: the layout of ESD, with empty files.

Three ways over the same folder in the same run, on one core, the disk's cache warm:

- `listing`: `os.walk` and `sorted`: the paths, and nothing about them. The least that any reader must do.
- `scan`: `Corpus.scan`: every utterance with id, labels, speaker, language and fold, checked for completeness.
- `changes`: what `load_dataset` does at every call to see whether the copy has changed: names, sizes and dates, hashed.

Run: `python benchmarks/scan.py`.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emobox_datasets import corpora
from emobox_datasets.loading.row_version import source_hash

RESULT = Path(__file__).parent / "results" / "scan.cpu.json"
EMOTIONS = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
SPEAKERS, SENTENCES = 20, 350
SIZE = 2048  # bytes of a file, all of them a hole: what is shorter may be a placeholder, and is looked at
REPEATS = 5


def lay_out(root: Path) -> int:
    """The number of files made."""
    for speaker in range(1, SPEAKERS + 1):
        for position, emotion in enumerate(EMOTIONS):
            folder = root / f"{speaker:04d}" / emotion
            folder.mkdir(parents=True)
            for sentence in range(1, SENTENCES + 1):
                with open(folder / f"{speaker:04d}_{position * SENTENCES + sentence:06d}.wav", "wb") as file:
                    file.truncate(SIZE)
    return SPEAKERS * len(EMOTIONS) * SENTENCES


def list_files(root: Path) -> int:
    """The number of files that `os.walk` finds."""
    return len(sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names))


def scan(root: Path) -> int:
    """The number of utterances."""
    return len(corpora.load("esd").scan(root))


def see_changes(root: Path) -> int:
    """The length of the hash."""
    return len(source_hash(corpora.load("esd"), root))


def measure(way: Callable[[Path], int], root: Path) -> dict[str, Any]:
    """Median seconds of `REPEATS` runs, after one that does not count."""
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        way(root)
        seconds.append(time.perf_counter() - start)
    counted = seconds[1:]
    return {"seconds": round(statistics.median(counted), 3), "all": [round(value, 3) for value in counted]}


def processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.split(": ")[1] for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = lay_out(Path(folder))
        ways = {
            "listing": measure(list_files, Path(folder)),
            "scan": measure(scan, Path(folder)),
            "changes": measure(see_changes, Path(folder)),
        }
    result = {
        "benchmark": "scan",
        "corpus": "esd",
        "files": files,
        "repeats": REPEATS,
        "ways": ways,
        "files_per_second": {name: round(files / way["seconds"]) for name, way in ways.items()},
        "machine": {"processor": processor_name(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {"python": platform.python_version()},
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(ways, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
