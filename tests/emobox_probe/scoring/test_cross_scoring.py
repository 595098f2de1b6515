"""Scores of pairs and their average, by scikit-learn, from made-up predictions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cross_records import cross_record
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from emobox_datasets.labels import SHARED_FOUR
from emobox_probe.errors import ProbeError
from emobox_probe.heads.heads import Head
from emobox_probe.protocol import PAPER, STRICT
from emobox_probe.records.cross_result import CrossRecord, read_cross_record
from emobox_probe.records.result import Scores, Selection
from emobox_probe.scoring.scores import OnTarget, Outcome, best_of, score_pairs

TESTED = 48


def outcome(
    source: str, targets: Sequence[str], seed: int = 0, corpora: Sequence[str] = (), best: float | None = None
) -> Outcome:
    """Random answers on some utterances of every target, of which a source says more right than chance."""
    random = np.random.default_rng([seed, *source.encode()])
    parts = []
    for target in targets:
        truth = [SHARED_FOUR[row % 4] for row in range(TESTED)]
        said = [label if random.random() < 0.4 else str(random.choice(SHARED_FOUR)) for label in truth]
        parts.append(
            pd.DataFrame(
                {
                    "source": source,
                    "target": target,
                    "id": [f"{target}-{row}" for row in range(TESTED)],
                    "speaker": [f"{target} {row % 5}" for row in range(TESTED)],
                    "seed": seed,
                    "label": truth,
                    "prediction": said,
                    "logits": [[float(label == name) for name in SHARED_FOUR] for label in said],
                }
            )
        )
    selection = Selection(
        seed=seed, training=10, validation=5, layer="last", learning_rate=1e-3, hidden=8, epoch=3, validation_ua=0.5,
    )  # fmt: skip
    on_test = None if best is None else Scores(ua=best, wa=best, f1=best)
    tested = {
        target: OnTarget(on_test, {"0": (0.5, 0.25 * (seed + 1)), "1": (0.75, 0.5)}, None)
        for target in targets
    }
    return Outcome(
        source,
        tuple(corpora or [source]),
        "all",
        "cross",
        "utterances",
        selection,
        pd.concat(parts, ignore_index=True),
        tested,
        Head(*(torch.zeros(1) for _ in range(4))),
    )


def scored(
    outcomes: Sequence[Outcome], protocol: Any = PAPER, overlaps: Any = None
) -> tuple[CrossRecord, pd.DataFrame]:
    base = cross_record()
    return score_pairs(
        outcomes,
        protocol,
        overlaps or {},
        SHARED_FOUR,
        encoder=base.encoder,
        store_dtype="float16",
        training="all",
        test="all",
        corpora=base.corpora,
        remarks=[],
        provenance=base.provenance,
    )


def test_every_pair_is_scored_by_itself() -> None:
    names = ("a", "b", "c")
    outcomes = [outcome(name, [other for other in names if other != name]) for name in names]
    record, predictions = scored(outcomes)
    assert len(record.pairs) == 3**2 - 3
    for pair in record.pairs:
        part = predictions[(predictions.source == pair.source) & (predictions.target == pair.target)]
        truth, said = part.label, part.prediction
        assert pair.test == len(part) == TESTED
        assert pair.scores.ua == pytest.approx(recall_score(truth, said, average="macro"))
        assert pair.scores.wa == pytest.approx(accuracy_score(truth, said))
        assert pair.scores.f1 == pytest.approx(f1_score(truth, said, average="macro"))
        assert pair.confusion == confusion_matrix(truth, said, labels=SHARED_FOUR).tolist()
        assert pair.seed_spread is None
        assert pair.interval.resampled == "speakers"
        assert pair.interval.ua[0] < pair.scores.ua < pair.interval.ua[1]


def test_equation_1_is_the_mean_over_pairs_of_different_corpora() -> None:
    names = ("a", "b", "c")
    record, predictions = scored([outcome(name, [o for o in names if o != name]) for name in names])
    by_pair = [accuracy_score(p.label, p.prediction) for _, p in predictions.groupby(["source", "target"])]
    assert record.average.wa == pytest.approx(sum(by_pair) / (3**2 - 3))
    recalls = [
        recall_score(p.label, p.prediction, average="macro")
        for _, p in predictions.groupby(["source", "target"])
    ]
    assert record.average.ua == pytest.approx(sum(recalls) / (3**2 - 3))


def test_sources_of_several_corpora_are_not_pairs() -> None:
    record, _ = scored(
        [outcome("all but c", ["c"], corpora=["a", "b"]), outcome("all but b", ["b"], corpora=["a", "c"])]
    )
    assert len(record.pairs) == 2
    assert record.average is None


def test_scores_are_means_over_seeds() -> None:
    record, predictions = scored([outcome("a", ["b"], seed) for seed in (0, 1, 2)], STRICT)
    (pair,) = record.pairs
    recalls = [recall_score(p.label, p.prediction, average="macro") for _, p in predictions.groupby("seed")]
    assert pair.scores.ua == pytest.approx(np.mean(recalls))
    assert pair.seed_spread.ua == pytest.approx(np.std(recalls, ddof=1))
    assert pair.test == TESTED
    assert np.sum(pair.confusion) == 3 * TESTED


def test_choosing_on_the_target_is_told_apart() -> None:
    outcomes = [outcome("a", ["b", "c"], seed, best=0.5 + 0.1 * seed) for seed in (0, 1)]
    record, _ = scored(outcomes)
    assert [pair.test_selected.ua for pair in record.pairs] == pytest.approx([0.55, 0.55])
    record, _ = scored([outcome("a", ["b", "c"])])
    assert [pair.test_selected for pair in record.pairs] == [None, None]
    scores = [Scores(ua=ua, wa=0.5, f1=0.5) for ua in (0.25, 0.75, 0.5)]
    assert best_of(scores) is scores[1]
    assert best_of([]) is None


def test_layers_have_a_curve_for_every_pair_and_on_the_whole() -> None:
    record, _ = scored([outcome("a", ["b"], seed) for seed in (0, 1)])
    (pair,) = record.pairs
    assert [(layer.layer, layer.validation_ua, layer.ua) for layer in pair.layers] == [
        ("0", 0.5, 0.375), ("1", 0.75, 0.5)
    ]  # fmt: skip
    assert record.layers == pair.layers


def test_absent_labels_count_as_the_protocol_says() -> None:
    one = outcome("a", ["b"])
    one.predictions = one.predictions[one.predictions.label != "Sad"]
    record, predictions = scored([one])
    hits = predictions.label == predictions.prediction
    assert record.pairs[0].scores.ua == pytest.approx(hits.groupby(predictions.label).mean().mean())
    zero, _ = scored([one], replace(PAPER, absent="zero"))
    assert zero.pairs[0].scores.ua == pytest.approx(hits.groupby(predictions.label).mean().sum() / 4)


def test_what_is_shared_stands_with_every_pair_that_it_concerns() -> None:
    shared = {frozenset(("a", "b")): ["They share."], frozenset(("b", "c")): ["These, too."]}
    record, _ = scored(
        [outcome("a", ["b", "c"]), outcome("all but b", ["b"], corpora=["a", "c"])], overlaps=shared
    )
    told = {(pair.source, pair.target): pair.overlap for pair in record.pairs}
    assert told == {
        ("a", "b"): ["They share."],
        ("a", "c"): [],
        ("all but b", "b"): ["They share.", "These, too."],
    }


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    record, _ = scored([outcome("a", ["b"], seed, best=0.9) for seed in (0, 1)])
    record.write(tmp_path)
    assert read_cross_record(tmp_path).model_dump(mode="json") == record.model_dump(mode="json")


def test_damaged_records_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="run `emobox cross` first"):
        read_cross_record(tmp_path)
    for content, message in (
        (b"{", "not JSON"),
        (b"{}", "encoder is wrong"),
        (b"\xff", "not JSON"),
    ):
        (tmp_path / "cross.json").write_bytes(content)
        with pytest.raises(ProbeError, match=message):
            read_cross_record(tmp_path)
