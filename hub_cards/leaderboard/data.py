"""From collected records to what a leaderboard's page shows: plain data, scores in percent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import sqrt
from statistics import NormalDist
from typing import Any

import emobox_datasets.corpora as corpora
from emobox_metric.ser_metric.intervals import FEWEST_CLUSTERS
from emobox_probe.protocol import PROTOCOLS, difference_from_today
from emobox_probe.records.interval import TODAYS_METHOD
from emobox_probe.records.result import METRICS, CorpusRecord, Interval, Scores
from emobox_probe.seen.seen import seen
from hub_cards.leaderboard.compressed import by_column
from hub_cards.leaderboard.percent import percent
from hub_cards.leaderboard.ranks import Contender, rank
from hub_cards.leaderboard.rated import rated_rows
from hub_cards.leaderboard.stress import stress_tables
from hub_cards.paper import PAPER, TABLE_5_SETTING, read_table_4, read_table_5
from hub_cards.runs.collection import (
    ClassifiedResult,
    Collection,
    CrossResult,
    Model,
    RatedResult,
    Result,
    cross_setting,
    newest_moment,
)

Json = dict[str, Any]


def page_data(collection: Collection) -> Json:
    """Everything a page shows, ready for JSON.

    `results` is a table by columns, one row a (model, corpus, protocol), `model`, `corpus` and `protocol` being
    positions in the lists beside it. Scores are of all tested utterances together; `ua_mean` and its kin are means over
    folds, which is all that the rows published in the paper have: these have no interval and no rank.
    """
    models = _Models()
    intra = [_published_row(models, row) for row in read_table_4().to_dict("records")]
    intra += _measured_rows(models, collection.results)
    cross = _published_matrices(models) + [_matrix(models, one) for one in collection.cross]
    classified = [row for one in collection.classified for row in _classified_rows(one)]
    rated = [row for one in collection.rated for row in rated_rows(one)]
    names = {row["corpus"] for row in [*intra, *classified, *rated]} | {
        name for matrix in cross for name in matrix["corpora"]
    }
    known = [corpora.load(name).name for name in corpora.names()]
    listed = [name for name in known if name in names] + sorted(names.difference(known))
    protocols = _protocols(collection)
    numbered = {name: position for position, name in enumerate(listed)}
    ids = {protocol["id"]: position for position, protocol in enumerate(protocols)}
    for row in [*classified, *rated]:
        row["corpus"] = numbered[row["corpus"]]
    for row in intra:
        row |= _seen(models.facts[row["model"]]["name"], row["corpus"])
        row["corpus"], row["protocol"] = numbered[row["corpus"]], ids[row["protocol"]]
    return {
        "updated": newest_moment(collection),
        "models": models.rows(),
        "corpora": [_corpus(name, collection) for name in listed],
        "protocols": protocols,
        "results": by_column(intra),
        "cross": cross,
        "classified": classified,
        "rated": rated,
        "stress": stress_tables(collection.results, models.measured),
        "speed": _speed(models, collection),
        "notes": list(collection.notes),
    }


class _Models:
    """The models of a page, numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Model, bool], int] = {}
        self.facts: list[Json] = []

    def number(self, model: Model, published: bool, **facts: Any) -> int:
        key = (model, published)
        if key not in self.numbers:
            self.numbers[key] = len(self.facts)
            self.facts.append({"name": model.name, "published": published, **facts})
        return self.numbers[key]

    def measured(self, one: Result | CrossResult) -> int:
        encoder = one.record.encoder
        names = ("architecture", "parameters", "dimension", "frame_rate", "layer", "dtype")
        facts = {name: getattr(encoder, name) for name in names}
        return self.number(
            one.model,
            published=False,
            revision=one.model.revision,
            weights=one.model.weights_sha256,
            own=encoder.own is not None,
            **facts,
        )

    def rows(self) -> list[Json]:
        """Every model with a `title`, which adds revision or weights where names are equal, and a `key` of its own."""
        counts = Counter(fact["name"] for fact in self.facts if not fact["published"])
        for fact in self.facts:
            version = str(fact.get("revision") or fact.get("weights") or "")[:7]
            twice = not fact["published"] and counts[fact["name"]] > 1
            fact["title"] = f"{fact['name']} @ {version}" if twice and version else fact["name"]
            fact["key"] = f"{fact['title']} (published)" if fact["published"] else fact["title"]
        seen: Counter[str] = Counter()
        for fact in self.facts:
            seen[fact["key"]] += 1
            if seen[fact["key"]] > 1:
                fact["key"] += f" #{seen[fact['key']]}"
        return self.facts


def _published_row(models: _Models, row: Any) -> Json:
    model = models.number(Model(row["model"], None, None), published=True, paper_name=row["name"])
    return {
        "model": model,
        "corpus": row["corpus"],
        "protocol": PAPER,
        **{f"{name}_mean": row[name] for name in METRICS},
    }


def _seen(model: str, corpus: str) -> Json:
    """What a source says of the model's training on the corpus: a state, and the source; None where none does."""
    state = seen(model, corpus)
    return {"seen": state.state if state else None, "seen_source": state.source if state else None}


def _measured_rows(models: _Models, results: Sequence[Result]) -> list[Json]:
    tables: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        tables.setdefault((one.record.corpus.name, one.protocol), []).append(one)
    return [row for table in tables.values() for row in _table_rows(models, table)]


def _table_rows(models: _Models, table: list[Result]) -> list[Json]:
    """One row a model of one corpus and protocol. Ranked are those on the copy of the corpus that most were on."""
    copies = Counter(_copy(one.record.corpus) for one in table if not one.record.corpus.incomplete)
    usual = max(copies, key=lambda copy: (copies[copy], copy)) if copies else None
    rows = [_row(models, one, usual) for one in table]
    ranked = [position for position, row in enumerate(rows) if not row["remark"]]
    if ranked:
        first = table[ranked[0]].record
        contenders = [_contender(table[position]) for position in ranked]
        ranking = rank(contenders, len(first.corpus.labels), first.protocol.get("absent", "zero"))
        method = " and ".join(sorted(ranking.methods)) or "alone"
        for place, position in enumerate(ranked):
            if contenders[place].standard_errors:
                rows[position] |= {f"{name}_rank": ranking.ranks[name][place] for name in METRICS}
                rows[position]["method"] = method
    return rows


def _copy(corpus: CorpusRecord) -> tuple[str, tuple[str, ...]]:
    return corpus.fingerprint, tuple(corpus.labels)


def _row(models: _Models, one: Result, usual: tuple[str, tuple[str, ...]] | None) -> Json:
    record = one.record
    remark = record.corpus.incomplete
    if not remark and _copy(record.corpus) != usual:
        remark = "another copy of the corpus than most results here"
    return {
        "model": models.measured(one),
        "corpus": record.corpus.name,
        "protocol": one.protocol,
        **_scores(record.headline),
        **{f"{name}_mean": percent(getattr(record.mean, name)) for name in METRICS},
        **_bounds(record.interval),
        "interval_note": record.interval.note,
        "resampled": record.interval.basis,
        "ua_chance": percent(record.chance),
        **{
            f"{name}_speaker": percent(getattr(record.speaker_only, name))
            for name in METRICS
            if record.speaker_only
        },
        **{
            f"{name}_rater": percent(getattr(record.humans.people[0].scores, name))
            for name in METRICS
            if record.humans
        },
        "folds": len({fold.name for fold in record.folds}),
        "seeds": len({fold.seed for fold in record.folds}),
        "checked": one.predictions is not None,
        "remark": remark,
        "layers": [layer.layer for layer in record.layers] or None,
        "layers_validation": [percent(layer.validation_ua) for layer in record.layers] or None,
        "layers_test": [percent(layer.ua) for layer in record.layers] or None,
    }


def _contender(one: Result) -> Contender:
    interval = one.record.interval
    scores = one.record.headline.model_dump()
    if interval.method == TODAYS_METHOD:
        errors = interval.standard_errors
        known = None if errors is None else errors.model_dump()
        return Contender(scores, known, interval.clusters or 0, one.predictions)
    return Contender(scores, _earlier_errors(interval), FEWEST_CLUSTERS, one.predictions)


def _earlier_errors(interval: Interval) -> dict[str, float]:
    """Standard errors from half the width of an interval of percentiles, as if of the fewest speakers that have one.

    Such records do not say how many speakers there are.
    """
    factor = sqrt(FEWEST_CLUSTERS / (FEWEST_CLUSTERS - 1))
    quantile = NormalDist().inv_cdf((1 + interval.confidence) / 2)
    bounds = {name: interval.bounds(name) or (0.0, 1.0) for name in METRICS}
    return {name: factor * (high - low) / 2 / quantile for name, (low, high) in bounds.items()}


def _scores(scores: Scores) -> Json:
    return {name: percent(getattr(scores, name)) for name in METRICS}


def _bounds(interval: Interval) -> Json:
    return {
        f"{name}_{end}": percent(bound)
        for name in METRICS
        for end, bound in zip(("low", "high"), interval.bounds(name) or (), strict=False)
    }


def _corpus(name: str, collection: Collection) -> Json:
    """Facts of a corpus; of one that is not in the catalogue only what its records say."""
    if name in corpora.names():
        card = corpora.load(name)
        return {
            "name": name,
            "title": card.display_name,
            "languages": list(card.languages),
            "source": card.source,
            "utterances": card.utterances,
            "hours": card.hours,
            "labels": list(card.label_list),
            "benchmark": is_benchmark(name),
        }
    found = next(
        corpus
        for one in _all(collection)
        for corpus in (one.record.corpora if isinstance(one, CrossResult) else [one.record.corpus])
        if corpus.name == name
    )
    facts = {"utterances": found.utterances, "hours": found.hours, "labels": found.labels}
    return {
        "name": name,
        "title": name,
        "languages": ["und"],
        "source": "not known",
        "benchmark": False,
    } | facts


def is_benchmark(name: str) -> bool:
    """Whether that corpus is part of the benchmark: not the synthetic demo, not one of a user's own."""
    return name in corpora.names() and corpora.load(name).synthesise is None


def _all(collection: Collection) -> Iterable[Result | CrossResult | ClassifiedResult | RatedResult]:
    yield from collection.results
    yield from collection.cross
    yield from collection.classified
    yield from collection.rated


def _protocols(collection: Collection) -> list[Json]:
    """The protocols of the intra-corpus results, that of the paper first."""
    found = {PAPER: asdict(PROTOCOLS[PAPER])}
    for one in sorted(collection.results, key=lambda one: one.protocol):
        found.setdefault(one.protocol, one.record.protocol)
    return [
        {
            "id": name,
            "summary": str(protocol.get("summary", "")),
            "description": str(protocol.get("description", "")),
            "variant": difference_from_today(protocol),
        }
        for name, protocol in found.items()
    ]


def _published_matrices(models: _Models) -> list[Json]:
    table = read_table_5()
    matrices = []
    for (name, model), rows in table.groupby(["name", "model"], sort=False):
        pairs = [
            {
                "source": row["train"],
                "target": row["test"],
                "wa": float(row["accuracy"]),
                **_seen(str(model), str(row["test"])),
            }
            for row in rows.to_dict("records")
        ]
        matrices.append(
            {
                "model": models.number(Model(str(model), None, None), published=True, paper_name=name),
                "setting": TABLE_5_SETTING,
                "corpora": sorted(set(rows["train"])),
                "pairs": pairs,
                "average": {"wa": percent(float(rows["accuracy"].mean()) / 100)},
                "remarks": [],
            }
        )
    return matrices


def _matrix(models: _Models, one: CrossResult) -> Json:
    record = one.record
    missing = [corpus.incomplete for corpus in record.corpora if corpus.incomplete]
    return {
        "model": models.measured(one),
        "setting": cross_setting(one),
        "corpora": [corpus.name for corpus in record.corpora],
        "pairs": [
            {
                "source": pair.source,
                "target": pair.target,
                "overlap": pair.overlap,
                "remark": record.incomplete(pair.source, pair.target),
                **_seen(one.model.name, pair.target),
                **_scores(pair.scores),
                **_bounds(pair.interval),
                "interval_note": pair.interval.note,
            }
            for pair in record.pairs
        ],
        # A mean over incomplete corpora would be ranked beside means over whole ones.
        "average": _scores(record.average) if record.average and not missing else {},
        "remarks": [*(f"{sentence}: not comparable, no mean." for sentence in missing), *record.remarks],
    }


def _classified_rows(one: ClassifiedResult) -> list[Json]:
    """One row a kind of folds; it has no rank: what such classifiers were trained on differs."""
    record = one.record
    return [
        {
            "name": one.model.name,
            "corpus": record.corpus.name,
            "kind": part.kind,
            "training": record.training,
            **_scores(part.scores),
            **_bounds(part.interval),
            "interval_note": part.interval.note,
            "outside": percent(part.outside),
            "tested": part.test,
            "remark": record.corpus.incomplete,
            **_seen(one.model.name, record.corpus.name),
        }
        for part in record.parts
    ]


def _speed(models: _Models, collection: Collection) -> list[Json]:
    """One row a model and machine: audio through the encoder, and the device time it took.

    Two protocols on one corpus share stored features, so a corpus counts once a model, machine and kind of features.
    """
    spent: dict[tuple[int, str, str, int], dict[tuple[str, str], tuple[float, float]]] = {}
    for one in collection.results:
        record, origin = one.record, one.record.provenance
        if not origin.extraction_seconds or origin.extraction_seconds < 0:
            continue
        machine = origin.hardware or f"not told ({origin.machine})"
        key = (models.measured(one), machine, origin.device.split(":")[0], origin.processes)
        # These seconds are a sum over processes already: device time.
        part = (record.corpus.hours, origin.extraction_seconds)
        spent.setdefault(key, {})[record.corpus.name, record.encoder.features] = part
    return [
        {
            "model": model,
            "hardware": machine,
            "device": device,
            "processes": processes,
            "corpora": len({name for name, _ in parts}),
            "audio_hours": round(sum(hours for hours, _ in parts.values()), 4),
            "device_hours": round(sum(seconds for _, seconds in parts.values()) / 3600, 6),
        }
        for (model, machine, device, processes), parts in spent.items()
    ]
