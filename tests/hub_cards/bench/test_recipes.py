"""The recipes for clusters, as far as they can be run without one."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[3] / "recipes"


def stub(folder: Path, name: str, script: str) -> dict[str, str]:
    """An environment in which a command is a script of the test's."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("task", "first", "step", "shard"),
    [("1", "1", "1", "1/4"), ("3", "0", "1", "4/4"), ("5", "1", "2", "3/4")],
)
def test_each_task_of_an_array_is_one_shard(
    tmp_path: Path, task: str, first: str, step: str, shard: str
) -> None:
    environment = stub(tmp_path / "bin", "emobox", 'echo "$@"; exit 7')
    environment |= {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_STEP": step}
    done = subprocess.run(
        [str(RECIPES / "slurm_array.sh"), "plan.yaml", "--keep-features"],
        env={**environment, "SLURM_ARRAY_TASK_COUNT": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["bench", "plan.yaml", "--keep-features", "--shard", shard, "--log", "json"]
    assert done.returncode == 7  # what the worker says is what the scheduler hears


def test_a_task_whose_time_is_up_ends_as_its_worker_does(tmp_path: Path) -> None:
    worker = "trap 'echo ended; exit 130' TERM; echo ready; for i in $(seq 600); do sleep 0.1; done"
    environment = stub(tmp_path / "bin", "emobox", worker)
    environment |= {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "1"}
    process = subprocess.Popen(
        [str(RECIPES / "slurm_array.sh"), "plan.yaml"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "ended\n"
    assert process.wait() == 130


def test_without_an_array_it_says_how_to_submit(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    done = subprocess.run(
        [str(RECIPES / "slurm_array.sh"), "plan.yaml"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "sbatch --array" in done.stderr


def test_jobs_are_one_a_shard_and_use_options_that_hf_has(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    environment = stub(tmp_path / "bin", "hf", f'printf "%s\\n" "$*" >> {log}')
    environment |= {"EMOBOX_BUCKET": "me/emobox", "EMOBOX_FLAVOR": "a10g-large"}
    subprocess.run([str(RECIPES / "hf_jobs.sh"), "plan.yaml", "2"], env=environment, check=True)
    calls = log.read_text().splitlines()
    assert len(calls) == 2
    assert "emobox bench /data/plan.yaml --shard 2/2 --log json" in calls[1]
    assert "hf://buckets/me/emobox:/data" in calls[0]
    hf = Path(sys.executable).with_name("hf")
    if not hf.is_file():
        pytest.skip("the command hf is not installed")
    told = subprocess.run([str(hf), "jobs", "run", "--help"], capture_output=True, text=True, check=True)
    options = calls[0].split(" bash -c ")[0]
    for option in re.findall(r"--[a-z-]+|a10g-large", options):
        assert option in told.stdout
    environment.pop("EMOBOX_BUCKET")
    refused = subprocess.run(
        [str(RECIPES / "hf_jobs.sh"), "plan.yaml", "2"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Expected EMOBOX_BUCKET" in refused.stderr
