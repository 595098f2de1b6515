"""Files that are there and whole, but that the user has no right to read, are told apart from damaged ones."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from result_runs import make_cross_run, make_run

# Every reader on a path that it may not read: what each raises, as JSON. What can be read comes first: so a reader that
# refuses everything is seen, and all is imported, which a user who is nobody may not do.
PROGRAM = """
import json, os, pickle, sys
from pathlib import Path
import torch
from emobox_probe.encoders.encoder import Encoded
from emobox_probe.records.cross_result import read_cross_record
from emobox_probe.features.store import FeatureStore
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import read_record
from emobox_probe.features.shards import is_intact
from hub_cards.bench.speeds import past_records
from hub_cards.bench.states import read_whole
from hub_cards.runs.collection import collect
from hub_cards.tables.results import find_records
from hub_cards.runs.find_and_check import CrossRun, check_run, find_runs

root = Path(sys.argv[1])
record, matrix = read_record(root / "whole"), read_cross_record(root / "whole-cross")
assert is_intact(root / "whole.safetensors", "shard")
check_run(CrossRun(root / "whole-cross", matrix))
collect([root / "whole"])
assert len(find_runs([root / "whole"])) == len(past_records(root / "whole")) == 1
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
assert len(past_records(root / "closed")) == 0
store = FeatureStore(root / "features", {}, ["a"], [1.0])
store.folder.mkdir(parents=True)
store.folder.chmod(0)
readers = {
    "closed/result.json": lambda: read_record(root / "closed"),
    "closed/cross.json": lambda: read_cross_record(root / "closed"),
    "closed/predictions.parquet": lambda: read_predictions(root / "closed", record),
    "closed/predictions.parquet ": lambda: check_run(CrossRun(root / "closed", matrix)),
    "closed/shard.safetensors": lambda: is_intact(root / "closed/shard.safetensors", "shard"),
    "closed/result.json ": lambda: read_whole(read_record, root / "closed"),
    "closed/cross.json ": lambda: read_whole(read_cross_record, root / "closed"),
    "closed/result.json  ": lambda: find_runs([root / "closed"]),
    "closed/result.json   ": lambda: find_records([root / "closed"]),
    "some/locked": lambda: find_runs([root / "some"]),
    "some/locked ": lambda: find_records([root / "some"]),
    "some/locked  ": lambda: collect([root / "some"]),
    "locked/result.json": lambda: read_record(root / "some/locked"),
    store.key: lambda: store.complete,
}
said = {}
for path, read in readers.items():
    try:
        read()
    except Exception as error:
        said[path] = [type(error).__name__, str(pickle.loads(pickle.dumps(error)))]
print(json.dumps(said))
"""


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder into which everyone may look and write; those of pytest are their owner's alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for closed in folder.rglob("*"):
        closed.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.slow
def test_no_right_to_read_is_no_damage(root: Path) -> None:
    make_run(root / "whole")
    make_cross_run(root / "whole-cross")
    make_run(root / "some/open")
    make_run(root / "some/locked")
    make_run(root / "closed")
    make_cross_run(root / "closed")
    write = (
        "from emobox_probe.features.shards import write_shard; import sys, torch; from pathlib import Path; "
    )
    write += "from emobox_probe.encoders.encoder import Encoded; "
    write += "write_shard(Path(sys.argv[1]), 'shard', [Encoded(torch.ones(3, 2))])"
    subprocess.run([sys.executable, "-c", write, str(root / "whole.safetensors")], check=True)
    shutil.copy(root / "whole.safetensors", root / "closed/shard.safetensors")
    for file in (root / "closed").iterdir():
        file.chmod(0)
    (root / "some/locked").chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert len(said) == 14
    for path, (kind, message) in said.items():
        assert kind == "UnreadableError"
        assert f"{path.strip()}, but it cannot be read (permission denied)" in message
