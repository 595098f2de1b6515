"""Scores between corpora: a matrix a model and setting."""

from typing import Any

from hub_cards.leaderboard.percent import percent
from hub_cards.leaderboard.rows.models import Models
from hub_cards.leaderboard.rows.scores import bounds_row, scores_row, seen_row
from hub_cards.paper import PAPER, TABLE_5_SETTING, read_table_5
from hub_cards.publish.results_dataset import record_path
from hub_cards.runs.collection import CrossResult, cross_setting

Json = dict[str, Any]


def published_matrices(models: Models) -> list[Json]:
    """The paper's Table 5, a matrix a model."""
    matrices = []
    for (name, model), rows in read_table_5().groupby(["name", "model"], sort=False):
        pairs = [
            {
                "source": row["train"],
                "target": row["test"],
                "wa": float(row["accuracy"]),
                **seen_row(str(model), str(row["test"])),
            }
            for row in rows.to_dict("records")
        ]
        matrices.append(
            {
                "model": models.published(str(model), str(name)),
                "protocol": PAPER,
                "setting": TABLE_5_SETTING,
                "corpora": sorted(set(rows["train"])),
                "pairs": pairs,
                "average": {"wa": percent(float(rows["accuracy"].mean()) / 100)},
                "remarks": [],
            }
        )
    return matrices


def matrix(models: Models, one: CrossResult) -> Json:
    """One record between corpora."""
    record = one.record
    missing = [corpus.incomplete for corpus in record.corpora if corpus.incomplete]
    return {
        "model": models.measured(one),
        "protocol": one.protocol,
        "setting": cross_setting(one),
        "corpora": [corpus.name for corpus in record.corpora],
        "pairs": [
            {
                "source": pair.source,
                "target": pair.target,
                "overlap": pair.overlap,
                "remark": record.incomplete(pair.source, pair.target),
                **seen_row(one.model.name, pair.target),
                **scores_row(pair.scores),
                **bounds_row(pair.interval),
                "interval_note": pair.interval.note,
            }
            for pair in record.pairs
        ],
        # A mean over incomplete corpora would be ranked beside means over whole ones.
        "average": scores_row(record.average) if record.average and not missing else {},
        "record": record_path(one.folder, record),
        "remarks": [*(f"{sentence}: not comparable, no mean." for sentence in missing), *record.remarks],
    }
