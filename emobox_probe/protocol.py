"""Protocols as data: everything that fixes a score, given an encoder and a corpus."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal, Self, get_args

# What a head learns: the label, the raters' distribution over labels, or what they gave on scales.
Target = Literal["label", "distribution", "dimensions"]


@dataclass(frozen=True)
class HeadConfiguration:
    """One point of the sweep: Adam's full learning rate, and the width of the hidden layer."""

    learning_rate: float
    hidden: int


_TARGETS: dict[Target, str] = {
    "distribution": "the shares of raters' votes",
    "dimensions": "what raters gave on scales",
}
# What heads learn in place of the label, and by what loss.
_LEARNED: dict[Target, str] = {
    "distribution": "the shares of raters' votes over the labels that they could choose, by soft cross-entropy",
    "dimensions": "what raters gave on scales, put on 0 to 1 by the corpus's own, by 1 - CCC of a batch, mean over "
    "dimensions",
}


@dataclass(frozen=True)
class Protocol:
    """How a score is made.

    `folds`: `released`, or `strict`, which takes the strict folds where there are any. `layers`: the frames of the
    `last` layer, or the means over time of `every` layer, of which one is chosen, or the `statistics` of every layer:
    means beside standard deviations, on which heads are linear. `validation`: whether a share of the `utterances` or
    of the `speakers` is held out where the release has no validation part. `absent`: how classes without a test
    utterance count (see the metric). `peek`: also report the best score on test. `version` counts changes of what the
    other settings mean. `target` is what heads learn. `strengths`: the sweep of linear heads, weights of the L2 penalty
    beside the mean loss. What records of before the last three do not say is as in `LATER`.
    """

    name: str
    summary: str
    description: str
    folds: Literal["released", "strict"]
    layers: Literal["last", "every", "statistics"]
    validation: Literal["utterances", "speakers"]
    seeds: tuple[int, ...]
    absent: Literal["zero", "skip"]
    peek: bool
    learning_rates: tuple[float, ...] = (1e-3, 1e-4)
    hidden_sizes: tuple[int, ...] = (128, 256)
    batch_size: int = 32
    epochs: int = 100
    warm_up_epochs: int = 10
    validation_share: float = 0.2
    version: int = 1
    target: Target = "label"
    strengths: tuple[float, ...] = ()

    @property
    def id(self) -> str:
        """What its scores and folders go by; see `protocol_id`."""
        return protocol_id(asdict(self))

    def with_seeds(self, count: int | None) -> Self:
        """The same with seeds 0 to `count` - 1; with its own where `count` is None."""
        return self if count is None else replace(self, seeds=tuple(range(count)))

    def with_target(self, target: Target) -> Self:
        """The same for heads that learn something else: chosen by the loss on validation, without a best on test."""
        if target == "label":
            return self
        summary, description = _words_of(self, target)
        return replace(self, target=target, peek=False, summary=summary, description=description)

    @property
    def sweep(self) -> list[HeadConfiguration]:
        """Every configuration that is trained; one is chosen on the validation part."""
        return [HeadConfiguration(*point) for point in product(self.learning_rates, self.hidden_sizes)]

    def rates(self) -> list[float]:
        """The learning rate of each epoch, as a share of the full rate.

        The published code steps its schedule by epochs and starts it after the first one, so epoch 1 runs at
        the full rate, epoch 2 at zero; ten epochs of linear warm-up and a linear decay to 2/90 follow.
        """
        start = 2  # the epoch at which the schedule starts from zero
        decay = self.epochs - self.warm_up_epochs
        rates = [1.0]
        for epoch in range(start, self.epochs + 1):
            warm_up = (epoch - start) / self.warm_up_epochs
            cool_down = (self.epochs + start - epoch) / decay
            rates.append(min(warm_up, cool_down))
        return rates[: self.epochs]


_LAST_LAYER = (
    "Features are the frames of the last layer, normalised over the whole (frames x dimensions) matrix of an "
    "utterance, without affine parameters."
)
_HEAD = (
    "The head is Linear, ReLU, mean over frames, Linear; Adam; batches of 32; 100 epochs at the published code's rates "
    "(epoch 1 at the full rate, epoch 2 at zero, linear warm-up to the full rate at epoch 12, linear decay to 2/90 of "
    "it at epoch 100). The sweep is learning rate 1e-3 or 1e-4, hidden size 128 or 256."
)

PAPER = Protocol(
    name="paper",
    summary="the recipe of the EmoBox paper on its released folds; on whole corpora comparable with its Table 4",
    description=(
        f"Section 3.1 of the EmoBox paper on its released folds. {_LAST_LAYER} {_HEAD} Configuration and epoch are "
        "chosen by UA on a validation part, lower loss where UA ties: the release's own, else 20 % of the training "
        "utterances of every label. Test labels are read once, after that. Classes without a test utterance do not "
        "count, as in the published scorer. Beside the score stands `test_selected`, the best over configurations and "
        "epochs on test: what choosing on test would have gained. It is never the headline. Many released folds share "
        "speakers between train and test, and there is one seed: use `strict` for claims about new speakers."
    ),
    folds="released",
    layers="last",
    validation="utterances",
    seeds=(0,),
    absent="skip",
    peek=True,
)

_RECIPE_OF_STRICT = (
    "Features are the means over time of every layer; layer, learning rate, hidden size and epoch are chosen together "
    "by UA on validation, lower loss where UA ties. Head, optimiser, rates and sweep are those of `paper`. Everything "
    "is repeated with five seeds, which also draw the validation part; the score, and its interval over speakers, is "
    "of the tested utterances of all folds and seeds together. Test labels are read once, after every choice."
)

STRICT = Protocol(
    name="strict",
    summary="new speakers, five seeds, the layer chosen on validation; for claims that should hold",
    description=(
        "Speaker-disjoint folds: the released ones where they are, else the strict ones. Where neither can be, because "
        "a corpus does not tell its speakers or has fewer than four, the score is one of `speaker-dependent`. Speakers "
        "are also held out for validation, a person with two names as one: of all choices of speakers that leave every "
        "label utterances to train on, those whose validation part lacks the fewest labels (none, if any choice holds "
        "every label), and of these one whose share of utterances is nearest to 20 %, or within two points of the "
        "nearest; seeds take different ones. "
    )
    + _RECIPE_OF_STRICT,
    folds="strict",
    layers="every",
    validation="speakers",
    seeds=(0, 1, 2, 3, 4),
    absent="skip",
    peek=False,
    version=2,
)

SPEAKER_DEPENDENT = replace(
    STRICT,
    name="speaker-dependent",
    summary="the recipe of strict where its folds cannot be: speakers are on both sides, or not known",
    description=(
        "What `strict` becomes on a corpus whose speakers cannot be kept apart: it does not tell them, or has fewer "
        "than four. The released folds, whose test speakers may all have been heard in training: never to be compared "
        "or averaged with scores of `strict`. Validation is 20 % of the training utterances of every label, as voices "
        "that are tested have been heard too, or the release's own part. "
    )
    + _RECIPE_OF_STRICT,
    folds="released",
    validation="utterances",
    version=1,
)

_RECIPE_OF_LINEAR = (
    "Features are the mean and the standard deviation over time of every layer side by side (of the last one's "
    "frames, where an encoder has no layers), each dimension to zero mean and unit variance over the training part. "
    "The head is multinomial logistic regression, without a hidden layer: mean cross-entropy and half the squared "
    "weights times a strength, fitted by L-BFGS to convergence; nothing is drawn but who is held out. Layer and "
    "strength (1e-3, 1e-2, 1e-1, 1 or 10) are chosen by UA on validation, lower loss where UA ties. The score, and its "
    "interval over speakers, is of the tested utterances of all folds together. Test labels are read once, after every "
    "choice. Another head on other features: never to be compared or averaged with scores of `paper` or `strict`."
)

LINEAR = Protocol(
    name="linear",
    summary="new speakers, logistic regression on the mean and spread of every layer; seconds, nothing random",
    description=(
        "Speaker-disjoint folds: the released ones where they are, else the strict ones; where neither can be, the "
        "score is one of `linear-speaker-dependent`. Validation speakers are held out as by `strict` with its seed 0. "
    )
    + _RECIPE_OF_LINEAR,
    folds="strict",
    layers="statistics",
    validation="speakers",
    seeds=(0,),
    absent="skip",
    peek=False,
    learning_rates=(),
    hidden_sizes=(),
    batch_size=0,
    epochs=0,
    warm_up_epochs=0,
    # The strongest first: where two do equally well on validation, it is the choice.
    strengths=(10.0, 1.0, 1e-1, 1e-2, 1e-3),
)

LINEAR_SPEAKER_DEPENDENT = replace(
    LINEAR,
    name="linear-speaker-dependent",
    summary="the recipe of linear where its folds cannot be: speakers are on both sides, or not known",
    description=(
        "What `linear` becomes on a corpus whose speakers cannot be kept apart, as `speaker-dependent` is what "
        "`strict` becomes: the released folds, and 20 % of the training utterances of every label, or the release's "
        "own part, as validation. "
    )
    + _RECIPE_OF_LINEAR,
    folds="released",
    validation="utterances",
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (PAPER, STRICT, LINEAR, SPEAKER_DEPENDENT, LINEAR_SPEAKER_DEPENDENT)
}
# What protocols for new speakers become on a corpus whose speakers cannot be kept apart.
WITHOUT_NEW_SPEAKERS = {STRICT.name: SPEAKER_DEPENDENT.name, LINEAR.name: LINEAR_SPEAKER_DEPENDENT.name}

_LAYER_MEANS = "Features are the means over time of every layer."
_FIFTH_OF_LABELS = "the release's own, else 20 % of the training utterances of every label"
# Of heads that learn what raters said: the folds, the features, what is chosen, and the validation part.
_RATED_PARTS = {
    PAPER.name: ("The released folds of EmoBox.", _LAST_LAYER, "Configuration and epoch", _FIFTH_OF_LABELS),
    STRICT.name: (
        "Speaker-disjoint folds: the released ones where they are, else the strict ones.",
        _LAYER_MEANS,
        "Layer, configuration and epoch",
        "all utterances of some speakers, about 20 %, others with every seed",
    ),
    SPEAKER_DEPENDENT.name: (
        "The released folds, because speakers cannot be kept apart: never to be compared with scores of `strict`.",
        _LAYER_MEANS,
        "Layer, configuration and epoch",
        _FIFTH_OF_LABELS,
    ),
}


def _words_of(protocol: Protocol, target: Target) -> tuple[str, str]:
    """Summary and description of a protocol whose heads learn what raters said."""
    summary = (
        f"{_TARGETS[target]} on the folds of {protocol.name}; no score is a UA, and none is in the paper"
    )
    if protocol.name not in _RATED_PARTS:
        return summary, protocol.description
    folds, features, chosen, validation = _RATED_PARTS[protocol.name]
    return summary, (
        f"{folds} {features} Heads learn {_LEARNED[target]}. {_HEAD} {chosen} are chosen by the lowest loss on the "
        f"whole validation part: {validation}. Utterances without raters are in no part. What raters said of tested "
        f"utterances is read once, after that. Scores, and their intervals over speakers, are of the tested utterances "
        f"of all folds and seeds together; none of them is a UA."
    )


# Of version 1, which drew validation speakers in random order until they had 20 %, and whose records say no version.
STRICT_V1 = "strict-v1"
_SETTINGS_OF_STRICT_V1 = replace(STRICT, version=1)


# Words about a protocol, not settings: they may be put better without making scores incomparable.
WORDS = ("name", "summary", "description")
# Settings that came later: records that do not say one have this, and it is not said.
LATER: dict[str, Any] = {"version": 1, "target": "label", "strengths": ()}


def settings_of(protocol: Protocol | Mapping[str, Any]) -> dict[str, Any]:
    """What of a protocol, or of what a record says of one, fixes a score, as JSON has it; see `LATER`."""
    content = asdict(protocol) if isinstance(protocol, Protocol) else protocol
    settings = {
        name: value
        for name, value in content.items()
        if name not in WORDS and not (name in LATER and value in (LATER[name], _as_json(LATER[name])))
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings, sort_keys=True))
    return plain


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def is_todays(recorded: Mapping[str, Any]) -> bool:
    """Whether what a record says of its protocol is the protocol of that name as it is today.

    A setting that the record does not say is not the same: it is read, never guessed.
    """
    known = _today(recorded)
    return known is not None and settings_of(recorded) == settings_of(known)


def _today(recorded: Mapping[str, Any]) -> Protocol | None:
    """The protocol of that name and target as it is today; None where there is none."""
    known = PROTOCOLS.get(str(recorded.get("name")))
    targets: tuple[Target, ...] = get_args(Target)
    target: Target = next((target for target in targets if target == recorded.get("target")), "label")
    return None if known is None else known.with_target(target)


def but_for_seeds(recorded: Mapping[str, Any]) -> Protocol | None:
    """The protocol as it is today that a record's is, with whatever seeds; None where another setting differs."""
    known, seeds = _today(recorded), recorded.get("seeds") or ()
    if known is None or settings_of(recorded) != settings_of(known.with_seeds(len(seeds))):
        return None
    return known


def with_dimensions(protocol: str, dimensions: Sequence[str]) -> str:
    """What scores on these dimensions go by: heads that learn others are others.

    >>> with_dimensions("paper-dimensions", ["arousal", "valence"])
    'paper-dimensions-arousal+valence'
    """
    return "-".join(filter(None, (protocol, "+".join(dimensions))))


def protocol_id(recorded: Mapping[str, Any]) -> str:
    """What tells scores of one protocol from all others, in tables and folders.

    The name, with the target where that is not the label, where the settings are today's, with the number of seeds
    where only that is another; `strict-v1` of the version before today's; else the name and a digest of the settings.

    >>> protocol_id(asdict(PAPER)), protocol_id(asdict(PAPER.with_seeds(7)))
    ('paper', 'paper-7-seeds')
    >>> protocol_id(asdict(STRICT.with_target("distribution")))
    'strict-distribution'
    >>> protocol_id({"name": "mine", "epochs": 3})
    'mine-543da7'
    """
    name, settings = str(recorded.get("name", "unnamed")), settings_of(recorded)
    if "target" in settings:
        name += f"-{settings['target']}"
    if is_todays(recorded):
        return name
    seeds, today = settings.get("seeds") or [], _today(recorded)
    if today is not None and settings == settings_of(today.with_seeds(len(seeds))):
        return f"{name}-{len(seeds)}-seed{'s' if len(seeds) > 1 else ''}"
    if name == STRICT.name and settings == settings_of(_SETTINGS_OF_STRICT_V1):
        return STRICT_V1
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:6]}"


def difference_from_today(recorded: Mapping[str, Any]) -> str:
    """In words, how a variant differs from the protocol of that name; empty where it does not.

    >>> difference_from_today(asdict(PAPER) | {"epochs": 3})
    'epochs is 3, not 100'
    """
    known = _today(recorded)
    if known is None:
        return ""
    today, settings = (LATER | settings_of(told) for told in (known, recorded))
    differences = []
    for key in sorted(today.keys() | settings.keys()):
        here, there = (json.dumps(values.get(key, "not recorded")) for values in (settings, today))
        if here != there:
            differences.append(f"{key} is {here}, not {there}")
    return "; ".join(differences)
