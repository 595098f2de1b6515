"""What two corpora share: recordings, and names of speakers."""

from pathlib import Path

import datasets
import numpy as np
import soundfile

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import to_flac
from emobox_datasets.loading.builder import StoredItem
from emobox_probe.tasks.overlap import audio_checksums, overlaps
from emobox_probe.tasks.pool import Pool


def waveform(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 0.1, 800).astype(np.float32)


def stored(*numbers: int) -> datasets.Dataset:
    audio = [{"bytes": to_flac(waveform(number)), "path": f"{number}.flac"} for number in numbers]
    return datasets.Dataset.from_dict({"audio": audio}).cast_column("audio", datasets.Audio(decode=False))


def pool_of(**parts: tuple[datasets.Dataset, list[str | None]]) -> Pool:
    pool = Pool(("Angry", "Sad"))
    for name, (audio, speakers) in parts.items():
        pool.corpora[name] = corpora.load(name)
        pool.audio[name] = audio
        pool.items[name] = [StoredItem(f"{name}-{s}", "Sad", s, None) for s in speakers]
    return pool


def test_recordings_in_both_are_counted() -> None:
    pool = pool_of(
        emodb=(stored(1, 2, 3, 4), ["a"]), urdu=(stored(3, 9, 4, 10), ["b"]), savee=(stored(10, 11), [None])
    )
    assert overlaps(pool) == {
        frozenset(("emodb", "urdu")): ["2 recordings are in both emodb and urdu, sample by sample."],
        frozenset(("urdu", "savee")): ["1 recording is in both urdu and savee, sample by sample."],
    }


def test_how_the_samples_are_packed_does_not_matter(tmp_path: Path) -> None:
    soundfile.write(
        tmp_path / "a.flac", np.round(waveform(3) * 32768).astype(np.int16), 16_000, compression_level=0.0
    )
    packed = (tmp_path / "a.flac").read_bytes()
    samples, _ = soundfile.read(tmp_path / "a.flac", dtype="float32")
    assert packed != to_flac(samples)
    two = [
        datasets.Dataset.from_dict({"audio": [{"bytes": content, "path": "a.flac"}]}).cast_column(
            "audio", datasets.Audio(decode=False)
        )
        for content in (packed, to_flac(samples))
    ]
    assert audio_checksums(two[0]) == audio_checksums(two[1])


def test_speakers_of_one_name_are_told() -> None:
    names = [str(number) for number in range(1, 9)]
    pool = pool_of(
        emodb=(stored(1), [*names, None]), urdu=(stored(2), ["x", "2", None]), savee=(stored(3), names)
    )
    told = overlaps(pool)
    assert told[frozenset(("emodb", "urdu"))] == [
        "emodb and urdu have speakers of the same name (2); they may be different people."
    ]
    assert told[frozenset(("emodb", "savee"))] == [
        "emodb and savee have speakers of the same name (1, 2, 3, 4, 5 and 3 more); they may be different people."
    ]


def test_nothing_is_shared_by_speakers_that_are_not_known() -> None:
    assert overlaps(pool_of(emodb=(stored(1), [None]), urdu=(stored(2), [None]))) == {}
