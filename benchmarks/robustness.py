"""What a run leaves when it is killed, when the disk is full, and when bits of what it keeps are flipped.

    python benchmarks/robustness.py [--parts kills limit full bits] [--kills 25] [--random 20] [--bits 400] [--out FILE]

The commands are `prepare`, `probe` (builtin:logmel on the demo corpus, few epochs), `card`, `leaderboard` and `plots`,
each in a process of its own. Every trial begins with the same folders, and is compared with an undisturbed run: the
same files with the same bytes, but for the provenance of a record and the times of extraction.

- `killed`: SIGKILL before chosen file operations, spread over all that the commands do, and at random times; then the
  same command again.
- `full`: before each kind of file is opened to be written, the file system is filled to the last byte (a tmpfs, where
  one can be mounted), or no file may grow any more (RLIMIT_FSIZE); then, with room, the same command again.
- `bits`: single bits flipped in training checkpoints, headers and bodies of feature shards, the stored conversion and
  prepared shards, each then read as a run reads it; some also by a whole run.

Exit status 1 if anything else than equal results, or one paragraph, came out.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "robustness.cpu.json"
PACKAGES = ("datasets", "emobox", "filelock", "pyarrow", "safetensors", "torch")
ROOM = "64m"
PARTS = ("kills", "limit", "full", "bits")


@contextmanager
def world() -> Iterator[tuple[Path, bool]]:
    """A folder for all that commands read and write, and whether it is a small disk of its own."""
    # Not a TemporaryDirectory, which every process that is forked from this one would remove at its end.
    parent = Path(tempfile.mkdtemp(prefix="emobox-robustness-"))
    folder = parent / "world"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)]
    mounted = bool(shutil.which("mount")) and not subprocess.run(mount, stderr=subprocess.DEVNULL).returncode
    try:
        yield folder, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(parent)


def measure(folder: Path, mounted: bool, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures, made in that folder."""
    # Libraries read these once, so what is imported here must not be imported before.
    os.environ |= {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    for variable in ("HF_DATASETS_CACHE", "EMOBOX_DATA"):
        os.environ.pop(variable, None)
    from robust.bits import flipped
    from robust.faults import prepare
    from robust.trials import Stages, full_disks, killed_at_operations, killed_at_random

    prepare()
    stages = Stages(folder)
    stages.record()
    figures: dict[str, Any] = {}
    if "kills" in arguments.parts:
        figures["killed at chosen operations"] = killed_at_operations(stages, arguments.kills)
        figures["killed at random times"] = killed_at_random(stages, arguments.random)
    if "limit" in arguments.parts:
        figures["no file may grow"] = full_disks(stages, "limit")
    if "full" in arguments.parts and mounted:
        figures["disk is full"] = full_disks(stages, "full")
    if "bits" in arguments.parts:
        figures["bits are flipped"] = flipped(stages, arguments.bits)
    return figures


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.split(": ")[1] for line in lines if line.startswith("model name"))
    return {
        "processor": next(names, platform.processor()),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        help="to measure; others stay in the file (default: all)",
    )
    parser.add_argument("--kills", type=int, default=25, help="at chosen operations; default: %(default)s")
    parser.add_argument("--random", type=int, default=20, help="kills at random times; default: %(default)s")
    parser.add_argument("--bits", type=int, default=400, help="to flip; default: %(default)s")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file to write; default: %(default)s")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with world() as (folder, mounted):
        figures = measure(folder, mounted, arguments)
    known = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    result = {
        "benchmark": "robustness",
        "corpus": "demo",
        "figures": {**known.get("figures", {}), **figures},
        "seconds": round(time.perf_counter() - started),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return int(any(part["wrong"] for part in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
