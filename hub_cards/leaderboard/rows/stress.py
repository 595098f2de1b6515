"""What a page shows of stress tests: every model on every perturbation, by corpus and protocol."""

from collections.abc import Callable, Sequence
from typing import Any

from emobox_probe.records.stress_record import CLEAN, PerturbedScores, StressRecord
from hub_cards.leaderboard.percent import percent
from hub_cards.runs.collection import Result

Json = dict[str, Any]


def stress_tables(results: Sequence[Result], number: Callable[[Result], int]) -> list[Json]:
    """A table a corpus and protocol that has a stress test, in percent; `number` is a model's place in the page."""
    tables: dict[tuple[str, str], Json] = {}
    for one in results:
        if one.stress is None:
            continue
        key = (one.record.corpus.name, one.protocol)
        table = tables.setdefault(
            key, {"corpus": key[0], "protocol": key[1], "perturbations": {}, "rows": []}
        )
        table["perturbations"] |= _descriptions(one.stress)
        table["rows"] += [{"model": number(one), **row} for row in _rows(one.stress)]
    return [
        {**table, "perturbations": [list(pair) for pair in table["perturbations"].items()]}
        for table in tables.values()
    ]


def _descriptions(record: StressRecord) -> dict[str, str]:
    described = {CLEAN: "audio as it is"} | {one.name: one.description for one in record.perturbations}
    return described | {one.name: one.description for one in record.not_run}


def _rows(record: StressRecord) -> list[Json]:
    clean = {"perturbation": CLEAN, "ua": percent(record.clean.ua), "unchanged": percent(record.reproduced)}
    missing = [{"perturbation": one.name, "reason": one.reason} for one in record.not_run]
    return [clean, *(_row(record, one) for one in record.perturbations), *missing]


def _row(record: StressRecord, one: PerturbedScores) -> Json:
    change = one.ua_change
    bounds = zip(("low", "high"), change.interval or (), strict=False)
    return {
        "perturbation": one.name,
        "ua": percent(one.scores.ua),
        "change": percent(change.difference),
        **{end: percent(bound) for end, bound in bounds},
        "note": "" if change.interval else record.interval_text(change),
        "unchanged": percent(one.unchanged),
    }
