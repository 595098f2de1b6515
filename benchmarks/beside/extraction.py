"""Ways from the audio of utterances to what an encoder says of them, on a CPU and in float32."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import soundfile
import torch
import transformers
from beside.environment import Peer

from emobox_datasets.audio_files.audio import SAMPLING_RATE, from_flac
from emobox_probe.encoders.load import load_encoder
from emobox_probe.features.extraction import extract
from emobox_probe.features.store import FeatureStore

CPU = torch.device("cpu")
TRIED_IN_BATCHES = 8


@dataclass(frozen=True)
class Share:
    """Utterances of a corpus: as this project stores them, and as files, called by their place."""

    audio: datasets.Dataset
    wavs: Path

    @classmethod
    def of(cls, whole: datasets.Dataset, utterances: int, folder: Path) -> "Share":
        """So many utterances, evenly over the corpus; the files are written into the folder."""
        rows = np.linspace(0, len(whole) - 1, min(utterances, len(whole))).round().astype(int)
        share = cls(whole.select(rows), folder)
        folder.mkdir(parents=True)
        for place, flac in enumerate(share.flacs(range(len(rows)))):
            soundfile.write(folder / f"{place:04d}.wav", from_flac(flac), SAMPLING_RATE)
        return share

    def flacs(self, rows: Sequence[int]) -> list[bytes]:
        return [entry["bytes"] for entry in self.audio[rows]["audio"]]

    @property
    def files(self) -> list[Path]:
        return sorted(self.wavs.iterdir())

    @property
    def seconds(self) -> float:
        return float(sum(self.audio["duration"]))


@dataclass(frozen=True)
class Way:
    """`run` gives the seconds of one pass over the share; `difference_in_batch` is as benchmarks/peers.py says."""

    run: Callable[[], float]
    difference_in_batch: float


def this_project(model: Path, share: Share, scratch: Path) -> Way:
    """Stored FLAC to checksummed frames of the last layer on disk."""
    encoder = load_encoder(str(model), CPU)
    waveforms = [from_flac(flac) for flac in share.flacs(range(min(TRIED_IN_BATCHES, len(share.audio))))]
    alone = [encoder.encode([waveform])[0].numpy() for waveform in waveforms]
    together = [frames.numpy() for frames in encoder.encode(waveforms)]

    def run() -> float:
        shutil.rmtree(scratch, ignore_errors=True)
        store = FeatureStore(
            scratch, encoder.facts.identity, list(share.audio["id"]), list(share.audio["duration"])
        )
        started = time.perf_counter()
        extract(store, encoder, share.flacs, torch.float16, lambda seconds: None)
        return time.perf_counter() - started

    return Way(run, difference(alone, together))


def classifier(batch: int, model: Path, share: Share, scratch: Path) -> Way:
    """Files to logits by the pipeline of transformers; nothing is kept."""
    torch.manual_seed(0)
    pipeline = transformers.pipeline(
        "audio-classification", model=str(model), dtype=torch.float32, device=CPU, top_k=None
    )

    def logits(files: Sequence[Path], size: int) -> list[np.ndarray]:
        answers = pipeline(heard(files), batch_size=size, function_to_apply="none")
        return [
            np.array([said["score"] for said in sorted(answer, key=lambda said: said["label"])])
            for answer in answers
        ]

    def run() -> float:
        started = time.perf_counter()
        logits(share.files, batch)
        return time.perf_counter() - started

    tried = share.files[:TRIED_IN_BATCHES]
    return Way(run, difference(logits(tried, 1), logits(tried, batch)))


def heard(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32")
        yield {"array": samples, "sampling_rate": rate}


def s3prl(peer: Peer, model: Path, share: Share, scratch: Path) -> Way:
    """Files to frames of the last layer in .npy files, by s3prl's wrapper of wav2vec 2.0."""
    tried = peer.run("difference", model, share.wavs, "--files", TRIED_IN_BATCHES)

    def run() -> float:
        return float(peer.run("extract", model, share.wavs, scratch)["seconds"])

    return Way(run, tried["difference_in_batch"])


def difference(alone: Sequence[np.ndarray], together: Sequence[np.ndarray]) -> float:
    """Largest difference, over the spread of all that is said alone."""
    spread = np.concatenate(alone).std()
    return max(float(np.abs(a - b).max() / spread) for a, b in zip(alone, together, strict=True))


def compare(
    model: Path, share: Share, scratch: Path, peer: Peer | None, repeats: int
) -> list[dict[str, Any]]:
    """This project beside every other way, which take turns; `peer` where s3prl knows the model."""
    makers: dict[str, Callable[[Path, Share, Path], Way]] = {
        "this project": this_project,
        "transformers, one at a time": partial(classifier, 1),
        "transformers, batches of 8": partial(classifier, 8),
    }
    if peer is not None and peer.environment.usable:
        makers["s3prl, batches of 4"] = partial(s3prl, peer)
    ways = {
        name: make(model, share, scratch / str(place)) for place, (name, make) in enumerate(makers.items())
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seconds[name].append(way.run())
    rates = {name: share.seconds / min(taken) for name, taken in seconds.items()}
    ours = rates.pop("this project")
    return [
        {
            "beside": name,
            "unit": "times real time",
            "project": ours,
            "other": rate,
            "project_over_other": ours / rate,
            "difference_in_batch": {
                "project": ways["this project"].difference_in_batch,
                "other": ways[name].difference_in_batch,
            },
        }
        for name, rate in rates.items()
    ]
