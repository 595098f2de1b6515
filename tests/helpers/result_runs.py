"""Made-up runs whose scores do follow from their predictions, and a card to put them in."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from commands import run_command
from records import record
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from emobox_datasets import corpora
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.protocol import PROTOCOLS
from emobox_probe.records.cross_result import CrossRecord, Pair, Source
from emobox_probe.records.predictions import interval_of
from emobox_probe.records.result import Fold, ResultRecord, Scores

FOLDS, TESTED = 2, 40
MODEL = "lab/encoder"
# A card as people write them.
BY_HAND = b"""---
# Checked by Ada on a Tuesday.
license:   mit   # not apache
tags: [speech, "wav2vec2"]
model-index:
- name: My "encoder"
  results:
  - task: {type: automatic-speech-recognition}
    dataset: {type: librispeech_asr, name: LibriSpeech}
    metrics:
    - {type: wer, value: 3.40}   # greedy
# the end
language: en
---

# My encoder

A table | that is none, trailing blanks  \t
and *no* new line at the end"""


def scores(part: pd.DataFrame, labels: list[str]) -> Scores:
    """By scikit-learn; every label must occur."""
    truth, said = part["label"], part["prediction"]
    return Scores(
        ua=recall_score(truth, said, labels=labels, average="macro", zero_division=0),
        wa=accuracy_score(truth, said),
        f1=f1_score(truth, said, labels=labels, average="macro", zero_division=0),
    )


def mean(found: list[Scores]) -> Scores:
    return Scores(**pd.DataFrame([one.model_dump() for one in found]).mean())


def spread(found: list[Scores]) -> Scores:
    return Scores(**pd.DataFrame([one.model_dump() for one in found]).std())


def spread_over(part: str, folds: list[Fold]) -> Scores | None:
    """Over folds or seeds, of the mean over the others."""
    groups: dict[object, list[Scores]] = {}
    for fold in folds:
        groups.setdefault(getattr(fold, part), []).append(fold.scores)
    return spread([mean(found) for found in groups.values()]) if len(groups) > 1 else None


def guesses(labels: list[str], seed: int, prefix: str) -> pd.DataFrame:
    """Utterances of every label in turn, of which about two thirds are told right."""
    chance = np.random.default_rng(seed)
    truth = [labels[row % len(labels)] for row in range(TESTED)]
    said = [label if chance.random() < 0.6 else str(chance.choice(labels)) for label in truth]
    logits = [[float(label == name) for name in labels] for label in said]
    ids = [f"{prefix}-{row}" for row in range(TESTED)]
    return pd.DataFrame({"id": ids, "label": truth, "prediction": said, "logits": logits})


def make_run(
    folder: Path, corpus: str = "urdu", protocol: str = "paper", name: str = MODEL, chance: int = 0
) -> ResultRecord:
    """A folder as the probe leaves it, and the record in it."""
    folder.mkdir(parents=True, exist_ok=True)
    card = corpora.load(corpus)
    settings = PROTOCOLS[protocol]
    labels = list(card.label_list if settings.folds == "released" else card.scored_labels)
    parts, folds = [], []
    base = record(corpus=corpus, name=name)
    for fold in range(1, FOLDS + 1):
        for seed in settings.seeds:
            part = guesses(labels, 100 * chance + 10 * fold + seed, f"{corpus}-{fold}")
            part = part.assign(
                fold=f"fold{fold}", seed=seed, speaker=part.index.map(lambda row: f"s{row % 4}")
            )
            parts.append(part)
            folds.append(
                base.folds[0].model_copy(
                    update={
                        "name": f"fold{fold}",
                        "seed": seed,
                        "test": TESTED,
                        "scores": scores(part, labels),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    made = base.model_copy(
        update={
            "corpus": base.corpus.model_copy(
                update={"utterances": card.utterances, "missing": 0, "labels": labels}
            ),
            "protocol": asdict(settings),
            "folds": folds,
            "mean": mean([fold.scores for fold in folds]),
            "spread": spread_over("name", folds),
            "seed_spread": spread_over("seed", folds),
            "pooled": scores(table, labels),
            "interval": interval_of(table, labels, settings.absent),
            "confusion": confusion_matrix(table["label"], table["prediction"], labels=labels).tolist(),
            "provenance": base.provenance.model_copy(update={"created": "2026-01-02T03:04:05+00:00"}),
        }
    )
    logits = table["logits"].map(lambda row: np.array(row, dtype=np.float32))
    table.assign(logits=logits).to_parquet(folder / "predictions.parquet", index=False)
    # Drawing takes half a second; what is told apart is enough.
    (folder / "confusion.png").write_bytes(b"\x89PNG\r\n\x1a\n\0" + f"{corpus} {protocol} {chance}".encode())
    made.write(folder)
    return made


def make_cross_run(folder: Path, protocol: str = "paper", name: str = MODEL) -> CrossRecord:
    """A folder with a cross-corpus record of EmoDB and URDU, and its predictions."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = ["Angry", "Happy", "Neutral", "Sad"]
    names = ("emodb", "urdu")
    base = record(name=name)
    parts, pairs = [], []
    for position, (source, target) in enumerate((source, target) for source in names for target in names):
        table = pd.concat(
            guesses(labels, 10 * position + seed, target).assign(
                seed=seed, source=source, target=target, speaker=None
            )
            for seed in (0, 1)
        )
        by_seed = [scores(part, labels) for _, part in table.groupby("seed")]
        parts.append(table)
        pairs.append(
            Pair(
                source=source,
                target=target,
                test=TESTED,
                scores=scores(table, labels),
                seed_spread=spread(by_seed),
                interval=interval_of(table, labels, PROTOCOLS[protocol].absent),
                confusion=confusion_matrix(table["label"], table["prediction"], labels=labels).tolist(),
                overlap=[],
                test_selected=None,
            )
        )
    made = CrossRecord(
        encoder=EncoderFacts(**base.encoder.model_dump(include=set(EncoderFacts.model_fields))),
        store_dtype="float16",
        protocol=asdict(PROTOCOLS[protocol]),
        labels=labels,
        training="all",
        test="balanced",
        corpora=[
            base.corpus.model_copy(update={"name": corpus, "utterances": corpora.load(corpus).utterances})
            for corpus in names
        ],
        sources=[
            Source(
                name=corpus,
                corpora=[corpus],
                seed=0,
                training=240,
                validation=60,
                held_out="utterances",
                layer="last",
                learning_rate=1e-3,
                hidden=128,
                epoch=17,
                validation_ua=0.7,
            )
            for corpus in names
        ],
        pairs=pairs,
        average=mean([pair.scores for pair in pairs if pair.source != pair.target]),
        remarks=[],
        provenance=base.provenance.model_copy(update={"created": "2026-01-02T03:04:05+00:00"}),
    )
    pd.concat(parts, ignore_index=True).to_parquet(folder / "predictions.parquet", index=False)
    made.write(folder)
    return made


def publish(*words: object) -> int:
    """The exit status of `emobox publish`."""
    return run_command("publish", *words)
