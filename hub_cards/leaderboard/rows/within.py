"""Scores within a corpus: one row a model, corpus and protocol, with interval, rank and win rate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

from emobox_metric.ser_metric.intervals import FEWEST_CLUSTERS
from emobox_probe.records.interval import TODAYS_METHOD
from emobox_probe.records.result import METRICS, CorpusRecord, Interval, ResultRecord
from hub_cards.leaderboard.percent import percent
from hub_cards.leaderboard.ranks import Contender, rank
from hub_cards.leaderboard.rows.models import Models
from hub_cards.leaderboard.rows.scores import bounds_row, scores_row
from hub_cards.leaderboard.standing import Compared, win_rates
from hub_cards.paper import PAPER, read_table_4
from hub_cards.publish.results_dataset import record_path
from hub_cards.runs.collection import Result, moment

Json = dict[str, Any]
# Of a corpus: fingerprint and labels.
Copy = tuple[str, tuple[str, ...]]
# Of a standard error, in percent: an interval is good to a hundredth of that.
ERROR_DECIMALS = 3


@dataclass(frozen=True)
class Within:
    """Rows of all corpora and protocols, and what models were compared by, one entry a corpus and protocol."""

    rows: list[Json]
    compared: list[Compared]


def within_corpora(models: Models, results: Sequence[Result]) -> Within:
    """The rows published in the paper, then those of the results."""
    rows = [_published_row(models, row) for row in read_table_4().to_dict("records")]
    published: dict[tuple[str, str], list[Json]] = {}
    for row in rows:
        published.setdefault((row["corpus"], row["protocol"]), []).append(row)
    measured: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        measured.setdefault((one.record.corpus.name, one.protocol), []).append(one)
    compared = []
    for key in dict.fromkeys([*published, *measured]):
        table = measured.get(key, [])
        made = _table_rows(models, table)
        win_rates([row for row in made if not row["remark"]], published.get(key, []))
        compared += _ranked(made, table, key)
        rows += made
    return Within(rows, compared)


def _published_row(models: Models, row: Any) -> Json:
    return {
        "model": models.published(row["model"], row["name"]),
        "corpus": row["corpus"],
        "protocol": PAPER,
        **{f"{name}_mean": row[name] for name in METRICS},
    }


def _table_rows(models: Models, table: list[Result]) -> list[Json]:
    complete = [one for one in table if not one.record.corpus.incomplete]
    # Of copies that as many are on, that of the earliest record: no single result that is added takes its place.
    complete.sort(key=lambda one: (moment(one.record.provenance), _copy(one.record.corpus)))
    copies = Counter(_copy(one.record.corpus) for one in complete)
    usual = max(copies, key=copies.__getitem__) if copies else None
    return [_row(models, one, _remark(one.record.corpus, copies, usual)) for one in table]


def _remark(corpus: CorpusRecord, copies: Counter[Copy], usual: Copy | None) -> str:
    """What keeps a score from being ranked with the others; empty where nothing does."""
    copy = _copy(corpus)
    if corpus.incomplete or usual is None or copy == usual:
        return corpus.incomplete
    most = copies[usual] > copies[copy]
    return f"another copy of the corpus than {'most results' if most else 'the earliest result'} here"


def _ranked(rows: list[Json], table: list[Result], key: tuple[str, str]) -> list[Compared]:
    """Give ranks to those on the usual copy of the corpus; what they were compared by."""
    # Models of equal scores stand by name: ranks do not depend on the order of folders.
    places = sorted(
        (place for place, row in enumerate(rows) if not row["remark"]),
        key=lambda place: [part or "" for part in table[place].model],
    )
    if not places:
        return []
    first = table[places[0]].record
    contenders = [contender(table[place]) for place in places]
    ranking = rank(contenders, len(first.corpus.labels), first.protocol.get("absent", "zero"))
    method = " and ".join(sorted(ranking.methods)) or "alone"
    for number, place in enumerate(places):
        if contenders[number].standard_errors:
            rows[place] |= {f"{name}_rank": ranking.ranks[name][number] for name in METRICS}
            rows[place] |= {"method": method, **_errors_row(contenders[number])}
    return [Compared(*key, [rows[place] for place in places], contenders, ranking.paired)]


def _errors_row(one: Contender) -> Json:
    errors = one.standard_errors or {}
    known = {f"{name}_se": round(100 * error, ERROR_DECIMALS) for name, error in errors.items()}
    return {"clusters": one.clusters, **known}


def _copy(corpus: CorpusRecord) -> Copy:
    return corpus.fingerprint, tuple(corpus.labels)


def _row(models: Models, one: Result, remark: str) -> Json:
    record = one.record
    return {
        "model": models.measured(one),
        "corpus": record.corpus.name,
        "protocol": one.protocol,
        **scores_row(record.headline),
        **{f"{name}_mean": percent(getattr(record.mean, name)) for name in METRICS},
        **bounds_row(record.interval),
        "interval_note": record.interval.note,
        "resampled": record.interval.basis,
        **_lines(record),
        "folds": len({fold.name for fold in record.folds}),
        "seeds": len({fold.seed for fold in record.folds}),
        "checked": one.predictions is not None,
        "remark": remark,
        **_trust(record),
        "record": record_path(one.folder, record),
        "layers": [layer.layer for layer in record.layers] or None,
        "layers_validation": [_drawn(layer.validation_ua) for layer in record.layers] or None,
        "layers_test": [_drawn(layer.ua) for layer in record.layers] or None,
    }


def _drawn(share: float) -> float:
    """A share in percent, in the one decimal that a curve and the table beside it have."""
    return round(100 * share, 1)


def _lines(record: ResultRecord) -> Json:
    """What a score has to be read beside: chance, who speaks, one rater."""
    lines = {"ua_chance": percent(record.chance)}
    for suffix, scores in (
        ("speaker", record.speaker_only),
        ("rater", record.humans and record.humans.people[0].scores),
    ):
        if scores:
            lines |= {f"{name}_{suffix}": value for name, value in scores_row(scores).items()}
    return lines


def _trust(record: ResultRecord) -> Json:
    """Calibration of all tested utterances together, and the gap in UA between genders; what the record has of them."""
    made: Json = {}
    if record.calibration:
        plain = record.calibration.plain
        made |= {"ece": percent(plain.ece), "nll": round(plain.nll, 4), "aurc": percent(plain.aurc)}
    gap = next((gap for gap in record.gaps.gaps if gap.of == "UA"), None) if record.gaps else None
    if gap and record.gaps and record.gaps.by_chance is not None:
        made |= {
            "gap": percent(gap.difference),
            "gap_of": f"{gap.first} minus {gap.second}, by {record.gaps.by}",
            "gap_by_chance": percent(record.gaps.by_chance),
        }
        made |= {
            f"gap_{end}": percent(bound)
            for end, bound in zip(("low", "high"), gap.interval or (), strict=False)
        }
    return made


def contender(one: Result) -> Contender:
    """A result as ranks are made from it."""
    interval = one.record.interval
    scores = one.record.headline.model_dump()
    if interval.method == TODAYS_METHOD:
        errors, clusters = interval.standard_errors, interval.clusters or 0
        known = None if errors is None or clusters < FEWEST_CLUSTERS else errors.model_dump()
        return Contender(scores, known, clusters, one.predictions)
    return Contender(scores, _earlier_errors(interval), FEWEST_CLUSTERS, one.predictions)


def _earlier_errors(interval: Interval) -> dict[str, float]:
    """Standard errors from half the width of an interval of percentiles, as if of the fewest speakers that have one.

    Such records do not say how many speakers there are.
    """
    factor = sqrt(FEWEST_CLUSTERS / (FEWEST_CLUSTERS - 1))
    quantile = NormalDist().inv_cdf((1 + interval.confidence) / 2)
    bounds = {name: interval.bounds(name) or (0.0, 1.0) for name in METRICS}
    return {name: factor * (high - low) / 2 / quantile for name, (low, high) in bounds.items()}
