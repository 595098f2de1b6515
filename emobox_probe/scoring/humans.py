"""The human line of a run, from its predictions and what raters said of the same utterances, joined by id."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import emobox_datasets.corpora as corpora
from emobox_metric.raters.agreement import krippendorff_alpha
from emobox_metric.raters.ceiling import beats_single_rater, held_out_rater_scores, human_scores
from emobox_metric.raters.distributions import entropy
from emobox_metric.ser_metric.calibration import softmax
from emobox_metric.ser_metric.scores import scores_from_confusion
from emobox_probe.errors import ProbeError
from emobox_probe.records.humans import GROUPS, AgreementGroup, HumanLine, Line, PeopleScores
from emobox_probe.records.interval import METRICS, Scores
from emobox_probe.records.predictions import clusters_of, label_ids
from emobox_probe.records.result import ResultRecord, RunRecord
from emobox_probe.report.percent import interval_text

logger = logging.getLogger(__name__)

Votes = Mapping[str, Mapping[str, float] | None]


def rows_beside(
    predictions: pd.DataFrame, record: RunRecord, root: str | Path
) -> tuple[pd.DataFrame, list[str]]:
    """What raters said, beside the scores of a run: rows as `scores_by` has them, and sentences.

    Args:
        predictions: of the run.
        record: of the run.
        root: folder of its corpus, or of the tables alone.

    Raises:
        CorpusError: what raters said is not there, or not as published.
        ProbeError: the run is between corpora, or none of its utterances has a rating.
    """
    if not isinstance(record, ResultRecord):
        raise ProbeError(
            f"Expected a run within one corpus to put raters beside, but got {record.title}; leave --data-dir out."
        )
    corpus, labels = corpora.load(record.corpus.name), record.corpus.labels
    ratings = corpus.ratings(root)
    votes = {id: row.get("votes") for id, row in ratings.items()}
    rows: list[dict[str, Any]] = []
    sentences = []
    if line := human_line(predictions, labels, votes, corpus.intended):
        rows += line.rows()
        sentences.append(line.sentence)
    for name in (name for table in corpus.tables for name in table.scales):
        values = {id: row[name] for id, row in ratings.items() if row.get(name) is not None}
        if values.keys() & set(predictions["id"]):
            groups, rho = by_quantile(predictions, labels, values)
            rows += [_quantile_row(name, group) for group in groups]
            shown = "not defined" if rho is None else f"{rho:+.2f}"
            sentences.append(f"rho of {name} and the probability of the label is {shown}.")
    if not rows:
        raise ProbeError(
            f"Expected counts of votes or ratings of the utterances of {record.title}, but got none; name the folder "
            f"of its corpus, with the publisher's tables."
        )
    return _groups(rows, predictions), sentences


def kept_beside(
    predictions: pd.DataFrame, record: RunRecord, rows_wanted: bool = True
) -> tuple[pd.DataFrame | None, list[str]]:
    """The same of what the record itself knows of people: nothing, where it knows nothing.

    The rows are of all utterances together, and None where they are not wanted.
    """
    if not isinstance(record, ResultRecord) or not record.humans:
        return None, []
    rows = _groups(record.humans.rows(), predictions) if rows_wanted else None
    return rows, [record.humans.sentence]


def hint_of(record: RunRecord) -> str:
    """How to have what raters said beside a run whose record does not know it; empty where nobody knows it."""
    if not isinstance(record, ResultRecord) or record.humans or record.corpus.name not in corpora.names():
        return ""
    corpus = corpora.load(record.corpus.name)
    named = " and ".join(table.name for table in corpus.tables if table.by == "id")
    if not named:
        return ""
    return f"With --data-dir, a folder with {named}, what raters said of {corpus.display_name} stands beside."


def _groups(rows: Sequence[dict[str, Any]], predictions: pd.DataFrame) -> pd.DataFrame:
    """Rows as `scores_by` has them; utterances are whole numbers where they are, which pandas would not leave them."""
    table = pd.DataFrame([_as_group(row, predictions) for row in rows])
    counts = [int(count) if float(count).is_integer() else round(count, 2) for count in table["utterances"]]
    return table.assign(utterances=pd.Series(counts, index=table.index, dtype=object))


def _quantile_row(name: str, group: Mapping[str, float]) -> dict[str, Any]:
    scores = {metric: 100 * group[metric] for metric in METRICS}
    bounds = dict.fromkeys(f"{group[end]:g}" for end in ("low", "high"))
    return {
        "name": f"{name} {' to '.join(bounds)}",
        "utterances": group["utterances"],
        **scores,
        "bounds": None,
    }


def _as_group(row: dict[str, Any], predictions: pd.DataFrame) -> dict[str, Any]:
    low, high = row["bounds"] or (np.nan, np.nan)
    return {
        "group": row["name"],
        "utterances": row["utterances"],
        "labels": predictions["label"].nunique(),
        **{metric: row[metric] for metric in METRICS},
        "ua_low": low,
        "ua_high": high,
        "interval": interval_text(low, high) if row["bounds"] else "",
    }


def human_line(
    predictions: pd.DataFrame, labels: Sequence[str], votes: Votes, intended: bool
) -> HumanLine | None:
    """Put raters beside a run, over the tested utterances that have any; None where none has (or others beside him).

    None, too, of shares, which do not tell how many raters there were; that is said. People are scored
    once an utterance, the model once a fold and seed.

    Args:
        predictions: a table with columns id, speaker, label, prediction and logits.
        labels: the names of the C classes. Votes for others are wrong answers.
        votes: raters by label, by id.
        intended: whether labels are what was acted. Else raters made them, and a rater is held against the others.
    """
    counts = {id: row for id in predictions["id"].unique() if (row := _given(votes.get(id)))}
    if not counts:
        return None
    rated = predictions[predictions["id"].isin(counts.keys())]
    utterances = rated.drop_duplicates("id")
    columns = [*labels, *sorted({label for row in counts.values() for label in row} - set(labels))]
    matrix = pd.DataFrame([counts[id] for id in utterances["id"]], columns=columns).fillna(0).to_numpy(float)
    if (matrix != matrix.round()).any():
        logger.warning(
            "The votes are shares, which do not tell how many raters there were: scores of raters, their agreement and "
            "the model beside them are left out."
        )
        return None
    row_of = {id: row for row, id in enumerate(utterances["id"])}
    rows = rated["id"].map(row_of).to_numpy()
    speakers = utterances["speaker"].tolist() if clusters_of(utterances) == "speaker" else None
    predicted, truth = (label_ids(rated[name], columns) for name in ("prediction", "label"))
    if not intended and (matrix.sum(axis=1) < 2).all():
        return None
    people: list[PeopleScores]
    if intended:
        scored = human_scores(label_ids(utterances["label"], columns), matrix, speakers, absent="skip")
        people = [_people("single_rater", scored["single_rater"]), _people("majority", scored["majority"])]
    else:
        held_out = held_out_rater_scores(matrix, speakers, absent="skip", num_labels=len(labels))
        people = [_people("held_out_rater", held_out)]
    disagreement = entropy(matrix)
    confidence = confidence_of(rated).groupby(rated["id"]).mean()[utterances["id"]]
    beaten = beats_single_rater(
        predicted,
        matrix[rows],
        truth if intended else None,
        None if speakers is None else rated["speaker"].tolist(),
    )
    return HumanLine(
        utterances=len(utterances),
        unrated=predictions["id"].nunique() - len(utterances),
        alpha=_alpha(matrix),
        people=people,
        beats_single_rater=_share(beaten["probability"]),
        beats_interval=beaten["interval"],
        by_agreement=_by_agreement(rated, labels, disagreement, rows),
        confidence_and_entropy=_rho(confidence, disagreement),
    )


def _given(votes: Mapping[str, float | None] | None) -> dict[str, float]:
    """The votes of an utterance; none where all are 0 or, as some tables store it, missing."""
    counts = {label: count or 0 for label, count in (votes or {}).items()}
    return counts if any(counts.values()) else {}


def confidence_of(predictions: pd.DataFrame) -> pd.Series:
    """The largest probability of every prediction."""
    return pd.Series(softmax(np.stack(list(predictions["logits"]))).max(axis=1), index=predictions.index)


def by_quantile(
    predictions: pd.DataFrame, labels: Sequence[str], values: Mapping[str, float], groups: int = 4
) -> tuple[list[dict[str, Any]], float | None]:
    """Scores where a number that raters gave is low to high, and Spearman's rho with the probability of the label.

    Args:
        predictions: as in `human_line`, of which those without a number are left out.
        labels: the names of the C classes.
        values: the number by id.
        groups: how many, each of as many utterances (see `shares_in_groups`).

    Returns:
        For each group `low` and `high` of the number, how many `utterances`, `ua`, `wa` and `f1` in 0..1; and rho, over
        utterances, of the number and the mean probability of the label.
    """
    rated = predictions[predictions["id"].isin(values.keys())]
    probabilities = softmax(np.stack(list(rated["logits"])))
    right = pd.Series(
        probabilities[np.arange(len(rated)), label_ids(rated["label"], labels)], index=rated["id"].tolist()
    )
    mean = right.groupby(level=0).mean()
    numbers = np.array([values[id] for id in mean.index], dtype=float)
    shares = pd.DataFrame(shares_in_groups(numbers, groups), index=mean.index)
    result = []
    for group in range(groups):
        within = numbers[shares[group] > 0]
        scores = _weighted_scores(rated, labels, rated["id"].map(shares[group]))
        result.append(
            {
                "low": float(within.min()),
                "high": float(within.max()),
                "utterances": len(numbers) / groups,
                **scores.model_dump(),
            }
        )
    return result, _rho(mean, numbers)


def shares_in_groups(numbers: np.ndarray, groups: int) -> np.ndarray:
    """How much of each of N numbers is in each group, `(N, groups)`, from the lowest numbers to the highest.

    Groups are of equal size. Where equal numbers straddle a bound, each is on both sides in equal measure: what any
    order among them would give in the mean.

    >>> shares_in_groups(np.array([3.0, 1.0, 2.0, 2.0]), 2)
    array([[0. , 1. ],
           [1. , 0. ],
           [0.5, 0.5],
           [0.5, 0.5]])
    """
    ordered = np.sort(numbers)
    first = np.searchsorted(ordered, numbers, side="left")[:, None]
    last = np.searchsorted(ordered, numbers, side="right")[:, None]
    bounds = np.arange(groups + 1) * len(numbers) / groups
    common = np.minimum(last, bounds[1:]) - np.maximum(first, bounds[:-1])
    return np.asarray(np.maximum(common, 0) / (last - first))


def _weighted_scores(predictions: pd.DataFrame, labels: Sequence[str], weights: Any) -> Scores:
    truth, predicted = (label_ids(predictions[name], labels) for name in ("label", "prediction"))
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (truth, predicted), np.asarray(weights, dtype=float))
    scores = scores_from_confusion(confusion, absent="skip")
    return _scores(scores)


def _scores(values: Mapping[str, Any]) -> Scores:
    return Scores(**{metric: _share(values[metric]) for metric in METRICS})


def _share(value: float) -> float:
    """Within 0..1, which a sum of fractions of utterances may miss in the last bit."""
    return min(max(float(value), 0.0), 1.0)


def _by_agreement(
    rated: pd.DataFrame, labels: Sequence[str], disagreement: np.ndarray, rows: np.ndarray
) -> list[AgreementGroup]:
    """Scores by thirds of the utterances, from those that raters agree on least."""
    shares = shares_in_groups(-np.round(disagreement, 12), len(GROUPS))
    return [
        AgreementGroup(name=name, scores=_weighted_scores(rated, labels, shares[rows, group]))
        for group, name in enumerate(GROUPS)
    ]


def _people(line: Line, scores: Mapping[str, Any]) -> PeopleScores:
    bounds = scores["intervals"] and scores["intervals"]["ua"]
    return PeopleScores(
        line=line,
        scores=_scores(scores),
        ua=bounds and (_share(bounds[0]), _share(bounds[1])),
    )


def _alpha(matrix: np.ndarray) -> float | None:
    try:
        return krippendorff_alpha(matrix)
    except ValueError:  # votes are all alike, or of one rater each
        return None


def _rho(first: Any, other: np.ndarray) -> float | None:
    values = np.asarray(first, dtype=float)
    if np.ptp(values) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(values, other).statistic)
