"""`emobox doctor --suspects`: utterances whose label the heads of other folds confidently deny, to be listened to.

The rule is that of confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021, https://arxiv.org/abs/1911.00068,
section 3.1) as cleanlab 2.9 applies it with `filter_by="confident_learning"`: the threshold of a label is the mean
probability that it is given where it is the label. An utterance is suspected where the label that the heads are
confident of is another than the given one: the only label that reaches its threshold or, where several do, the
likeliest of all. Where the likeliest label is the given one, it never is. Heads never saw the utterances that they
answer. A suspect is no error: heads may be wrong, and what one rater hears, another may not.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import emobox_datasets.corpora as corpora
from emobox_datasets.copy.folder import CorpusFolder
from emobox_datasets.copy.raters.tables import read_ratings
from emobox_datasets.corpus import Corpus
from emobox_datasets.sources.location import candidate_root
from emobox_metric.ser_metric.calibration import softmax
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import read_run
from emobox_probe.features.shards import write_whole
from emobox_probe.records.predictions import label_ids, read_predictions
from emobox_probe.records.result import ResultRecord
from emobox_probe.scoring.calibration import logits_of

SUSPECTS_FILE = "suspects.csv"
# As cleanlab has them: means of one and the same probability reach their threshold, and no probability of 0 does.
ROUNDING = 1e-6
LOWEST_THRESHOLD = 2 * ROUNDING
SHOWN = 15


def suspects(run: str | Path, data_dir: str | Path | None = None, corpus: str | None = None) -> pd.DataFrame:
    """The suspected utterances of a run, the most doubtful first.

    Args:
        run: folder of a run within one corpus.
        data_dir: folder of the corpus, or of its tables alone; by default where the corpus is, if it is on this
            machine. What raters said is put beside, where they say it.
        corpus: the corpus that the run is said to be on.

    Returns:
        id, speaker, fold, label, suspected (the likeliest label of the heads), p_label and p_suspected (mean
        probabilities over seeds and folds), agreeing (how many of the answers are `suspected`), answers; and of
        raters, where any suspect has them: votes, recognised (the share of them that chose the label), and scales by
        name.

    Raises:
        ProbeError: there is no such run, it is between corpora, or it has no probabilities.
        CorpusError: what raters said is not in `data_dir`, or not as published.
    """
    return _with_raters(*_of_run(run, corpus), data_dir)


def _of_run(run: str | Path, corpus: str | None) -> tuple[ResultRecord, pd.DataFrame]:
    record = read_run(run)
    if not isinstance(record, ResultRecord):
        raise ProbeError(
            f"Expected a run on the labels of one corpus, whose folds answer for each other, but {run} is of "
            f"{record.title}; give a run of emobox probe with --target label, the default."
        )
    if corpus not in (None, record.corpus.name):
        raise ProbeError(
            f"Expected the corpus of the run, {record.corpus.name}, but got {corpus}; name that one, or none."
        )
    return record, read_predictions(run, record)


def _with_raters(
    record: ResultRecord, predictions: pd.DataFrame, data_dir: str | Path | None
) -> pd.DataFrame:
    suspected = suspects_in(predictions, record.corpus.labels)
    corpus = corpora.load(record.corpus.name)
    ratings = _ratings(corpus, data_dir)
    rated = [ratings.get(id, {}) for id in suspected["id"]]
    votes = [row.get("votes") or {} for row in rated]
    beside = {
        "votes": [_as_text(of_utterance) or None for of_utterance in votes],
        "recognised": [_share(*pair) for pair in zip(votes, suspected["label"], strict=True)],
        **{name: [row.get(name) for row in rated] for name in _scales(corpus)},
    }
    return suspected.join(pd.DataFrame(beside).dropna(axis="columns", how="all"))


def _ratings(corpus: Corpus, data_dir: str | Path | None) -> Mapping[str, Mapping[str, Any]]:
    """What raters said, by id; none where none is known of the corpus, or no folder is named and it, or its tables,
    are not here."""
    if not corpus.tables:
        return {}
    if data_dir:
        return corpus.ratings(data_dir)
    root = candidate_root(corpus, None)
    if root is None or not root.is_dir():
        return {}
    return read_ratings(corpus.tables, CorpusFolder(root), corpus.id_prefix or corpus.name)


def _scales(corpus: Corpus) -> list[str]:
    return [name for table in corpus.tables for name in table.scales]


def suspects_in(predictions: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """The same from a table of predictions, without what raters said."""
    probabilities = softmax(logits_of(predictions, len(labels)))
    columns = [f"p{place}" for place in range(len(labels))]
    table = predictions.assign(**dict(zip(columns, probabilities.T, strict=True)))
    grouped = table.groupby("id", sort=True)
    once = grouped.first()
    means = grouped[columns].mean().to_numpy()
    given = label_ids(once["label"], labels)
    rows = np.flatnonzero(confidently_denied(means, given))
    likeliest = means[rows].argmax(axis=1)
    suspected = np.array(labels)[likeliest]
    ids = once.index[rows]
    agreeing = [
        int((grouped.get_group(id)["prediction"] == name).sum())
        for id, name in zip(ids, suspected, strict=True)
    ]
    listed = pd.DataFrame(
        {
            "id": ids,
            "speaker": once["speaker"].to_numpy()[rows],
            "fold": once["fold"].to_numpy()[rows],
            "label": once["label"].to_numpy()[rows],
            "suspected": suspected,
            "p_label": means[rows, given[rows]],
            "p_suspected": means[rows, likeliest],
            "agreeing": agreeing,
            "answers": grouped.size().to_numpy()[rows],
        }
    )
    margin = (listed["p_label"] - listed["p_suspected"]).to_numpy()
    return listed.iloc[np.argsort(margin, kind="stable")].reset_index(drop=True)


def confidently_denied(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the given label is denied, (N,).

    Args:
        probabilities: of heads that did not see the item, (N, C).
        labels: given label ids, (N,).
    """
    thresholds = np.array(
        [
            probabilities[labels == label, label].mean() if (labels == label).any() else np.inf
            for label in range(probabilities.shape[1])
        ]
    )
    confident = probabilities >= np.maximum(thresholds, LOWEST_THRESHOLD) - ROUNDING
    reached = confident.sum(axis=1)
    guess = np.where(reached > 1, probabilities.argmax(axis=1), confident.argmax(axis=1))
    favoured = probabilities.copy()
    favoured[np.arange(len(labels)), labels] += ROUNDING  # a tie is no denial
    return np.asarray((reached > 0) & (guess != labels) & (favoured.argmax(axis=1) != labels))


def _as_text(votes: Mapping[str, float]) -> str:
    return "; ".join(f"{name} {count:g}" for name, count in votes.items() if count)


def _share(votes: Mapping[str, float], label: str) -> float | None:
    """Of the votes, those for the label; None of none."""
    total = sum(votes.values())
    return votes.get(label, 0) / total if total else None


def write_suspects(
    run: str | Path,
    corpus: str | None,
    data_dir: str | None,
    csv: Path | None,
    console: Console,
    json: bool = False,
) -> None:
    """Write the list as a CSV to listen to, by default into the run's folder, and show its beginning; or print JSON.

    With `json`, all of the list is printed, for programs, and a CSV is written only where one is named.

    Raises:
        ProbeError, CorpusError: as `suspects`.
    """
    record, predictions = _of_run(run, corpus)
    listed = _with_raters(record, predictions, data_dir)
    if json:
        print(listed.to_json(orient="records", indent=2))
        if csv is None:
            return
    path = csv or Path(run) / SUSPECTS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, listed.to_csv(index=False, float_format="%.4f").encode())
    if json:
        return
    if len(listed):
        console.print(_table(listed.head(SHOWN), corpora.load(record.corpus.name)))
    tested = predictions["id"].nunique()
    shown = f", of which the first {SHOWN} are shown" if len(listed) > SHOWN else ""
    console.print(
        f"{len(listed):,} of {tested:,} utterances are to be listened to, the most doubtful first{shown}. Suspects are "
        f"no errors: the heads of other folds deny their label with confidence, and mostly it is the heads that are "
        f"wrong.",
        soft_wrap=True,
    )
    console.print(f"written to {path}", soft_wrap=True)


def _table(listed: pd.DataFrame, corpus: Corpus) -> Table:
    """What heads say, and of raters what they say of the label: votes or, where there are none, their scales."""
    columns: dict[str, tuple[str, Callable[[Any], str]]] = {
        "id": ("id", str),
        "speaker": ("speaker", str),
        "label": ("label", str),
        "suspected": ("heads say", str),
        "p_label": ("p of label", "{:.2f}".format),
        "p_suspected": ("p of theirs", "{:.2f}".format),
        "votes": ("votes", str),
        "recognised": ("recognised", "{:.0%}".format),
    }
    if "votes" not in listed:
        columns |= {name: (name, "{:.4g}".format) for name in _scales(corpus)}
    shown = [name for name in columns if name in listed and listed[name].notna().any()]
    table = Table(*(columns[name][0] for name in shown))
    for row in listed.to_dict("records"):
        table.add_row(*("" if pd.isna(row[name]) else columns[name][1](row[name]) for name in shown))
    return table
