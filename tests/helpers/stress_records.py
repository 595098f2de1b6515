"""A made-up stress test beside a made-up run, whose record follows from the predictions beside it."""

from pathlib import Path

import numpy as np
import pandas as pd

from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import ResultRecord, read_record
from emobox_probe.records.stress_record import STRESS_FOLDER, NotRun, PerturbedScores, StressRecord
from emobox_probe.report import report
from emobox_probe.scoring.stress import perturbed_summary_of

HEADS = "ab" * 32
# By name: which share of the predictions is drawn anew.
CHANGED = {"white-noise-0db": 0.8, "gain-6db": 0.0, "first-1s": 0.3}
MISSING = NotRun(name="babble-0db", description="babble", reason="there are too few speakers")


def make_stress(run: Path, seed: int = 0) -> StressRecord:
    """Write a stress test into the folder of a run, which then says that it has heads."""
    source = read_record(run).model_copy(update={"heads_sha256": HEADS})
    source.write(run)
    predictions = read_predictions(run, source)
    chance = np.random.default_rng(seed)
    parts = {name: _perturbed(predictions, source, share, chance) for name, share in CHANGED.items()}
    labels, absent = source.corpus.labels, source.protocol["absent"]
    record = StressRecord(
        suite="default",
        suite_version=1,
        encoder={
            name: getattr(source.encoder, name) for name in type(source.encoder).__bases__[0].model_fields
        },
        store_dtype="float16",
        corpus=source.corpus,
        protocol=source.protocol,
        heads_sha256=HEADS,
        clean=source.pooled,
        reproduced=1.0,
        resampled="speakers",
        clusters=predictions["speaker"].nunique(),
        perturbations=[
            PerturbedScores(
                name=name,
                kind=name,
                description=f"{name} in words",
                as_they_were=0,
                lengthened=0,
                **perturbed_summary_of(part, labels, absent),
            )
            for name, part in parts.items()
        ],
        not_run=[MISSING],
        provenance=source.provenance,
    )
    table = pd.concat([part.assign(perturbation=name) for name, part in parts.items()], ignore_index=True)
    report.write(run / STRESS_FOLDER, record, table)
    return record


def _perturbed(
    predictions: pd.DataFrame, source: ResultRecord, share: float, chance: np.random.Generator
) -> pd.DataFrame:
    said = predictions["prediction"].to_numpy().copy()
    anew = chance.random(len(said)) < share
    said[anew] = chance.choice(source.corpus.labels, anew.sum())
    kept = ["fold", "id", "speaker", "seed", "label", "logits"]
    return predictions[kept].assign(clean=predictions["prediction"], prediction=said)
