"""What people reach: the scores of a single rater and of the majority, and whether a model beats a rater.

A rater is drawn at random from those of each utterance, and tied labels share the majority's answer equally. So no
score depends on a draw or on the order of labels: it is that of the confusion matrix expected over both.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emobox_metric.raters.votes import check_counts, check_votes, majority_of, shares_of
from emobox_metric.ser_metric.intervals import (
    FEWEST_CLUSTERS,
    SCORES,
    TooFewClustersError,
    bootstrap_of_contents,
    check_confidence,
    cluster_contents,
    logit_interval,
    resampled_counts,
    standard_error,
)
from emobox_metric.ser_metric.scores import (
    Absent,
    check_label_ids,
    check_same_length,
    scores_from_confusion,
)


def human_scores(
    references: ArrayLike,
    votes: ArrayLike,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
) -> dict[str, dict[str, Any]]:
    """Score raters against labels that are not their own, such as acted ones.

    Args:
        references: true label ids, `(N,)`.
        votes: counts or shares of raters by label, `(N, C)`.
        speakers: the speaker of each utterance, `(N,)`; None resamples utterances.
        confidence, resamples, seed, absent: as in `ser_metric.intervals.bootstrap_interval`.

    Returns:
        `single_rater` and `majority`: each `ua`, `wa`, `f1` in 0..1, `confusion` `(C, C)` and `intervals`, (low, high)
        by the names of the scores, each None without spread; or None with fewer than four speakers. The WA of a single
        rater is the mean share of raters on the label. The majority also has `tied`, the share of utterances where
        labels tie for most votes, and `wa_bounds`: WA if ties are missed, and if the label is among those that tie.

    Raises:
        ValueError: for label ids or votes that cannot be scored, or lengths that differ.

    Example:
        >>> scores = human_scores(references=[0, 0, 1, 1], votes=[[3, 1], [2, 2], [1, 3], [0, 4]])
        >>> scores["single_rater"]["wa"], scores["majority"]["wa"], scores["majority"]["wa_bounds"]
        (0.75, 0.875, (0.75, 1.0))
    """
    counts = check_votes(votes)
    ids = check_label_ids(references, counts.shape[1], "references")
    check_same_length({"references": len(ids), "votes": len(counts)})
    truth = np.eye(counts.shape[1])[ids]
    most = majority_of(counts)
    share_on_label = most[np.arange(len(ids)), ids]
    options: dict[str, Any] = {
        "speakers": speakers,
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "absent": absent,
    }
    majority = _expected_scores(truth[:, :, None] * most[:, None, :], **options)
    majority["tied"] = float((most.max(axis=1) < 1).mean())
    majority["wa_bounds"] = float((share_on_label == 1).mean()), float((share_on_label > 0).mean())
    single = _expected_scores(truth[:, :, None] * shares_of(counts)[:, None, :], **options)
    return {"single_rater": single, "majority": majority}


def held_out_rater_scores(
    votes: ArrayLike,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    absent: Absent = "zero",
    num_labels: int | None = None,
) -> dict[str, Any]:
    """Score each rater against the majority of the other raters: the line where the raters made the label.

    Args:
        votes: counts of raters by label, `(N, C)`. Utterances with one rater have no others, and are left out.
        speakers, confidence, resamples, seed, absent: as in `human_scores`.
        num_labels: where raters could choose more labels than are scored, how many columns from the left are; what the
            others voted counts if it is one of these. None scores all.

    Returns:
        `ua`, `wa`, `f1`, `confusion` and `intervals` as in `human_scores`, and `utterances`, how many were scored.

    Raises:
        ValueError: for votes that are no counts, lengths that differ, or where no utterance has two raters.

    Example:
        >>> round(held_out_rater_scores([[2, 0], [1, 2]])["wa"], 4)
        0.6667
    """
    counts = check_counts(votes)
    kept = counts.sum(axis=1) >= 2
    if not kept.any():
        raise ValueError(
            "Expected an utterance with two raters, but got none; a rater is held against others."
        )
    if speakers is not None:
        names = list(speakers)
        check_same_length({"votes": len(counts), "speakers": len(names)})
        speakers = [name for name, keep in zip(names, kept, strict=True) if keep]
    counts = counts[kept]
    labels = counts.shape[1]
    # (N, held out, label): what the others voted, were one vote of each label taken away.
    others = np.maximum(counts[:, None, :] - np.eye(labels), 0)
    answers = shares_of(counts)[:, :, None] * majority_of(others)
    answers[:, :, num_labels or labels :] = 0
    scores = _expected_scores(
        answers.transpose(0, 2, 1), speakers, confidence, resamples=resamples, seed=seed, absent=absent
    )
    return scores | {"utterances": len(counts)}


def beats_single_rater(
    predictions: ArrayLike,
    votes: ArrayLike,
    references: ArrayLike | None = None,
    speakers: Iterable[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the probability that the model does better than a rater of the utterance, ties counting half.

    With `references`, who names the label does better. Without, who agrees with more of the other raters does, as in
    the alternative annotator test (Calderon, Reichart and Dror, ACL 2025, https://arxiv.org/abs/2501.10970), where ties
    count whole; utterances with one rater are then left out.

    Args:
        predictions: label ids that the model says, `(N,)`.
        votes: raters by label, `(N, C)`: counts, or shares where `references` are given.
        references: true label ids, `(N,)`.
        speakers, confidence, resamples, seed: as in `human_scores`.

    Returns:
        `probability`, `wins`, `ties`, `losses` in 0..1, the last three summing to 1; `interval` of the probability,
        None with fewer than four speakers or without spread; `utterances`.

    Raises:
        ValueError: for label ids or votes that cannot be scored, or lengths that differ.

    Example:
        >>> result = beats_single_rater([0, 1], votes=[[3, 1], [3, 1]], references=[0, 0])
        >>> result["wins"], result["ties"], result["losses"], result["probability"]
        (0.125, 0.5, 0.375, 0.375)
    """
    check_confidence(confidence)
    counts = check_votes(votes) if references is not None else check_counts(votes)
    ids = check_label_ids(predictions, counts.shape[1], "predictions")
    names = list(speakers) if speakers is not None else None
    lengths = {"predictions": len(ids), "votes": len(counts)}
    check_same_length(lengths if names is None else lengths | {"speakers": len(names)})
    kept = np.ones(len(ids), dtype=bool)
    if references is not None:
        wins, losses = _against_labels(ids, counts, references)
    else:
        kept = counts.sum(axis=1) >= 2
        if not kept.any():
            raise ValueError(
                "Expected an utterance with two raters, but got none; pass `references` to hold raters against."
            )
        wins, losses = _against_others(ids[kept], counts[kept])
    points = wins + (1 - wins - losses) / 2
    clusters = None if names is None else [name for name, keep in zip(names, kept, strict=True) if keep]
    return {
        "probability": float(points.mean()),
        "wins": float(wins.mean()),
        "ties": float((1 - wins - losses).mean()),
        "losses": float(losses.mean()),
        "interval": _interval_of_mean(points, clusters, confidence, resamples, seed),
        "utterances": len(points),
    }


def _against_labels(
    ids: NDArray[np.int64], counts: NDArray[np.float64], references: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How likely the model alone names the label, and a rater alone does, `(N,)` both."""
    truth = check_label_ids(references, counts.shape[1], "references")
    check_same_length({"predictions": len(ids), "references": len(truth)})
    right = shares_of(counts)[np.arange(len(truth)), truth]
    return (ids == truth) * (1 - right), (ids != truth) * right


def _against_others(
    ids: NDArray[np.int64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How likely more of the other raters agree with the model than with a rater, and fewer, `(N,)` both."""
    voted = counts[np.arange(len(ids)), ids][:, None]
    # Held against a rater who says the same, the model has as many others on its side as he has.
    same = np.arange(counts.shape[1]) == ids[:, None]
    lead = np.where(same, 0, voted - (counts - 1))
    shares = shares_of(counts)
    return (shares * (lead > 0)).sum(axis=1), (shares * (lead < 0)).sum(axis=1)


def _expected_scores(
    confusions: NDArray[np.float64],
    speakers: Iterable[Hashable] | None,
    confidence: float,
    resamples: int,
    seed: int,
    absent: Absent,
) -> dict[str, Any]:
    """Scores of the expected confusion matrices of all utterances, `(N, C, C)`, together."""
    check_confidence(confidence)
    items, labels, _ = confusions.shape
    total = confusions.sum(axis=0)
    scores = scores_from_confusion(total, absent)
    result = {name: scores[name] for name in SCORES} | {"confusion": total}
    try:
        contents = cluster_contents(confusions.reshape(items, -1), speakers, FEWEST_CLUSTERS)
    except TooFewClustersError:
        return result | {"intervals": None}
    distinct, copies = np.unique(contents, axis=0, return_counts=True)
    drawn = bootstrap_of_contents(distinct, copies, labels, resamples, seed, absent)
    return result | {"intervals": {name: drawn.interval(name, confidence) for name in SCORES}}


def _interval_of_mean(
    points: NDArray[np.float64],
    speakers: Iterable[Hashable] | None,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float] | None:
    """The interval of a mean of shares, `(N,)`."""
    try:
        contents = cluster_contents(
            np.stack([points, np.ones_like(points)], axis=1), speakers, FEWEST_CLUSTERS
        )
    except TooFewClustersError:
        return None
    copies = np.ones(len(contents), dtype=np.int64)
    blocks = [sums[:, 0] / sums[:, 1] for sums in resampled_counts(contents, copies, resamples, seed)]
    error = standard_error(np.concatenate(blocks), len(contents))
    return logit_interval(float(points.mean()), error, len(contents), confidence)
