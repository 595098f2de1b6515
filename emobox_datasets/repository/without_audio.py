"""A repository without audio, for corpora whose audio may not be passed on, and how it meets the user's own copy.

It holds ids, labels, speakers, folds and a checksum of every utterance's audio. With this package imported and the
repository as the local folder `./emobox/<corpus>`, `load_dataset("emobox/<corpus>", …, data_dir=…)` takes the audio
from the user's copy and holds it against all of these.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq

import emobox_datasets.corpora as corpora
from emobox_datasets.audio_files.audio import flac_checksum
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.loading.builder import features_of
from emobox_datasets.repository import prepared, target
from emobox_datasets.repository.prepared import Prepared
from emobox_datasets.repository.write import Describe, complete, inspect, write_shard

logger = logging.getLogger(__name__)

CHECKSUM = "audio_checksum"
# Seconds. Other versions of decoders and resamplers differ in the last bit, but not in how long the audio is.
SAME_RECORDING = 0.01
# What else a corpus tells, such as what is said, is the corpus's to publish.
_PUBLIC = ("id", "label", "raw_label", "speaker", "gender", "language", "duration", "split")


def metadata_features(corpus: Corpus) -> datasets.Features:
    """The columns of a repository without audio."""
    known = features_of(corpus)
    return datasets.Features(
        {**{name: known[name] for name in _PUBLIC if name in known}, CHECKSUM: datasets.Value("string")}
    )


def without_audio(folder: str | Path, out: str | Path, describe: Describe) -> Prepared:
    """Write to `out` what the prepared repository `folder` holds, but for the audio.

    Raises:
        CorpusError: `folder` is no whole prepared repository, or `out` is something else than one of its corpus.
    """
    folder, out = Path(folder), Path(out).absolute()
    whole = prepared.read(folder)
    if not whole.audio:
        raise CorpusError(
            f"Expected a repository with audio at {folder}, but it has none; publish it as it is."
        )
    prepared.check(folder, whole)
    corpus = corpora.load(whole.corpus)
    with target.locked(out):
        target.check(corpus, out)
        unfinished = target.unfinished_of(out)
        shutil.rmtree(unfinished, ignore_errors=True)
        features = metadata_features(corpus)
        for shard in whole.shards:
            write_shard(unfinished / shard.path, features, _rows(folder / shard.path, features))
        made = Prepared(
            corpus=whole.corpus,
            fingerprint=whole.fingerprint,
            audio=False,
            utterances=whole.utterances,
            configurations=whole.configurations,
            shards=[inspect(unfinished, shard.path, shard.parts).shard for shard in whole.shards],
        )
        complete(unfinished, made, describe)
        target.replace(out, unfinished)
    return made


def _rows(file: Path, features: datasets.Features) -> Iterator[dict[str, Any]]:
    for row in pq.read_table(file).to_pylist():
        row[CHECKSUM] = flac_checksum(row.pop("audio")["bytes"])
        yield {name: row[name] for name in features}


@dataclass(frozen=True)
class Metadata:
    """What a repository without audio says of every utterance, by id; labels are names."""

    folder: Path
    rows: dict[str, dict[str, Any]]
    parts: dict[str, dict[str, str]]

    def check_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Hold rows of the user's copy, as the builder lays them out but with labels by name, against the published.

        Raises:
            CorpusError: an utterance is not published, or its label, speaker or recording is another.
        """
        other_bits = [row["id"] for row in rows if not self._same_audio(row)]
        if other_bits:
            logger.warning(
                f"{len(other_bits)} utterances, first {other_bits[0]}, are as long as those of {self.folder} but not "
                f"the same in every bit; another version of a decoder or resampler made them."
            )

    def check_folds(self, configuration: str, parts: dict[str, list[str]]) -> None:
        """Hold the ids of every part of a fold against the published ones.

        Raises:
            CorpusError: they are others.
        """
        found = {id: part for part, ids in parts.items() for id in ids}
        told = {id: part for id, known in self.parts.items() if (part := known.get(configuration))}
        if moved := sorted(id for id in found.keys() | told.keys() if found.get(id) != told.get(id)):
            raise CorpusError(
                f"Expected {moved[0]} in {told.get(moved[0], 'no part')} of {configuration}, as {self.folder} says, "
                f"but got {found.get(moved[0], 'no part')} ({len(moved)} utterances differ); use the version of EmoBox "
                f"that made the repository, or complete your copy."
            )

    def _same_audio(self, row: dict[str, Any]) -> bool:
        """Whether the audio is the same in every bit; an error where it is another recording altogether."""
        told = self.rows.get(row["id"])
        if told is None:
            raise CorpusError(
                f"Expected the utterances that {self.folder} lists, but got {row['id']}; use the version of EmoBox "
                f"that made it."
            )
        for name, value in told.items():
            if name not in ("duration", CHECKSUM) and row[name] != value:
                raise CorpusError(
                    f"Expected {name} {value!r} for {row['id']}, as {self.folder} says, but got {row[name]!r}; use the "
                    f"version of EmoBox that made the repository, or the corpus as it was published."
                )
        if abs(row["duration"] - told["duration"]) > SAME_RECORDING:
            raise CorpusError(
                f"Expected {told['duration']:.3f} s of audio for {row['id']}, as {self.folder} says, but got "
                f"{row['duration']:.3f} s; replace the file with the original."
            )
        return flac_checksum(row["audio"]["bytes"]) == str(told[CHECKSUM])


def read_metadata(folder: str | Path, corpus: Corpus) -> Metadata:
    """What the repository without audio at `folder` holds.

    Raises:
        CorpusError: it is no whole repository without audio, or one of another corpus.
    """
    folder = Path(folder)
    made = prepared.read(folder)
    if made.audio or made.corpus != corpus.name:
        raise CorpusError(
            f"Expected a repository of {corpus.name} without audio at {folder}, but got one of {made.corpus} "
            f"{'with' if made.audio else 'without'} audio; remove the folder, or load it as it is."
        )
    prepared.check(folder, made)
    rows, parts = {}, {}
    for shard in made.shards:
        table = pq.read_table(folder / shard.path)
        names = datasets.Features.from_arrow_schema(table.schema)["label"].names
        for row in table.to_pylist():
            rows[row["id"]] = {**row, "label": names[row["label"]]}
            parts[row["id"]] = shard.parts
    return Metadata(folder, rows, parts)
