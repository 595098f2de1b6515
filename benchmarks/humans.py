"""What people do: listeners of CREMA-D and IEMOCAP, and how EmoDB's listening test meets the kept records.

    python benchmarks/humans.py [--assets ../shared] [--crema-d FOLDER] [--emodb FOLDER] [--iemocap FOLDER]

Writes benchmarks/results/humans.json. A corpus's own tables are read, not its audio; IEMOCAP's folder must be whole.
What is not there is left as it was in the file.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import emobox_datasets.corpora as corpora
from emobox_datasets.corpus import Corpus
from emobox_metric.raters.agreement import krippendorff_alpha
from emobox_metric.raters.ceiling import held_out_rater_scores, human_scores
from emobox_probe.records.predictions import PREDICTIONS_FILE, read_predictions
from emobox_probe.records.rated import read_rated, read_rated_predictions
from emobox_probe.records.result import read_record
from emobox_probe.scoring.check import as_shown
from emobox_probe.scoring.humans import by_quantile

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "humans.json"
RECORDS = HERE / "results" / "records"
HAD = {"votes": "heard", "votes_seen": "seen", "votes_both": "both"}


def crema_d(root: Path) -> dict[str, Any]:
    """Listeners, viewers, and those who had both, against what was acted."""
    corpus = corpora.load("crema_d")
    ratings = corpus.ratings(root)
    ids = sorted(id for ids in corpus.released_ids.values() for id in ids)
    parts = {id: id.split("-") for id in ids}
    labels = [corpus.label_list.index(corpus.labels[parts[id][3]]) for id in ids]
    speakers = [parts[id][1] for id in ids]
    return {
        "joined": sum(id in ratings for id in ids),
        "utterances": len(ids),
        "raters": {
            had: acted(matrix(corpus, ratings, ids, column), labels, speakers) for column, had in HAD.items()
        },
    }


def acted(votes: list[list[int]], labels: list[int], speakers: list[str]) -> dict[str, Any]:
    """Scores of a single rater and of the majority, and how far raters agree."""
    scores = human_scores(labels, votes, speakers)
    for line in scores.values():
        del line["confusion"]
    return {"alpha": krippendorff_alpha(votes), **scores}


def matrix(
    corpus: Corpus, ratings: dict[str, dict[str, Any]], ids: list[str], column: str
) -> list[list[int]]:
    """Votes by utterance and label."""
    return [[ratings[id][column][label] for label in corpus.label_list] for id in ids]


def iemocap(root: Path) -> dict[str, Any]:
    """An evaluator against the majority of the others, on the four labels of the benchmark."""
    corpus = corpora.load("iemocap")
    utterances = [u for u in corpus.scan(root) if sum(u.annotations["votes"].values()) > 0]
    others = sorted(set(utterances[0].annotations["votes"]) - set(corpus.label_list))
    votes = [[u.annotations["votes"][name] for name in (*corpus.label_list, *others)] for u in utterances]
    scores = held_out_rater_scores(
        votes, [u.speaker for u in utterances], absent="skip", num_labels=len(corpus.label_list)
    )
    del scores["confusion"]
    return {"alpha": krippendorff_alpha(votes), "held_out_rater": scores}


def emodb(root: Path) -> dict[str, Any]:
    """Kept records by quartile of how many listeners recognised the emotion, and of how natural it sounded."""
    ratings = corpora.load("emodb").ratings(root)
    runs = []
    for file in sorted(RECORDS.glob("*/emodb/*/result.json")):
        record = read_record(file.parent)
        predictions = read_predictions(file.parent, record)
        figures: dict[str, Any] = {"encoder": record.encoder.name, "protocol": file.parent.name}
        for name in ("recognition", "naturalness"):
            values = {id: row[name] for id, row in ratings.items()}
            figures["joined"] = int(predictions["id"].drop_duplicates().isin(values.keys()).sum())
            groups, rho = by_quantile(predictions, record.corpus.labels, values)
            figures[name] = {"quartiles": groups, "rho": rho}
        runs.append(figures)
    return {"runs": runs, "learned": learned()}


def learned() -> list[dict[str, Any]]:
    """Kept records of heads that learned what EmoDB's listeners said, held against their predictions."""
    rows = []
    for file in sorted(RECORDS.glob("*/emodb/*/rated.json")):
        record = as_shown(file.parent, read_rated(file.parent))
        predictions = read_rated_predictions(file.with_name(PREDICTIONS_FILE), record)
        rows += [
            {
                "encoder": record.encoder.name,
                "protocol": record.protocol_id,
                "dimension": name,
                "ccc": value,
                "interval": record.interval.bounds[name],
                "resampled": record.interval.basis,
                "mean": record.mean[name],
                "spread": record.spread and record.spread[name],
                "seed_spread": record.seed_spread and record.seed_spread[name],
                "constant": record.constant[name],
                "tested": predictions["id"].nunique(),
                "predictions": len(predictions),
                "beyond_scale": (record.beyond_scale or {})[name],
            }
            for name, value in record.scores.items()
        ]
    return rows


def main() -> None:
    """Write the figures of what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = Path(os.environ.get("EMOBOX_TEST_ASSETS", HERE.parents[1] / "shared"))
    parser.add_argument("--assets", type=Path, default=shared)
    parser.add_argument("--crema-d", type=Path, help="default: annotations/crema_d of the assets")
    parser.add_argument("--emodb", type=Path, help="default: corpora/emodb of the assets")
    parser.add_argument("--iemocap", type=Path)
    arguments = parser.parse_args()
    roots = {
        "crema_d": arguments.crema_d or arguments.assets / "annotations/crema_d",
        "emodb": arguments.emodb or arguments.assets / "corpora/emodb",
        "iemocap": arguments.iemocap,
    }
    made = {"crema_d": crema_d, "emodb": emodb, "iemocap": iemocap}
    figures = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name, root in roots.items():
        if root and root.is_dir():
            figures[name] = made[name](root)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
