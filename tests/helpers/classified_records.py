"""A made-up record of a classifier that was used as it is, with the answers that it follows from."""

from pathlib import Path

import numpy as np
import pandas as pd
from records import record

from emobox_datasets import corpora
from emobox_probe.records.classified import OUTSIDE, ClassifiedRecord, ClassifierFacts, TestedPart
from emobox_probe.report import report
from emobox_probe.scoring.classified import part_summary_of


def make_classified(
    folder: Path, name: str = "lab/classifier", corpus: str = "urdu", training: str = "zero-shot"
) -> ClassifiedRecord:
    """A folder as `emobox classify` leaves it, and the record in it: about a fifth of the answers are no label."""
    card = corpora.load(corpus)
    labels = list(card.label_list)
    chance = np.random.default_rng(0)
    truth = [labels[row % len(labels)] for row in range(80)]
    answers = [str(chance.choice([label, label, label, labels[0], OUTSIDE])) for label in truth]
    rows = range(len(truth))
    parts, tables = [], []
    for kind in ("released", "strict"):
        table = pd.DataFrame(
            {"id": [f"{corpus}-{row}" for row in rows], "label": truth, "prediction": answers}
        )
        table = table.assign(fold="fold1", seed=0, kind=kind, speaker=[f"s{row % 5}" for row in rows])
        parts.append(TestedPart(kind=kind, **part_summary_of(table, labels)))
        tables.append(table)
    base = record(corpus=corpus)
    made = ClassifiedRecord(
        classifier=ClassifierFacts(
            name=name,
            architecture="ClapModel",
            revision="abc123",
            weights_sha256="0" * 64,
            preprocessor_sha256="1" * 64,
        ),
        corpus=base.corpus.model_copy(update={"labels": labels, "utterances": card.utterances}),
        label_map={label.lower(): label for label in labels},
        training=training,
        parts=parts,
        remarks=[],
        provenance=base.provenance.model_copy(update={"created": "2026-01-02T03:04:05+00:00"}),
    )
    report.write(folder, made, pd.concat(tables, ignore_index=True))
    return made
