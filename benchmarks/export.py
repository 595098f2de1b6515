"""How large an exported classifier is, and how long it takes for an utterance: torch, ONNX Runtime, and its 8 bits.

One run on the demo corpus an encoder, whose heads are trained for four epochs, as how good they are does not matter
here; of these, one is exported. What is timed is noise of so many seconds, one utterance at a time, on as many threads
as there are cores. `predict` is what `emobox predict` runs, `encoder` the bare encoder in torch, and `difference` is
how far logits are from those of `predict`, at most. Long recordings are labelled by `emobox predict --segments` in a
process of its own, whose memory must not grow with their length, and held against the bare encoder on like parts.

Run: `python benchmarks/export.py`; encoders are in ../shared/models, or below $EMOBOX_TEST_ASSETS, beside a random
wav2vec 2.0 of base size.
"""

import argparse
import json
import multiprocessing
import os
import platform
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
PARTS_OF_THE_ENCODER = 64  # how many the bare encoder is timed on


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
    }
    if not encoder.startswith("builtin:"):  # has no matrix products
        forms["onnx int8"] = export(run, "onnx", out=folder / "int8", int8=True, **first)
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


def bursts(file: Path, minutes: float) -> Path:
    """A recording of noise in bursts of 1 to 6 s with silences of 0.7 s between them."""
    generator, silence = np.random.default_rng(1), np.zeros(round(0.7 * RATE), dtype=np.float32)
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as stream:
        while stream.frames < minutes * 60 * RATE:
            stream.write(noise(generator.uniform(1.0, 6.0), seed=stream.frames))
            stream.write(silence)
    return file


def label_segments(run: Path, model: str | None, file: Path) -> tuple[float, float, list[float]]:
    """Seconds that `predict --segments` takes, the most MB that its process held, and the seconds of every part."""
    started = time.perf_counter()
    parts = predict(run, file, segments=True, model=model).predictions
    taken = time.perf_counter() - started
    # Not getrusage, which tells the memory of the process that this one came of, too.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    durations = [part.end - part.start for part in parts if part.start is not None and part.end is not None]
    return taken, int(peak.split()[1]) / 1024, durations


def long_recording(encoder: str, run: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """A recording through `predict --segments` in a process of its own, beside the bare encoder on like parts."""
    file = bursts(folder / f"{minutes:g}.flac", minutes)
    model = None if encoder.startswith("builtin:") else encoder
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        taken, peak, durations = pool.apply(label_segments, (run, model, file))
    bare, seconds = load_encoder(encoder, torch.device("cpu")), soundfile.info(file).duration
    some = [noise(duration) for duration in durations[:PARTS_OF_THE_ENCODER]]
    started = time.perf_counter()
    for start in range(0, len(some), 16):
        bare.encode(some[start : start + 16])
    alone = (time.perf_counter() - started) / len(some) * len(durations)
    return {
        "parts": len(durations),
        "predict_times_real_time": round(seconds / taken, 1),
        "encoder_times_real_time": round(seconds / alone, 1),
        "peak_megabytes": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 5.0, 15.0], help="of utterances")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 30.0], help="of long recordings")
    parser.add_argument("--small", action="store_true", help="builtin:logmel and a shallow wav2vec 2.0 only")
    parser.add_argument(
        "--only", help="measure one encoder anew, and keep the figures of the others in --out"
    )
    parser.add_argument("--out", type=Path, default=RESULT, help="default: %(default)s")
    arguments = parser.parse_args()
    PROTOCOLS["paper"] = replace(PAPER, epochs=4, warm_up_epochs=2)
    assets = Path(os.environ.get("EMOBOX_TEST_ASSETS") or Path(__file__).parents[2] / "shared")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # Of processes that are started from here: answers of earlier times are not to be found.
        os.environ["HF_HOME"] = str(folder / "cache")
        wav2vec2 = str(random_wav2vec2(folder / "wav2vec2-random", 2 if arguments.small else 12))
        encoders, heard_long = ["builtin:logmel", wav2vec2], ["builtin:logmel", wav2vec2]
        if not arguments.small:
            whispers = [str(assets / "models" / f"whisper-{size}-encoder") for size in ("tiny.en", "base")]
            encoders, heard_long = [*encoders, *whispers], ["builtin:logmel", whispers[0]]
        figures = json.loads(arguments.out.read_text())["figures"] if arguments.only else {}
        for number, encoder in enumerate(encoders):
            name = encoder_folder(encoder)
            if arguments.only not in (None, name):
                continue
            place = folder / str(number)
            figures[name] = measured(encoder, place, arguments.seconds, arguments.repeats)
            if encoder in heard_long:
                run = next((place / "runs").rglob("result.json")).parent
                figures[name]["minutes"] = {
                    f"{minutes:g}": long_recording(encoder, run, place, minutes)
                    for minutes in arguments.minutes
                }
            print(f"{name}: {json.dumps(figures[name])}", flush=True)
            write(arguments.out, figures)  # what is measured stays where the rest is interrupted


def write(out: Path, figures: dict[str, Any]) -> None:
    """The figures so far, with what they were measured on."""
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg(),
        "processor": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "figures": figures,
    }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
