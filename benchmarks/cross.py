"""Between corpora: EmoDB and URDU over the labels they share, with the two real encoders, under both protocols.

    python benchmarks/cross.py [--assets ../shared]

Writes benchmarks/results/cross.<device>.json, the records with their predictions to benchmarks/results/records/, and
the heat map of the first run to docs/pictures/. Interrupted, it continues where it stopped; features are those of
scores.py.
"""

import argparse
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

from scores import keep, write

from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord, read_cross_record

HERE = Path(__file__).parent
CORPORA = ("emodb", "urdu")
ENCODERS = ("whisper-base-encoder", "whisper-tiny.en-encoder")


def run(assets: Path, encoder: str, protocol: str, work: Path) -> CrossRecord:
    """One complete run in a process of its own, unless it has been made."""
    folder = work / "runs" / encoder / "cross" / "+".join(CORPORA) / protocol
    if not (folder / CROSS_FILE).is_file():
        words = ["--model", str(assets / "models" / encoder), "--train", ",".join(CORPORA)]
        words += ["--protocol", protocol, "--layers", "all", "--output-dir", str(work / "runs")]
        words += ["--features-dir", str(work / "features")]
        for corpus in CORPORA:
            words += ["--data-dir", f"{corpus}={assets / 'corpora' / corpus}"]
        subprocess.run([sys.executable, "-m", "emobox", "cross", *words], check=True)
    return read_cross_record(folder)


def rows(record: CrossRecord) -> list[dict]:
    """What the README shows of a run."""
    return [
        {
            "encoder": Path(record.encoder.name).name,
            "protocol": record.protocol_id,
            "labels": record.labels,
            **pair.model_dump(exclude={"confusion"}),
        }
        for pair in record.pairs
    ]


def main() -> None:
    """Run what is missing and write the figures of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-scores")
    arguments = parser.parse_args()
    plan = product(ENCODERS, ("paper", "strict"))
    records = [run(arguments.assets, encoder, protocol, arguments.work) for encoder, protocol in plan]
    averages = [
        {
            "encoder": Path(record.encoder.name).name,
            "protocol": record.protocol_id,
            **(record.average.model_dump() if record.average else {}),
        }
        for record in records
    ]
    write("cross", records, [row for record in records for row in rows(record)], averages=averages)
    keep(arguments.work / "runs", CROSS_FILE)
    picture = arguments.work / "runs" / ENCODERS[0] / "cross" / "+".join(CORPORA) / "paper" / "cross.png"
    shutil.copyfile(picture, HERE.parent / "docs" / "pictures" / "cross-emodb-urdu.png")


if __name__ == "__main__":
    main()
