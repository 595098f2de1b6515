"""What a benchmark has found, as tables: scores with intervals, beside the paper's Table 4, and what failed.

<output>/report.md, <output>/report.csv
"""

import json
from collections.abc import Iterable, Mapping

import pandas as pd
from scipy.stats import spearmanr

from emobox_probe.features.shards import write_whole
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.rated import RatedRecord
from emobox_probe.records.result import ResultRecord
from emobox_probe.report.percent import DECIMALS, SHARE_DECIMALS, score_text
from emobox_probe.scoring.check import as_shown
from hub_cards.bench.items import Item, record_folder
from hub_cards.bench.states import Ledger, read_item
from hub_cards.cards.markdown import LONGEST_SENTENCE, text
from hub_cards.paper import read_table_4, why_not_beside_table_4
from hub_cards.runs.find_and_check import remark_on
from hub_cards.tables.rated import HEADS, rated_cells, tabulate_rated
from hub_cards.tables.results import (
    MARK,
    SCORES,
    footnotes,
    interval_cell,
    tabulate,
)

# A rank correlation of fewer models says nothing.
FEWEST = 3
DASH = "–"
# What stands beside the paper's.
OURS = "ua_mean_over_folds"


def write(ledger: Ledger, failures: Mapping[str, str]) -> int:
    """Write the report of all records of the plan that are done; how many items are not done.

    Args:
        ledger: the plan; records that are stale are left out and named.
        failures: of this run, items with the reason; those of earlier runs and other workers are read from disk.
    """
    open_items = _open(ledger, failures)
    plan = ledger.plan
    plan.output.mkdir(parents=True, exist_ok=True)
    made_by = f"Made by `emobox bench` from {text(plan.path)}."
    if plan.target == "label":
        scores, decimals = score_table(ledger), DECIMALS
        tables = [
            f"{made_by} Percent, of all tested utterances of all folds and seeds together; the interval is of UA at "
            "95 %.\n",
            *_scores(scores),
            *_comparison(scores),
            *_cross(ledger),
        ]
    else:
        scores, decimals = rated_table(ledger), SHARE_DECIMALS
        tables = [f"{made_by} On what raters said: no score here is a UA.\n", *_rated(scores)]
    parts = ["# Benchmark\n", *tables, *_failures(open_items)]
    write_whole(plan.output / "report.md", ("\n".join(parts) + "\n").encode())
    write_whole(plan.output / "report.csv", scores.round(decimals).to_csv(index=False).encode())
    return len(open_items)


def score_table(ledger: Ledger) -> pd.DataFrame:
    """One row for every probe item that is done, as `emobox results` has it, and the difference to the paper's UA."""
    found: list[tuple[Item, ResultRecord]] = []
    for item in ledger.items:
        if item.kind == "probe" and ledger.state(item) == "done":
            record = read_item(ledger.plan, item)
            if isinstance(record, ResultRecord):
                found.append((item, as_shown(record_folder(ledger.plan, item), record)))
    if not found:
        return pd.DataFrame()
    rows = pd.concat([_row(item, record) for item, record in found], ignore_index=True)
    rows["ua_difference"] = rows[OURS] - rows["ua_in_paper"]
    return rows.sort_values(["protocol", "corpus", "model"], ignore_index=True)


def _row(item: Item, record: ResultRecord) -> pd.DataFrame:
    assert item.model is not None
    row = tabulate([record]).assign(model=item.model.label)
    if item.model.paper and not why_not_beside_table_4(record):
        table = read_table_4()
        known = table[(table["name"] == item.model.paper) & (table["corpus"] == item.places[0].name)]
        for score in SCORES:
            row[f"{score}_in_paper"] = float(known[score].iloc[0]) if len(known) else float("nan")
    return row.astype({f"{score}_in_paper": float for score in SCORES})


def rank_correlations(scores: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Spearman's correlation of our UA, mean over folds, and the paper's: by corpus over its models, and `all` pairs.

    >>> table = pd.DataFrame({"corpus": ["a"] * 3, "ua_mean_over_folds": [1.0, 2, 3], "ua_in_paper": [5.0, 6, 9]})
    >>> rank_correlations(table)
    {'a': (1.0, 3), 'all': (1.0, 3)}
    """
    both = scores.dropna(subset=["ua_in_paper"])
    groups = {**dict(list(both.groupby("corpus"))), "all": both}
    return {
        str(name): (round(float(spearmanr(rows[OURS], rows["ua_in_paper"]).statistic), 3), len(rows))
        for name, rows in groups.items()
        if len(rows) >= FEWEST and rows[OURS].nunique() > 1 and rows["ua_in_paper"].nunique() > 1
    }


def _scores(scores: pd.DataFrame) -> list[str]:
    if scores.empty:
        return ["No score is done yet.\n"]
    lines = []
    for protocol, rows in scores.groupby("protocol"):
        cells = [
            f"{score_text(row['ua'])} ({interval_cell(row, DASH)}) / {score_text(row['wa'])} / "
            f"{score_text(row['f1'])}{_mark(row['remark'])}"
            for row in rows.to_dict("records")
        ]
        table = rows.assign(cell=cells).pivot(index="corpus", columns="model", values="cell").fillna("")
        # Labels and folds, not models, make what is beside them.
        beside = rows.groupby("corpus")[["ua_chance", "ua_speaker"]].max().map(score_text)
        lines += [
            f"## UA (interval) / WA / F1, protocol {text(protocol)}\n",
            _table(
                ["corpus", *table.columns, "UA by chance", "UA by speaker alone"],
                table.join(beside).reset_index().to_numpy().tolist(),
            ),
        ]
    return [*lines, *_footnotes(scores["remark"])]


def _mark(remark: str) -> str:
    return f" {MARK}" if remark else ""


def _footnotes(remarks: Iterable[str]) -> list[str]:
    return [f"{text(sentence, LONGEST_SENTENCE)}\n" for sentence in footnotes(remarks)]


def _comparison(scores: pd.DataFrame) -> list[str]:
    known = scores.dropna(subset=["ua_in_paper"]) if not scores.empty else scores
    if known.empty:
        return ["## Beside Table 4 of the paper\n", "No model and corpus of Table 4 is among the scores.\n"]
    table = [
        [
            row["corpus"],
            row["model"],
            score_text(row["ua_mean_over_folds"]),
            score_text(row["ua_in_paper"]),
            f"{row['ua_difference']:+.1f}",
        ]
        for row in known.to_dict("records")
    ]
    ranks = [[name, f"{value:.3f}", str(count)] for name, (value, count) in rank_correlations(known).items()]
    lines = [
        "## Beside Table 4 of the paper\n",
        _table(["corpus", "model", "UA, mean over folds", "UA in the paper", "difference"], table),
        f"Mean difference {known['ua_difference'].mean():+.1f}, mean absolute difference "
        f"{known['ua_difference'].abs().mean():.1f}, over {len(known)} scores.\n",
    ]
    if ranks:
        return [*lines, _table(["corpus", "rank correlation of models", "models"], ranks)]
    return [*lines, f"Rank correlations need {FEWEST} models on a corpus that differ in score.\n"]


def rated_table(ledger: Ledger) -> pd.DataFrame:
    """One row a score of every probe item that is done, where the plan's heads learn what raters said."""
    records = []
    for item in ledger.items:
        if item.kind == "probe" and ledger.state(item) == "done":
            record = read_item(ledger.plan, item)
            if isinstance(record, RatedRecord):
                records.append(as_shown(record_folder(ledger.plan, item), record))
    return tabulate_rated(records) if records else pd.DataFrame()


def _rated(scores: pd.DataFrame) -> list[str]:
    if scores.empty:
        return ["No score is done yet.\n"]
    cells = [rated_cells(row, MARK) for row in scores.to_dict("records")]
    return [_table(list(HEADS), cells), *_footnotes(scores["remark"])]


def _cross(ledger: Ledger) -> list[str]:
    lines: list[str] = []
    for item in ledger.items:
        if item.kind != "cross" or ledger.state(item) != "done":
            continue
        record = read_item(ledger.plan, item)
        if isinstance(record, CrossRecord) and item.model is not None and item.cross is not None:
            record = as_shown(record_folder(ledger.plan, item), record)
            title = f"{item.model.label}, {item.cross.name}, protocol {record.protocol_id}"
            missing = _footnotes(map(remark_on, record.corpora))
            lines += [f"## Between corpora: {text(title)}\n", _pairs(record), *missing]
    return lines


def _pairs(record: CrossRecord) -> str:
    rows = []
    for pair in record.pairs:
        scores = [score_text(100 * getattr(pair.scores, score)) for score in SCORES]
        source = pair.source + _mark(remark_on(*record.used(pair.source, pair.target)))
        rows.append([source, pair.target, *scores, pair.interval.text("ua", DASH)])
    if record.average:
        scores = [score_text(100 * getattr(record.average, score)) for score in SCORES]
        rows.append(["mean of pairs", "", *scores, ""])
    rows.append(["chance", "", score_text(100 * record.chance), "", "", ""])
    return _table(["train", "test", "UA", "WA", "F1", "interval of UA"], rows)


def _open(ledger: Ledger, failures: Mapping[str, str]) -> list[tuple[str, str]]:
    """Items that are not done, with the last reason that is known."""
    told = []
    for item in ledger.items:
        if item.kind == "report" or (state := ledger.state(item)) == "done":
            continue
        note = ledger.plan.state / "failures" / f"{item.name}.json"
        reason = failures.get(item.name)
        if reason is None and note.is_file():
            reason = str(json.loads(note.read_text(encoding="utf-8"))["message"])
        told.append(
            (item.name, reason or {"stale": "made with other weights, data or settings"}.get(state, "to do"))
        )
    return told


def _failures(open_items: list[tuple[str, str]]) -> list[str]:
    if not open_items:
        return ["## Not done\n", "Nothing: every item of the plan is done.\n"]
    return ["## Not done\n", _table(["item", "reason"], [list(pair) for pair in open_items])]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines: list[list[str]] = [heads, ["---"] * len(heads)]
    cells: list[list[str]] = [[str(text(cell, 400)) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [*lines, *cells]) + "\n"
