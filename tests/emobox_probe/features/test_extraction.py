"""From FLAC bytes to a store, through other processes and threads: what each part alone gives."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from zoo import encoder_of, utterances

from emobox_datasets.audio_files.audio import from_flac, to_flac
from emobox_probe.encoders.encoder import in_order
from emobox_probe.encoders.load import load_encoder
from emobox_probe.errors import ProbeError
from emobox_probe.features import extraction
from emobox_probe.features.extraction import extract, number_of_workers
from emobox_probe.features.store import FeatureStore

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return encoder_of("wav2vec2 (base)", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def flacs() -> list[bytes]:
    return [to_flac(waveform) for waveform in utterances(*np.linspace(0.3, 1.4, 11), 0.007)]


def store_of(root: Path, encoder: Any, count: int) -> FeatureStore:
    ids = [f"u{number}" for number in range(count)]
    return FeatureStore(root, encoder.facts.identity, ids, [100.0] * count)


def test_store_holds_what_the_encoder_gives_each_alone(
    tmp_path: Path, encoder: Any, flacs: list[bytes]
) -> None:
    store = store_of(tmp_path, encoder, len(flacs))
    heard: list[float] = []
    extract(store, encoder, lambda rows: [flacs[row] for row in rows], torch.float32, heard.append)
    for flac, (_, frames) in zip(flacs, store.read(), strict=True):
        torch.testing.assert_close(frames, encoder.encode([from_flac(flac)])[0], atol=1e-4, rtol=0)
    assert sum(heard) == sum(store.durations)
    assert 0 < store.busy_share() <= 1


def test_complete_store_is_left_alone(tmp_path: Path, encoder: Any, flacs: list[bytes]) -> None:
    store = store_of(tmp_path, encoder, len(flacs))
    extract(store, encoder, lambda rows: [flacs[row] for row in rows], torch.float16, lambda seconds: None)
    extract(store, encoder, lambda rows: pytest.fail("was read"), torch.float16, lambda seconds: None)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_number_of_processes_that_decode_does_not_matter(
    workers: int, tmp_path: Path, encoder: Any, flacs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "number_of_workers", lambda encoder, processes: workers)
    store = store_of(tmp_path / "store", encoder, len(flacs))
    extract(store, encoder, lambda rows: [flacs[row] for row in rows], torch.float16, lambda seconds: None)
    expected = store_of(tmp_path / "expected", encoder, len(flacs))

    def plainly(shards: Any) -> Any:
        for rows in shards:
            batches = encoder.plan([expected.durations[row] for row in rows])
            batches = [[rows[place] for place in batch] for batch in batches]
            waveforms = [[from_flac(flacs[row]) for row in batch] for batch in batches]
            pending = [encoder.run(encoder.collate(batch), torch.float16) for batch in waveforms]
            yield lambda rows=rows, batches=batches, pending=pending: in_order(rows, batches, pending)

    expected.fill(plainly, torch.float16, lambda seconds: None)
    assert [path.read_bytes() for path in sorted(store.folder.iterdir())] == [
        path.read_bytes() for path in sorted(expected.folder.iterdir())
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_audio_names_the_utterance(
    workers: int, tmp_path: Path, encoder: Any, flacs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "number_of_workers", lambda encoder, processes: workers)
    broken = np.full(1600, np.nan, dtype=np.float32)
    monkeypatch.setattr(extraction, "from_flac", lambda flac: broken if flac is flacs[4] else from_flac(flac))
    store = store_of(tmp_path, encoder, len(flacs))
    with pytest.raises(ProbeError, match=r"^Utterance u4: Expected finite samples"):
        extract(
            store, encoder, lambda rows: [flacs[row] for row in rows], torch.float16, lambda seconds: None
        )


def test_a_process_that_is_killed_is_told_and_extraction_goes_on(
    tmp_path: Path, encoder: Any, flacs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "number_of_workers", lambda encoder, processes: 1)
    store = store_of(tmp_path, encoder, len(flacs))
    mine = os.getpid()

    def killed(rows: Any) -> list[bytes]:
        if os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return [flacs[row] for row in rows]

    with pytest.raises(
        ProbeError, match=r"Expected the processes that decode audio to stay, but one was killed"
    ):
        extract(store, encoder, killed, torch.float16, lambda seconds: None)
    extract(store, encoder, lambda rows: [flacs[row] for row in rows], torch.float16, lambda seconds: None)
    assert store.complete


def test_little_shared_memory_means_no_other_process(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert number_of_workers(encoder, 1) <= 1  # a model on the CPU needs the cores
    monkeypatch.setattr(extraction, "SHARED_MEMORY", 1 << 60)
    assert number_of_workers(encoder, 1) == 0


def test_built_in_descriptors_are_extracted_too(tmp_path: Path, flacs: list[bytes]) -> None:
    encoder = load_encoder("builtin:logmel", torch.device("cpu"))
    store = store_of(tmp_path, encoder, len(flacs))
    extract(store, encoder, lambda rows: [flacs[row] for row in rows], torch.float32, lambda seconds: None)
    for flac, (_, frames) in zip(flacs, store.read(), strict=True):
        torch.testing.assert_close(frames, encoder.encode([from_flac(flac)])[0])
