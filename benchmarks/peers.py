"""This project beside what researchers use today: the same work, on the same machine, in one run, on a CPU.

    python benchmarks/peers.py [--assets ../shared] [--features FOLDER] [--environment FOLDER]

- extraction: a share of EmoDB's utterances, from files to what the way gives: this project (stored FLAC to checksummed
  frames on disk, `features.extraction`) beside the `audio-classification` pipeline of transformers (wav files to
  labels, since `feature-extraction` takes text only), one at a time, as its documentation says for CPUs, and in the
  batches of 8 of its example; and beside s3prl's wrapper (wav files to .npy files, batches of 4 as in its recipe for
  emotion). Encoders are a random wav2vec 2.0 of base size and, which s3prl does not know, the real whisper-tiny.en.
  `difference_in_batch` is how far the frames (of the pipeline: the logits) of an utterance in a batch are from those
  alone, at most, over their spread.
- probing: `paper` on EmoDB's frames of whisper-tiny.en beside the way of the EmoBox release, which
  benchmarks/probe.py has (one run after another, one .npy file an utterance, a DataLoader), and beside the head of
  s3prl's recipe on the same frames (256 wide; `paper` sweeps 128 and 256), whose own training encodes the audio anew
  in every step, which is not timed; all in optimiser steps of 32 utterances of one run a second. `linear` beside
  scikit-learn's own search over the same folds, layers and strengths at the same tolerance, in seconds.

s3prl runs in an environment of its own, which is made in a folder and kept there. Imports and loading are not counted
in, nor is what this project does once a corpus: the conversion to FLAC stands beside, as `conversion_seconds`. Of the
repeats the fastest counts. Features of whisper-tiny.en are made where the probe keeps none, which takes minutes more.
Writes benchmarks/results/peers.cpu.json, in which every ratio is above 1 where this project is faster.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
import torch
from beside import extraction, probing
from beside.environment import Peer, s3prl_in
from export import random_wav2vec2
from transformers.utils import logging

from emobox_datasets import corpora
from emobox_probe.config import ExtractConfig, ProbeConfig
from emobox_probe.experiment import extract_features
from emobox_probe.features.corpus import load_corpus
from emobox_probe.heads.cpu import keep_freed_memory
from emobox_probe.scoring.linear import layers_in, statistics_of
from emobox_probe.tasks.design import design_of
from emobox_probe.tasks.pool import Pool

HERE = Path(__file__).parent
RESULT = HERE / "results" / "peers.cpu.json"
PACKAGES = ("datasets", "numpy", "scikit-learn", "torch", "transformers")
CORPUS = "emodb"
WHISPER = "whisper-tiny.en"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared")
    runs = HERE.parent / "runs" / "benchmark-peers" / "s3prl"
    parser.add_argument("--assets", type=Path, default=Path(shared))
    parser.add_argument("--features", type=Path, help="default: where the probe keeps them")
    parser.add_argument("--environment", type=Path, default=runs, help="of s3prl; default: %(default)s")
    parser.add_argument("--utterances", type=int, default=40, help="for extraction; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=2, help="of extraction; default: %(default)s")
    parser.add_argument("--layers", type=int, default=12, help="of the wav2vec 2.0; default: %(default)s")
    parser.add_argument("--epochs", type=int, default=5, help="of paper's 100; default: %(default)s")
    parser.add_argument("--steps", type=int, default=40, help="of heads alone; default: %(default)s")
    parser.add_argument("--out", type=Path, default=RESULT, help="default: %(default)s")
    arguments = parser.parse_args()
    before = os.getloadavg()
    logging.set_verbosity_error()
    peer = s3prl_in(arguments.environment)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    keep_freed_memory()  # as the main job does
    with tempfile.TemporaryDirectory() as scratch:
        report = measured(arguments, peer, Path(scratch))
    report["s3prl"] = {"versions": peer.environment.versions, "notes": peer.environment.notes}
    report["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before_and_after": [round(before[2], 2), round(os.getloadavg()[0], 2)],
    }
    report["versions"] = {name: version(name) for name in PACKAGES}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


def measured(arguments: argparse.Namespace, peer: Peer, scratch: Path) -> dict[str, Any]:
    """All figures, and what they are of."""
    datasets.config.HF_DATASETS_CACHE = scratch / "datasets"  # the conversion is not to be there yet
    started = time.perf_counter()
    whole = load_corpus(corpora.load(CORPUS), arguments.assets / "corpora" / CORPUS)
    conversion = time.perf_counter() - started
    share = extraction.Share.of(whole, arguments.utterances, scratch / "wavs")
    wav2vec2 = random_wav2vec2(scratch / "wav2vec2", arguments.layers)
    compared = {
        f"extraction, wav2vec 2.0 of {arguments.layers} layers (random)": extraction.compare(
            wav2vec2, share, scratch / "of wav2vec2", peer, arguments.repeats
        ),
        f"extraction, {WHISPER}": extraction.compare(
            encoder_in(arguments.assets), share, scratch / "of whisper", None, arguments.repeats
        ),
    }
    about = {
        "utterances": len(share.audio),
        "of": len(whole),
        "seconds": share.seconds,
        "repeats": arguments.repeats,
    }
    heads, about_heads = heads_compared(arguments, whole, peer, scratch)
    return {
        "comparisons": [{"work": work, **row} for work, rows in (compared | heads).items() for row in rows],
        "extraction_of": about,
        "heads_on": about_heads,
        "conversion_seconds": conversion,
    }


def encoder_in(assets: Path) -> Path:
    return assets / "models" / f"{WHISPER}-encoder"


def heads_compared(
    arguments: argparse.Namespace, whole: datasets.Dataset, peer: Peer, scratch: Path
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """The comparisons of heads on the whole corpus, and what they are on."""
    settings = {
        "model": str(encoder_in(arguments.assets)),
        "corpus": CORPUS,
        "data_dir": arguments.assets / "corpora" / CORPUS,
        "features_dir": arguments.features,
    }
    store = extract_features(ExtractConfig.of({**settings, "layers": "statistics"}))
    design = design_of(ProbeConfig.of({**settings, "protocol": "linear"}))
    pool = Pool(design.labels)
    pool.add(corpora.load(CORPUS), whole)
    frames = [frames for _, frames in store.read()]
    layers = [(layer, statistics_of([store], layer)) for layer in layers_in([store], True)]
    trained = probing.paper(
        frames, pool.label_ids, len(pool.labels), arguments.epochs, arguments.steps, peer, scratch / "frames"
    )
    fitted = probing.linear(pool, design.tasks(pool), layers)
    about = {
        "frames": sum(map(len, frames)),
        "dimension": frames[0].shape[1],
        "epochs": arguments.epochs,
        "steps_alone": arguments.steps,
    }
    return {"training heads, `paper`": trained, "fitting heads, `linear`": [fitted]}, about


if __name__ == "__main__":
    main()
