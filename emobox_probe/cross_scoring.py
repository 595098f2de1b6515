"""How the heads of all sources become one record: a score for every pair of corpora, and Equation 1 of the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from emobox_metric.ser_metric.scores import confusion_matrix
from emobox_probe.cross_results import CrossRecord, Pair
from emobox_probe.cross_training import CrossOutcome
from emobox_probe.protocol import Protocol
from emobox_probe.rescoring import confusion_of, label_ids
from emobox_probe.results import Scores
from emobox_probe.scoring import interval_of, mean_of, scores_of, spread_of


def score_pairs(
    outcomes: Sequence[CrossOutcome],
    protocol: Protocol,
    overlaps: Mapping[frozenset[str], list[str]],
    labels: Sequence[str],
    **facts: Any,
) -> tuple[CrossRecord, pd.DataFrame]:
    """The record, and the predictions (source, target, id, speaker, seed, label, prediction, logits) it follows from.

    Args:
        outcomes: of every source and seed.
        protocol: how classes without a test utterance count.
        overlaps: what pairs of corpora share, in words.
        labels: the names of the C classes.
        facts: what else the record says.
    """
    predictions = pd.concat([outcome.predictions for outcome in outcomes], ignore_index=True)
    members = {outcome.source.name: outcome.source.corpora for outcome in outcomes}
    pairs = []
    for (source, target), part in predictions.groupby(["source", "target"], sort=False):
        shared = [
            sentence for name in members[source] for sentence in overlaps.get(frozenset((name, target)), [])
        ]
        pairs.append(_pair(str(source), str(target), part, outcomes, labels, protocol, shared))
    single = [pair for pair in pairs if members[pair.source] == [pair.source]]
    record = CrossRecord(
        protocol=asdict(protocol),
        labels=list(labels),
        sources=[outcome.source for outcome in outcomes],
        pairs=pairs,
        average=mean_of([pair.scores for pair in single]) if single else None,
        **facts,
    )
    return record, predictions


def _pair(
    source: str,
    target: str,
    part: pd.DataFrame,
    outcomes: Sequence[CrossOutcome],
    labels: Sequence[str],
    protocol: Protocol,
    overlap: list[str],
) -> Pair:
    seeds = [scores_of(confusion_of(one, labels), protocol.absent) for _, one in part.groupby("seed")]
    peeked = [
        best
        for outcome in outcomes
        if outcome.source.name == source
        and (best := _best_seen(outcome, target, labels, protocol)) is not None
    ]
    return Pair(
        source=source,
        target=target,
        test=part["id"].nunique(),
        scores=mean_of(seeds),
        seed_spread=spread_of(seeds),
        interval=interval_of(part, labels, protocol),
        confusion=confusion_of(part, labels).tolist(),
        overlap=overlap,
        test_selected=mean_of(peeked) if peeked else None,
    )


def _best_seen(
    outcome: CrossOutcome, target: str, labels: Sequence[str], protocol: Protocol
) -> Scores | None:
    """The best UA on a target over all heads and epochs of a source: what choosing on test would have given."""
    of_target = (outcome.predictions["target"] == target).to_numpy()
    truth = label_ids(outcome.predictions["label"][of_target], labels)
    seen = (
        scores_of(confusion_matrix(truth, ids.numpy()[of_target], len(labels)), protocol.absent)
        for ids in outcome.watched
    )
    return max(seen, key=lambda scores: scores.ua, default=None)
