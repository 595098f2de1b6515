"""Both protocols on the real corpora and encoders: scores, and the wall time of extraction and training.

    python benchmarks/scores.py [--assets ../shared]

Writes benchmarks/results/scores.cpu.json, and the records with their predictions to benchmarks/results/records/.
Interrupted, it continues where it stopped.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

from emobox_probe.records.result import RESULT_FILE, ResultRecord, read_record

HERE = Path(__file__).parent
# Features are extracted with the means of all layers, so that one extraction serves both protocols.
RUNS = list(product(("paper", "strict"), ("emodb", "urdu"), ("whisper-base", "whisper-tiny.en")))


def run(assets: Path, protocol: str, corpus: str, model: str, work: Path) -> ResultRecord:
    """One complete run in a process of its own, unless it has been made."""
    folder = work / "runs" / f"{model}-encoder" / corpus / protocol
    if (folder / RESULT_FILE).is_file():
        return read_record(folder)
    words = ["--model", str(assets / "models" / f"{model}-encoder"), "--corpus", corpus]
    words += ["--protocol", protocol, "--layers", "all"]
    places = ["--data-dir", str(assets / "corpora" / corpus), "--output-dir", str(work / "runs")]
    features = ["--features-dir", str(work / "features")]
    subprocess.run([sys.executable, "-m", "emobox_probe", *words, *places, *features], check=True)
    return read_record(folder)


def keep(runs: Path, record: str) -> None:
    """Copy all records of that name (`result.json` or `cross.json`), and the predictions beside them."""
    for path in runs.rglob(record):
        kept = HERE / "results" / "records" / path.parent.relative_to(runs)
        kept.mkdir(parents=True, exist_ok=True)
        for name in (record, "predictions.parquet"):
            shutil.copyfile(path.parent / name, kept / name)


def row(record: ResultRecord) -> dict:
    """What the README shows of a run."""
    return {
        "corpus": record.corpus.name,
        "encoder": Path(record.encoder.name).name,
        "protocol": record.protocol["name"],
        "folds": len({fold.name for fold in record.folds}),
        "seeds": len({fold.seed for fold in record.folds}),
        "mean": record.mean.model_dump(),
        "spread": record.spread and record.spread.model_dump(),
        "seed_spread": record.seed_spread and record.seed_spread.model_dump(),
        "test_selected": record.test_selected and record.test_selected.model_dump(),
        "pooled": record.pooled.model_dump(),
        "interval": record.interval.model_dump(),
        "hours_of_audio": record.corpus.hours,
        "extraction_seconds": record.provenance.extraction_seconds,
        "training_seconds": record.provenance.training_seconds,
    }


def main() -> None:
    """Run what is missing and write the figures of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--protocols", nargs="+", default=["paper", "strict"], choices=["paper", "strict"])
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-scores")
    arguments = parser.parse_args()
    records = []
    for protocol, corpus, model in RUNS:
        if protocol in arguments.protocols:
            records.append(run(arguments.assets, protocol, corpus, model, arguments.work))
            write(records)
            keep(arguments.work / "runs", RESULT_FILE)


def write(records: list[ResultRecord]) -> None:
    """The figures of the runs so far."""
    figures = {
        "figures": [row(record) for record in records],
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": records[0].provenance.libraries,
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "scores.cpu.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
