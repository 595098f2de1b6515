"""The heads that a record's scores are of, kept beside it: those that validation chose, of every fold and seed.

    <number>.first (H, D), .first_bias (H,), .second (C, H), .second_bias (C,) of each head, float32
    metadata "emobox"   labels, layers, what heads are given, and what encoder made it

A record holds the SHA-256 of the file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError, field_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.errors import ProbeError, UnreadableError
from emobox_probe.heads.heads import Head
from emobox_probe.records.record import Record

HEADS_FILE = "heads.safetensors"
# The one key of the metadata: of several, safetensors writes the order by chance.
METADATA = "emobox"
# What the layer of a head is called that sees the frames of the last one.
LAST = "last"
# What heads are given, in words, by whether they see frames or the mean over time of a layer.
NORMALISATION = {
    True: "frames, each utterance's whole matrix to zero mean and unit variance",
    False: "the mean over time of a layer, to zero mean and unit variance over its dimensions",
}
LONGEST_LABEL = 60
_PARTS = tuple(part.name for part in fields(Head) if part.name != "mixing")


class HeadPlace(Record):
    """What a head was trained on, and the layer that it sees."""

    source: str
    fold: str
    seed: int
    layer: str
    normalisation: str


class HeadsDescription(Record):
    """What is needed to use the heads: label ids are places in `labels`; frames are rounded to `store_dtype`."""

    format: Literal[1] = 1
    labels: list[str] = Field(min_length=2)
    store_dtype: Literal["float32", "bfloat16", "float16"]
    encoder: EncoderFacts
    heads: list[HeadPlace] = Field(min_length=1)

    @field_validator("labels")
    @classmethod
    def _safe(cls, labels: list[str]) -> list[str]:
        return check_labels(labels)


@dataclass(frozen=True)
class KeptHead:
    """A head, and what it was trained on: a source's fold with a seed; it sees a layer, or the last one's frames."""

    source: str
    fold: str
    seed: int
    layer: str
    head: Head


@dataclass(frozen=True)
class KeptHeads:
    """All heads of a file, and what is needed to use them."""

    description: HeadsDescription
    heads: list[KeptHead]


def heads_content(
    heads: Sequence[KeptHead], labels: Sequence[str], encoder: EncoderFacts, store_dtype: str
) -> bytes:
    """The bytes of a heads file: the same of the same heads."""
    places = [
        HeadPlace(
            source=kept.source,
            fold=kept.fold,
            seed=kept.seed,
            layer=kept.layer,
            normalisation=NORMALISATION[kept.layer == LAST],
        )
        for kept in heads
    ]
    facts = EncoderFacts(**{name: getattr(encoder, name) for name in EncoderFacts.model_fields})
    description = HeadsDescription(labels=list(labels), store_dtype=store_dtype, encoder=facts, heads=places)  # type: ignore[arg-type]
    tensors = {
        f"{number}.{part}": getattr(kept.head, part).detach().cpu().float().contiguous()
        for number, kept in enumerate(heads)
        for part in _PARTS
    }
    return save(tensors, {METADATA: json.dumps(description.model_dump(mode="json"), sort_keys=True)})


def check_labels(labels: list[str]) -> list[str]:
    """The labels, if they may be shown on terminals, in tables and on pages, and name columns.

    Raises:
        ValueError: one may not, or is there twice; says which, as a part of a sentence.
    """
    for label in labels:
        if not label.strip() or len(label) > LONGEST_LABEL or not label.isprintable() or label[0] in "=+-@":
            raise ValueError(f"a label may not be called {label!r}")
    if len(set(labels)) != len(labels):
        raise ValueError("a label is there twice")
    return labels


def sha256_of(content: bytes) -> str:
    """What a record holds of a heads file."""
    return hashlib.sha256(content).hexdigest()


def read_heads(folder: str | Path, sha256: str | None) -> KeptHeads:
    """The heads beside a record that says their hash.

    Raises:
        UnreadableError: the user has not the right to read them.
        ProbeError: the record says none (it is of an older version), there are none, or they are not those.
    """
    path = Path(folder) / HEADS_FILE
    if sha256 is None:
        raise ProbeError(
            f"Expected a record with kept heads in {folder}, but it is of a version that kept none; run it again with "
            f"--overwrite: stored features are used again."
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ProbeError(
            f"Expected the heads of the record at {path}, but there are none; run it again with --overwrite: stored "
            f"features are used again."
        ) from error
    except PermissionError as error:
        raise UnreadableError(path) from error
    if sha256_of(content) != sha256:
        raise ProbeError(
            f"Expected the heads of the record in {path}, but the file is damaged or another run's; run it again with "
            f"--overwrite: stored features are used again."
        )
    return heads_in(path)


def heads_in(path: Path) -> KeptHeads:
    """The heads in a file, whatever record it belongs to.

    Raises:
        ProbeError: it is no file of heads, or they do not fit what it says of them.
    """
    try:
        with safe_open(path, framework="pt") as file:
            description = HeadsDescription.model_validate_json((file.metadata() or {}).get(METADATA, "{}"))
            heads = [
                _head(place, {part: file.get_tensor(f"{number}.{part}") for part in _PARTS})
                for number, place in enumerate(description.heads)
            ]
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise _no_heads(path, reason[0].lower() + reason[1:]) from error
    except (OSError, SafetensorError) as error:
        raise _no_heads(path, str(error)) from error
    for kept in heads:
        if problem := _misfit(kept, description):
            raise _no_heads(path, problem)
    return KeptHeads(description, heads)


def _head(place: HeadPlace, parts: dict[str, Any]) -> KeptHead:
    return KeptHead(place.source, place.fold, place.seed, place.layer, Head(**parts))


def _misfit(kept: KeptHead, description: HeadsDescription) -> str:
    """Why a head does not fit what the file says, in words; empty where it does."""
    head, hidden = kept.head, kept.head.first.shape[0]
    wanted = {
        "first": (hidden, description.encoder.dimension),
        "first_bias": (hidden,),
        "second": (len(description.labels), hidden),
        "second_bias": (len(description.labels),),
    }
    for part, shape in wanted.items():
        tensor = getattr(head, part)
        if tuple(tensor.shape) != shape:
            return f"{part} of {kept.fold}, seed {kept.seed}, is {tuple(tensor.shape)}, not {shape}"
        if not torch.isfinite(tensor).all():
            return f"{part} of {kept.fold}, seed {kept.seed}, is not finite"
    return "" if kept.layer == LAST or kept.layer.isdecimal() else f"there is no layer {kept.layer!r}"


def _no_heads(path: Path, reason: str) -> ProbeError:
    return ProbeError(f"Expected heads in {path}, but {reason.rstrip('.')}; run it again with --overwrite.")
