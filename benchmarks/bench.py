"""A real plan through `emobox bench`: estimate against time, and records after kills and from shards.

    python benchmarks/bench.py whole plan.yaml --out benchmarks/results/bench.cpu.json
    python benchmarks/bench.py killed plan.yaml --seconds 60 --count 2
    python benchmarks/bench.py shards plan.yaml --count 3
    python benchmarks/bench.py paper

`whole` runs a plan once and holds its estimate against the time it took. `killed` and `shards` run it again into
folders of their own, by several workers at once that share the cores, beside a `whole` that is there, and compare all
records but provenance. `paper` computes what the paper's plan (and data2vec 2.0) would take on one H100 from measured
speeds; it runs nothing.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from emobox_datasets import corpora
from emobox_probe.encoders.names import is_path, path_for_others
from emobox_probe.records.cross_result import CROSS_FILE
from emobox_probe.records.result import RESULT_FILE
from emobox_probe.tasks.tasks import protocol_within
from hub_cards.bench.estimate import duration
from hub_cards.bench.items import Item
from hub_cards.bench.models import TABULATED, ModelHere
from hub_cards.bench.plan import Model, Place
from hub_cards.bench.speeds import ITEM, Speeds

# Encoders of the paper that are not on the Hub, as large as their fellows.
NOT_ON_HUB = {"data2vec 2.0 base": (93.8, 768), "data2vec 2.0 large": (314.0, 1024)}


def main() -> None:
    """Run the part that is asked for, and add its figures to a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("whole", "killed", "shards", "paper"))
    parser.add_argument("plan", type=Path, nargs="?")
    parser.add_argument(
        "--seconds", type=float, default=60, help="between kills of a worker; default: %(default)s"
    )
    parser.add_argument("--count", type=int, default=3, help="of workers; default: %(default)s")
    parser.add_argument("--out", type=Path, help="a JSON file that the figures are added to")
    arguments = parser.parse_args()
    if arguments.part == "paper":
        figures = paper()
    else:
        plan = moved(arguments.plan, arguments.part)
        figures = {"whole": whole, "killed": killed, "shards": shards}[arguments.part](plan, arguments)
    print(json.dumps(figures, indent=2))
    if arguments.out:
        known = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        known |= {arguments.part: figures, "machine": machine()}
        arguments.out.write_text(json.dumps(known, indent=2) + "\n")


def moved(path: Path, part: str) -> Path:
    """The same plan with output and features in `<plan>.<part>/`."""
    plan = yaml.safe_load(path.read_text())
    folder = path.with_suffix(f".{part}").absolute()
    folder.mkdir(exist_ok=True)
    plan |= {"output": str(folder / "runs"), "features": str(folder / "features")}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    return folder / "plan.yaml"


def start(plan: Path, *words: str, workers: int = 1) -> "subprocess.Popen[str]":
    """One of so many workers: each has its part of the cores."""
    command = [sys.executable, "-m", "emobox", "bench", str(plan), "--log", "json", *words]
    threads = max(1, (os.cpu_count() or 1) // workers)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if workers > 1 else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def events(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def whole(plan: Path, arguments: argparse.Namespace) -> dict:
    """Once, from nothing: the estimate and the time of every item, and of all."""
    began, cpu = time.perf_counter(), os.times().children_user
    told = events(start(plan).communicate()[0])
    seconds = time.perf_counter() - began
    estimated = {item["item"]: item for item in told[0]["items"]}
    items = {event["item"]: event["seconds"] for event in told if event["event"] == "done"}
    return {
        "plan": for_others(yaml.safe_load(arguments.plan.read_text())),
        "status": told[-1]["status"],
        "estimated_seconds": told[0]["seconds"],
        "seconds": round(seconds, 1),
        "ratio": round(told[0]["seconds"] / seconds, 3),
        "processor_seconds": round(os.times().children_user - cpu, 1),
        "load_average": os.getloadavg(),
        "items": {
            name: {
                "estimated_seconds": estimated[name]["seconds"],
                "seconds": round(taken, 1),
                "estimated_from": estimated[name]["source"],
            }
            for name, taken in items.items()
        },
    }


def for_others(settings: Any) -> Any:
    """Settings of a plan without the folders of this machine."""
    if isinstance(settings, dict):
        return {name: for_others(value) for name, value in settings.items()}
    if isinstance(settings, list):
        return [for_others(value) for value in settings]
    return path_for_others(settings) if isinstance(settings, str) and is_path(settings) else settings


def killed(plan: Path, arguments: argparse.Namespace) -> dict:
    """With a SIGKILL to every worker every so many seconds until it is done; if this is killed too, it can go on."""
    log = plan.parent / "kills"
    count, seconds = arguments.count, arguments.seconds

    def work(number: int) -> int:
        patience = seconds * (number + 1) / count  # not all at once
        while True:
            process = start(plan, workers=count)
            try:
                process.communicate(timeout=patience)
                return process.returncode
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                with log.open("a") as file:
                    file.write(f"{patience}\n")
            patience = seconds

    with ThreadPoolExecutor(count) as pool:
        statuses = list(pool.map(work, range(count)))
    kills = log.read_text().split() if log.is_file() else []
    return {"workers": count, "kills": len(kills), "statuses": statuses, **compared(plan, arguments)}


def shards(plan: Path, arguments: argparse.Namespace) -> dict:
    """As several processes at once."""
    count = arguments.count
    workers = [start(plan, "--shard", f"{n}/{count}", workers=count) for n in range(1, count + 1)]
    told = [events(worker.communicate()[0]) for worker in workers]
    done = [event["item"] for worker in told for event in worker if event["event"] == "done"]
    return {
        "workers": len(workers),
        "items_done_twice": len(done) - len(set(done)),
        **compared(plan, arguments),
    }


def compared(plan: Path, arguments: argparse.Namespace) -> dict:
    """How many records there are, and whether they equal those of `whole` in all but provenance."""
    mine, other = (records(folder) for folder in (plan.parent, arguments.plan.with_suffix(".whole")))
    return {"records": len(mine), "same_as_whole": mine == other}


def records(folder: Path) -> dict[str, dict]:
    found = {}
    for path in sorted([*folder.rglob(RESULT_FILE), *folder.rglob(CROSS_FILE)]):
        record = json.loads(path.read_text())
        del record["provenance"]
        found[str(path.relative_to(folder))] = record
    return found


def paper() -> dict:
    """The paper's ten models on its 32 corpora under both protocols, on one H100."""
    speeds = Speeds("cuda", "NVIDIA H100 80GB HBM3")
    known = [name for name in corpora.names() if corpora.load(name).synthesise is None]
    extraction, training = 0.0, dict.fromkeys(("paper", "strict"), 0.0)
    sources: set[str] = set()
    for name, (_, width) in {**TABULATED, **NOT_ON_HUB}.items():
        kind = "whisper" if "whisper" in name else "wav2vec2"
        depth = 32 if kind == "whisper" else 24 if width == 1024 else 12
        here = ModelHere(Model(name=name), "", {"model_type": kind, "num_hidden_layers": depth}, None)
        if name in NOT_ON_HUB:  # its size by its configuration
            here.config["hidden_size"] = width
        for corpus in known:
            place = (Place(name=corpus),)
            took = speeds.extraction(Item("extract", "", (), here.model, place), here)
            extraction += took.seconds
            sources.add(took.source)
            for protocol in training:
                within = protocol_within(protocol, corpora.load(corpus))
                took = speeds.training(Item("probe", "", (), here.model, place, within), here)
                training[protocol] += took.seconds
                sources.add(took.source)
    hours = sum(corpora.load(name).hours for name in known)
    return {
        "models": len(TABULATED) + len(NOT_ON_HUB),
        "corpora": len(known),
        "hours_of_audio": round(hours, 1),
        "extraction_hours": round(extraction / 3600, 2),
        "training_hours": {name: round(seconds / 3600, 2) for name, seconds in training.items()},
        "all": duration(extraction + sum(training.values())),
        "assumptions": [
            f"one worker that stays; beside its work, an item takes {ITEM['cuda']:.0f} s",
            "corpora are converted already",
            "models compute in bfloat16; speeds of other sizes are scaled by parameters",
            *sorted(sources),
        ],
    }


def machine() -> dict:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "versions": {
            name: version(name) for name in ("emobox", "torch", "transformers", "accelerate", "filelock")
        },
    }


if __name__ == "__main__":
    main()
