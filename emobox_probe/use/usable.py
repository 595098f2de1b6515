"""What can label recordings: the heads of a run or of a fit, and the encoder that they were trained on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from emobox_probe.encoders.builtin import BUILTIN
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.load import Encoder, load_encoder, with_batches
from emobox_probe.encoders.own.doors import is_own
from emobox_probe.errors import ProbeError
from emobox_probe.experiment import read_run
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord
from emobox_probe.records.export_record import EXPORT_FILE
from emobox_probe.records.fit_record import FIT_FILE, Expected, read_fit
from emobox_probe.records.heads_file import LAST, KeptHead, read_heads
from emobox_probe.records.predictions import labels_of
from emobox_probe.records.rated import RATED_FILE
from emobox_probe.records.result import RESULT_FILE, CorpusRecord, ResultRecord
from emobox_probe.use.expected import expected_of


@dataclass(frozen=True)
class Usable:
    """Heads that label recordings, and what is known of them.

    `way` says in words what they are. `heads` answer together, by the mean of their probabilities.
    """

    title: str
    way: str
    encoder: EncoderFacts
    store_dtype: str
    labels: list[str]
    heads: list[KeptHead]
    heads_sha256: str
    corpora: list[CorpusRecord]
    expected: Expected

    def only(self, fold: str | None = None, seed: int | None = None) -> "Usable":
        """With the heads of one fold (of a run between corpora: of one source), or of one seed.

        Raises:
            ProbeError: there are none of it.
        """
        chosen = [
            kept
            for kept in self.heads
            if (fold is None or fold in (kept.fold, kept.source)) and seed in (None, kept.seed)
        ]
        if not chosen:
            folds = dict.fromkeys(kept.fold for kept in self.heads)
            sources = dict.fromkeys(kept.source for kept in self.heads)
            seeds = dict.fromkeys(str(kept.seed) for kept in self.heads)
            asked = {"fold": fold, "seed": seed}
            given = " and ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
            raise ProbeError(
                f"Expected heads of {given}, but there are folds {', '.join(folds)} of "
                f"{', '.join(sources)} and seeds {', '.join(seeds)}; choose of these."
            )
        return replace(self, heads=chosen)

    @property
    def encoder_facts(self) -> EncoderFacts:
        """What an encoder is checked against, and no more."""
        return EncoderFacts(**{name: getattr(self.encoder, name) for name in EncoderFacts.model_fields})

    @property
    def needs_layers(self) -> bool:
        """Whether a head sees another layer than the frames of the last."""
        return any(kept.layer != LAST for kept in self.heads)


def read_usable(folder: str | Path, wanted: str = "a run or a fit") -> Usable:
    """The heads of a run's or a fit's folder.

    Args:
        folder: of a run or of a fit.
        wanted: whose folder the user may name, for the message.

    Raises:
        ProbeError: it is neither, has no heads, or they are not those of its record.
    """
    folder = Path(folder)
    if (folder / EXPORT_FILE).is_file():
        raise ProbeError(
            f"Expected the folder of {wanted}, but {folder} is an export; give the run or fit that it was made of."
        )
    if (folder / FIT_FILE).is_file():
        return _of_fit(folder)
    if (folder / RATED_FILE).is_file():
        raise ProbeError(
            f"Expected the folder of {wanted} whose heads name labels, but those of {folder} learned what raters said, "
            f"and are not kept; take a run with --target label, the default."
        )
    if not any((folder / name).is_file() for name in (RESULT_FILE, CROSS_FILE)):
        raise ProbeError(
            f"Expected the folder of {wanted}, but {folder} has no {RESULT_FILE}, {CROSS_FILE} or {FIT_FILE}; give "
            f"the folder that one of these commands wrote: emobox probe, cross, fit."
        )
    record = read_run(folder)
    if record.protocol["layers"] == "statistics":
        raise ProbeError(
            f"Expected the folder of {wanted} whose heads are kept, but {folder} is of protocol {record.protocol_id}, "
            f"whose are not; run the probe with --protocol strict."
        )
    kept = read_heads(folder, record.heads_sha256)
    _check_labels(folder, kept.description.labels, labels_of(record))
    within = isinstance(record, ResultRecord)
    assert isinstance(record, (ResultRecord, CrossRecord))
    trained = (
        [record.corpus]
        if isinstance(record, ResultRecord)
        else [c for c in record.corpora if any(c.name in source.corpora for source in record.sources)]
    )
    return Usable(
        title=record.title,
        way="the heads of all folds and seeds" if within else "the heads of all sources and seeds",
        encoder=record.encoder,
        store_dtype=kept.description.store_dtype,
        labels=kept.description.labels,
        heads=kept.heads,
        heads_sha256=str(record.heads_sha256),
        corpora=trained,
        expected=expected_of(folder, record),
    )


def _of_fit(folder: Path) -> Usable:
    record = read_fit(folder)
    kept = read_heads(folder, record.heads_sha256)
    _check_labels(folder, kept.description.labels, record.labels)
    whole = "a head trained on all of its corpora"
    return Usable(
        title=record.title,
        way=whole if record.way == "whole" else "the heads of all folds and seeds",
        encoder=record.encoder,
        store_dtype=record.store_dtype,
        labels=record.labels,
        heads=kept.heads,
        heads_sha256=record.heads_sha256,
        corpora=record.corpora,
        expected=record.expected,
    )


def _check_labels(folder: Path, kept: list[str], recorded: list[str]) -> None:
    if kept != recorded:
        raise ProbeError(
            f"Expected heads of the labels {', '.join(recorded)} in {folder}, as its record says, but they tell "
            f"{', '.join(kept)} apart; run it again with --overwrite."
        )


def place_of(usable: Usable, model: str | None) -> tuple[str, str | None]:
    """The name to load the encoder by, and its revision: what the user names, else the record's.

    Raises:
        ProbeError: the record knows a folder by its last part only.
    """
    if model is not None:
        return model, None
    name = usable.encoder.name
    known = name.startswith(BUILTIN) or is_own(name) or name.count("/") == 1 or Path(name).is_dir()
    if not known:
        raise ProbeError(
            f"Expected the folder of the encoder {name}, which records do not tell; give it with --model."
        )
    return name, usable.encoder.revision if "/" in name else None


def encoder_for(
    usable: Usable,
    device: torch.device,
    model: str | None = None,
    trust_remote_code: bool = False,
    batch_seconds: float | None = None,
) -> Encoder:
    """The encoder that the heads were trained on, with batches of so many seconds; default: by device.

    Raises:
        ProbeError: it cannot be loaded, or is another: other weights, another revision, other preprocessing.
    """
    name, revision = place_of(usable, model)
    layers = "all" if usable.needs_layers else "last"
    encoder = load_encoder(name, device, revision, trust_remote_code, usable.encoder.dtype, layers)
    check_encoder(usable.encoder, encoder.facts, name)
    return with_batches(encoder, batch_seconds)


def check_encoder(trained_on: EncoderFacts, facts: EncoderFacts, name: str) -> None:
    """Let heads see the features that they, or those before them, were trained on, and no others.

    Args:
        trained_on: the encoder of the record.
        facts: about the encoder that is loaded.
        name: what that is called.

    Raises:
        ProbeError: the encoder is another; says in what.
    """
    ours, theirs = trained_on.identity, facts.identity
    # The first is of the record's device and choice of layers, which change no feature beyond rounding.
    for about in ("layers", "matrix_products"):
        ours.pop(about, None)
        theirs.pop(about, None)
    _without_unknown(ours, theirs)
    if other := [about for about in ours if ours[about] != theirs.get(about)]:
        revision = f", revision {trained_on.revision}" if trained_on.revision else ""
        begin = f"Expected the encoder that the heads were trained on ({trained_on.name}{revision}), but "
        if other == ["own"]:
            raise ProbeError(f"{begin}{_how_own_differs(ours['own'], theirs.get('own'), name)}")
        raise ProbeError(
            f"{begin}{name} has other {' and '.join(what.replace('_', ' ') for what in other)}; give that one "
            f"with --model."
        )


def _without_unknown(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Records of before settings were hashed have a hash of other sounds, too: code and weights are compared."""
    if ours.get("own") and theirs.get("own") and ours["own"]["settings_sha256"] is None:
        for own in (ours["own"], theirs["own"]):
            del own["settings_sha256"], own["output_sha256"]


def _how_own_differs(ours: dict[str, Any] | None, theirs: dict[str, Any] | None, name: str) -> str:
    """The end of a sentence on an encoder of the user's own."""
    if ours is None or theirs is None:
        return f"{name} is {'an' if theirs else 'no'} encoder of your own; give that one with --model."
    if ours["function"] != theirs["function"]:
        return f"{name} is another function ({ours['function']} was used); give that one with --model."
    if ours["code_sha256"] != theirs["code_sha256"]:
        return (
            f"the code of {name} has changed since; go back to the code as it was, or train the heads again "
            f"(`emobox probe` with --overwrite)."
        )
    return (
        f"{name} holds other settings or gives other frames, though its code is the same; give it what it was made "
        f"of then, or train the heads again (`emobox probe` with --overwrite)."
    )
