#!/bin/bash
# One worker of a plan a task: sbatch --array=1-10 recipes/slurm_array.sh plan.yaml [options of emobox bench]
#SBATCH --job-name=emobox
#SBATCH --ntasks=1
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=12:00:00
#SBATCH --requeue
# A minute before the time is up: what runs ends cleanly, and the next submission goes on from there.
#SBATCH --signal=B:TERM@60
set -euo pipefail

# As numbers from 1, whatever the array's first index and step are.
first=${SLURM_ARRAY_TASK_MIN:?"run with sbatch --array=1-N"}
step=${SLURM_ARRAY_TASK_STEP:-1}
number=$(((SLURM_ARRAY_TASK_ID - first) / step + 1))

# In the background, because bash passes a signal on only while it waits.
trap 'if [ -n "${!-}" ]; then kill -TERM "$!"; else exit 143; fi' TERM
emobox bench "$@" --shard "$number/$SLURM_ARRAY_TASK_COUNT" --log json &
worker=$!
status=0
wait "$worker" || status=$?
# The signal ended the first wait, not the worker.
while kill -0 "$worker" 2>/dev/null; do
    status=0
    wait "$worker" || status=$?
done
exit "$status"
