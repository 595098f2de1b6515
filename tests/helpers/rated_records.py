"""A made-up record of heads that learned what raters said, with the predictions that it follows from."""

from pathlib import Path

import numpy as np
import pandas as pd
from records import record

from emobox_datasets import corpora
from emobox_probe.protocol import PROTOCOLS, Target
from emobox_probe.records.rated import RatedRecord
from emobox_probe.records.result import Choice
from emobox_probe.report import report
from emobox_probe.scoring.rated import RatedOutcome, score_rated
from emobox_probe.tasks.ratings import names_of, scales_of

SPEAKERS, EACH = 6, 10


def make_rated(
    folder: Path, name: str = "lab/good", corpus: str = "iemocap", target: Target = "dimensions"
) -> RatedRecord:
    """A folder as `emobox probe --target` leaves it, and the record in it: predictions go with the truth, somewhat."""
    card = corpora.load(corpus)
    outputs = names_of(card, target, ())
    random, size = np.random.default_rng(0), SPEAKERS * EACH
    truth = random.dirichlet(np.ones(len(outputs)), size) + (target == "dimensions")
    prediction = 0.7 * truth + 0.3 * (
        random.dirichlet(np.ones(len(outputs)), size) + (target == "dimensions")
    )
    predictions = pd.DataFrame(
        {
            "source": corpus,
            "target": corpus,
            "fold": "fold1",
            "id": [f"{corpus}-{row}" for row in range(size)],
            "speaker": [f"s{row // EACH}" for row in range(size)],
            "seed": 0,
            "label": [card.label_list[row % len(card.label_list)] for row in range(size)],
            "truth": list(truth),
            "prediction": list(prediction),
        }
    )
    choice = Choice(seed=0, training=80, validation=20, layer="last", learning_rate=1e-3, hidden=128, epoch=5)
    constant = truth.mean(axis=0).tolist()
    outcome = RatedOutcome("fold1", "released", "utterances", choice, 0.4, constant, predictions)
    base = record(name=name, corpus=corpus)
    made, table = score_rated(
        [outcome],
        PROTOCOLS["paper"].with_target(target),
        outputs,
        encoder=base.encoder,
        corpus=base.corpus.model_copy(
            update={"labels": list(card.label_list), "utterances": card.utterances}
        ),
        scales={name: scales_of(card)[name] for name in outputs} if target == "dimensions" else {},
        ratings_sha256="2" * 64,
        unrated=3,
        first_unrated=["a", "b", "c"],
        remarks=[],
        provenance=base.provenance.model_copy(update={"created": "2026-01-02T03:04:05+00:00"}),
    )
    report.write(folder, made, table)
    return made
