"""The recipe for SLURM on a real one: an array of two tasks, a node that dies, and a plan that is finished."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench_plans import comparable, demo_plan
from slurm_cluster import SlurmCluster, missing

RECIPE = Path(__file__).parents[3] / "recipes" / "slurm_array.sh"
SHORT = Path(__file__).with_name("short_bench.py")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "there")]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The command `emobox` of the jobs: the real one, with shorter protocols."""
    (tmp_path / "bin").mkdir()
    emobox = tmp_path / "bin" / "emobox"
    emobox.write_text(f'#!/bin/bash\nexec {sys.executable} {SHORT} "$@"\n')
    emobox.chmod(0o755)
    return {"PATH": f"{emobox.parent}:/usr/local/bin:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}


def test_an_array_makes_the_records_of_one_process_also_where_its_node_dies(
    tmp_path: Path, tiny_encoder: Path, variables: dict[str, str]
) -> None:
    plans = {}
    for name in ("one", "array"):
        plans[name] = tmp_path / f"{name}.yaml"
        text = demo_plan(tmp_path / name, tiny_encoder, "builtin:logmel", protocols="paper, strict")
        plans[name].write_text(text)
    subprocess.run(
        [sys.executable, str(SHORT), "bench", str(plans["one"]), "--log", "json"],
        check=True,
        capture_output=True,
    )
    with SlurmCluster(tmp_path / "slurm") as cluster:
        job = cluster.submit(tmp_path, "--array=1-2", str(RECIPE), str(plans["array"]), **variables)
        outputs = [tmp_path / f"slurm-{job}_{task}.out" for task in (1, 2)]
        while not any('"event": "start", "item": "probe' in text_of(output) for output in outputs):
            assert cluster.running(job), [text_of(output) for output in outputs]
            time.sleep(0.2)
        assert cluster.kill_node() >= 3  # the daemon, a task's shell, its worker
        cluster.start_node()
        cluster.wait(job)
        assert comparable(tmp_path / "array" / "runs") == comparable(tmp_path / "one" / "runs")

        again = cluster.submit(tmp_path, "--array=1-2", str(RECIPE), str(plans["array"]), **variables)
        cluster.wait(again)
    ends = [json.loads(text_of(tmp_path / f"slurm-{again}_{n}.out").splitlines()[-1]) for n in (1, 2)]
    assert [end["status"] for end in ends] == [0, 0]
    assert all(not end["done"] and end["finished"] == end["items"] for end in ends)


def text_of(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
