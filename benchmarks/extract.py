"""How near extraction comes to the speed of the bare model, and how far it is from one utterance at a time.

    (a) project   stored FLAC -> decoded, batched, encoded -> checksummed shards on disk, by `features.extraction`
        compiled  the same with compiled layers, on a GPU; compiling is not counted in, its seconds stand beside
    (b) ceiling   the unchanged model of transformers on ready tensors of the same lengths, no mask, best of its batches
    (c) single    FLAC -> feature extractor -> model, one utterance at a time in float32, as the EmoBox release does

Weights are random, sizes are real, audio is made here: tones in noise, 1 to 20 s. Writes
benchmarks/results/extract.<device>.json.

    python benchmarks/extract.py --device cuda --hours 2
"""

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
import transformers
from torch import nn

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac, to_flac
from emobox_probe.encoders import batching
from emobox_probe.encoders import data2vec2 as models
from emobox_probe.encoders.batching import Budget, plan
from emobox_probe.encoders.encoder import DTYPES
from emobox_probe.encoders.families import FAMILIES, WHISPER_TRIMMED, Family
from emobox_probe.encoders.inputs import Loaded, log_mel
from emobox_probe.encoders.model_encoder import ModelEncoder
from emobox_probe.features.extraction import extract
from emobox_probe.features.store import FeatureStore

LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
STABLE = {**LARGE, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER_BASE = {"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8, "encoder_ffn_dim": 2048}
WHISPER_LARGE = dict(zip(WHISPER_BASE, (1280, 32, 20, 5120), strict=True))
NO_DECODER = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8}
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}

# name: (configuration, settings, trimmed)
MODELS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "wav2vec2-base": ("Wav2Vec2Config", {}, False),
    "hubert-large": ("HubertConfig", STABLE, False),
    "wavlm-large": ("WavLMConfig", STABLE, False),
    "data2vec-large": ("Data2VecAudioConfig", LARGE, False),
    "data2vec2-large": ("Data2Vec2Config", {**LARGE, "num_prenet_layers": 8, "num_hidden_layers": 16}, False),
    "emotion2vec-base": ("Data2Vec2Config", {"num_extra_tokens": 10}, False),
    "whisper-base": ("WhisperConfig", {**WHISPER_BASE, **NO_DECODER, "num_mel_bins": 80}, False),
    "whisper-large-v3": ("WhisperConfig", {**WHISPER_LARGE, **NO_DECODER, "num_mel_bins": 128}, False),
    "whisper-large-v3:trimmed": ("WhisperConfig", {**WHISPER_LARGE, **NO_DECODER, "num_mel_bins": 128}, True),
    "tiny": ("Wav2Vec2Config", {**TINY, "conv_dim": (32,) * 7}, False),
}
DEFAULTS = {
    "cpu": ["whisper-base", "wav2vec2-base", "emotion2vec-base"],
    "cuda": [
        "wav2vec2-base",
        "hubert-large",
        "wavlm-large",
        "data2vec-large",
        "data2vec2-large",
        "emotion2vec-base",
        "whisper-large-v3",
        "whisper-large-v3:trimmed",
    ],
}
CEILING_SECONDS = {"cpu": (4.0, 16.0, 32.0, 64.0), "cuda": (128.0, 256.0, 512.0, 1024.0)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, help="default: those of the issue for the device"
    )
    parser.add_argument("--hours", type=float, default=1.0, help="of audio for (a) and (b)")
    parser.add_argument("--single-minutes", type=float, default=5.0, help="of audio for (c)")
    parser.add_argument("--repeats", type=int, default=1, help="of (a) and (b), of which the fastest counts")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="of (a) and (b); default: bfloat16 on cuda, else float32"
    )
    parser.add_argument(
        "--budgets", type=float, nargs="+", help="padded seconds a batch in (a); default: ours"
    )
    parser.add_argument("--ceilings", type=float, nargs="+", help="padded seconds a batch in (b)")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    dtype = arguments.dtype or ("bfloat16" if device.type == "cuda" else "float32")
    output = arguments.output or Path(__file__).parent / "results" / f"extract.{device.type}.json"

    with tempfile.TemporaryDirectory() as folder:
        audio = stored_audio(Path(folder) / "audio", arguments.hours)
        circumstances = {"machine": machine(device), "dtype": dtype, "audio": describe(audio)}
        # Models that are not measured now keep the figures, and the circumstances, of when they were.
        report: dict[str, Any] = json.loads(output.read_text()) if output.is_file() else {"models": {}}
        failed = False
        for name in arguments.models or DEFAULTS[device.type]:
            try:
                figures = measure(name, audio, device, dtype, arguments, Path(folder) / "features")
            except Exception:  # one model that fails must not cost the figures of the others
                traceback.print_exc()
                failed = True
                continue
            report["models"][name] = {**figures, **circumstances}
            print(name, json.dumps(figures), flush=True)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.exit(failed)


# ── audio ──


def stored_audio(folder: Path, hours: float) -> datasets.Dataset:
    """Utterances of 1 to 20 s, most of 2 to 6, as FLAC bytes in a memory-mapped Arrow file, like a prepared corpus."""
    durations = utterance_seconds(hours)
    with ThreadPoolExecutor() as pool:
        flacs = list(pool.map(synthetic_flac, range(len(durations)), durations))
    rows = {
        "id": [f"utterance_{number:06d}" for number in range(len(durations))],
        "duration": [round(duration * SAMPLING_RATE) / SAMPLING_RATE for duration in durations],
        "audio": flacs,
    }
    datasets.Dataset.from_dict(rows).save_to_disk(str(folder))
    return datasets.load_from_disk(str(folder))


def utterance_seconds(hours: float) -> list[float]:
    """Durations that make up so many hours."""
    generator = np.random.default_rng(0)
    durations: list[float] = []
    while sum(durations) < hours * 3600:
        durations.append(float(np.clip(generator.lognormal(1.3, 0.6), 1.0, 20.0)))
    return durations


def synthetic_flac(seed: int, seconds: float) -> bytes:
    generator = np.random.default_rng(seed)
    times = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    tones = sum(np.sin(2 * np.pi * pitch * times) for pitch in generator.uniform(80, 2000, 4))
    return to_flac((0.05 * tones + 0.02 * generator.standard_normal(len(times))).astype(np.float32))


def describe(audio: datasets.Dataset) -> dict[str, Any]:
    durations = np.array(audio["duration"])
    return {
        "hours": float(durations.sum() / 3600),
        "utterances": len(audio),
        "seconds": {str(share): float(np.quantile(durations, share)) for share in (0, 0.25, 0.5, 0.75, 1)},
    }


def machine(device: torch.device) -> dict[str, Any]:
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "libraries": {
            name: version(name) for name in ("torch", "transformers", "datasets", "soundfile", "numpy")
        },
    }


# ── models ──


def loaded_model(name: str, device: torch.device) -> tuple[Loaded, Family]:
    """A model of the real size with random weights, which are made where it runs."""
    config_name, settings, trimmed = MODELS[name]
    ours = hasattr(models, config_name)
    config = getattr(models if ours else transformers, config_name)(**settings)
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModel.from_config(config).eval()
    if config.model_type == "whisper":
        extractor = transformers.WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        family = WHISPER_TRIMMED if trimmed else FAMILIES["whisper"]
        return Loaded(config, model.get_encoder(), extractor), family
    extractor_class = models.Data2Vec2FeatureExtractor if ours else transformers.Wav2Vec2FeatureExtractor
    return Loaded(config, model, extractor_class(do_normalize=True)), FAMILIES[config.model_type]


@contextmanager
def clock(device: torch.device) -> Iterator[Callable[[], float]]:
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    wait()
    started = time.perf_counter()
    yield lambda: (wait(), time.perf_counter() - started)[1]


# ── the three ──


def measure(
    name: str,
    audio: datasets.Dataset,
    device: torch.device,
    dtype: str,
    arguments: argparse.Namespace,
    root: Path,
) -> dict[str, Any]:
    seconds = sum(audio["duration"])
    with ThreadPoolExecutor() as pool:
        waveforms = list(pool.map(from_flac, audio["audio"]))
    budgets = arguments.ceilings or CEILING_SECONDS[device.type]
    ceilings = ceiling(name, waveforms, device, dtype, budgets, arguments.repeats)
    del waveforms[16:]  # the processes that decode are forks, and each would take over what stands in memory
    projects = {}
    for budget in arguments.budgets or [Budget.of(device).seconds]:
        batching.CUDA_SECONDS = batching.CPU_SECONDS = budget
        place = root / f"{name}-{budget:g}"
        projects[budget] = project(name, audio, device, dtype, place, arguments.repeats)
    compiled = {}
    if device.type == "cuda":
        compiled = project(name, audio, device, dtype, root / f"{name}-compiled", arguments.repeats, True)
    best = min(projects, key=lambda budget: projects[budget]["wall_seconds"])
    single_rate = single(name, audio, device, arguments.single_minutes * 60)
    a, b = seconds / projects[best]["wall_seconds"], seconds / min(ceilings.values())
    rates, ratios = (
        {"project": a, "ceiling": b, "single": single_rate},
        {"a/b": a / b, "a/c": a / single_rate},
    )
    if compiled:
        rates["compiled"] = seconds / compiled["wall_seconds"]
        ratios["compiled/b"] = rates["compiled"] / b
    return {
        "times_real_time": rates,
        "ratios": ratios,
        "project_batch_seconds": best,
        "project": projects[best],
        "compiled": compiled,
        "project_times_real_time_by_batch_seconds": {
            f"{budget:g}": seconds / figures["wall_seconds"] for budget, figures in projects.items()
        },
        "ceiling_times_real_time_by_batch_seconds": {
            f"{budget:g}": seconds / spent for budget, spent in ceilings.items()
        },
        "float32_difference_in_batch": difference(name, waveforms[:16], device),
        "stages": stages(audio, root / f"{name}-{best:g}"),
    }


def project(
    name: str,
    audio: datasets.Dataset,
    device: torch.device,
    dtype: str,
    root: Path,
    repeats: int,
    compiled: bool = False,
) -> dict[str, float]:
    """(a): wall time of `extract`, and for how much of it the model was at work."""
    loaded, family = loaded_model(name, device)
    encoder = ModelEncoder(name, loaded, family, name, device, dtype)
    with clock(device) as elapsed:
        if compiled:
            encoder.compile_for(1e12, 1)
        compiling = elapsed()

    def store(rows: int, folder: str) -> FeatureStore:
        some = audio.select(range(rows))
        return FeatureStore(root / folder, encoder.facts.identity, list(some["id"]), list(some["duration"]))

    def source(rows: Sequence[int]) -> list[bytes]:
        return list(audio[rows]["audio"])

    # One pass before the clock starts: memory that a GPU can reach is slow to get, once.
    extract(store(len(audio), "warm"), encoder, source, torch.float16, lambda done: None)
    shutil.rmtree(root / "warm")
    walls = []
    for _ in range(repeats):
        shutil.rmtree(root / "whole", ignore_errors=True)
        whole = store(len(audio), "whole")
        with clock(device) as elapsed:
            extract(whole, encoder, source, torch.float16, lambda done: None)
            walls.append(elapsed())
    return {
        "wall_seconds": min(walls),
        "times_real_time_on_ready_batches": ready(encoder, audio, whole.shards[:4], source),
        "model_seconds": whole.busy_share() * whole.seconds_spent(),
        "shards": len(whole.shards),
        **({"compile_seconds": compiling} if compiled else {}),
    }


def ready(
    encoder: ModelEncoder,
    audio: datasets.Dataset,
    shards: Sequence[range],
    source: Callable[[Sequence[int]], list[bytes]],
) -> float:
    """Times real time of the model and the copy of its frames alone: batches are decoded, padded and pinned before."""
    rows = [row for shard in shards for row in shard]
    seconds = np.array(audio["duration"])[rows]
    batches = [
        encoder.collate([from_flac(f) for f in source([rows[place] for place in batch])])
        for batch in encoder.plan(seconds)
    ]
    if torch.cuda.is_available():
        batches = [batch.pin_memory() for batch in batches]
    for _ in range(2):  # the first time for memory
        started = time.perf_counter()
        for wait in [encoder.run(batch, torch.float16) for batch in batches]:
            wait()
        passed = time.perf_counter() - started
    return float(seconds.sum() / passed)


def difference(name: str, waveforms: list[np.ndarray], device: torch.device) -> float:
    """Largest difference between utterances in a batch and alone, over the spread of the output, in float32."""
    torch.backends.cudnn.allow_tf32 = False
    loaded, family = loaded_model(name, device)
    encoder = ModelEncoder(name, loaded, family, name, device)
    alone = [encoder.encode([waveform])[0] for waveform in waveforms]
    together = encoder.encode(waveforms)
    torch.backends.cudnn.allow_tf32 = True  # the library's default, which (c) runs with
    spread = torch.cat(alone).std()
    return max(float((a - b).abs().max() / spread) for a, b in zip(alone, together, strict=True))


@torch.inference_mode()
def ceiling(
    name: str,
    waveforms: list[np.ndarray],
    device: torch.device,
    dtype: str,
    budgets: Sequence[float],
    repeats: int,
) -> dict[float, float]:
    """(b): seconds for all utterances, by padded seconds a batch; tensors are on the device before the clock starts."""
    loaded, _ = loaded_model(name, device)
    model = loaded.model.to(DTYPES[dtype])
    trimmed = MODELS[name][2]
    whisper = loaded.config.model_type == "whisper"
    cost = [30.0 if whisper and not trimmed else len(waveform) / SAMPLING_RATE for waveform in waveforms]
    spent = {}
    for budget in budgets:
        try:
            batches = plan(cost, [0] * len(cost), Budget(budget, Budget.of(device).overhead))
            ready = [
                ready_batch([waveforms[row] for row in batch], loaded, trimmed, device, dtype)
                for batch in batches
            ]
            for batch in ready:  # the first time for memory, and for kernels of these shapes
                bare(model, batch, trimmed)
            times = []
            for _ in range(repeats):
                with clock(device) as elapsed:
                    for batch in ready:
                        bare(model, batch, trimmed)
                    times.append(elapsed())
            spent[budget] = min(times)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    return spent


def ready_batch(
    waveforms: list[np.ndarray], loaded: Loaded, trimmed: bool, device: torch.device, dtype: str
) -> torch.Tensor:
    samples = nn.utils.rnn.pad_sequence(
        [torch.from_numpy(waveform) for waveform in waveforms], batch_first=True
    )
    if loaded.config.model_type != "whisper":
        return samples.to(device, DTYPES[dtype])
    mel = log_mel(samples.to(device), loaded.extractor, loaded.extractor.nb_max_frames)
    return (mel[..., : -(-samples.shape[1] // 320) * 2] if trimmed else mel).to(DTYPES[dtype])


def bare(model: Any, batch: torch.Tensor, trimmed: bool) -> None:
    if not trimmed:
        model(batch)
        return
    whole, frames = model.embed_positions, batch.shape[-1] // 2
    model.embed_positions = nn.Embedding.from_pretrained(whole.weight[:frames])
    model.config.max_source_positions = frames
    model(batch)
    model.embed_positions = whole


@torch.inference_mode()
def single(name: str, audio: datasets.Dataset, device: torch.device, seconds: float) -> float:
    """(c): times real time, over as many utterances as make up `seconds`."""
    loaded, _ = loaded_model(name, device)
    rows = int(np.searchsorted(np.cumsum(audio["duration"]), seconds)) + 1
    rows = min(rows, len(audio))
    trimmed = MODELS[name][2]

    def run(flac: bytes) -> None:
        waveform = from_flac(flac)
        inputs = loaded.extractor(waveform, sampling_rate=SAMPLING_RATE, return_tensors="pt")
        batch = next(iter(inputs.values())).to(device)
        if trimmed:
            batch = batch[..., : -(-len(waveform) // 320) * 2]
            whole, frames = loaded.model.embed_positions, batch.shape[-1] // 2
            loaded.model.embed_positions = nn.Embedding.from_pretrained(whole.weight[:frames])
            loaded.model.config.max_source_positions = frames
            loaded.model(batch).last_hidden_state[0].cpu().numpy()
            loaded.model.embed_positions = whole
            return
        loaded.model(batch).last_hidden_state[0].cpu().numpy()

    for flac in audio[: min(5, rows)]["audio"]:
        run(flac)
    with clock(device) as elapsed:
        for flac in audio[:rows]["audio"]:
            run(flac)
        return sum(audio["duration"][:rows]) / elapsed()


def stages(audio: datasets.Dataset, root: Path) -> dict[str, float]:
    """What runs beside the model, by itself: decoding in one process in times real time, and the disk."""
    flacs = audio[:300]["audio"]
    started = time.perf_counter()
    for flac in flacs:
        from_flac(flac)
    decoding = time.perf_counter() - started
    content = np.fromfile(next(root.glob("whole/*/shard-00000.safetensors")), dtype=np.uint8)
    started = time.perf_counter()
    content.tofile(root / "copy")
    writing = time.perf_counter() - started
    return {
        "decode_times_real_time": sum(audio["duration"][:300]) / decoding,
        "write_megabytes_per_second": content.nbytes / writing / 1e6,
    }


if __name__ == "__main__":
    main()
