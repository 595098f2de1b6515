"""How large an exported classifier is, and how long it takes for an utterance: torch, ONNX Runtime, and its 8 bits.

One run on the demo corpus an encoder, whose heads are trained for four epochs, as how good they are does not matter
here; of these, one is exported. What is timed is noise of so many seconds, one utterance at a time, on as many threads
as there are cores. `predict` is what `emobox predict` runs, `encoder` the bare encoder in torch, and `difference` is
how far logits are from those of `predict`, at most. The long recording is labelled by `emobox predict --window`, and
held against the bare encoder on the same windows.

Run: `python benchmarks/export.py`; encoders are in ../shared/models, or below $EMOBOX_TEST_ASSETS, beside a random
wav2vec 2.0 of base size.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emobox_probe import export, predict, probe
from emobox_probe.config import PredictConfig
from emobox_probe.encoders.load import load_encoder
from emobox_probe.protocol import PAPER, PROTOCOLS
from emobox_probe.use.load_predictor import load_predictor

RESULT = Path(__file__).parent / "results" / "export.cpu.json"
PACKAGES = ("numpy", "onnx", "onnxruntime", "onnxscript", "torch", "transformers")
RATE = 16_000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """16 kHz noise that fades in and out."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (samples * np.hanning(len(samples)) / 10).astype(np.float32)


def random_wav2vec2(folder: Path, layers: int) -> Path:
    """A wav2vec 2.0 of base width with random weights."""
    torch.manual_seed(0)
    Wav2Vec2Model(Wav2Vec2Config(num_hidden_layers=layers)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    """The median time of a call, after one that warms up."""
    call()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return round(1000 * statistics.median(taken), 2)


def megabytes(folder: Path, ending: str) -> float:
    """Of the files with that ending."""
    return round(sum(path.stat().st_size for path in folder.rglob(f"*{ending}")) / 1e6, 2)


def measured(encoder: str, folder: Path, seconds: Sequence[float], repeats: int) -> dict[str, Any]:
    """Sizes, times and differences of every form of one classifier."""
    record = probe(encoder, "demo", output_dir=folder / "runs")
    run = folder / "runs" / encoder_folder(encoder) / "demo" / record.protocol_id
    given: dict[str, Any] = {} if encoder.startswith("builtin:") else {"model": encoder}
    first = {"fold": record.folds[0].name, **given}
    forms = {
        "transformers": export(run, "transformers", out=folder / "transformers", **first),
        "onnx": export(run, "onnx", out=folder / "onnx", **first),
        "onnx int8": export(run, "onnx", out=folder / "int8", int8=True, **first),
    }
    waveforms = [noise(duration) for duration in seconds]
    ours = load_predictor(PredictConfig(classifier=run, files=("-",), **first)).predictor
    bare = load_encoder(encoder, torch.device("cpu"))
    wanted = [ours.logits([waveform]) for waveform in waveforms]
    result: dict[str, Any] = {
        "parameters": record.encoder.parameters,
        "encoder_milliseconds": timed(lambda waveform: bare.encode([waveform]), waveforms, repeats),
        "predict_milliseconds": timed(lambda waveform: ours.logits([waveform]), waveforms, repeats),
    }
    for name, place in forms.items():
        loaded = load_predictor(PredictConfig(classifier=place, files=("-",))).predictor
        said = [loaded.logits([waveform]) for waveform in waveforms]
        result[name] = {
            "megabytes": megabytes(place, ".safetensors" if name == "transformers" else ".onnx"),
            "milliseconds": timed(lambda waveform, by=loaded: by.logits([waveform]), waveforms, repeats),
            "difference": max(float(np.abs(a - b).max()) for a, b in zip(said, wanted, strict=True)),
        }
    return result


def encoder_folder(encoder: str) -> str:
    return encoder.replace(":", "--") if encoder.startswith("builtin:") else Path(encoder).name


def timed(
    call: Callable[[np.ndarray], Any], waveforms: Sequence[np.ndarray], repeats: int
) -> dict[str, float]:
    """Milliseconds by seconds of audio."""
    return {
        f"{len(waveform) / RATE:g}": milliseconds(lambda given=waveform: call(given), repeats)
        for waveform in waveforms
    }


def long_recording(encoder: str, run: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """`predict --window 5` on a long recording beside the bare encoder on the same windows, and the peak of memory."""
    file, window = folder / "long.flac", 5.0
    piece = noise(60.0, seed=1)
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as stream:
        for _ in range(max(round(minutes), 1)):
            stream.write(piece)
    total = soundfile.info(file).duration
    given: dict[str, Any] = {} if encoder.startswith("builtin:") else {"model": encoder}
    started = time.perf_counter()
    parts = len(predict(run, file, window=window, **given).predictions)
    ours = time.perf_counter() - started
    bare = load_encoder(encoder, torch.device("cpu"))
    started = time.perf_counter()
    for _ in range(0, parts, 12):
        bare.encode([piece[: round(window * RATE)]] * 12)
    theirs = time.perf_counter() - started
    return {
        "minutes": total / 60,
        "parts": parts,
        "predict_times_real_time": round(total / ours, 1),
        "encoder_times_real_time": round(total / theirs, 1),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 5.0, 15.0], help="of utterances")
    parser.add_argument("--repeats", type=int, default=15, help="default: %(default)s")
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="of the long recording; default: %(default)s"
    )
    parser.add_argument("--small", action="store_true", help="builtin:logmel and a shallow wav2vec 2.0 only")
    parser.add_argument("--out", type=Path, default=RESULT, help="default: %(default)s")
    arguments = parser.parse_args()
    PROTOCOLS["paper"] = replace(PAPER, epochs=4, warm_up_epochs=2)
    assets = Path(os.environ.get("EMOBOX_TEST_ASSETS") or Path(__file__).parents[2] / "shared")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wav2vec2 = random_wav2vec2(folder / "wav2vec2-random", 2 if arguments.small else 12)
        encoders = ["builtin:logmel", str(wav2vec2)]
        if not arguments.small:
            encoders += [str(assets / "models" / f"whisper-{size}-encoder") for size in ("tiny.en", "base")]
        figures = {}
        for number, encoder in enumerate(encoders):
            name = encoder_folder(encoder)
            place = folder / str(number)
            figures[name] = measured(encoder, place, arguments.seconds, arguments.repeats)
            run = next((place / "runs").rglob("result.json")).parent
            figures[name]["long recording"] = long_recording(encoder, run, place, arguments.minutes)
            print(f"{name}: {json.dumps(figures[name])}")
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "figures": figures,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
