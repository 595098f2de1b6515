"""How the tasks of an experiment become one record: the score of each, means, spreads and intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emobox_datasets.folds.speaker_only import speaker_only
from emobox_metric.ser_metric.calibration import fit_temperature
from emobox_metric.ser_metric.scores import confusion_matrix
from emobox_probe.heads.groups import Trained
from emobox_probe.heads.heads import Head
from emobox_probe.heads.linear import Fitted
from emobox_probe.protocol import Protocol
from emobox_probe.records.cross_result import CrossRecord, Pair, Source
from emobox_probe.records.heads_file import KeptHead
from emobox_probe.records.predictions import (
    SPEAKER_ONLY,
    confusion_of,
    guesses_by_speaker,
    label_ids,
)
from emobox_probe.records.result import (
    CorpusRecord,
    EncoderRecord,
    Fold,
    HeldOut,
    LayerScore,
    Provenance,
    ResultRecord,
    Scores,
    Selection,
    WeightedSum,
)
from emobox_probe.scoring.summary import (
    average_of,
    mean_of,
    pair_summary_of,
    scores_of,
    seed_0_of,
    summary_of,
    table_of,
)
from emobox_probe.tasks.pool import Pool
from emobox_probe.tasks.tasks import Task


@dataclass
class Answer:
    """The best head on one view of the features, and its logits (E, C) for the tested rows.

    `candidate`: the score may be chosen from it; `in_curve`: it is a point of the layer curve. `validated`: its logits
    (B, C) for the validation rows, where they are wanted.
    """

    view: str
    head: Trained | Fitted
    logits: Tensor
    candidate: bool
    in_curve: bool
    validated: Tensor | None = None

    @property
    def ids(self) -> np.ndarray:
        """Predicted label ids (E,)."""
        ids: np.ndarray = self.logits.argmax(dim=1).cpu().numpy()
        return ids


@dataclass
class OnTarget:
    """What is said of one target beside the score, once every choice has been made.

    `test_selected`: the best score on test over all heads and epochs. `layers`: UA on validation and test by layer.
    `weighted_sum`: of the learned sum of layers.
    """

    test_selected: Scores | None
    layers: dict[str, tuple[float, float]]
    weighted_sum: WeightedSum | None


@dataclass
class Outcome:
    """One task: what was chosen, what was predicted for each tested utterance, and what is known of each target.

    `head` is the one that was chosen (None for a linear one, which is not kept). `speaker_only`: within a corpus, what
    who speaks tells of each tested utterance, without audio.
    """

    source: str
    corpora: tuple[str, ...]
    fold: str
    kind: str
    held_out: HeldOut
    selection: Selection
    predictions: pd.DataFrame
    tested: dict[str, OnTarget]
    head: Head | None
    speaker_only: list[str] | None = None


def outcome(
    task: Task,
    pool: Pool,
    answers: Sequence[Answer],
    weighted_sum: Answer | None,
    watched: Sequence[Tensor],
    protocol: Protocol,
) -> Outcome:
    """Choose the layer, then look at the test labels, once, and score.

    Args:
        task: what was trained, and the rows (E,) that are tested.
        pool: the utterances, and the names of the C classes.
        answers: the best head of every view, and what it says of the tested rows.
        weighted_sum: the same of the learned sum of all layers.
        watched: predicted ids (E,) of every head after every epoch, for `test_selected`.
        protocol: how classes without a test utterance count.

    Returns:
        The choice, the predictions of the chosen head (source, target, fold, id, speaker, seed, label and prediction
        as names, logits), and what is known of every target.
    """
    chosen = max((answer for answer in answers if answer.candidate), key=lambda answer: answer.head.merit)
    predictions = _predictions(task, pool, chosen)
    tested = {}
    for target, rows in _places(task.targets).items():
        truth = label_ids(predictions["label"][rows], pool.labels)
        tested[target] = _tested(truth, rows, answers, weighted_sum, watched, len(pool.labels), protocol)
    selection = Selection(
        seed=task.group.seed,
        training=len(task.group.training),
        validation=len(task.group.validation),
        layer=chosen.view,
        **chosen.head.selected,  # type: ignore[arg-type]  # numbers, as the record checks
        validation_ua=chosen.head.merit[0],
        temperature=_temperature(chosen, task),
        unvalidated=[pool.labels[label] for label in task.unvalidated],
    )
    return Outcome(
        task.source,
        task.corpora,
        task.fold,
        task.kind,
        task.held_out,
        selection,
        predictions,
        tested,
        chosen.head.head.cpu() if isinstance(chosen.head, Trained) else None,
        None if task.kind == "cross" else _speaker_only(task, pool),
    )


def _temperature(chosen: Answer, task: Task) -> float | None:
    """What the logits of validation are divided by to be likeliest; no test label is read."""
    if chosen.validated is None:
        return None
    truth = task.group.labels[task.group.validation]
    return fit_temperature(chosen.validated.cpu().numpy(), truth.numpy())


def kept_heads(outcomes: Sequence[Outcome]) -> list[KeptHead]:
    """The chosen head of every task, as it is kept beside the record; none of linear ones."""
    return [
        KeptHead(made.source, made.fold, made.selection.seed, made.selection.layer, made.head)
        for made in outcomes
        if made.head is not None
    ]


def _speaker_only(task: Task, pool: Pool) -> list[str]:
    """What the fold's training part says of who speaks; that part is the same for every seed."""
    rows = task.group.training
    if task.held_out != "released":
        rows = torch.cat([rows, task.group.validation])
    trained, tested = ([pool.all_items[row] for row in part.tolist()] for part in (rows, task.tested))
    return speaker_only(pool.corpora[task.source], trained, tested)


def _predictions(task: Task, pool: Pool, chosen: Answer) -> pd.DataFrame:
    rows = task.tested.tolist()
    utterances = [pool.all_items[row] for row in rows]
    within = task.kind != "cross"
    return pd.DataFrame(
        {
            "source": task.source,
            "target": [name for name, members in task.targets.items() for _ in members],
            "fold": task.fold,
            "id": [utterance.id for utterance in utterances],
            # Between corpora, names of speakers count within their corpus.
            "speaker": [u.speaker for u in utterances] if within else [pool.speakers[row] for row in rows],
            "seed": task.group.seed,
            "label": [utterance.label for utterance in utterances],
            "prediction": np.array(pool.labels)[chosen.ids],
            "logits": list(chosen.logits.cpu().numpy()),
        }
    )


def _places(targets: Mapping[str, Tensor]) -> dict[str, slice]:
    """Where the rows of each target stand among all tested rows."""
    places, start = {}, 0
    for target, rows in targets.items():
        places[target] = slice(start, start + len(rows))
        start += len(rows)
    return places


def _tested(
    truth: np.ndarray,
    rows: slice,
    answers: Sequence[Answer],
    weighted_sum: Answer | None,
    watched: Sequence[Tensor],
    classes: int,
    protocol: Protocol,
) -> OnTarget:
    def scored(ids: np.ndarray) -> Scores:
        return scores_of(confusion_matrix(truth, ids[rows], classes), protocol.absent)

    learned = None
    if weighted_sum is not None and isinstance(weighted_sum.head, Trained):
        mixing = weighted_sum.head.head.mixing
        assert mixing is not None
        learned = WeightedSum(
            validation_ua=weighted_sum.head.merit[0],
            scores=scored(weighted_sum.ids),
            weights=mixing.tolist(),
        )
    return OnTarget(
        # What choosing configuration and epoch on test would have given; not a score of the model.
        test_selected=best_of(scored(ids.numpy()) for ids in watched),
        layers={a.view: (a.head.merit[0], scored(a.ids).ua) for a in answers if a.in_curve},
        weighted_sum=learned,
    )


def best_of(scores: Iterable[Scores]) -> Scores | None:
    """The scores with the best UA; None of none."""
    return max(scores, key=lambda one: one.ua, default=None)


def score(
    outcomes: Sequence[Outcome],
    encoder: EncoderRecord,
    corpus: CorpusRecord,
    protocol: Protocol,
    provenance: Provenance,
    remarks: Sequence[str] = (),
) -> tuple[ResultRecord, pd.DataFrame]:
    """The record of all folds of a corpus, and the predictions that it follows from.

    All tested utterances together with an interval, the mean over folds and seeds, spreads.
    """
    predictions = pd.concat(
        [outcome.predictions.assign(**{SPEAKER_ONLY: outcome.speaker_only}) for outcome in outcomes],
        ignore_index=True,
    )
    tested = [outcome.tested[corpus.name] for outcome in outcomes]
    folds = [
        Fold(
            **outcome.selection.model_dump(),
            name=outcome.fold,
            kind=outcome.kind,
            held_out=outcome.held_out,
            test=len(outcome.predictions),
            scores=scores_of(confusion_of(outcome.predictions, corpus.labels), protocol.absent),
            test_selected=on_test.test_selected,
        )
        for outcome, on_test in zip(outcomes, tested, strict=True)
    ]
    record = ResultRecord(
        encoder=encoder,
        corpus=corpus,
        protocol=asdict(protocol),
        folds=folds,
        **summary_of(folds, predictions, corpus.labels, protocol.absent),
        layers=_layer_scores(tested),
        weighted_sum=_mean_weighted_sum(tested),
        provenance=provenance,
        remarks=list(remarks),
        speaker_only=_score_by_speakers(predictions, corpus.labels, protocol.absent),
        seed_0=seed_0_of(folds, asdict(protocol)),
    )
    return record, predictions


def _score_by_speakers(predictions: pd.DataFrame, labels: Sequence[str], absent: Any) -> Scores:
    """Scores of what who speaks tells, pooled over folds."""
    guesses = guesses_by_speaker(predictions)
    return scores_of(confusion_of(guesses, labels), absent)


def score_pairs(
    outcomes: Sequence[Outcome],
    protocol: Protocol,
    overlaps: Mapping[frozenset[str], list[str]],
    labels: Sequence[str],
    **known: Any,
) -> tuple[CrossRecord, pd.DataFrame]:
    """The record of every source on every target, and the predictions that it follows from.

    Args:
        outcomes: of every source and seed.
        protocol: how classes without a test utterance count.
        overlaps: what pairs of corpora share, in words.
        labels: the names of the C classes.
        known: what else the record says.
    """
    predictions = pd.concat([outcome.predictions for outcome in outcomes], ignore_index=True)
    members = {outcome.source: outcome.corpora for outcome in outcomes}
    pairs = []
    for names, part in predictions.groupby(["source", "target"], sort=False):
        source, target = map(str, names)
        shared = [
            sentence for name in members[source] for sentence in overlaps.get(frozenset((name, target)), [])
        ]
        tested = [outcome.tested[target] for outcome in outcomes if outcome.source == source]
        pairs.append(
            Pair(
                source=source,
                target=target,
                **pair_summary_of(part, labels, protocol.absent),
                overlap=shared,
                test_selected=mean_of([one.test_selected for one in tested if one.test_selected]),
                layers=_layer_scores(tested),
                weighted_sum=_mean_weighted_sum(tested),
            )
        )
    sources = [
        Source(
            **outcome.selection.model_dump(),
            name=outcome.source,
            corpora=list(outcome.corpora),
            held_out=outcome.held_out,
        )
        for outcome in outcomes
    ]
    record = CrossRecord(
        protocol=asdict(protocol),
        labels=list(labels),
        sources=sources,
        pairs=pairs,
        average=average_of(pairs, sources),
        **known,
    )
    return record, predictions


def _layer_scores(tested: Sequence[OnTarget]) -> list[LayerScore]:
    """UA of every layer, mean over folds and seeds, each with its own best configuration and epoch."""
    rows = [
        {"layer": layer, "validation_ua": validation, "ua": test}
        for one in tested
        for layer, (validation, test) in one.layers.items()
    ]
    if not rows:
        return []
    means = pd.DataFrame(rows).groupby("layer", sort=False).mean()
    return [
        LayerScore(layer=str(layer), validation_ua=row["validation_ua"], ua=row["ua"])
        for layer, row in means.to_dict("index").items()
    ]


def _mean_weighted_sum(tested: Sequence[OnTarget]) -> WeightedSum | None:
    sums = [one.weighted_sum for one in tested if one.weighted_sum]
    if not sums:
        return None
    return WeightedSum(
        validation_ua=float(np.mean([one.validation_ua for one in sums])),
        scores=Scores(**table_of([one.scores for one in sums]).mean()),
        weights=np.mean([one.weights for one in sums], axis=0).tolist(),
    )
