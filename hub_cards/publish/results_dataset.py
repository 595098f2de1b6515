"""A dataset of results on the Hub: records as JSON, predictions as Parquet, one folder a model revision.

    intra/<model>/<revision>/<corpus>/<protocol>/result.json, predictions.parquet
    intra/<model>/<revision>/<corpus>/<protocol>/stress/stress.json, predictions.parquet
    cross/<model>/<revision>/<protocol>/cross.json, predictions.parquet

Revision is the commit of the model on the Hub, else the hash of its weights.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.encoders.names import TRIMMED, recorded_name
from emobox_probe.records.cross_result import CROSS_FILE, CrossRecord
from emobox_probe.records.predictions import PREDICTIONS_FILE
from emobox_probe.records.result import RESULT_FILE, ResultRecord
from emobox_probe.records.shown import ShownRecord
from emobox_probe.records.stress_record import STRESS_FOLDER, StressRecord
from hub_cards.cards.markdown import render, shell
from hub_cards.cards.parts import command, is_hub_id, slug
from hub_cards.hub.one_commit import PublishError
from hub_cards.hub.pull_request import Snapshot
from hub_cards.runs.find_and_check import AnyRun, RatedRun, Run, corpora_of

# So many records of a corpus are looked at for its version; the first that can be read tells it.
LOOKED_AT = 5
_RECORD = re.compile(r"intra/[^/]+/[^/]+/([^/]+)/[^/]+/" + re.escape(RESULT_FILE))
_CROSS_RECORD = re.compile(r"cross/[^/]+/[^/]+/[^/]+/" + re.escape(CROSS_FILE))


def folder_of(record: ResultRecord | CrossRecord, model: str) -> str:
    """Where a record of this model (its Hub id) is in the dataset."""
    protocol = slug(record.protocol["name"])
    if isinstance(record, CrossRecord):
        return f"cross/{model_folder(record.encoder, model)}/{protocol}"
    return f"intra/{model_folder(record.encoder, model)}/{record.corpus.name}/{protocol}"


def model_folder(encoder: EncoderFacts, model: str) -> str:
    """The part of a record's folder that names a model (its Hub id) and its revision or weights."""
    name = model.replace("/", "--") + ("--trimmed" if encoder.name.endswith(TRIMMED) else "")
    if re.fullmatch(r"[0-9a-f]{40}", encoder.revision or ""):
        return f"{name}/{encoder.revision}"
    weights = encoder.weights_sha256 or ""
    return f"{name}/weights-{weights[:16] if re.fullmatch('[0-9a-f]{64}', weights) else 'none'}"


def files_of(runs: Sequence[AnyRun], model: str) -> dict[str, bytes]:
    """Path in the dataset to content, of every record, the stress test in its folder, and their predictions.

    Raises:
        PublishError: a run or its stress test has no predictions.
    """
    files: dict[str, bytes] = {}
    for run in runs:
        assert not isinstance(run, RatedRun)  # which no one has let through
        folder = folder_of(run.record, model)
        files |= _with_predictions(run.record, run.folder, folder, model, "run the probe again")
        if isinstance(run, Run) and run.stress:
            place, again = run.folder / STRESS_FOLDER, "run `emobox stress` again, with --overwrite"
            files |= _with_predictions(run.stress, place, f"{folder}/{STRESS_FOLDER}", model, again)
    return files


def record_path(folder: Path, record: ResultRecord | CrossRecord) -> str | None:
    """Where the record in a folder is in the dataset, as far as the folder is one of a copy of it."""
    parts = folder.absolute().parts
    if isinstance(record, CrossRecord):
        below = "/".join([*parts[-4:], CROSS_FILE])
        return below if _CROSS_RECORD.fullmatch(below) else None
    below = "/".join([*parts[-5:], RESULT_FILE])
    known = _RECORD.fullmatch(below)
    return below if known and known[1] == record.corpus.name else None


def outdated(paths: Iterable[str], files: Mapping[str, bytes]) -> list[str]:
    """Of the paths in the dataset, those of stress tests that runs among `files` have no more."""
    tested = {path.removesuffix(RESULT_FILE) + STRESS_FOLDER for path in files if _RECORD.fullmatch(path)}
    return [path for path in paths if path not in files and path.rpartition("/")[0] in tested]


def _with_predictions(
    record: ShownRecord, place: Path, folder: str, model: str, again: str
) -> dict[str, bytes]:
    predictions = place / PREDICTIONS_FILE
    if not predictions.is_file():
        raise PublishError(f"Expected predictions at {predictions}, but there are none; {again}.")
    shown = (public(record, model).model_dump_json(indent=2) + "\n").encode()
    return {f"{folder}/{record.FILE}": shown, f"{folder}/{PREDICTIONS_FILE}": predictions.read_bytes()}


def public(record: Any, model: str) -> Any:
    """A record as others may see it: with the Hub id in place of a local folder, and no paths of this machine."""
    encoder = record.encoder
    if not is_hub_id(encoder.name.removesuffix(TRIMMED)) and not encoder.name.startswith("builtin:"):
        name = model + (TRIMMED if encoder.name.endswith(TRIMMED) else "")
        encoder = encoder.model_copy(update={"name": name})
    if encoder.own is not None:  # of which older records have the whole path
        own = encoder.own.model_copy(update={"import_path": recorded_name(encoder.own.import_path)})
        encoder = encoder.model_copy(update={"own": own})
    shown = record.model_copy(update={"encoder": encoder})
    if isinstance(record, ResultRecord):
        words = command(shown)
    elif isinstance(record, StressRecord):
        words = shell(["emobox", "stress", "RUN", "--model", encoder.name])
    else:
        words = shell(["emobox", "cross", "--model", encoder.name])
    settings = record.provenance.settings and {**record.provenance.settings, "model": encoder.name}
    provenance = record.provenance.model_copy(update={"command": words, "settings": settings})
    return shown.model_copy(update={"provenance": provenance})


def public_run(run: Run, model: str) -> Run:
    """A run, and the stress test in it, as others may see them."""
    return Run(run.folder, public(run.record, model), run.stress and public(run.stress, model))


def card() -> bytes:
    """The README of a new dataset of results."""
    return (render("results_dataset_card.md") + "\n").encode()


def check_versions(snapshot: Snapshot, runs: Sequence[AnyRun]) -> None:
    """Let in only scores on the version of each corpus that the dataset has scores on already.

    Raises:
        PublishError: it has scores on another version.
    """
    for corpus in {corpus.name: corpus for run in runs for corpus in corpora_of(run.record)}.values():
        known = _known_fingerprint(snapshot, corpus.name)
        if known and known != corpus.fingerprint:
            raise PublishError(
                f"Expected scores on the version of {corpus.name} that {snapshot.destination.repo_id} has scores on "
                f"(fingerprint {known[:12]}), but the runs are on another (fingerprint {corpus.fingerprint[:12]}); get "
                f"that version (emobox doctor {corpus.name}) and run the probe again, or choose another --results-repo."
            )


def _known_fingerprint(snapshot: Snapshot, corpus: str) -> str | None:
    paths = [
        path
        for path in sorted(snapshot.remote.paths)
        if (found := _RECORD.fullmatch(path)) and found[1] == corpus
    ]
    for path in paths[:LOOKED_AT]:
        try:
            return str(json.loads(snapshot.read(path) or b"")["corpus"]["fingerprint"])
        except (ValueError, KeyError, TypeError):
            continue
    return None
