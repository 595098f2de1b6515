"""What two corpora share, so that a cross-corpus score can be read for what it is."""

import hashlib
from itertools import combinations

import datasets

from emobox_probe.cross_tasks import Pool

# Utterances whose bytes are in memory at a time.
BATCH = 64


def overlaps(pool: Pool) -> dict[frozenset[str], list[str]]:
    """For every two corpora of the pool that share audio or names of speakers, in words.

    Audio is compared sample by sample, as it is stored: another cut or another volume is not found.
    """
    contents = {name: audio_hashes(whole) for name, whole in pool.audio.items()}
    speakers = {
        name: {item.speaker for item in items if item.speaker is not None}
        for name, items in pool.items.items()
    }
    found: dict[frozenset[str], list[str]] = {}
    for one, two in combinations(pool.audio, 2):
        told = []
        if same := contents[one] & contents[two]:
            told.append(f"{len(same)} recordings are in both {one} and {two}, sample by sample.")
        if names := sorted(speakers[one] & speakers[two]):
            told.append(
                f"{one} and {two} have speakers of the same name ({', '.join(names[:5])}); they may be others."
            )
        if told:
            found[frozenset((one, two))] = told
    return found


def audio_hashes(whole: datasets.Dataset) -> set[str]:
    """SHA-256 of the stored audio of every utterance."""
    return {
        hashlib.sha256(entry["bytes"]).hexdigest()
        for batch in whole.select_columns(["audio"]).iter(BATCH)
        for entry in batch["audio"]
    }
