"""Short real runs on the demo corpus for tests of their use: what is trained, heard and recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Audio, load_dataset

from emobox_datasets.audio_files.audio import from_flac
from emobox_probe.protocol import PAPER, STRICT

# Six epochs instead of a hundred, two seeds instead of five: what is tested does not depend on how good heads are.
QUICK = replace(PAPER, epochs=6, warm_up_epochs=2, hidden_sizes=(8,))
QUICK_STRICT = replace(STRICT, epochs=4, warm_up_epochs=2, hidden_sizes=(8,), seeds=(0, 1))


def demo_waveforms() -> dict[str, Any]:
    """The 16 kHz waveform of every utterance of the demo corpus, by its id."""
    rows = load_dataset("emobox/demo", "all", split="train").cast_column("audio", Audio(decode=False))
    return {row["id"]: from_flac(row["audio"]["bytes"]) for row in rows}


def logits_of(folder: Path, fold: str, seed: int = 0) -> dict[str, list[float]]:
    """What a run's record follows from: the logits of every utterance that a fold tested."""
    table = pd.read_parquet(folder / "predictions.parquet")
    chosen = table[(table["fold"] == fold) & (table["seed"] == seed)]
    return {id: logits.tolist() for id, logits in zip(chosen["id"], chosen["logits"], strict=True)}
