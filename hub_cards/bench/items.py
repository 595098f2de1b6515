"""From a plan to items of work: what each needs, what it runs, and whether it is done.

    extract/<model>/<corpus>            features of a model on a corpus
    probe/<model>/<corpus>/<protocol>   needs its features
    cross/<model>/<name>/<protocol>     needs the features of all its corpora
    report                              needs nothing: it tells what is there

An item is done when its record says that it is of these weights, this copy of the corpus and these settings.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

import emobox_datasets.corpora as corpora
from emobox_probe.config import CrossConfig, ExtractConfig, ProbeConfig
from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.protocol import PROTOCOLS, Protocol, with_dimensions
from emobox_probe.tasks.design import Design, design_of
from emobox_probe.tasks.ratings import names_of
from emobox_probe.tasks.tasks import protocol_within
from hub_cards.bench.plan import Cross, Model, Place, Plan

Kind = Literal["extract", "probe", "cross", "report"]
KINDS: tuple[Kind, ...] = ("extract", "probe", "cross", "report")


@dataclass(frozen=True)
class Item:
    """One piece of work, done by one process of its own."""

    kind: Kind
    name: str
    needs: tuple[str, ...] = ()
    model: Model | None = None
    places: tuple[Place, ...] = ()
    protocol: Protocol | None = None
    cross: Cross | None = None

    @property
    def hours(self) -> float:
        """Audio of its corpora, by their cards."""
        return sum(corpora.load(place.name).hours for place in self.places)


def expand(plan: Plan) -> list[Item]:
    """Every item of a plan, in an order in which each comes after what it needs."""
    items: list[Item] = []
    for model in plan.models:
        extracts = {
            name: Item("extract", f"extract/{model.label}/{name}", (), model, (place,))
            for name, place in plan.places.items()
        }
        for name, extract in extracts.items():
            items.append(extract)
            if name in plan.corpora:
                corpus = corpora.load(name)
                protocols = [
                    protocol_within(protocol, corpus, plan.seeds).with_target(plan.target)
                    for protocol in plan.protocols
                ]
                on_scales = plan.target == "dimensions"
                dimensions = names_of(corpus, plan.target, plan.dimensions) if on_scales else ()
                items += [_probe(model, plan.places[name], protocol, dimensions) for protocol in protocols]
        items += [
            _cross(plan, model, cross, PROTOCOLS[name].with_seeds(plan.seeds))
            for cross in plan.cross
            for name in cross.protocols
        ]
    return [*items, Item("report", "report")]


def _probe(model: Model, place: Place, protocol: Protocol, dimensions: Sequence[str]) -> Item:
    name = f"{model.label}/{place.name}"
    protocol_id = with_dimensions(protocol.id, dimensions)
    return Item("probe", f"probe/{name}/{protocol_id}", (f"extract/{name}",), model, (place,), protocol)


def _cross(plan: Plan, model: Model, cross: Cross, protocol: Protocol) -> Item:
    needs = tuple(f"extract/{model.label}/{name}" for name in cross.corpora)
    places = tuple(plan.places[name] for name in cross.corpora)
    return Item(
        "cross", f"cross/{model.label}/{cross.name}/{protocol.id}", needs, model, places, protocol, cross
    )


def layers_of(plan: Plan, model: Model) -> str:
    """Which layers are extracted: one set of features serves every protocol of the plan, in any order."""
    protocols = {*plan.protocols, *(protocol for cross in plan.cross for protocol in cross.protocols)}
    asked = {PROTOCOLS[protocol].layers for protocol in protocols}
    if asked <= {"last"} or model.name.startswith(BUILTIN):
        return "last"
    if "statistics" in asked:
        return "statistics"
    return (
        "available" if is_own(model.name) else "all"
    )  # one's own shows whether it has layers when it is run


def config_of(plan: Plan, item: Item) -> ExtractConfig | ProbeConfig | CrossConfig:
    """The settings of an item."""
    model = item.model
    assert model is not None
    features: dict[str, Any] = {
        **model.model_dump(exclude={"name", "paper"}),
        "model": model.name,
        "store_dtype": plan.store_dtype,
        "features_dir": plan.features,
        "allow_missing": any(place.allow_missing for place in item.places),
    }
    place = item.places[0]
    if item.kind == "extract":
        layers = layers_of(plan, model)
        return ExtractConfig.of({**features, "corpus": place.name, "data_dir": place.path, "layers": layers})
    # What is there already is done, or is to be replaced.
    assert item.protocol is not None
    training = {
        "protocol": item.protocol.name,
        "seeds": plan.seeds,
        "output_dir": plan.output,
        "overwrite": True,
    }
    if item.cross is None:
        learned = {"target": plan.target, "dimensions": plan.dimensions}
        return ProbeConfig.of(
            {**features, **training, **learned, "corpus": place.name, "data_dir": place.path}
        )
    cross = item.cross.model_dump(exclude={"protocols"})
    roots = {place.name: place.path for place in item.places if place.path}
    return CrossConfig.of({**features, **training, **cross, "data_dir": roots})


def design_for(plan: Plan, item: Item) -> Design:
    """What `emobox probe` or `emobox cross` makes of a probe or cross item."""
    config = config_of(plan, item)
    assert not isinstance(config, ExtractConfig)
    return design_of(config)


def record_folder(plan: Plan, item: Item) -> Path:
    """Where the record of a probe or cross item is."""
    assert item.model is not None
    return design_for(plan, item).folder(item.model.name)


def chosen(items: Sequence[Item], only: Sequence[str]) -> list[Item]:
    """The items that `--only` names, by kind or by pattern, and what they need.

    Raises:
        ValueError: a pattern names nothing.
    """
    if not only:
        return list(items)
    wanted: set[str] = set()
    for pattern in only:
        names = {item.name for item in items if item.kind == pattern or fnmatch(item.name, pattern)}
        if not names:
            raise ValueError(
                f"Expected --only to name items, but {pattern!r} names none; give a kind ({', '.join(KINDS)}) or a "
                f"pattern such as 'probe/*/emodb/*'. --dry-run lists the items."
            )
        wanted |= names
    return _with_needs(items, wanted)


def shard(items: Sequence[Item], number: int, count: int) -> list[Item]:
    """The part of worker `number` (from 1) of `count`, and what it needs.

    Items that share features stay together; the rest is dealt largest first to whom has least, by hours of audio.
    Every worker reports.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        if item.model is not None:
            key = item.needs[0] if item.kind == "probe" else item.name
            groups.setdefault(key, []).append(item)
    loads = [0.0] * count
    mine = {item.name for item in items if item.kind == "report"}
    for group in sorted(groups.values(), key=lambda group: (-group[0].hours * len(group), group[0].name)):
        least = loads.index(min(loads))
        loads[least] += group[0].hours * len(group)
        if least == number - 1:
            mine |= {item.name for item in group}
    return _with_needs(items, mine)


def dependents(items: Iterable[Item], name: str) -> Iterator[Item]:
    """The items that need the one of this name."""
    return (item for item in items if name in item.needs)


def _with_needs(items: Sequence[Item], names: set[str]) -> list[Item]:
    needed = {need for item in items if item.name in names for need in item.needs}
    return [item for item in items if item.name in names | needed]
