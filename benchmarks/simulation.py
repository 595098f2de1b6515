"""Made-up test sets whose true scores are known, for `intervals.py` and `ranks.py`.

A model is right about an utterance with a probability whose logit is the sum of

- a level, chosen so that the true UA is the one asked for, and how easy the label is;
- what speaker, speaker and label, and utterance do to all models alike;
- what speaker, and speaker and label, do to this model alone.

All but the first two are normal; `SPREADS` has their standard deviations. A wrong answer falls on the other labels in
unequal shares. Labels are spread over speakers evenly; unevenly (shares from a Dirichlet distribution of 2); or, as in
URDU, so that most speakers have one label only (0.15).
"""

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

UTTERANCES = 60  # a speaker has, on average; between 60 and 140 percent of that, before chance
EASE = np.array([-0.6, -0.2, 0.2, 0.6])
WRONG = np.array([0.5, 0.3, 0.2])
SPREADS = {
    "speaker": 0.6,
    "speaker and label": 0.3,
    "utterance": 0.7,
    "speaker, this model": 0.25,
    "speaker and label, this model": 0.25,
}
CONCENTRATIONS = {"even": None, "uneven": 2.0, "one a speaker": 0.15}
LABELS = len(EASE)

Counts = NDArray[np.float64]


def level_of(ua: float) -> tuple[float, NDArray[np.float64]]:
    """The level that makes the true UA that, and the true recall of every label, `(C,)`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = np.sqrt(sum(value**2 for value in SPREADS.values()))

    def recalls(level: float) -> NDArray[np.float64]:
        shares: NDArray[np.float64] = expit(level + EASE[:, None] + spread * nodes) @ (
            weights / weights.sum()
        )
        return shares

    level = float(brentq(lambda level: recalls(level).mean() - ua, -20, 20))
    return level, recalls(level)


def counts_of(
    generator: np.random.Generator,
    speakers: int,
    models: int,
    level: float,
    labels: str,
    better: NDArray[np.float64] | float = 0.0,
) -> Counts:
    """Confusion matrices by model and speaker, `(K, S, C, C)`, of one test set.

    `better` is added to the logits of every model, `(K,)`.
    """
    sizes = generator.poisson(UTTERANCES * generator.uniform(0.6, 1.4, speakers)) + 1
    concentration = CONCENTRATIONS[labels]
    shares = (
        np.full((speakers, LABELS), 1 / LABELS)
        if concentration is None
        else generator.dirichlet(np.full(LABELS, concentration), speakers)
    )
    held = np.stack([generator.multinomial(size, share) for size, share in zip(sizes, shares, strict=True)])
    speaker = np.repeat(np.arange(speakers), sizes)
    label = np.repeat(np.tile(np.arange(LABELS), speakers), held.ravel())

    def effects(one: str, both: str) -> NDArray[np.float64]:
        of_speaker = generator.normal(0, SPREADS[one], (speakers, 1))
        return of_speaker + generator.normal(0, SPREADS[both], (speakers, LABELS))

    shared = effects("speaker", "speaker and label")[speaker, label]
    shared = shared + generator.normal(0, SPREADS["utterance"], len(label)) + level + EASE[label]
    added = np.broadcast_to(better, models)
    counts = np.empty((models, speakers, LABELS, LABELS))
    for model in range(models):
        own = effects("speaker, this model", "speaker and label, this model")[speaker, label]
        right = generator.random(len(label)) < expit(shared + own + added[model])
        others = (label + 1 + generator.choice(LABELS - 1, len(label), p=WRONG)) % LABELS
        said = np.where(right, label, others)
        cells = (speaker * LABELS + label) * LABELS + said
        counts[model] = np.bincount(cells, minlength=counts[model].size).reshape(counts[model].shape)
    return counts


def settings() -> dict[str, Any]:
    """What the corpora are made by, for a result file."""
    return {
        "labels": LABELS,
        "utterances a speaker": UTTERANCES,
        "standard deviations, logits": SPREADS,
        "ease of labels, logits": EASE.tolist(),
        "wrong answers": WRONG.tolist(),
        "labels over speakers, Dirichlet": CONCENTRATIONS,
    }


def write(path: Path, figures: dict[str, Any], started: float) -> None:
    """Write a result file: the figures, the corpora, the machine and its load, versions."""
    content = {
        **figures,
        "simulation": settings(),
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time(), 1),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_before_and_after": [round(os.getloadavg()[place], 2) for place in (2, 0)],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy")},
        },
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
