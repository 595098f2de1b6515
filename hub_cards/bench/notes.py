"""What is known of the features of one model on one corpus: which weights, which data, where they are.

    <features>/notes/<key>.json

The key hashes what can be told without loading anything (the version of the model, the files of the corpus, the
settings), and the note what loading them gave: the hash of the weights and the fingerprint of the corpus. So a plan
can be held against records without loading a model, and a changed file of either makes another key. A key that two
machines see differently costs a look, which loads both, never a wrong answer.
"""

import hashlib
import json
from pathlib import Path

import emobox_datasets.corpora as corpora
from emobox_datasets.loading.row_version import source_hash
from emobox_datasets.sources.location import candidate_root
from emobox_probe.encoders.facts import EncoderFacts
from emobox_probe.features.shards import write_whole
from emobox_probe.features.store import FORMAT
from emobox_probe.records.record import Record
from emobox_probe.records.result import CorpusRecord
from hub_cards.bench.models import ModelHere
from hub_cards.bench.plan import Learned, Place


class Note(Record):
    """What extraction found and left.

    `store` is the key of the feature store below the features folder, `size` its bytes. `made_for` is the output
    folder of the benchmark that made it, and may remove it; None if it was there before. `ratings_sha256` is of what
    raters said, where heads learn that.
    """

    facts: EncoderFacts
    corpus: CorpusRecord
    store: str
    size: int
    made_for: str | None
    times_real_time: float
    hardware: str
    ratings_sha256: str | None = None


def corpus_stamp(place: Place) -> str:
    """Changes with the files of the copy, and with the code that reads them."""
    card = corpora.load(place.name)
    return f"{place.name} {source_hash(card, candidate_root(card, place.path))} {place.allow_missing}"


def note_key(here: ModelHere, corpus: str, layers: str, store_dtype: str, learned: Learned) -> str:
    """The key of a note, from the stamp of the corpus, what is known of the model, and what heads learn."""
    facts = {
        "format": FORMAT,
        "model": here.stamp,
        "trimmed": here.model.name,
        "trust_remote_code": here.model.trust_remote_code,
        "dtype": here.model.dtype,
        "matrix_products": "float32",  # notes without it may be on features of TF32
        "corpus": corpus,
        "layers": layers,
        "store_dtype": store_dtype,
    }
    if learned.target != "label":
        facts["raters"] = [learned.target, *learned.dimensions]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def read_note(path: Path) -> Note | None:
    """A note; None if there is none, or it is of another version."""
    try:
        return Note.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def note_path(features: Path, key: str) -> Path:
    """Where a note is."""
    return features / "notes" / f"{key}.json"


def write_note(features: Path, key: str, note: Note) -> None:
    """Write a note whole."""
    path = note_path(features, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (note.model_dump_json(indent=2) + "\n").encode())


def is_stored(features: Path, note: Note) -> bool:
    """Whether the features are on disk, complete."""
    return is_complete(features, note.store)


def is_complete(features: Path, store: str) -> bool:
    """Whether a feature store below the features folder is complete."""
    return (features / store / "index.parquet").is_file()
