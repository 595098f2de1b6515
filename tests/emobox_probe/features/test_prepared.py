"""What a record says of the corpus that it is on."""

import datasets
import numpy as np

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import to_flac
from emobox_probe.features.corpus import count_silent, describe_corpus


def stored(*waveforms: np.ndarray) -> datasets.Dataset:
    """A corpus as it is stored."""
    count = len(waveforms)
    rows = {
        "audio": [{"bytes": to_flac(waveform), "path": None} for waveform in waveforms],
        "id": [f"demo-{row}" for row in range(count)],
        "label": [0] * count,
        "speaker": [None] * count,
        "duration": [len(waveform) / 16_000 for waveform in waveforms],
    }
    features = datasets.Features(
        {
            "audio": datasets.Audio(decode=False),
            "id": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["Angry"]),
            "speaker": datasets.Value("string"),
            "duration": datasets.Value("float64"),
        }
    )
    return datasets.Dataset.from_dict(rows, features)


def test_silent_utterances_are_counted() -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=20_000).astype(np.float32)
    waveforms = [noise, np.zeros(20_000), noise[:1] * 0, noise[:300], np.zeros(300), noise * 1e-6]
    whole = stored(*waveforms)
    silent = [row for row, waveform in enumerate(waveforms) if not np.rint(waveform * 32_768).any()]
    assert count_silent(whole) == len(silent) == 4
    assert count_silent(whole.select([row for row in range(6) if row not in silent])) == 0


def test_a_record_counts_what_is_missing_silent_and_at_the_edges() -> None:
    demo = corpora.load("demo")
    told = describe_corpus(stored(np.zeros(16_000 * 31), np.zeros(300), np.ones(800)), demo, ["Angry"])
    assert (told.utterances, told.missing, told.silent) == (3, demo.utterances - 3, 2)
    assert (told.over_30_seconds, told.under_25_milliseconds) == (1, 1)
    assert told.incomplete == f"{demo.utterances - 3} of {demo.utterances} utterances of demo are missing"
