"""How soon and how fast EmoDB (535 utterances, 5 released and 4 strict folds) streams from a Hub, and what it takes.

Two layouts of the same rows, on a loopback Hub in another process, in the same run:

- `prepared`: what `emobox prepare` writes and `emobox publish-dataset` sends: shards that all folds share.
- `push_to_hub`: what `DatasetDict.push_to_hub(repo, config_name)` makes of every configuration: audio once a
  configuration, row groups of up to 100 MB.

For each, by a fresh process with plain `datasets` and an empty cache, its modules imported: seconds, bytes and
requests from `load_dataset(…, "fold1", streaming=True)` to the first training example, then those of the whole training
part (not decoded). Two lines: `loopback` as it is, and `line`, where the server waits 50 ms before every answer and
sends 100 Mbit a second.

Run: `python benchmarks/streaming.py`; the corpus is at ../shared/corpora/emodb, or below $EMOBOX_TEST_ASSETS.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULT = HERE / "results" / "streaming.cpu.json"
PACKAGES = ("datasets", "fsspec", "huggingface_hub", "pyarrow")
REPEATS = 3
NAMES = {"prepared": "lab/prepared", "push_to_hub": "lab/pushed"}
OTHER = "lab/other"  # streamed first, so that imports do not count
LINES = {"loopback": (0.0, float("inf")), "line": (0.05, 100e6)}  # seconds before an answer, bits a second


def hub_server() -> Any:
    """The tests' module; their folder must not be on the path, where its folders would pass for our packages."""
    for name in ("hub_store", "hub_server"):
        spec = spec_from_file_location(name, HERE.parent / "tests" / "helpers" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def stream(repository: str) -> None:
    """In a process of its own: print seconds to the first example and of the rest, and the number of examples."""
    from datasets import Audio, load_dataset

    next(iter(load_dataset(OTHER, split="train", streaming=True)))
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    rows = load_dataset(repository, "fold1", split="train", streaming=True)
    examples = iter(rows.cast_column("audio", Audio(decode=False)))
    size = len(next(examples)["audio"]["bytes"])
    first = time.perf_counter() - start
    print(json.dumps({"first": first}), flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    sizes = [len(row["audio"]["bytes"]) for row in examples]
    rest = time.perf_counter() - start
    print(json.dumps({"rest": rest, "examples": len(sizes), "audio_bytes": sum(sizes) + size}), flush=True)


def asked(hub: Any) -> tuple[int, int]:
    """Requests, and bytes sent in answer to them."""
    return len(hub.requests), sum(request.sent for request in hub.requests)


def measure_once(hub: Any, repository: str) -> dict[str, float]:
    """One fresh process."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **hub.environment(), "HF_HOME": cache, "HF_TOKEN": hub.token}
        process = subprocess.Popen(
            [sys.executable, __file__, "--stream", repository],
            env=environment,
            cwd=cache,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        hub.requests.clear()
        print(file=process.stdin, flush=True)
        first = json.loads(process.stdout.readline())
        requests, sent = asked(hub)
        print(file=process.stdin, flush=True)
        rest = json.loads(process.stdout.readline())
        total_requests, total = asked(hub)
        process.wait()
    return {
        "seconds_to_first": round(first["first"], 4),
        "bytes_to_first": sent,
        "requests_to_first": requests,
        "seconds_of_pass": round(first["first"] + rest["rest"], 4),
        "examples": rest["examples"] + 1,
        "audio_bytes": rest["audio_bytes"],
        "bytes_of_pass": total,
        "requests_of_pass": total_requests,
    }


def measure(hub: Any, repository: str) -> dict[str, Any]:
    """Medians of fresh processes, after one that does not count."""
    runs = [measure_once(hub, repository) for _ in range(REPEATS + 1)][1:]
    figures: dict[str, Any] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    figures["seconds_to_first_all"] = [run["seconds_to_first"] for run in runs]
    figures["seconds_of_pass_all"] = [run["seconds_of_pass"] for run in runs]
    figures["examples_a_second"] = round(figures["examples"] / figures["seconds_of_pass"])
    kept = hub.repository("dataset", repository).files()
    figures["bytes_on_hub"] = sum(map(len, kept.values()))
    figures["files_on_hub"] = len(kept)
    return figures


def fill(root: Path, scratch: Path) -> None:
    """Both layouts and a small repository to warm up with, in a process that talks to the Hub."""
    import datasets
    from huggingface_hub.utils import disable_progress_bars

    import emobox_datasets  # noqa: F401
    from emobox_datasets import corpora
    from emobox_datasets.folds.partition import configurations
    from emobox_datasets.repository.write import prepare
    from hub_cards.cards.dataset_card import describe
    from hub_cards.hub.one_commit import Destination, connect, publish
    from hub_cards.publish.dataset import parcel_of

    datasets.disable_progress_bars()
    disable_progress_bars()
    corpus = corpora.load("emodb")
    made = prepare(corpus, root, scratch / "emodb", describe)
    parcel = parcel_of(scratch / "emodb", made)
    publish(connect(), parcel, Destination(NAMES["prepared"], "dataset", private=True), lambda *_: None)
    datasets.Dataset.from_dict({"label": [0, 1]}).push_to_hub(OTHER)
    for name in configurations(corpus):
        fold = datasets.load_dataset("emobox/emodb", name, data_dir=str(root))
        fold.push_to_hub(NAMES["push_to_hub"], name, private=True)


def processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.split(": ")[1] for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    assets = Path(os.environ.get("EMOBOX_TEST_ASSETS") or HERE.parents[1] / "shared")
    root = assets / "corpora" / "emodb"
    if not root.is_dir():
        print(f"EmoDB is not at {root}; set EMOBOX_TEST_ASSETS. Nothing was measured.")
        return 0
    with hub_server().HubServer() as hub, tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, **hub.environment(), "HF_HOME": scratch, "HF_TOKEN": hub.token}
        command = [sys.executable, __file__, "--fill", str(root), scratch]
        subprocess.run(command, env=environment, check=True)
        ways: dict[str, dict[str, Any]] = {}
        for line, (hub.delay, hub.bits_a_second) in LINES.items():
            ways[line] = {layout: measure(hub, name) for layout, name in NAMES.items()}
    compared = ("seconds_to_first", "bytes_to_first", "seconds_of_pass", "bytes_of_pass", "bytes_on_hub")
    result = {
        "benchmark": "streaming",
        "corpus": "emodb",
        "repeats": REPEATS,
        "ways": ways,
        "push_to_hub_over_prepared": {
            line: {name: round(way["push_to_hub"][name] / way["prepared"][name], 2) for name in compared}
            for line, way in ways.items()
        },
        "machine": {"processor": processor_name(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stream"]:
        stream(sys.argv[2])
    elif sys.argv[1:2] == ["--fill"]:
        fill(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())
