#!/bin/bash
# One Hugging Face Job for each shard of a plan: recipes/hf_jobs.sh plan.yaml 4
#
# The bucket holds plan.yaml and the corpora (corpora/<name>), and takes records and features; in the plan, name
#   output: /data/runs
#   features: /tmp/features      # local to the job: bucket mounts have no locks across machines
# Settings from the environment: EMOBOX_BUCKET (me/emobox), EMOBOX_FLAVOR, EMOBOX_TIMEOUT, EMOBOX_PACKAGE.
set -euo pipefail
plan=${1:?"Expected a plan, named as in the bucket, but got none"}
count=${2:?"Expected the number of jobs, but got none"}
bucket=${EMOBOX_BUCKET:?"Expected EMOBOX_BUCKET, such as me/emobox, but it is not set"}

for number in $(seq 1 "$count"); do
    hf jobs run ${EMOBOX_DRY_RUN:+--dry-run} --detach \
        --flavor "${EMOBOX_FLAVOR:-a10g-small}" --timeout "${EMOBOX_TIMEOUT:-12h}" \
        --name "emobox-$number-of-$count" --secrets HF_TOKEN --env EMOBOX_DATA=/data/corpora \
        --volume "hf://buckets/$bucket:/data" \
        pytorch/pytorch:2.11.0-cuda13.0-cudnn9-runtime \
        bash -c "pip install '${EMOBOX_PACKAGE:-emobox}' && emobox bench /data/$plan --shard $number/$count --log json"
done
