"""The parts of a model card: the scores of one run each, with what it takes to make them again."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import emobox_datasets.corpora as corpora
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.names import OWN, TRIMMED, model_name
from emobox_probe.protocol import PROTOCOLS, but_for_seeds, protocol_id
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.rated import RatedRecord
from emobox_probe.records.result import Choice, Provenance, ResultRecord
from emobox_probe.records.stress_record import STRESS_FOLDER, STRESS_PICTURE
from emobox_probe.report.percent import score_text
from emobox_probe.report.report import (
    counts,
    rated_rows,
    remarks,
    remarks_on_validation,
    score_rows,
    stress_rows,
)
from emobox_probe.seen.seen import MEANINGS, seen
from hub_cards.cards.markdown import LONGEST_SENTENCE, Markdown, fenced, render, shell, text
from hub_cards.cards.model_section import PROTOCOL
from hub_cards.hub.one_commit import PublishError, check_repo_id
from hub_cards.runs.find_and_check import RatedRun, Run, remark_on
from hub_cards.tables.results import MARK, footnotes

STRESS_SHOWN = f"{STRESS_FOLDER}/{STRESS_PICTURE}"
# File of a run: what it shows.
SHOWN = {
    "confusion.png": "Confusion matrix over all tested utterances of {corpus}, protocol {protocol}",
    "calibration.png": "Calibration and risk over coverage on {corpus}, protocol {protocol}",
    "layers.png": "UA by layer on {corpus}, protocol {protocol}",
    STRESS_SHOWN: "UA by perturbation on {corpus}, protocol {protocol}",
    "scores.png": "Scores on what raters said of {corpus}, protocol {protocol}",
}
# What heads on an encoder's last layer say that they were trained on.
LAST_LAYER = "last"
LONGEST_SLUG = 64


def scores_part(run: Run, pictures: Sequence[tuple[str, str]]) -> str:
    """The table of one record, with what it takes to make it again; `pictures` are (file of the run, path)."""
    record, stress = run.record, run.stress
    return render(
        "model_card_scores.md",
        **_common(record, pictures),
        kinds=sorted({fold.kind for fold in record.folds}),
        rows=score_rows(record),
        counts=counts(record),
        stress=stress,
        stress_rows=stress_rows(stress) if stress else [],
        stress_remarks=remarks(stress) if stress else [],
    )


def rated_part(run: RatedRun, pictures: Sequence[tuple[str, str]]) -> str:
    """The same of one record on what raters said, in the units of its scores."""
    record = run.record
    return render(
        "model_card_rated.md",
        **_common(record, pictures),
        heads=[record.heading(name) for name in record.scores],
        rows=rated_rows(record),
        counts=counts(record),
    )


def _common(record: ResultRecord | RatedRecord, pictures: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What parts within a corpus say, whatever heads learned."""
    corpus = corpora.load(record.corpus.name)
    named = {"corpus": corpus.display_name, "protocol": record.protocol_id}
    humans = record.humans if isinstance(record, ResultRecord) else None
    said_apart = [f"{corpus.made_up}.", humans and humans.sentence]
    return {
        "record": record,
        "corpus": corpus,
        "protocol": record.protocol_id,
        "folds": list(dict.fromkeys(fold.name for fold in record.folds)),
        "seeds": {fold.seed for fold in record.folds},
        "remarks": [remark for remark in remarks(record) if remark not in said_apart],
        "seen": seen(record.encoder.name, record.corpus.name),
        "meanings": MEANINGS,
        "pictures": [(SHOWN[file].format(**named), path) for file, path in pictures],
        "copies": [],
        "command": fenced(command(record)),
        "layer": layer_text(record.encoder, record.folds),
        "store_dtype": record.encoder.store_dtype,
        "versions": versions(record.provenance),
    }


def protocol_parts(protocols: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """What each protocol is, once: our words as the Markdown that they are, those of other settings as text."""
    parts = {}
    for recorded in protocols:
        name, usual = protocol_id(recorded), but_for_seeds(recorded)
        said = text(recorded.get("description", ""), longest=LONGEST_SENTENCE)
        if usual is not None:
            parts[PROTOCOL, slug(usual.id)] = f"### Protocol {text(usual.id)}\n\n{usual.description}"
            said = Markdown(f"As `{usual.id}`, with {len(recorded['seeds'])} seeds.")
        parts.setdefault((PROTOCOL, slug(name)), f"### Protocol {text(name)}\n\n{said}")
    return parts


def layer_text(encoder: EncoderFacts, choices: Sequence[Choice]) -> str:
    """The layer that heads were trained on; where it was chosen, how many of the heads chose which."""
    chosen = Counter(choice.layer for choice in choices)
    if set(chosen) == {LAST_LAYER}:
        return encoder.layer
    shares = ", ".join(f"{layer} ({count})" for layer, count in chosen.most_common())
    return f"chosen on validation: {shares} of {len(choices)} heads"


def versions(provenance: Provenance) -> Markdown:
    """What the numbers were made with."""
    libraries = ", ".join(f"{name} {number}" for name, number in provenance.libraries.items())
    return text(libraries, longest=1_000)


def cross_part(record: CrossRecord) -> str:
    """The matrix of a cross-corpus record: UA in percent."""
    found = {
        (pair.source, pair.target): score_text(100 * pair.scores.ua)
        + (f" {MARK}" if remark_on(*record.used(pair.source, pair.target)) else "")
        for pair in record.pairs
    }
    sources, targets = (
        (list(dict.fromkeys(names)) for names in zip(*found, strict=True)) if found else ([], [])
    )
    return render(
        "model_card_cross.md",
        record=record,
        protocol=record.protocol_id,
        remarks=[
            *footnotes(map(remark_on, record.corpora)),
            *record.remarks,
            *remarks_on_validation(record.sources),
        ],
        seen=[(target, state) for target in targets if (state := seen(record.encoder.name, target))],
        targets=targets,
        rows=[(source, [found.get((source, target), "") for target in targets]) for source in sources],
        copies=record.corpora,
        layer=layer_text(record.encoder, record.sources),
        store_dtype=record.store_dtype,
        versions=versions(record.provenance),
    )


def command(record: ResultRecord | RatedRecord) -> str:
    """The one command that makes the result again, for a shell."""
    words = ["emobox", "probe", "--model", _model_for_others(record), "--corpus", record.corpus.name]
    if corpora.load(record.corpus.name).synthesise is None:
        words += ["--data-dir", f"/path/to/{record.corpus.name}"]
    if record.encoder.revision:
        words += ["--revision", record.encoder.revision]
    if record.corpus.missing:
        words.append("--allow-missing")
    name, seeds = str(record.protocol["name"]), record.protocol.get("seeds", ())
    if name in PROTOCOLS and len(seeds) != len(PROTOCOLS[name].seeds):
        words += ["--seeds", str(len(seeds))]
    words += ["--protocol", name]
    if isinstance(record, RatedRecord):
        words += ["--target", record.target]
        words += ["--dimensions", ",".join(record.outputs)] if record.target == "dimensions" else []
    return shell(words)


def key_of(record: ResultRecord | RatedRecord) -> tuple[str, str]:
    """What a part of a card is of: corpus and protocol, both safe in paths and marks."""
    return slug(record.corpus.name), slug(record.protocol_id)


def picture_paths(run: Run | RatedRun, folder: str) -> list[tuple[str, str]]:
    """(file of the run, where the README finds it) of every picture."""
    if isinstance(run, RatedRun):
        files = ["scores.png"]
    else:
        there = {
            "confusion.png": True,
            "calibration.png": run.record.calibration is not None,
            "layers.png": bool(run.record.layers),
            STRESS_SHOWN: run.stress is not None,
        }
        files = [file for file in SHOWN if there.get(file)]
    if not folder:
        return [(file, file) for file in files]
    return [(file, f"{folder}{'-'.join(key_of(run.record))}-{Path(file).name}") for file in files]


def slug(name: Any) -> str:
    """Letters, digits, `_` and `-` only."""
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter == "_") else "-" for letter in str(name)
    )
    if len(kept) > LONGEST_SLUG:  # others may begin as this one does
        digest = hashlib.sha256(str(name).encode("utf-8", "surrogatepass")).hexdigest()[:8]
        kept = f"{kept[: LONGEST_SLUG - 9]}-{digest}"
    return kept or "-"


def short_name(record: ResultRecord | CrossRecord | RatedRecord) -> str:
    """A Hub id or built-in name as it is; of a local folder or file its last part."""
    name = record.encoder.name
    return name if _can_be_had(name) else model_name(name)


def _model_for_others(record: ResultRecord | CrossRecord | RatedRecord) -> str:
    """What `--model` is for someone else: what lay in a folder of ours is in one of theirs."""
    name, short = record.encoder.name, short_name(record)
    return short if _can_be_had(name) or name.partition(":")[0] in OWN else f"/path/to/{short}"


def _can_be_had(name: str) -> bool:
    """Whether others can load a model by its name: from the Hub, or because it is built in."""
    return is_hub_id(name.removesuffix(TRIMMED)) or name.startswith("builtin:")


def is_hub_id(name: str) -> bool:
    """Whether a model name reads `organisation/model`."""
    try:
        check_repo_id(name)
    except PublishError:
        return False
    return True
