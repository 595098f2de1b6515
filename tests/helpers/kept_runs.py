"""A made-up run's folder whose record follows from the predictions beside it."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from records import record

import emobox_datasets.corpora as corpora
from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.predictions import confusion_of, interval_of
from emobox_probe.records.result import LayerScore, ResultRecord, Scores

SPEAKERS, EACH = 6, 20


def kept_run(
    folder: Path,
    name: str,
    corpus: str = "urdu",
    protocol: str = "paper",
    right: float = 0.8,
    seed: int = 0,
    layers: int = 0,
    speakers: int = SPEAKERS,
    labels: list[str] | None = None,
) -> ResultRecord:
    """Write result.json and predictions.parquet of a model that is right in about that share of utterances."""
    made = record(name=name, corpus=corpus)
    known = list(corpora.load(corpus).label_list) if corpus in corpora.names() else made.corpus.labels
    labels = labels or known
    size = speakers * EACH
    truth = np.arange(size) % len(labels)
    wrong = np.random.default_rng(seed).random(size) >= right
    said = (truth + wrong) % len(labels)
    predictions = pd.DataFrame(
        {
            "id": [f"{corpus}-{number:03}" for number in range(size)],
            "speaker": [f"speaker{number // EACH}" for number in range(size)],
            "fold": "fold1",
            "seed": 0,
            "label": np.array(labels)[truth],
            "prediction": np.array(labels)[said],
            "logits": [row.tolist() for row in np.eye(len(labels), dtype=np.float32)[said]],
        }
    )
    confusion = confusion_of(predictions, labels)
    scores = Scores(
        **{
            key: float(value)
            for key, value in scores_from_confusion(confusion, "skip").items()
            if key in Scores.model_fields
        }
    )
    made = made.model_copy(
        update={
            "corpus": made.corpus.model_copy(update={"labels": labels}),
            "protocol": json.loads(json.dumps(asdict(PROTOCOLS[protocol]))),
            "folds": [made.folds[0].model_copy(update={"scores": scores, "test": size})],
            "mean": scores,
            "pooled": scores,
            "confusion": confusion.tolist(),
            "interval": interval_of(predictions, labels, "skip"),
            "layers": [
                LayerScore(layer=str(layer), validation_ua=0.4 + 0.02 * layer, ua=0.35 + 0.02 * layer)
                for layer in range(layers)
            ],
        }
    )
    folder.mkdir(parents=True)
    made.write(folder)
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    return made
