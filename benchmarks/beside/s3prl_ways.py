"""What s3prl does, in an environment of its own, where benchmarks/peers.py runs this; prints figures as JSON.

    python s3prl_ways.py extract MODEL WAVS FOLDER       its wrapper of wav2vec 2.0 on files, batches of 4
    python s3prl_ways.py difference MODEL WAVS           how far a batch changes what it gives
    python s3prl_ways.py head FRAMES                     its emotion recipe's head on frames that are ready

The wrapper, pooling and classifier are the package's. The loops around them follow what its recipe for emotion does and
states (batches of 4, gradients of 8 summed up, clipped at 1, Adam at 1e-4, a projection to 256 of every frame, mean
pooling, a linear layer), since they are parts of its command line, which knows IEMOCAP only. In that recipe waveforms
go through the model in every step; here frames are ready, so what is timed is the head alone.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

BATCH, SUMMED_UP, PROJECTED, RATE, LARGEST_GRADIENT = 4, 8, 256, 1e-4, 1.0
SAMPLES_A_FRAME = 320
WARM_UP_STEPS = 10


def extract(model: str, wavs: Path, folder: Path) -> dict[str, float]:
    """Seconds from files to the frames of the last layer on disk."""
    encoder = loaded(model)
    files = sorted(wavs.glob("*.wav"))
    last_layer(encoder, files[:BATCH])  # the first time for memory
    folder.mkdir(exist_ok=True)
    started = time.perf_counter()
    for start in range(0, len(files), BATCH):
        some = files[start : start + BATCH]
        for file, frames in zip(some, last_layer(encoder, some), strict=True):
            np.save(folder / f"{file.stem}.npy", frames.numpy())
    return {"seconds": time.perf_counter() - started}


def loaded(model: str) -> nn.Module:
    from s3prl.upstream.hf_wav2vec2.expert import UpstreamExpert

    return UpstreamExpert(model).eval()


@torch.no_grad()
def last_layer(encoder: nn.Module, files: Sequence[Path]) -> list[Tensor]:
    """Frames (T, D) of every file, which are padded to one batch."""
    waveforms = [torch.from_numpy(soundfile.read(file, dtype="float32")[0]) for file in files]
    padded = encoder(waveforms)["hidden_states"][-1]
    return [
        frames[: round(len(waveform) / SAMPLES_A_FRAME)]
        for frames, waveform in zip(padded, waveforms, strict=True)
    ]


def difference(model: str, wavs: Path, files: int) -> dict[str, float]:
    """Largest difference between frames of a file in a batch and alone, over their spread."""
    encoder, some = loaded(model), sorted(wavs.glob("*.wav"))[:files]
    alone = [last_layer(encoder, [file])[0] for file in some]
    together = [
        frames
        for start in range(0, len(some), BATCH)
        for frames in last_layer(encoder, some[start : start + BATCH])
    ]
    spread = torch.cat(alone).std()
    differences = [(a - b[: len(a)]).abs().max() / spread for a, b in zip(alone, together, strict=True)]
    return {"difference_in_batch": float(max(differences))}


def head(folder: Path, steps: int) -> dict[str, float]:
    """Optimiser steps a second of one head on `<row>.npy` and `labels.json`, which are read before."""
    from s3prl.downstream.model import UtteranceLevel

    labels = json.loads((folder / "labels.json").read_text())
    utterances = [(np.load(folder / f"{row}.npy"), label) for row, label in enumerate(labels)]
    projector = nn.Linear(utterances[0][0].shape[1], PROJECTED)
    model = UtteranceLevel(PROJECTED, max(labels) + 1)
    weights = [*projector.parameters(), *model.parameters()]
    optimiser = torch.optim.Adam(weights, lr=RATE)
    loader = torch.utils.data.DataLoader(
        utterances, BATCH, shuffle=True, num_workers=len(os.sched_getaffinity(0)), collate_fn=list
    )
    batches = done = 0
    started = time.perf_counter()
    while True:
        for batch in loader:
            frames = [torch.from_numpy(frames) for frames, _ in batch]
            lengths = torch.tensor([len(part) for part in frames])
            padded = nn.utils.rnn.pad_sequence(frames, batch_first=True)
            logits, _ = model(projector(padded), lengths)
            loss = nn.functional.cross_entropy(logits, torch.tensor([label for _, label in batch]))
            (loss / SUMMED_UP).backward()
            batches += 1
            if batches % SUMMED_UP:
                continue
            nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad()
            done += 1
            if done == WARM_UP_STEPS:
                started = time.perf_counter()
            if done == steps:
                return {"steps_per_second": (steps - WARM_UP_STEPS) / (time.perf_counter() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = parser.add_subparsers(dest="way", required=True)
    extracting = ways.add_parser("extract")
    extracting.add_argument("model")
    extracting.add_argument("wavs", type=Path)
    extracting.add_argument("folder", type=Path)
    trying = ways.add_parser("difference")
    trying.add_argument("model")
    trying.add_argument("wavs", type=Path)
    trying.add_argument("--files", type=int, required=True)
    training = ways.add_parser("head")
    training.add_argument("folder", type=Path)
    training.add_argument("--steps", type=int, required=True)
    arguments = vars(parser.parse_args())
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    way = {"extract": extract, "difference": difference, "head": head}[arguments.pop("way")]
    print(json.dumps(way(**arguments)))


if __name__ == "__main__":
    main()
