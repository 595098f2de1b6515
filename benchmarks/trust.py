"""`linear` on EmoDB with what is read beside a score: time, calibration, gaps between genders, little data, suspects.

    python benchmarks/trust.py [--assets ../shared] [--work runs/benchmark-trust] [--features FOLDER]

Writes benchmarks/results/trust.cpu.json. `wall_seconds` is of the whole command `emobox probe --protocol linear` on
stored features, imports included; `processor_seconds` what it took of all cores. Features are made where they are
missing.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from emobox_probe.records.curve import CurveRecord
from emobox_probe.records.result import ResultRecord, read_record

HERE = Path(__file__).parent
RESULT = HERE / "results" / "trust.cpu.json"
ENCODERS = ("whisper-tiny.en-encoder", "whisper-base-encoder")


def emobox(*words: str) -> tuple[float, float]:
    """Run a command in a process of its own: wall seconds, and processor seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "emobox", *words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, used


def figures(encoder: str, assets: Path, work: Path, features: list[str]) -> dict:
    """Everything of one encoder."""
    model, corpus = (str((assets / kind).resolve()) for kind in (f"models/{encoder}", "corpora/emodb"))
    given = ["--model", model, "--data-dir", corpus, *features]
    emobox("extract", "--corpus", "emodb", "--layers", "statistics", *given)
    runs = ["--output-dir", str(work)]
    folder = work / encoder / "emodb" / "linear"
    shutil.rmtree(folder, ignore_errors=True)
    wall, used = emobox("probe", "--corpus", "emodb", "--protocol", "linear", *given, *runs)
    emobox("curve", str(folder), *given)
    emobox("doctor", "--suspects", str(folder))
    record = read_record(folder)
    curve = CurveRecord.model_validate_json((folder / "curve.json").read_bytes())
    suspected = pd.read_csv(folder / "suspects.csv")
    assert record.calibration is not None
    assert record.gaps is not None
    return {
        "encoder": encoder,
        "wall_seconds": round(wall, 1),
        "processor_seconds": round(used, 1),
        "fitting_seconds": round(record.provenance.training_seconds, 1),
        "fits": len(record.folds) * len(record.layers) * len(record.protocol["strengths"]),
        **_of_record(record),
        "curve": curve.model_dump(
            include={"per_label", "speakers", "area_per_label", "area_speakers", "mteb"}
        ),
        "suspects": len(suspected),
    }


def _of_record(record: ResultRecord) -> dict:
    parts = ("pooled", "interval", "mean", "spread", "calibration", "gaps")
    return {
        "layers": [layer.model_dump() for layer in record.layers],
        "choices": [[fold.name, fold.layer, fold.strength, fold.temperature] for fold in record.folds],
        **{part: getattr(record, part).model_dump() for part in parts},
    }


def main() -> None:
    """Measure both encoders and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=Path(shared))
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-trust")
    parser.add_argument("--features", type=Path, help="default: where the probe keeps them")
    parser.add_argument("--encoders", default=",".join(ENCODERS))
    arguments = parser.parse_args()
    features = ["--features-dir", str(arguments.features)] if arguments.features else []
    made = []
    for encoder in arguments.encoders.split(","):
        made.append(figures(encoder, arguments.assets, arguments.work, features))
        machine = {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_before_and_after": [round(os.getloadavg()[place], 2) for place in (2, 0)],
        }
        RESULT.write_text(
            json.dumps({"figures": made, "machine": machine}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
