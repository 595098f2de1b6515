"""A plan on a Ray cluster, one task an item: `python recipes/ray_bench.py plan.yaml --gpus 1`.

Ray starts a task when what its item needs is done and its resources are free, and starts it again on another machine
when one goes down. The plan's output and features must be folders that all machines see.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import ray

from hub_cards.bench.items import expand
from hub_cards.bench.reading import read_plan

# A machine that goes down takes its tasks with it: so often are they started again elsewhere.
RETRIES = 3


def main() -> int:
    """Run every item as a task; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path, help="a YAML file that all machines see")
    parser.add_argument("--address", help="of the cluster; default: the one of this machine, or a new one")
    parser.add_argument("--gpus", type=float, default=0, help="for each item; default: %(default)s")
    parser.add_argument("--cpus", type=float, default=1, help="for each item; default: %(default)s")
    parser.add_argument("--memory", type=float, help="GB for each item")
    parser.add_argument("--bench", default=f"{sys.executable} -m emobox bench", help="default: %(default)s")
    arguments = parser.parse_args()

    ray.init(address=arguments.address, log_to_driver=False)
    resources = {"num_gpus": arguments.gpus, "num_cpus": arguments.cpus, "max_retries": RETRIES}
    if arguments.memory:
        resources["memory"] = arguments.memory * 1e9
    task = ray.remote(**resources)(run_item)
    command = [*arguments.bench.split(), str(arguments.plan.resolve())]
    ends: dict[str, ray.ObjectRef] = {}
    for item in expand(read_plan(arguments.plan)):
        if item.kind != "report":
            ends[item.name] = task.remote(command, item.name, *(ends[need] for need in item.needs))
    names = {end: name for name, end in ends.items()}
    running, failed = list(names), 0
    while running:
        (end,), running = ray.wait(running)
        try:
            reason = "" if ray.get(end) == 0 else "the report says why"
        except ray.exceptions.RayError as error:  # its machine went down once too often
            reason = str(error).splitlines()[0]
        print(f"failed {names[end]}: {reason}" if reason else f"done   {names[end]}", flush=True)
        failed += bool(reason)
    report = subprocess.run([*command, "--only", "report"], check=False).returncode
    return 1 if failed or report else 0


def run_item(command: list[str], name: str, *needed: int) -> int:
    """The exit status of one item; `needed` are those of what it needs, which Ray waits for."""
    if any(needed):
        return 1
    return subprocess.run([*command, "--only", name, "--log", "json"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
