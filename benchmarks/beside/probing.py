"""Ways from stored features to trained heads, on a CPU."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from beside.environment import Peer
from probe import groups_of, measure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from emobox_probe.heads.linear import MOST_STEPS, TOLERANCE, Doubles
from emobox_probe.protocol import LINEAR
from emobox_probe.scoring.linear import fit_tasks
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task

CPU = torch.device("cpu")
STEPS = "optimiser steps a second"


def paper(
    parts: list[Tensor],
    labels: Tensor,
    classes: int,
    epochs: int,
    steps: int,
    peer: Peer,
    scratch: Path,
) -> list[dict[str, Any]]:
    """`paper` beside the way of the EmoBox release, and beside the head of s3prl, on frames (T, D) of utterances."""
    figures = measure(CPU, parts, labels, classes, seeds=1, epochs=epochs, steps=steps)
    ours = figures["a_run_steps_per_second"]
    compared = [_compared("the EmoBox release's .npy files", ours, figures["c_run_steps_per_second"])]
    if peer.environment.usable:
        training = groups_of(labels, 5, 1)[0].training.tolist()
        scratch.mkdir()
        for place, row in enumerate(training):
            np.save(scratch / f"{place}.npy", parts[row].float().numpy())
        (scratch / "labels.json").write_text(json.dumps(labels[training].tolist()))
        head = peer.run("head", scratch, "--steps", steps)
        compared.append(_compared("s3prl's head", ours, head["steps_per_second"]))
    return compared


def _compared(name: str, ours: float, other: float) -> dict[str, Any]:
    return {
        "beside": name,
        "unit": STEPS,
        "project": ours,
        "other": other,
        "project_over_other": ours / other,
    }


def linear(pool: Pool, tasks: Sequence[Task], layers: Sequence[tuple[str, Doubles]]) -> dict[str, Any]:
    """`linear` beside the search of scikit-learn: every strength on every layer and fold, then the best is tested."""
    started = time.perf_counter()
    fit_tasks(tasks, pool, layers, LINEAR)
    ours = time.perf_counter() - started
    labels = pool.label_ids.numpy()
    started = time.perf_counter()
    for task in tasks:
        searched(task, labels, layers)
    other = time.perf_counter() - started
    return {
        "beside": "scikit-learn's GridSearchCV",
        "unit": "seconds",
        "project": ours,
        "other": other,
        "project_over_other": other / ours,
        "fits": len(tasks) * len(layers) * len(LINEAR.strengths),
    }


def searched(task: Task, labels: np.ndarray, layers: Sequence[tuple[str, Doubles]]) -> np.ndarray:
    """What the chosen head says of the tested utterances, on as many processes as there are cores."""
    training, validation = task.group.training.numpy(), task.group.validation.numpy()
    parts = [(np.arange(len(training)), len(training) + np.arange(len(validation)))]
    rows = np.concatenate([training, validation])
    grid = {"logisticregression__C": [1 / (strength * len(training)) for strength in LINEAR.strengths]}
    best, chosen = -1.0, None
    for _, statistics in layers:
        head = make_pipeline(StandardScaler(), LogisticRegression(tol=TOLERANCE, max_iter=MOST_STEPS))
        search = GridSearchCV(
            head,
            grid,
            scoring="balanced_accuracy",
            cv=parts,
            refit=False,
            n_jobs=len(os.sched_getaffinity(0)),
        )
        search.fit(statistics[rows], labels[rows])
        if search.best_score_ > best:
            best, chosen = search.best_score_, (head.set_params(**search.best_params_), statistics)
    assert chosen is not None
    head, statistics = chosen
    said: np.ndarray = head.fit(statistics[training], labels[training]).predict(
        statistics[task.tested.numpy()]
    )
    return said
