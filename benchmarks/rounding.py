"""What a CPU gains where a model computes in bfloat16 or in 8 bits, and what that does to the score: EmoDB.

    python benchmarks/rounding.py [--assets ../shared] [--encoder whisper-base-encoder] [--work FOLDER]

Seconds an utterance are medians over the same utterances, one at a time: of the encoder in float32 and bfloat16 in
turn, and of an exported classifier in ONNX Runtime in float32 and 8 bits in turn. Scores are those of `linear` on
features of either data type, and of the exported heads of a fold of `strict` on its test utterances; such a graph has
no more layers than its heads look at. Features are made where they are missing.
Writes benchmarks/results/rounding.cpu.json.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from emobox_metric import scores
from emobox_probe import export, predict, probe
from emobox_probe.encoders.load import load_encoder
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.result import ResultRecord

HERE = Path(__file__).parent
RESULT = HERE / "results" / "rounding.cpu.json"
RATE = 16_000
UTTERANCES, TURNS = 8, 3
DTYPES = ("float32", "bfloat16")


def seconds_in_turn(ways: dict[str, Callable[[np.ndarray], Any]]) -> dict[str, float]:
    """Median seconds an utterance, each way on the same noise of 1 to 8 s, one way after another, several times."""
    random = np.random.default_rng(0)
    waveforms = [0.05 * random.standard_normal(RATE * (n + 1)).astype(np.float32) for n in range(UTTERANCES)]
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):  # the first is not counted
        for name, way in ways.items():
            for waveform in waveforms:
                started = time.perf_counter()
                way(waveform)
                if turn:
                    taken[name].append(time.perf_counter() - started)
    return {name: round(statistics.median(times), 4) for name, times in taken.items()}


def of_data_types(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Extraction in float32 and bfloat16, and `linear` on the features of each."""
    device = torch.device("cpu")
    encoders = {dtype: load_encoder(model, device, dtype=dtype) for dtype in DTYPES}
    times = seconds_in_turn({dtype: _encode(encoder) for dtype, encoder in encoders.items()})
    records: dict[str, ResultRecord] = {}
    answers = {}
    for dtype in DTYPES:
        output = settings["output_dir"] / dtype
        given = {**settings, "output_dir": output, "dtype": dtype, "overwrite": True}
        records[dtype] = probe(model, "emodb", "linear", **given)  # type: ignore[assignment]
        table = pd.read_parquet(next(output.rglob(PREDICTIONS_FILE)))
        answers[dtype] = table.set_index(["fold", "id"])["prediction"]
    same = answers["float32"].eq(answers["bfloat16"].reindex(answers["float32"].index))
    return {
        "seconds_an_utterance": times,
        "times_as_fast": round(times["float32"] / times["bfloat16"], 2),
        "ua": {dtype: round(100 * record.pooled.ua, 2) for dtype, record in records.items()},
        "same_predictions": round(100 * float(same.mean()), 1),
    }


def _encode(encoder: Any) -> Callable[[np.ndarray], Any]:
    return lambda waveform: encoder.encode([waveform])


def of_eight_bits(model: str, settings: dict[str, Any], emodb: Path) -> dict[str, Any]:
    """A fold of `strict` as an ONNX graph, in float32 and in 8 bits: time, and score on its test utterances."""
    output = settings["output_dir"] / "strict"
    probe(model, "emodb", "strict", **{**settings, "output_dir": output, "seeds": 1, "overwrite": True})
    run = next(output.rglob(PREDICTIONS_FILE)).parent
    table = pd.read_parquet(run / PREDICTIONS_FILE)
    fold = str(table["fold"].iloc[0])
    table = table[table["fold"] == fold]
    files = [emodb / "wav" / f"{id.removeprefix('emodb-')}.wav" for id in table["id"]]
    ways, said = {}, {}
    for name, int8 in (("float32", False), ("int8", True)):
        folder = export(
            run, "onnx", out=output / f"onnx-{name}", int8=int8, fold=fold, model=model, overwrite=True
        )
        ways[name] = _graph(folder / "model.onnx")
        said[name] = [answer.label for answer in predict(folder, files).predictions]
    times = seconds_in_turn(ways)
    truth = table["label"].astype(str).tolist()
    return {
        "seconds_an_utterance": times,
        "times_as_fast": round(times["float32"] / times["int8"], 2),
        "utterances": len(files),
        "ua": {
            name: round(100 * scores(truth, labels, sorted(set(truth)))["ua"], 2)
            for name, labels in said.items()
        },
        "same_predictions": round(100 * float(np.mean(np.equal(said["float32"], said["int8"]))), 1),
    }


def _graph(file: Path) -> Callable[[np.ndarray], Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda waveform: session.run(
        ["logits"], {"waveform": waveform[None], "length": np.array([len(waveform)])}
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one encoder and write the figures beside those of others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    parser.add_argument("--assets", type=Path, default=Path(shared))
    parser.add_argument("--encoder", default="whisper-base-encoder")
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "benchmark-rounding")
    parser.add_argument("--features", type=Path, help="default: where the probe keeps them")
    options = parser.parse_args(arguments)
    model, emodb = (
        (options.assets / part).resolve() for part in (f"models/{options.encoder}", "corpora/emodb")
    )
    settings: dict[str, Any] = {"output_dir": options.work, "data_dir": emodb}
    if options.features:
        settings["features_dir"] = options.features
    before = os.getloadavg()
    figures = {
        "bfloat16": of_data_types(str(model), settings),
        "int8": of_eight_bits(str(model), settings, emodb),
    }
    content = json.loads(RESULT.read_text()) if RESULT.is_file() else {"figures": {}}
    content["figures"][options.encoder] = figures
    content["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "has_bfloat16": "avx512_bf16" in Path("/proc/cpuinfo").read_text(),
        "load_before_and_after": [round(before[2], 2), round(os.getloadavg()[0], 2)],
        "versions": {name: version(name) for name in ("torch", "transformers", "onnxruntime")},
    }
    RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
