"""How exact features are: by the data type that the model computes in, and by the one that they are stored in.

- `computed`: of small random models of several families. `in a batch`: utterances of 0.3 to 2.4 s in one batch against
  each alone, in the same data type. `rounding`: each alone against float32. On a GPU, `float32, products in TF32` is
  how features were made before float32 meant float32. Of the difference of a frame's value, over the standard deviation
  of the float32 output, the largest and the mean.
- `stored`: log-mel features of the demo corpus in each data type against float32: the error over the value itself, and
  over the spread; then heads of `paper` (one setting, 20 epochs) on both: UA, and how many predictions are others.

Run: `python benchmarks/precision.py` (on the GPU, if there is one).
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.load import load_encoder
from emobox_probe.encoders.matrix_products import matrix_products
from emobox_probe.experiment import extract, hardware, probe
from emobox_probe.protocol import PAPER, PROTOCOLS
from emobox_probe.records.predictions import read_predictions

RESULTS = Path(__file__).parent / "results"
SECONDS = (0.61, 2.37, 1.0, 1.53, 0.3, 2.37, 0.81, 1.9)
SIZE: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 6, "num_attention_heads": 4}
SIZE |= {"intermediate_size": 512, "conv_dim": (64,) * 7}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER = {"d_model": 128, "encoder_layers": 6, "encoder_attention_heads": 4, "encoder_ffn_dim": 512}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2, group norm": ("Wav2Vec2", SIZE),
    "wav2vec2, layer norm": ("Wav2Vec2", SIZE | LAYER_NORM),
    "hubert": ("Hubert", SIZE),
    "wavlm": ("WavLM", SIZE),
    "data2vec-audio": ("Data2VecAudio", SIZE),
    "whisper": ("Whisper", WHISPER | {"decoder_layers": 1, "decoder_attention_heads": 4}),
}
TF32 = "float32, products in TF32"
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def save_model(name: str, folder: Path) -> Path:
    """A checkpoint with random weights, as it would come from the Hub."""
    torch.manual_seed(0)
    kind, settings = MODELS[name]
    config = getattr(transformers, f"{kind}Config")(**settings)
    model = getattr(transformers, f"{kind}Model")(config)
    for parameter in model.parameters():
        if (
            parameter.dim() > 1
        ):  # as large as trained ones: with the small ones of a fresh model little happens
            torch.nn.init.normal_(parameter, std=1.0 / parameter[0].numel() ** 0.5)
    model.save_pretrained(folder)
    reads = "Whisper" if kind == "Whisper" else "Wav2Vec2"
    getattr(transformers, f"{reads}FeatureExtractor")(do_normalize=kind != "Whisper").save_pretrained(folder)
    return folder


def waveforms() -> list[np.ndarray]:
    """Noise that swells and fades."""
    random = np.random.default_rng(0)
    times = [np.arange(round(seconds * 16_000)) / 16_000 for seconds in SECONDS]
    return [
        ((0.2 + 0.1 * np.sin(2 * np.pi * t)) * random.standard_normal(len(t))).astype(np.float32)
        for t in times
    ]


def frames(folder: Path, dtype: str, device: torch.device) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Frames of every utterance alone, and of all in one batch."""
    with matrix_products("tf32" if dtype == TF32 else "float32"):
        encoder: Any = load_encoder(str(folder), device, dtype="float32" if dtype == TF32 else dtype)
        encoder.budget.seconds = encoder.budget.overhead = 1_000.0
        with matrix_products("tf32") if dtype == TF32 else nullcontext():  # loading sets its own
            audio = waveforms()
            alone = [encoder.encode([waveform])[0].float().cpu() for waveform in audio]
            return alone, [one.float().cpu() for one in encoder.encode(audio)]


def difference(ours: list[torch.Tensor], theirs: list[torch.Tensor], spread: float) -> dict[str, float]:
    """Largest and mean absolute difference, over the spread."""
    apart = torch.cat([(a - b).abs().flatten() for a, b in zip(ours, theirs, strict=True)]) / spread
    return {"largest": float(f"{apart.max():.3g}"), "mean": float(f"{apart.mean():.3g}")}


def computed(device: torch.device) -> Iterator[dict[str, Any]]:
    """A row for every model and data type."""
    kinds = [*DTYPES, *([TF32] if device.type == "cuda" else [])]
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            save_model(name, Path(folder))
            exact, _ = frames(Path(folder), "float32", device)
            spread = float(torch.cat(exact).std())
            for dtype in kinds:
                alone, together = frames(Path(folder), dtype, device)
                row = {
                    "model": name,
                    "computed in": dtype,
                    "in a batch": difference(together, alone, spread),
                    "rounding": difference(alone, exact, spread),
                }
                print(json.dumps(row))
                yield row


def stored(work: Path) -> Iterator[dict[str, Any]]:
    """A row for every data type that features are stored in."""
    short = {"epochs": 20, "warm_up_epochs": 4, "learning_rates": (1e-3,), "hidden_sizes": (128,)}
    PROTOCOLS["paper"] = replace(PAPER, **short)
    exact: torch.Tensor | None = None
    first = None
    for dtype in ("float32", "float16", "bfloat16"):
        settings: dict[str, Any] = {"store_dtype": dtype, "features_dir": work / "features"}
        values = torch.cat(
            [found.float() for _, found in extract("builtin:logmel", "demo", **settings).read()]
        )
        exact = values if exact is None else exact
        error = (values - exact).abs()
        record = probe("builtin:logmel", "demo", output_dir=work / dtype, **settings)
        told = read_predictions(work / dtype / "builtin--logmel" / "demo" / "paper", record)
        first = told if first is None else first
        row = {
            "stored in": dtype,
            "bytes a value": BYTES[dtype],
            "error over value": {
                "largest": float(f"{(error / exact.abs())[exact.abs() > 1e-3].max():.3g}"),
                "mean": float(f"{(error / exact.abs())[exact.abs() > 1e-3].mean():.3g}"),
            },
            "error over spread": difference([values], [exact], float(exact.std())),
            "UA": round(100 * record.pooled.ua, 2),
            "predictions that are others": int((told["prediction"] != first["prediction"]).sum()),
            "predictions": len(told),
        }
        print(json.dumps(row))
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(parser.parse_args().device)
    with tempfile.TemporaryDirectory() as work:
        content = {
            "hardware": hardware(device),
            "machine": f"{platform.system()} {platform.machine()}",
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "utterances in seconds": SECONDS,
            "computed": list(computed(device)),
            "stored": list(stored(Path(work))),
        }
    path = RESULTS / f"precision.{device.type}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
