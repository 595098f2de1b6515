"""The models of a leaderboard: what is known of each, and where to read more."""

from collections import Counter
from datetime import datetime
from typing import Any

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.names import TRIMMED
from hub_cards.cards.parts import is_hub_id
from hub_cards.paper import PARAMETERS
from hub_cards.runs.collection import CrossResult, Model, Result, moment

Json = dict[str, Any]

FACTS = ("architecture", "parameters", "dimension", "frame_rate", "layer", "dtype")


class Models:
    """The models of a page, numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Model, bool], int] = {}
        self.facts: list[Json] = []
        self.made: dict[int, datetime] = {}

    def published(self, name: str, in_paper: str) -> int:
        """The number of a model of the paper, by its name on the Hub, or in the paper where it is not there."""
        return self._number(
            Model(name, None, None),
            published=True,
            paper_name=in_paper,
            parameters=PARAMETERS[in_paper],
            url=_address(name) if is_hub_id(name) else None,
        )

    def measured(self, one: Result | CrossResult) -> int:
        """The number of the model of a record."""
        encoder = one.record.encoder
        number = self._number(
            one.model,
            published=False,
            revision=one.model.revision,
            weights=encoder.weights_sha256,
            own=encoder.own is not None,
            url=_address_of(encoder),
            **{name: getattr(encoder, name) for name in FACTS},
        )
        made = moment(one.record.provenance)
        self.made[number] = max(made, self.made.get(number, made))
        return number

    def _number(self, model: Model, published: bool, **facts: Any) -> int:
        key = (model, published)
        if key not in self.numbers:
            self.numbers[key] = len(self.facts)
            self.facts.append({"name": model.name, "published": published, **facts})
        return self.numbers[key]

    def rows(self) -> list[Json]:
        """Every model with a `title`, which adds revision or weights where names are equal, and a `key` of its own.

        Of measured models of one name, that with the newest record is `newest`: whom the bare name in a link means.
        """
        newest = {
            self.facts[number]["name"]: number for number in sorted(self.made, key=self.made.__getitem__)
        }
        for number in newest.values():
            self.facts[number]["newest"] = True
        counts = Counter(fact["name"] for fact in self.facts if not fact["published"])
        for (model, _), fact in zip(self.numbers, self.facts, strict=True):
            version = str(model.revision or model.version or "")[:7]
            twice = not fact["published"] and counts[fact["name"]] > 1
            fact["title"] = f"{fact['name']} @ {version}" if twice and version else fact["name"]
            fact["key"] = f"{fact['title']} (published)" if fact["published"] else fact["title"]
        taken: Counter[str] = Counter()
        for fact in self.facts:
            taken[fact["key"]] += 1
            if taken[fact["key"]] > 1:
                fact["key"] += f" #{taken[fact['key']]}"
        return self.facts


def _address_of(encoder: EncoderFacts) -> str | None:
    """Where the model is on the Hub; None where the record does not say that it came from there."""
    name = encoder.name.removesuffix(TRIMMED)
    if encoder.own is not None or not encoder.revision or not is_hub_id(name):
        return None
    return _address(name)


def _address(name: str) -> str:
    return f"https://huggingface.co/{name}"
