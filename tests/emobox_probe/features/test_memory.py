"""Heads train on features larger than the memory that they may use."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, threading, time
from dataclasses import replace
from pathlib import Path

import torch

from emobox_probe.encoders.encoder import Encoded
from emobox_probe.features.store import FeatureStore
from emobox_probe.protocol import PAPER
from emobox_probe.scoring.sweep import load_frames
from emobox_probe.heads.groups import Group
from emobox_probe.heads.training import train

ALLOWED, KILLED = 150 * 2**20, 77
UTTERANCES, FRAMES, DIMENSION = 1200, 256, 512  # float16: 300 MB
torch.set_num_threads(1)
seconds = [FRAMES / 50] * UTTERANCES
store = FeatureStore(Path(sys.argv[1]), {"encoder": "x"}, [f"u{n}" for n in range(UTTERANCES)], seconds)

def encode(shards):
    for rows in shards:
        torch.manual_seed(rows.start)
        yield lambda rows=rows: [Encoded(torch.randn(FRAMES, DIMENSION).half()) for _ in rows]

store.fill(encode, torch.float16, lambda seconds: None)
labels = torch.arange(UTTERANCES) % 2
half = UTTERANCES // 2
group = Group(labels, torch.arange(half), torch.arange(half, UTTERANCES), seed=0)
protocol = replace(PAPER, epochs=2, warm_up_epochs=1, batch_size=8, hidden_sizes=(16,))
train(load_frames([store], torch.device("cpu")), [group], 2, replace(protocol, epochs=1))  # buffers and libraries

def used():
    # Bytes of memory that no file backs.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024

def watch(limit):
    # Ends the process as the system would. A resource limit cannot: it counts mapped files, which are a cache.
    while used() < limit:
        time.sleep(0.001)
    os._exit(KILLED)

threading.Thread(target=watch, args=(used() + ALLOWED,), daemon=True).start()
frames = load_frames([store], torch.device("cpu"))
size = sum(2 * int(length) * DIMENSION for length in frames.lengths)
assert size >= 2 * ALLOWED, size
if sys.argv[2] == "greedy":
    torch.cat([frames.clone() for _, frames in store.read()])
    time.sleep(1)
runs = train(frames, [group], 2, protocol)[0]
assert all(run.epoch for run in runs)
print("trained on", size)
"""


def run(folder: Path, how: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", SCRIPT, str(folder), how]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.slow
def test_features_twice_as_large_as_the_memory_allowed(tmp_path: Path) -> None:
    assert run(tmp_path, "greedy").returncode == 77, "the limit does not hold"
    done = run(tmp_path, "as it is")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("trained on 314572800")
