"""From the text of a plan to a plan; what is wrong is told all at once, with the line it stands on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError, nearest
from emobox_datasets.roots import DATA_VARIABLE, find_root, is_here
from emobox_probe.contract import DTYPES
from emobox_probe.cross_tasks import COMMON, TestSet, label_space, plan_of, test_configuration
from emobox_probe.descriptors import BUILTIN, BUILTINS
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PROTOCOLS
from hub_cards.bench.plan import FOUND, Cross, Model, Place, Plan, PlanError, default_features
from hub_cards.published import read_table_4

Training = Literal["all", "released"]
KEYS = ("output", "features", "store_dtype", "models", "corpora", "protocols", "cross")
MODEL_KEYS = ("name", "revision", "dtype", "trust_remote_code", "paper")
CORPUS_KEYS = ("name", "path", "allow_missing")
CROSS_KEYS = ("name", "train", "test", "labels", "training", "test_set", "leave_one_out", "protocols")


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
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise PlanError(
            [f"{path}{line}: Expected YAML, but got: {getattr(error, 'problem', None) or error}."]
        ) from error
    reader = _Reader(path)
    plan = reader.plan(root)
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
    """Walks the nodes of a plan and notes what is wrong, with lines."""

    path: str
    problems: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def wrong(self, node: Any, what: str) -> None:
        self.problems.append((node.start_mark.line + 1 if node is not None else 1, what))

    def plan(self, root: Any) -> Plan | None:
        parts = self._mapping(root, KEYS, "a plan")
        if parts is None:
            return None
        models = self._models(parts, root)
        protocols = self._protocols(parts.get("protocols"), root, required=True)
        places, scored = self._corpora(parts, root)
        cross = self._crosses(parts.get("cross"), places, protocols)
        return Plan(
            Path(self._text(parts.get("output"), "output") or "runs").expanduser(),
            Path(self._text(parts.get("features"), "features") or default_features()).expanduser(),
            self._choice(parts.get("store_dtype"), "store_dtype", DTYPES) or "float16",
            tuple(models),
            places,
            tuple(scored),
            tuple(protocols),
            tuple(cross),
            self.lines,
            self.path,
        )

    def _models(self, parts: dict[str, Any], root: Any) -> list[Model]:
        models: list[Model] = []
        for node in self._entries(parts.get("models"), root, "models"):
            model = self._model(node)
            if model is None:
                continue
            if model.label in {known.label for known in models}:
                line = self.lines[model.label]
                self.wrong(
                    node,
                    f"Expected models whose records are in different folders, but {model.name} and the "
                    f"model of line {line} are both in {model.label}; make two plans with different output.",
                )
            self.lines.setdefault(model.label, node.start_mark.line + 1)
            models.append(model)
        return models

    def _model(self, node: Any) -> Model | None:
        if isinstance(node, yaml.ScalarNode):
            name, parts = self._text(node, "a model"), {}
        else:
            found = self._mapping(node, MODEL_KEYS, "a model")
            if found is None:
                return None
            parts, name = found, self._required(found, "name", node, "a model")
        if name is None:
            return None
        if name.startswith(BUILTIN) and name not in BUILTINS:
            self.wrong(node, f"Expected a built-in encoder, but got {name!r}. {nearest(name, BUILTINS)}")
        if name.startswith(BUILTIN) and (given := sorted(set(parts) & {"revision", "dtype"})):
            self.wrong(
                node, f"Expected no {given[0]} of {name}, which is no model with weights; leave it out."
            )
        rows = sorted(set(read_table_4()["name"]))
        return Model(
            name,
            self._text(parts.get("revision"), "revision"),
            self._choice(parts.get("dtype"), "dtype", DTYPES) or "float32",
            self._flag(parts.get("trust_remote_code"), "trust_remote_code"),
            self._choice(parts.get("paper"), "paper (a model of Table 4)", rows),
        )

    def _protocols(self, node: Any, root: Any, required: bool) -> list[str]:
        if node is None and not required:
            return []
        names = [
            (entry, self._choice(entry, "a protocol", PROTOCOLS))
            for entry in self._entries(node, root, "protocols")
        ]
        return self._once([(entry, name) for entry, name in names if name], "protocol")

    def _corpora(self, parts: dict[str, Any], root: Any) -> tuple[dict[str, Place], list[str]]:
        node = parts.get("corpora")
        if isinstance(node, yaml.ScalarNode) and node.value == FOUND:
            if not (names := found_corpora()):
                self.wrong(
                    node,
                    f"Expected corpora under ${DATA_VARIABLE}, but found none; set it to a folder with a "
                    f"sub-folder for each corpus, or name corpora with their path.",
                )
            return {name: Place(name) for name in names}, names
        pairs = [(entry, self._place(entry)) for entry in self._entries(node, root, "corpora")]
        given = [(entry, place) for entry, place in pairs if place]
        scored = self._once([(entry, place.name) for entry, place in given], "corpus")
        places: dict[str, Place] = {}
        for entry, place in given:
            places.setdefault(place.name, place)
            self._findable(entry, place)
        return places, scored

    def _place(self, node: Any) -> Place | None:
        if isinstance(node, yaml.ScalarNode):
            name = self._corpus(node)
            return Place(name) if name else None
        parts = self._mapping(node, CORPUS_KEYS, "a corpus")
        if parts is None or self._required(parts, "name", node, "a corpus") is None:
            return None
        name = self._corpus(parts["name"])
        path = self._text(parts.get("path"), "path")
        missing = self._flag(parts.get("allow_missing"), "allow_missing")
        return Place(name, path, missing) if name else None

    def _corpus(self, node: Any) -> str | None:
        return self._choice(node, "the name of a corpus", corpora.names())

    def _findable(self, node: Any, place: Place) -> None:
        card = corpora.load(place.name)
        if card.synthesise is not None and place.path is None:
            return
        try:
            find_root(card, place.path)
        except CorpusError as error:
            self.wrong(node, str(error))
        self.lines.setdefault(place.name, node.start_mark.line + 1)

    def _crosses(self, node: Any, places: dict[str, Place], protocols: list[str]) -> list[Cross]:
        if node is None:
            return []
        crosses: list[tuple[Any, Cross]] = []
        for entry in self._entries(node, node, "cross"):
            cross = self._cross(entry, places, protocols)
            if cross is not None:
                crosses.append((entry, cross))
        self._once([(entry, cross.name) for entry, cross in crosses], "name in cross")
        return [cross for _, cross in crosses]

    def _cross(self, node: Any, places: dict[str, Place], protocols: list[str]) -> Cross | None:
        parts = self._mapping(node, CROSS_KEYS, "an experiment between corpora")
        if parts is None:
            return None
        before = len(self.problems)
        train = self._names(parts.get("train"), node, "train")
        test = self._names(parts["test"], node, "test") if "test" in parts else train
        labels = self._labels(parts.get("labels"))
        name = self._text(parts.get("name"), "name")
        cross = Cross(
            name or "+".join(train) + ("" if test == train else "_on_" + "+".join(test)),
            tuple(train),
            tuple(test),
            tuple(self._protocols(parts.get("protocols"), node, required=False) or protocols),
            labels,
            cast(Training, self._choice(parts.get("training"), "training", ("all", "released")) or "all"),
            cast(TestSet | None, self._choice(parts.get("test_set"), "test_set", ("balanced", "all"))),
            self._flag(parts.get("leave_one_out"), "leave_one_out"),
        )
        if "/" in cross.name or cross.name.startswith("."):
            self.wrong(parts["name"], f"Expected a name for a folder, but got {cross.name!r}; leave out '/'.")
        if len(self.problems) > before:
            return None
        for name in cross.corpora:
            if name not in places:
                places[name] = Place(name)
                self._findable(node, places[name])
        self._possible(node, cross)
        return cross

    def _possible(self, node: Any, cross: Cross) -> None:
        """What `emobox cross` would say of the corpora."""
        cards = [corpora.load(name) for name in cross.corpora]
        targets = [corpora.load(name) for name in cross.test]
        try:
            plan_of(cross.train, cross.test, cross.leave_one_out)
            test_configuration(targets, label_space(cards, cross.labels), cross.test_set)
        except ProbeError as error:
            self.wrong(node, str(error))

    def _names(self, node: Any, parent: Any, key: str) -> list[str]:
        names = [(entry, self._corpus(entry)) for entry in self._entries(node, parent, key)]
        return self._once([(entry, name) for entry, name in names if name], f"corpus in {key}")

    def _labels(self, node: Any) -> str | None:
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value == COMMON):
            return None if node is None else COMMON
        labels = [self._text(entry, "a label") for entry in self._entries(node, node, "labels")]
        return ",".join(label for label in labels if label)

    def _mapping(self, node: Any, keys: Sequence[str], what: str) -> dict[str, Any] | None:
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"Expected {what} with the keys {', '.join(keys)}, but got {_kind(node)}.")
            return None
        parts: dict[str, Any] = {}
        for key, value in node.value:
            if key.value not in keys:
                self.wrong(
                    key, f"Expected a key of {what}, but got {key.value!r}. {nearest(str(key.value), keys)}"
                )
            elif key.value in parts:
                self.wrong(key, f"Expected {key.value} once in {what}, but got it again; keep one.")
            parts[str(key.value)] = value
        return {key: value for key, value in parts.items() if key in keys}

    def _entries(self, node: Any, parent: Any, key: str) -> Iterator[Any]:
        """The entries of a list; told apart from an empty one, which is a mistake."""
        if isinstance(node, yaml.SequenceNode) and node.value:
            yield from node.value
        else:
            self.wrong(
                node or parent, f"Expected a list with at least one entry as {key}, but got {_kind(node)}."
            )

    def _required(self, parts: dict[str, Any], key: str, node: Any, what: str) -> str | None:
        if key not in parts:
            self.wrong(node, f"Expected {key} in {what}, but got only {', '.join(parts) or 'nothing'}.")
            return None
        return self._text(parts[key], key)

    def _text(self, node: Any, what: str) -> str | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.wrong(node, f"Expected text as {what}, but got {_kind(node)}.")
            return None
        return str(node.value).strip()

    def _choice(self, node: Any, what: str, known: Any) -> str | None:
        value = self._text(node, what)
        if value is not None and value not in known:
            self.wrong(node, f"Expected {what}, but got {value!r}. {nearest(value, known)}")
            return None
        return value

    def _flag(self, node: Any, what: str) -> bool:
        if node is None:
            return False
        value = yaml.safe_load(node.value) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(value, bool):
            self.wrong(node, f"Expected true or false as {what}, but got {_kind(node)}.")
        return bool(value)

    def _once(self, entries: list[tuple[Any, str]], what: str) -> list[str]:
        seen: dict[str, int] = {}
        for node, name in entries:
            if name in seen:
                self.wrong(
                    node, f"Expected every {what} once, but {name} is in line {seen[name]} too; keep one."
                )
            seen.setdefault(name, node.start_mark.line + 1)
        return list(seen)


def _kind(node: Any) -> str:
    if node is None:
        return "nothing"
    kinds = {yaml.MappingNode: "keys and values", yaml.SequenceNode: f"a list of {len(node.value)}"}
    return kinds.get(type(node), repr(getattr(node, "value", node)))
