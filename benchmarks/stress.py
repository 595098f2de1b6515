"""Stress tests: what the suite costs beside one extraction, whether it is the same twice, and real encoders under it.

    python benchmarks/stress.py [--assets ../shared] [--work FOLDER]
    python benchmarks/stress.py --records [--assets ../shared] [--work FOLDER]

The first times the suite on three utterances of each label and part of EmoDB: of builtin:logmel on all folds, and of
whisper-tiny.en on two, about eight minutes on two cores; and runs some perturbations again with another number of
threads. It writes benchmarks/results/stress.cpu.json. The second puts BYOL-S, whisper-tiny.en and whisper-base under
the suite by `strict` on EmoDB and URDU, some hours on two cores, goes on where it was stopped, and keeps records in
benchmarks/results/stress and pictures in docs/pictures. Then run benchmarks/tables.py.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scores import BYOL_S, HERE, run

from emobox_probe.records.result import read_record
from emobox_probe.records.stress_record import STRESS_FILE, read_stress, stress_picture

RESULTS = HERE / "results" / "stress.cpu.json"
RECORDS = HERE / "results" / "stress"
PICTURES = HERE.parent / "docs" / "pictures"
PROTOCOL = "strict"
CORPORA, ENCODERS = ("emodb", "urdu"), ("byol-s", "whisper-tiny.en-encoder", "whisper-base-encoder")
# What folders are called in pictures and tables, where that is another name.
SHORT = {BYOL_S.replace(":", "--"): "BYOL-S"}
# Which kinds of work there are: random numbers, filters, codecs, other lengths.
AGAIN = "white-noise-10db,reverberation-0.3s,telephone-gsm,opus-8k,speed-0.9,first-1s"
# Model, and the part of EmoDB that it is timed on.
TIMED: dict[str, list[str]] = {
    "builtin:logmel": ["--limit", "3"],
    "whisper-tiny.en-encoder": ["--limit", "3", "--folds", "fold1,fold2"],
}


def emobox(work: Path, *words: str, **variables: str) -> float:
    """Run a command in a process of its own; its seconds, with those of starting it."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "emobox", *words, "--quiet"]
    subprocess.run(command, check=True, cwd=work, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def timed(model: str, part: list[str], assets: Path, work: Path) -> dict[str, Any]:
    """Seconds of one extraction and of the suite; whether another number of threads gives the same."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    named = model if model.startswith("builtin:") else str((assets / "models" / model).resolve())
    where = ["--data-dir", str((assets / "corpora" / "emodb").resolve()), "--features-dir", "features"]
    threads = str(len(os.sched_getaffinity(0)))
    emobox(work, "probe", "--model", named, "--corpus", "emodb", *part, *where, OMP_NUM_THREADS=threads)
    (file,) = work.glob("runs/*/emodb/*/result.json")
    words = ["stress", str(file.parent), "--model", named, *where]
    seconds = emobox(work, *words, OMP_NUM_THREADS=threads)
    whole, record = read_stress(file.parent / "stress"), read_record(file.parent)
    tested = pd.read_parquet(file.parent / "predictions.parquet")["id"].nunique()
    # Only tested utterances are perturbed; one takes as long as another, to Whisper exactly, which pads to 30 s.
    clean = record.provenance.extraction_seconds * tested / record.corpus.utterances
    emobox(work, *words, "--only", AGAIN, "--out", "again", OMP_NUM_THREADS="1" if threads != "1" else "2")
    return {
        "utterances": tested,
        "perturbations": len(whole.perturbations),
        "not_run": [one.name for one in whole.not_run],
        "extraction_seconds": clean,
        "suite_extraction_seconds": whole.provenance.extraction_seconds,
        "suite_seconds": seconds,
        "suite_over_extraction": seconds / clean,
        "a_perturbation_over_extraction": whole.provenance.extraction_seconds
        / len(whole.perturbations)
        / clean,
        "other_threads": compared(file.parent / "stress", work / "again"),
        "hardware": whole.provenance.hardware,
    }


def compared(first: Path, again: Path) -> dict[str, Any]:
    """The answers of two tests on the perturbations that both have."""
    one, other = (pd.read_parquet(folder / "predictions.parquet") for folder in (first, again))
    one = one[one["perturbation"].isin(other["perturbation"])]
    logits, others = (np.stack(table["logits"].to_list()) for table in (one, other))
    return {
        "answers": len(other),
        "bit_identical": bool(logits.tobytes() == others.tobytes()),
        "same_predictions": bool((one["prediction"].to_numpy() == other["prediction"].to_numpy()).all()),
        "largest_difference_of_logits": float(np.abs(logits - others).max()),
    }


def records(assets: Path, work: Path) -> None:
    """Every encoder under the suite on every corpus, kept as soon as it is done."""
    for corpus, encoder in product(CORPORA, ENCODERS):
        run(assets, PROTOCOL, corpus, encoder, work)
        name = BYOL_S.replace(":", "--") if encoder == "byol-s" else encoder
        place = Path(name) / corpus / PROTOCOL
        model = BYOL_S if encoder == "byol-s" else str((assets / "models" / encoder).resolve())
        where = ["--data-dir", str((assets / "corpora" / corpus).resolve()), "--features-dir", "features"]
        weights = str((assets / "models" / "byol-s" / "default512.pth").resolve())
        emobox(work, "stress", str(Path("runs") / place), "--model", model, *where, BYOL_S=weights)
        kept = RECORDS / name / corpus
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(work / "runs" / place / "stress" / STRESS_FILE, kept / STRESS_FILE)
        draw(corpus)


def draw(corpus: str) -> None:
    """The heat map of what is kept of a corpus."""
    found = sorted(RECORDS.glob(f"*/{corpus}/{STRESS_FILE}"))
    kept = {SHORT.get(file.parents[1].name, file.parents[1].name): read_stress(file.parent) for file in found}
    (PICTURES / f"stress-{corpus}.png").write_bytes(stress_picture(kept, corpus, PROTOCOL).content())


def main() -> None:
    """Time the suite, or make the records of real encoders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-stress")
    parser.add_argument("--records", action="store_true")
    arguments = parser.parse_args()
    if arguments.records:
        records(arguments.assets, arguments.work)
        return
    figures = {}
    for model, part in TIMED.items():
        figures[model] = timed(model, part, arguments.assets, arguments.work / model.replace(":", "--"))
        RESULTS.write_text(json.dumps({"figures": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
