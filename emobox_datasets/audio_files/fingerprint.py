"""What a stored corpus consists of, in one hash: equal fingerprints, equal ids, labels, speakers and samples."""

import hashlib
from collections.abc import Iterable
from typing import Any

import datasets

from emobox_datasets.audio_files.audio import flac_checksum
from emobox_datasets.loading.integrity import audio_checksums, check_audio


def fingerprint(whole: datasets.Dataset) -> str:
    """The fingerprint of configuration `all`: 64 hexadecimal digits.

    Raises:
        AudioError: the audio of an utterance is not what was stored; names it.
    """
    label = whole.features["label"]
    stored = whole.cast_column("audio", datasets.Audio(decode=False))
    checksums = audio_checksums(stored)

    def checksum(row: dict[str, Any]) -> str:
        check_audio(row["id"], row["audio"]["bytes"], checksums)
        return flac_checksum(row["audio"]["bytes"])

    return fingerprint_of(
        (row["id"], label.int2str(row["label"]), row["speaker"], checksum(row)) for row in stored
    )


def fingerprint_of(rows: Iterable[tuple[str, str, str | None, str]]) -> str:
    """The fingerprint of utterances told as (id, label, speaker, checksum of the 16 kHz samples).

    It hashes them in the order of the ids, so it depends on neither paths nor dates nor how FLAC was compressed.
    """
    lines = ["\t".join((id, label, speaker or "", checksum)) for id, label, speaker, checksum in rows]
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
