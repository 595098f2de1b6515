"""What two corpora share, so that a cross-corpus score can be read for what it is."""

from itertools import combinations

import datasets

from emobox_datasets.audio_files.audio import flac_checksum
from emobox_probe.tasks.pool import Pool

# Utterances whose bytes are in memory at a time.
BATCH = 64
# Names that a sentence shows.
SHOWN = 5


def overlaps(pool: Pool) -> dict[frozenset[str], list[str]]:
    """For every two corpora of the pool that share audio or names of speakers, in words.

    Whole corpora are compared, whatever of them is trained on or tested. Audio is compared sample by sample, at 16
    kHz: another cut or another volume is not found.
    """
    contents = {name: audio_checksums(whole) for name, whole in pool.audio.items()}
    speakers = {
        name: {item.speaker for item in items if item.speaker is not None}
        for name, items in pool.items.items()
    }
    found: dict[frozenset[str], list[str]] = {}
    for one, two in combinations(pool.audio, 2):
        told = []
        if same := contents[one] & contents[two]:
            are = "recording is" if len(same) == 1 else "recordings are"
            told.append(f"{len(same)} {are} in both {one} and {two}, sample by sample.")
        if names := sorted(speakers[one] & speakers[two]):
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            told.append(
                f"{one} and {two} have speakers of the same name ({', '.join(names[:SHOWN])}{more}); they may be "
                f"different people."
            )
        if told:
            found[frozenset((one, two))] = told
    return found


def audio_checksums(whole: datasets.Dataset) -> set[str]:
    """Of the samples of every utterance, as FLAC files carry them."""
    return {
        flac_checksum(entry["bytes"])
        for batch in whole.select_columns(["audio"]).iter(BATCH)
        for entry in batch["audio"]
    }
