"""`emobox doctor --suspects`: utterances whose label the heads of other folds confidently deny, to be listened to.

The rule is that of confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021, https://arxiv.org/abs/1911.00068,
section 3.1): the threshold of a label is the mean probability that it is given where it is the label; an utterance is
suspected where another label reaches its own threshold, and is the likeliest of those that do. Heads never saw the
utterances that they answer. A suspect is no error: heads may be wrong, and what one rater hears, another may not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import emobox_datasets.corpora as corpora
from emobox_metric.ser_metric.calibration import softmax
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import read_run
from emobox_probe.features.shards import write_whole
from emobox_probe.records.predictions import label_ids, read_predictions
from emobox_probe.records.result import ResultRecord
from emobox_probe.scoring.calibration import logits_of

SUSPECTS_FILE = "suspects.csv"
# As cleanlab has it, so that means of one and the same probability reach their threshold.
ROUNDING = 1e-6
SHOWN = 15


def suspects(run: str | Path, data_dir: str | Path | None = None, corpus: str | None = None) -> pd.DataFrame:
    """The suspected utterances of a run, the most doubtful first.

    Args:
        run: folder of a run within one corpus.
        data_dir: folder of the corpus, or of its tables alone: what raters said is put beside, where they say it.
        corpus: the corpus that the run is said to be on.

    Returns:
        id, speaker, fold, label, suspected (the label that heads give), p_label and p_suspected (mean probabilities
        over seeds and folds), agreeing (how many of the answers are `suspected`), answers; and of raters, as far as
        they are told: votes, recognised (the share of them that chose the label), and scales by name.

    Raises:
        ProbeError: there is no such run, it is between corpora, or it has no probabilities.
        CorpusError: what raters said is not there, or not as published.
    """
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
    predictions = read_predictions(run, record)
    labels = record.corpus.labels
    found = suspects_in(predictions, labels)
    told = corpora.load(record.corpus.name)
    ratings = told.ratings(data_dir) if data_dir else {}
    rated = [ratings.get(id, {}) for id in found["id"]]
    scales = {name: [row.get(name) for row in rated] for table in told.tables for name in table.scales}
    beside = {
        "votes": [_as_text(row.get("votes") or {}) for row in rated],
        "recognised": [
            _share(row.get("votes") or {}, label) for row, label in zip(rated, found["label"], strict=True)
        ],
        **(scales if ratings else {}),
    }
    return pd.concat([found, pd.DataFrame(beside)], axis=1)


def suspects_in(predictions: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """The same from a table of predictions, without what raters said."""
    probabilities = softmax(logits_of(predictions, len(labels)))
    columns = [f"p{place}" for place in range(len(labels))]
    table = predictions.assign(**dict(zip(columns, probabilities.T, strict=True)))
    grouped = table.groupby("id", sort=True)
    once = grouped.first()
    means = grouped[columns].mean().to_numpy()
    given = label_ids(once["label"], labels)
    denied = confidently_denied(means, given)
    rows = np.flatnonzero(denied >= 0)
    said = np.array(labels)[denied[rows]]
    ids = once.index[rows]
    agreeing = [
        int((grouped.get_group(id)["prediction"] == name).sum()) for id, name in zip(ids, said, strict=True)
    ]
    found = pd.DataFrame(
        {
            "id": ids,
            "speaker": once["speaker"].to_numpy()[rows],
            "fold": once["fold"].to_numpy()[rows],
            "label": once["label"].to_numpy()[rows],
            "suspected": said,
            "p_label": means[rows, given[rows]],
            "p_suspected": means[rows, denied[rows]],
            "agreeing": agreeing,
            "answers": grouped.size().to_numpy()[rows],
        }
    )
    doubt = (found["p_label"] - found["p_suspected"]).to_numpy()
    return found.iloc[np.argsort(doubt, kind="stable")].reset_index(drop=True)


def confidently_denied(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The label that stands against the given one, (N,); -1 where none does.

    Args:
        probabilities: of heads that did not see the item, (N, C).
        labels: given label ids, (N,).
    """
    classes = probabilities.shape[1]
    thresholds = np.array(
        [
            probabilities[labels == label, label].mean() if (labels == label).any() else np.inf
            for label in range(classes)
        ]
    )
    confident = probabilities >= thresholds - ROUNDING
    likeliest = np.where(confident, probabilities, -1.0).argmax(axis=1)
    denied = confident.any(axis=1) & (likeliest != labels)
    return np.where(denied, likeliest, -1)


def _as_text(votes: Mapping[str, float]) -> str:
    return "; ".join(f"{name} {count:g}" for name, count in votes.items() if count)


def _share(votes: Mapping[str, float], label: str) -> float:
    """Of the votes, those for the label; NaN of none."""
    total = sum(votes.values())
    return votes.get(label, 0) / total if total else float("nan")


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
    found = suspects(run, data_dir, corpus)
    if json:
        print(found.to_json(orient="records", indent=2))
        if csv is None:
            return
    path = csv or Path(run) / SUSPECTS_FILE
    write_whole(path, found.to_csv(index=False, float_format="%.4f").encode())
    if json:
        return
    table = Table("id", "speaker", "label", "heads say", "p of label", "p of theirs", "recognised")
    for row in found.head(SHOWN).to_dict("records"):
        table.add_row(*_cells(row))
    if len(found):
        console.print(table)
    more = f"; the {SHOWN} most doubtful are shown" if len(found) > SHOWN else ""
    console.print(
        f"{len(found)} suspects, to be listened to{more}. Suspects are no errors: the heads of other folds deny their "
        f"label with confidence, and may be wrong.",
        soft_wrap=True,
    )
    console.print(f"written to {path}", soft_wrap=True)


def _cells(row: Mapping[Any, Any]) -> list[str]:
    recognised = row["recognised"]
    return [
        row["id"],
        str(row["speaker"] or ""),
        row["label"],
        row["suspected"],
        f"{row['p_label']:.2f}",
        f"{row['p_suspected']:.2f}",
        "" if np.isnan(recognised) else f"{100 * recognised:.0f} %",
    ]
