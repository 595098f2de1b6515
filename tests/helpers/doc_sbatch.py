"""Stands for SLURM's sbatch: runs a job, or every task of an array, one after another on this machine."""

import os
import re
import subprocess
import sys


def main(words: list[str]) -> int:
    """The exit status of the last task that failed, else 0."""
    first_word = next(number for number, word in enumerate(words) if not word.startswith("-"))
    with open(words[first_word], encoding="utf-8") as script:
        told = re.findall(r"^#SBATCH (.*)$", script.read(), re.MULTILINE)
    options = " ".join([*told, *words[:first_word]])
    array = re.search(r"--array[= ](\d+)-(\d+)", options)
    first, last = (int(array[1]), int(array[2])) if array else (0, 0)
    status = 0
    for task in range(first, last + 1):
        variables = {"SLURM_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": str(task)}
        variables |= {"SLURM_ARRAY_TASK_COUNT": str(last - first + 1), "SLURM_ARRAY_TASK_MAX": str(last)}
        variables |= {"SLURM_ARRAY_TASK_MIN": str(first), "SLURM_CPUS_PER_TASK": "1"}
        done = subprocess.run(["bash", *words[first_word:]], env={**os.environ, **variables})
        status = done.returncode or status
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
