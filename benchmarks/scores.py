"""Both protocols on the real corpora and encoders: scores with intervals, over folds, over seeds, and by speaker alone.

    python benchmarks/scores.py [--assets ../shared] [--work runs/benchmark-scores]

Writes benchmarks/results/scores.<device>.json, and the records with their predictions to benchmarks/results/records/.
What lies in the work folder is not made again: interrupted, it continues, and runs made on another machine can be put
there. BYOL-S is the encoder of docs/own-encoder.md.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

from emobox_probe.records.result import RESULT_FILE, ResultRecord, read_record

HERE = Path(__file__).parent
CORPORA = ("emodb", "ravdess", "urdu")
ENCODERS = ("whisper-tiny.en-encoder", "whisper-base-encoder", "byol-s")
# The published recipe with its one seed and with five, and the strict one.
PROTOCOLS = {
    "paper": ["--protocol", "paper"],
    "paper-5-seeds": ["--protocol", "paper", "--seeds", "5"],
    "strict": ["--protocol", "strict"],
}
BYOL_S = "python:byol_s:load"


def run(assets: Path, protocol: str, corpus: str, encoder: str, work: Path) -> ResultRecord:
    """One complete run in a process of its own, unless it has been made."""
    own = encoder == "byol-s"
    name = BYOL_S.replace(":", "--") if own else encoder
    folder = work / "runs" / name / corpus / protocol
    if (folder / RESULT_FILE).is_file():
        return read_record(folder)
    model = BYOL_S if own else str((assets / "models" / encoder).resolve())
    # Features are extracted with the means of all layers, so that one extraction serves every protocol.
    words = [
        "--model",
        model,
        "--corpus",
        corpus,
        *PROTOCOLS[protocol],
        *([] if own else ["--layers", "all"]),
    ]
    words += ["--data-dir", str((assets / "corpora" / corpus).resolve())]
    words += ["--output-dir", "runs", "--features-dir", "features"]
    weights = {"BYOL_S": str((assets / "models" / "byol-s" / "default512.pth").resolve())}
    work.mkdir(parents=True, exist_ok=True)
    (work / "byol_s.py").write_text(byol_s(), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "emobox_probe", *words], check=True, cwd=work, env={**os.environ, **weights}
    )
    return read_record(folder)


def byol_s() -> str:
    """The file of that name in the guide."""
    guide = (HERE.parent / "docs" / "own-encoder.md").read_text(encoding="utf-8")
    found = re.search(r'```python title="byol_s.py"\n(.*?)```', guide, re.S)
    assert found is not None
    return found[1]


def keep(runs: Path, record: str) -> None:
    """Copy all records of that name (`result.json` or `cross.json`), and the predictions beside them."""
    for path in runs.rglob(record):
        kept = HERE / "results" / "records" / path.parent.relative_to(runs)
        kept.mkdir(parents=True, exist_ok=True)
        for name in (record, "predictions.parquet"):
            shutil.copyfile(path.parent / name, kept / name)


def row(record: ResultRecord) -> dict:
    """What the README shows of a run."""
    parts = ("mean", "spread", "seed_spread", "seed_0", "test_selected", "pooled", "speaker_only", "interval")
    shown = {part: getattr(record, part) for part in parts}
    return {
        "corpus": record.corpus.name,
        "encoder": "BYOL-S" if record.encoder.own else Path(record.encoder.name).name,
        "protocol": record.protocol_id,
        "folds": len({fold.name for fold in record.folds}),
        "seeds": len({fold.seed for fold in record.folds}),
        **{part: value and value.model_dump() for part, value in shown.items()},
        "chance": record.chance,
        "hours_of_audio": record.corpus.hours,
    }


def main() -> None:
    """Run what is missing and write the figures of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-scores")
    arguments = parser.parse_args()
    records = []
    for corpus, encoder, protocol in product(CORPORA, ENCODERS, PROTOCOLS):
        records.append(run(arguments.assets, protocol, corpus, encoder, arguments.work))
        write("scores", records, [row(record) for record in records])
    keep(arguments.work / "runs", RESULT_FILE)


def write(name: str, records: list, figures: list[dict], **more: object) -> None:
    """The figures of the runs so far, by the device that made them."""
    made = records[0].provenance
    content = {
        "figures": figures,
        **more,
        "machine": {"hardware": made.hardware, "device": made.device},
        "versions": made.libraries,
    }
    path = HERE / "results" / f"{name}.{made.device.split(':')[0]}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
