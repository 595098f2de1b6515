"""How fast URDU (400 files, 44.1 kHz, 0.277 h) becomes 16 kHz audio, and how much room it takes on disk.

Three ways, on the same files in the same run, on one core:

- `emobox`: `load_dataset("emobox/urdu", "all")` with an empty cache: decode, resample with soxr, encode as FLAC, store.
- `wav`: what a script would do: soundfile, `scipy.signal.resample_poly`, one float32 WAV file each.
- `datasets_audio`: `datasets.Audio(sampling_rate=16000)` over the original files, every row decoded and cast. Needs a
  Python in which torchcodec works: `pip install --no-deps torchcodec==0.13.0`, and a folder on LD_LIBRARY_PATH whose
  links (`libavcodec.so.62` …) lead to the libraries that PyAV bundles in `av.libs`, which must be on it too. Where
  torchcodec does not work, the result says why. It stores nothing: its speed has no encoding in it, and its size is
  that of the original files.

Run: `python benchmarks/convert.py`; the corpus is at ../shared/corpora/urdu, or below $EMOBOX_TEST_ASSETS.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from math import gcd
from pathlib import Path
from typing import Any

import datasets
import soundfile
from scipy.signal import resample_poly

from emobox_datasets import corpora
from emobox_datasets.loading.decoder import torchcodec_works

RESULT = Path(__file__).parent / "results" / "convert.cpu.json"
PACKAGES = ("av", "datasets", "numpy", "pyarrow", "scipy", "soundfile", "soxr", "torch", "torchcodec")
REPEATS = 5
TARGET = 16_000


def with_emobox(root: Path, scratch: Path) -> int:
    """Bytes on disk of the converted corpus."""
    datasets.load_dataset("emobox/urdu", "all", split="train", data_dir=str(root), cache_dir=str(scratch))
    return sum(file.stat().st_size for file in scratch.rglob("*.arrow"))


def to_wav(root: Path, scratch: Path) -> int:
    """Bytes on disk of one float32 WAV file an utterance."""
    for file in sorted(root.rglob("*.wav")):
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        common = gcd(rate, TARGET)
        resampled = resample_poly(samples.mean(axis=1), TARGET // common, rate // common)
        soundfile.write(scratch / file.name, resampled, TARGET, subtype="FLOAT")
    return sum(file.stat().st_size for file in scratch.glob("*.wav"))


def with_datasets_audio(root: Path, scratch: Path) -> int:
    """Bytes of the original files, which is what `datasets` keeps."""
    files = sorted(str(file) for file in root.rglob("*.wav"))
    rows = datasets.Dataset.from_dict({"audio": files})
    for row in rows.cast_column("audio", datasets.Audio(sampling_rate=TARGET)):
        row["audio"]["array"]
    return sum(Path(file).stat().st_size for file in files)


def measure(convert: Callable[[Path, Path], int], root: Path, hours: float) -> dict[str, Any]:
    """Repeat a conversion with an empty scratch folder each time; medians, and the spread of the processor time."""
    wall, processor, size = [], [], 0
    for _ in range(REPEATS + 1):
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter(), time.process_time()
            size = convert(root, Path(scratch))
            wall.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
    del wall[0], processor[0]  # imports and a cold disk
    return {
        "audio_hours_per_hour_per_core": round(3600 * hours / statistics.median(processor)),
        "processor_seconds": round(statistics.median(processor), 3),
        "processor_seconds_all": [round(seconds, 3) for seconds in processor],
        "wall_seconds": round(statistics.median(wall), 3),
        "bytes": size,
    }


@contextmanager
def quiet() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next(
        (line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor()
    )


def why_no_torchcodec() -> str:
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        return " ".join(str(error).split())[:300]
    return ""


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    root = (
        Path(os.environ.get("EMOBOX_TEST_ASSETS") or Path(__file__).parents[2] / "shared")
        / "corpora"
        / "urdu"
    )
    if not root.is_dir():
        print(f"URDU is not at {root}; set EMOBOX_TEST_ASSETS. Nothing was measured.")
        return 0
    files = corpora.load("urdu").scan(root)
    hours = sum(soundfile.info(utterance.path).duration for utterance in files) / 3600
    with quiet():
        ways: dict[str, Any] = {
            "emobox": measure(with_emobox, root, hours),
            "wav": measure(to_wav, root, hours),
            "datasets_audio": measure(with_datasets_audio, root, hours)
            if torchcodec_works()
            else {"not_measured": f"torchcodec cannot be imported: {why_no_torchcodec()}"},
        }
    result = {
        "benchmark": "convert",
        "corpus": "urdu",
        "files": len(files),
        "audio_hours": round(hours, 4),
        "repeats": REPEATS,
        "ways": ways,
        "machine": {"processor": processor_name(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": versions(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(ways, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
