"""From collected records to what a leaderboard's page shows: plain data, scores in percent."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import emobox_datasets.corpora as corpora
from emobox_datasets.folds.partition import strict_count, why_speaker_dependent
from emobox_probe.protocol import PROTOCOLS, difference_from_today
from hub_cards.cards.parts import slug
from hub_cards.leaderboard.compressed import by_column
from hub_cards.leaderboard.rows.across import matrix, published_matrices
from hub_cards.leaderboard.rows.classified import classified_rows
from hub_cards.leaderboard.rows.models import Models
from hub_cards.leaderboard.rows.rated import rated_rows
from hub_cards.leaderboard.rows.scores import seen_row
from hub_cards.leaderboard.rows.speed import speed_rows
from hub_cards.leaderboard.rows.stress import stress_tables
from hub_cards.leaderboard.rows.within import within_corpora
from hub_cards.leaderboard.standing import pair_tables, quantiles, standings
from hub_cards.paper import PAPER
from hub_cards.runs.collection import (
    ClassifiedResult,
    Collection,
    CrossResult,
    RatedResult,
    Result,
    newest_moment,
)

Json = dict[str, Any]


def page_data(collection: Collection, results_repo: str | None = None) -> Json:
    """Everything a page shows, ready for JSON.

    `results` is a table by columns, one row a (model, corpus, protocol), `model`, `corpus` and `protocol` being
    positions in the lists beside it. Scores are of all tested utterances together; `ua_mean` and its kin are means over
    folds, which is all that the rows published in the paper have: these have no interval and no rank.

    Args:
        collection: all records.
        results_repo: the dataset of results on the Hub that has them too; `record` is the path there of what was read
            from a copy of it (of other folders, nobody knows under which name they were published).
    """
    models = Models()
    within = within_corpora(models, collection.results)
    cross = published_matrices(models) + [matrix(models, one) for one in collection.cross]
    classified = [row for one in collection.classified for row in classified_rows(one)]
    rated = [row for one in collection.rated for row in rated_rows(one)]
    names = {row["corpus"] for row in [*within.rows, *classified, *rated]} | {
        name for matrix in cross for name in matrix["corpora"]
    }
    known = [corpora.load(name).name for name in corpora.names()]
    listed = [name for name in known if name in names] + sorted(names.difference(known))
    facts = [_corpus(name, collection) for name in listed]
    protocols = _protocols(collection)
    groups = {corpus["name"]: _groups(corpus) for corpus in facts}
    standing = standings(within.compared, groups, [model["key"] for model in models.rows()])
    pairs = pair_tables(within.compared)
    if results_repo is None:
        for row in [*within.rows, *cross]:
            row.pop("record", None)
    for row in within.rows:
        row |= seen_row(models.facts[row["model"]]["name"], row["corpus"])
    numbered = {name: position for position, name in enumerate(listed)}
    for row in [*within.rows, *classified, *rated, *pairs]:
        row["corpus"] = numbered[row["corpus"]]
    for group in standing:
        group["corpora"] = [numbered[name] for name in group["corpora"]]
    ids = {protocol["id"]: position for position, protocol in enumerate(protocols)}
    for row in [*within.rows, *standing, *pairs]:
        row["protocol"] = ids[row["protocol"]]
    return {
        "updated": newest_moment(collection),
        "results_repo": results_repo,
        "models": models.rows(),
        "corpora": facts,
        "protocols": protocols,
        "results": by_column(within.rows),
        "standings": standing,
        "pairs": pairs,
        "quantiles": quantiles(),
        "cross": cross,
        "classified": classified,
        "rated": rated,
        "stress": stress_tables(collection.results, models.measured),
        "speed": speed_rows(models, collection),
        "notes": list(collection.notes),
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
            "speakers": card.speakers,
            "disjoint": not strict_count(card) and not why_speaker_dependent(card),
            "licence": card.licence,
            "url": card.homepage or None,
        }
    found = next(
        corpus
        for one in _all(collection)
        for corpus in (one.record.corpora if isinstance(one, CrossResult) else [one.record.corpus])
        if corpus.name == name
    )
    facts = {"utterances": found.utterances, "hours": found.hours, "labels": found.labels}
    unknown = {"languages": ["und"], "source": "not known", "licence": "not known", "speakers": 0}
    return {
        "name": name,
        "title": name,
        "benchmark": False,
        "disjoint": False,
        "url": None,
        **unknown,
        **facts,
    }


def is_benchmark(name: str) -> bool:
    """Whether that corpus is part of the benchmark: not the synthetic demo, not one of a user's own."""
    return name in corpora.names() and corpora.load(name).synthesise is None


def _groups(corpus: Json) -> list[str]:
    """The groups of corpora over which models have ranks: of the benchmark all, those of a language, of a source."""
    if not corpus["benchmark"]:
        return []
    return ["all", *(f"language {code}" for code in corpus["languages"]), f"source {corpus['source']}"]


def _all(collection: Collection) -> Iterator[Result | CrossResult | ClassifiedResult | RatedResult]:
    yield from collection.results
    yield from collection.cross
    yield from collection.classified
    yield from collection.rated


def _protocols(collection: Collection) -> list[Json]:
    """The protocols of the intra-corpus results, that of the paper first.

    `apart`: no speaker is in both train and test, whatever the released folds do.
    """
    found = {PAPER: asdict(PROTOCOLS[PAPER])}
    for one in sorted(collection.results, key=lambda one: one.protocol):
        found.setdefault(one.protocol, one.record.protocol)
    return [
        {
            "id": name,
            "name": slug(protocol.get("name")),
            "summary": str(protocol.get("summary", "")),
            "description": str(protocol.get("description", "")),
            "variant": difference_from_today(protocol),
            "apart": protocol.get("folds") == "strict",
        }
        for name, protocol in found.items()
    ]
