"""From the text of a plan to a plan; what is wrong is told all at once, with the line it stands on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

import emobox_datasets.corpora as corpora
from emobox_datasets.errors import CorpusError
from emobox_datasets.files import cache_folder
from emobox_datasets.sources.location import DATA_VARIABLE, find_root, is_here
from emobox_probe.config import Config, ProtocolName
from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.errors import ProbeError, problem
from emobox_probe.tasks.pairings import label_space, pairings_of, target_configuration
from emobox_probe.tasks.ratings import names_of
from hub_cards.bench.plan import FOUND, Cross, Model, Place, Plan, PlanError, PlanFile

# Keys and positions that lead to a place in the file.
Keys = tuple[str | int, ...]
AnyConfig = TypeVar("AnyConfig", bound=Config)


def read_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises:
        PlanError: with every problem that could be found, or the one that kept the file from being read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(
            [f"{path}: Expected a plan, but got: {error}; `emobox bench --default` writes one."]
        ) from error
    return parse_plan(text, str(path))


def parse_plan(text: str, path: str) -> Plan:
    """The plan that a text describes; `path` is for messages.

    Raises:
        PlanError: with every problem that could be found.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise PlanError(
            [f"{path}{line}: Expected YAML, but got: {getattr(error, 'problem', None) or error}."]
        ) from error
    reader = _Reader(path, root)
    plan = reader.plan(content)
    if plan is None or reader.problems:
        ordered = sorted(set(reader.problems))
        raise PlanError([f"{path}:{line}: {what}" for line, what in ordered])
    return plan


def found_corpora() -> list[str]:
    """The corpora whose folder is under `$EMOBOX_DATA`."""
    cards = (corpora.load(name) for name in corpora.names())
    return [card.name for card in cards if card.synthesise is None and is_here(card)]


@dataclass
class _Reader:
    """Checks the parts of a plan and notes what is wrong, with lines."""

    path: str
    root: Any
    problems: list[tuple[int, str]] = field(default_factory=list)

    def wrong(self, keys: Keys, what: str) -> None:
        self.problems.append((self.line(keys), what))

    def line(self, keys: Keys) -> int:
        """Where a value stands, or the last part of the way to it that is there."""
        node, line = self.root, 1 if self.root is None else self.root.start_mark.line + 1
        for key in keys:
            entry = _entry(node, key)
            if entry is None:
                break
            mark, node = entry
            line = mark.start_mark.line + 1
        return line

    def plan(self, content: Any) -> Plan | None:
        self._twice(self.root)
        if not isinstance(content, dict):
            self.wrong((), f"Expected a plan with the keys {', '.join(PlanFile.model_fields)}, but got none.")
            return None
        if content.get("corpora") == FOUND:
            content = {**content, "corpora": found_corpora()}
        if content.get("corpora") == []:
            self.wrong(
                ("corpora",),
                f"Expected corpora by name or under ${DATA_VARIABLE}, but found none; set it to a folder with a "
                f"sub-folder for each corpus, or name corpora with their path.",
            )
        file = self._read(PlanFile, content, ())
        # What is there of a plan with problems is looked at, too.
        models = self._models(content)
        protocols = self._protocols(content)
        places = self._places(content)
        scored = tuple(places)
        crosses = self._crosses(content, places, protocols)
        if file is not None and file.target != "label":
            self._rated(file, scored, crosses)
        if file is None or self.problems:
            return None
        return Plan(
            file.output.expanduser(),
            (file.features or cache_folder("features")).expanduser(),
            file.store_dtype,
            file.seeds,
            models,
            places,
            scored,
            protocols,
            crosses,
            {model.label: self.line(("models", number)) for number, model in enumerate(models)}
            | {name: self.line(("corpora", number)) for number, name in enumerate(scored)},
            self.path,
            file.target,
            file.dimensions,
        )

    def _read(self, kind: type[AnyConfig], value: Any, keys: Keys) -> AnyConfig | None:
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            for found in error.errors():
                self.wrong((*keys, *found["loc"]), problem(kind, value, found))
            return None

    def _entries(
        self, content: dict[str, Any], key: str, kind: type[AnyConfig]
    ) -> Iterator[tuple[Keys, AnyConfig]]:
        """Those of a list that are what they should be."""
        for number, value in enumerate(_as_list(content.get(key))):
            entry = self._read(kind, value, (key, number))
            if entry is not None:
                yield (key, number), entry

    def _models(self, content: dict[str, Any]) -> tuple[Model, ...]:
        models: dict[str, Model] = {}
        for keys, model in self._entries(content, "models", Model):
            if model.name.startswith(BUILTIN) and (
                told := sorted({"revision", "dtype", "compile"} & model.model_fields_set)
            ):
                self.wrong(
                    keys,
                    f"Expected no {told[0]} of {model.name}, which is no model with weights; leave it out.",
                )
            if is_own(model.name) and (
                told := sorted({"revision", "trust_remote_code", "compile"} & model.model_fields_set)
            ):
                self.wrong(
                    keys,
                    f"Expected no {told[0]} of {model.name}, which is not a model of transformers; leave it out.",
                )
            if model.label in models:
                self.wrong(
                    keys,
                    f"Expected models whose records are in different folders, but {model.name} and "
                    f"{models[model.label].name} are both in {model.label}; make two plans with different output.",
                )
            models[model.label] = model
        return tuple(models.values())

    def _protocols(self, content: dict[str, Any]) -> tuple[ProtocolName, ...]:
        known = TypeAdapter(ProtocolName)
        found: list[tuple[Keys, ProtocolName]] = []
        for number, value in enumerate(_as_list(content.get("protocols"))):
            try:
                found.append((("protocols", number), known.validate_python(value)))
            except ValidationError as error:
                wrong = {**error.errors()[0], "loc": ("protocols",)}
                self.wrong(("protocols", number), problem(PlanFile, {"protocols": value}, wrong))
        return tuple(self._once(found, "protocol"))

    def _places(self, content: dict[str, Any]) -> dict[str, Place]:
        found: list[tuple[Keys, str]] = []
        places: dict[str, Place] = {}
        for keys, place in self._entries(content, "corpora", Place):
            found.append((keys, place.name))
            places.setdefault(place.name, place)
            self._findable(keys, place)
        self._once(found, "corpus")
        return places

    def _findable(self, keys: Keys, place: Place) -> None:
        card = corpora.load(place.name)
        if card.synthesise is not None and place.path is None:
            return
        try:
            find_root(card, place.path)
        except CorpusError as error:
            self.wrong(keys, str(error))

    def _crosses(
        self, content: dict[str, Any], places: dict[str, Place], protocols: tuple[ProtocolName, ...]
    ) -> tuple[Cross, ...]:
        found: list[tuple[Keys, str]] = []
        crosses = []
        # Corpora that are named twice are told even where something else is wrong.
        for number, value in enumerate(_as_list(content.get("cross"))):
            for key in ("train", "test", "protocols"):
                names = _as_list(value.get(key)) if isinstance(value, dict) else []
                listed = [(("cross", number, key, place), str(name)) for place, name in enumerate(names)]
                self._once(listed, f"name in {key}")
        for keys, cross in self._entries(content, "cross", Cross):
            cross = cross.model_copy(update={"name": cross.title, "protocols": cross.protocols or protocols})
            for name in cross.corpora:
                if name not in places:
                    places[name] = Place(name=name)
                    self._findable(keys, places[name])
            self._possible(keys, cross)
            found.append((keys, cross.name))
            crosses.append(cross)
        self._once(found, "name in cross")
        return tuple(crosses)

    def _rated(self, file: PlanFile, scored: Sequence[str], crosses: Sequence[Cross]) -> None:
        """What `emobox probe` would say of heads that learn what raters said of the corpora."""
        if crosses:
            self.wrong(
                ("cross",),
                f"Expected no cross with target {file.target}, which is learned within a corpus; make two plans.",
            )
        for number, name in enumerate(scored):
            try:
                names_of(corpora.load(name), file.target, file.dimensions)
            except ProbeError as error:
                self.wrong(("corpora", number), str(error))

    def _possible(self, keys: Keys, cross: Cross) -> None:
        """What `emobox cross` would say of the corpora."""
        cards = [corpora.load(name) for name in cross.corpora]
        targets = [corpora.load(name) for name in cross.targets]
        try:
            pairings_of(cross.train, cross.targets, cross.leave_one_out)
            target_configuration(targets, label_space(cards, cross.labels), cross.test_set)
        except ProbeError as error:
            self.wrong(keys, str(error))

    def _once(self, entries: Sequence[tuple[Keys, Any]], what: str) -> list[Any]:
        first: dict[Any, Keys] = {}
        for keys, name in entries:
            if name in first:
                line = self.line(first[name])
                self.wrong(keys, f"Expected every {what} once, but {name} is in line {line} too; keep one.")
            first.setdefault(name, keys)
        return list(first)

    def _twice(self, node: Any) -> None:
        """Keys that stand twice in one place, of which YAML would take the last in silence."""
        for part in _children(node):
            self._twice(part)
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            for place, (key, _) in enumerate(node.value):
                if key.value in keys[:place]:
                    line = key.start_mark.line + 1
                    self.problems.append(
                        (line, f"Expected {key.value} once, but it is there twice; keep one.")
                    )


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        yield from (value for _, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _entry(node: Any, key: str | int) -> tuple[Any, Any] | None:
    """(node that tells the line, node that goes on) below a key or position; None if there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(((name, value) for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    return None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
