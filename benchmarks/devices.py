"""What a second GPU gains: the main job on one and on two, started as a user starts it.

    python benchmarks/devices.py --processes 1 2

Six hours of audio are made here (tones in noise, 1 to 20 s, ten speakers, four labels) and converted once. Models have
real sizes and random weights. Each process number starts from no features. Seconds of extraction are those from the
first sign of the store to its index, as seen from outside; those of training are what the record says; and `whole` is
what the user waits for, with imports, model and report. Writes benchmarks/results/devices.cuda.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from extract import loaded_model, machine, synthetic_flac, utterance_seconds

REPOSITORY = Path(__file__).parent.parent
# (model of extract.py, what it computes in, protocol)
JOBS = (("whisper-large-v3", "bfloat16", "paper"), ("wav2vec2-base", "float32", "strict"))
SPEAKERS, LABELS = 10, ("angry", "happy", "neutral", "sad")
WORKERS = min(16, os.cpu_count() or 1)
SIGNS = {"first": "*/manifest.json", "last": "*/index.parquet"}

CORPUS = """
from emobox_datasets.corpus import Corpus, SpeakerFolds, from_names

CORPUS = Corpus(
    name="tones", display_name="Tones", languages=("zxx",), source="made up", licence="", homepage="", citation="",
    labels={{name: name.capitalize() for name in {labels}}},
    utterances={utterances}, hours={hours}, speakers={speakers},
    read=from_names(r"(?P<speaker>s\\d)_(?P<raw_label>[a-z]+)_\\d+\\.flac"),
    folds=SpeakerFolds(tuple((f"s{{n}}", f"s{{n + 1}}") for n in range(0, {speakers}, 2))),
    example="s0_angry_0.flac",
)
"""


def main() -> None:
    """Measure every job with every number of processes, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--model", help="this one only, under both protocols, in float32")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    output = arguments.output or Path(__file__).parent / "results" / f"devices.{device.type}.json"
    jobs = [(arguments.model, "float32", name) for name in ("paper", "strict")] if arguments.model else JOBS
    report: dict[str, Any] = {"machine": machine(device), "hours": arguments.hours, "jobs": {}}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_corpus(folder, arguments.hours)
        convert(folder)
        for model, dtype, protocol in jobs:
            make_model(folder / model, device)
            runs = {
                count: job(folder, folder / model, dtype, protocol, count) for count in arguments.processes
            }
            name = f"{model}, {dtype}, {protocol}"
            report["jobs"][name] = compared(runs)
            print(name, json.dumps(report["jobs"][name]), flush=True)
            output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def make_corpus(folder: Path, hours: float) -> None:
    """Files in `tones/`, and its module in `corpora/`."""
    durations, random = utterance_seconds(hours), np.random.default_rng(0)
    (folder / "tones").mkdir()
    with ProcessPoolExecutor() as pool:
        flacs = pool.map(synthetic_flac, range(len(durations)), durations, chunksize=20)
        for number, flac in enumerate(flacs):
            speaker, label = number % SPEAKERS, LABELS[random.integers(len(LABELS))]
            (folder / "tones" / f"s{speaker}_{label}_{number}.flac").write_bytes(flac)
    facts = {"labels": LABELS, "utterances": len(durations), "hours": hours, "speakers": SPEAKERS}
    (folder / "corpora").mkdir()
    (folder / "corpora" / "tones.py").write_text(CORPUS.format(**facts))


def convert(folder: Path) -> None:
    """Before any clock starts."""
    words = f"'emobox/tones', 'all', data_dir='{folder / 'tones'}', num_proc={WORKERS}"
    code = f"import emobox_datasets, datasets; datasets.load_dataset({words})"
    subprocess.run([sys.executable, "-c", code], check=True, env=surroundings(folder), cwd=REPOSITORY)


def surroundings(folder: Path) -> dict[str, str]:
    """Of a process that is to find the corpus, converted."""
    return os.environ | {"EMOBOX_CORPORA": str(folder / "corpora"), "HF_HOME": str(folder / "cache")}


def make_model(folder: Path, device: torch.device) -> None:
    if not folder.is_dir():
        loaded, _ = loaded_model(folder.name, device)
        loaded.model.save_pretrained(folder)
        loaded.extractor.save_pretrained(folder)


def job(folder: Path, model: Path, dtype: str, protocol: str, processes: int) -> dict[str, Any]:
    """Seconds of one run of the main job from nothing, its record, and a checksum of its features."""
    place = folder / f"{model.name}-{protocol}-{processes}"
    several = ["--num_processes", str(processes), *(["--multi_gpu"] if processes > 1 else [])]
    words = ["--model", str(model), "--corpus", "tones", "--data-dir", str(folder / "tones")]
    words += ["--protocol", protocol, "--dtype", dtype, "--num-proc", str(WORKERS)]
    words += ["--features-dir", str(place / "features"), "--output-dir", str(place / "runs")]
    command = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1", *several]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    started, seen = time.perf_counter(), dict.fromkeys(SIGNS, 0.0)
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [*command, REPOSITORY / "emobox_probe" / "probe.py", *words],
            stdout=log,
            stderr=log,
            env=surroundings(folder),
        )
        while process.poll() is None:
            for sign, pattern in SIGNS.items():
                if not seen[sign] and any((place / "features").glob(pattern)):
                    seen[sign] = time.perf_counter()
            time.sleep(0.02)
        whole = time.perf_counter() - started
        if process.returncode:
            log.seek(0)
            sys.exit(log.read()[-4000:])
    (path,) = (place / "runs").rglob("result.json")
    record = json.loads(path.read_text())
    seconds = {
        "extraction": seen["last"] - seen["first"],
        "training": record["provenance"]["training_seconds"],
        "whole": whole,
    }
    return {"seconds": seconds, "record": record, "features": checksum(place / "features")}


def checksum(features: Path) -> str:
    whole = sha256()
    for path in sorted(features.rglob("*.safetensors")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def compared(runs: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Seconds and speed-ups over the first run, and whether what came out is the same."""
    first = next(iter(runs.values()))
    for run in runs.values():
        del run["record"]["provenance"]
    return {
        "seconds": {count: run["seconds"] for count, run in runs.items()},
        "speed_up": {
            count: {part: first["seconds"][part] / seconds for part, seconds in run["seconds"].items()}
            for count, run in runs.items()
        },
        "same_features": all(run["features"] == first["features"] for run in runs.values()),
        "same_record": all(run["record"] == first["record"] for run in runs.values()),
        "mean_scores": {count: run["record"]["mean"] for count, run in runs.items()},
    }


if __name__ == "__main__":
    main()
