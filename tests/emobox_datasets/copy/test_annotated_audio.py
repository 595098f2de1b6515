"""From the publisher's files to stored rows: spans of a long FLAC, surround and stereo films, an own split."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from datasets import load_dataset
from publishers import lay_out, released

from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import SAMPLING_RATE
from emobox_datasets.doctor import doctor

RATE = 44_100


@pytest.fixture
def pavoque(tmp_path: Path) -> Path:
    """The first half minute of two recordings; each second sounds at a pitch of its own."""
    rows = released("pavoque")
    rows = rows[rows.path.str.contains("poker|sad") & (rows.end < 30)]
    root = lay_out(tmp_path / "pavoque", "pavoque", rows)
    time = np.arange(RATE * 30) / RATE
    tone = 0.5 * np.sin(2 * np.pi * (200 + 100 * np.floor(time)) * time)
    for file in root.rglob("pavoque-*.flac"):
        soundfile.write(file, tone, RATE)
    for recording in ("angry", "happy", "neutral", "outtakes"):
        (root / f"pavoque (copy)/pavoque-{recording}.yaml").write_text("[]\n")
    return root


def test_spans_are_stored_one_by_one(pavoque: Path) -> None:
    rows = load_dataset(
        "emobox/pavoque", "all", split="train", data_dir=str(pavoque), allow_missing=True, num_proc=2
    )
    spans = {u.id: u for u in corpora.load("pavoque").find(pavoque).utterances}
    assert len(rows) == len(spans) > 5
    for row in rows:
        start, end = spans[row["id"]].start, spans[row["id"]].end
        assert row["duration"] == pytest.approx(end - start, abs=2 / SAMPLING_RATE)
        second = round(end) - 1  # the last whole second of the span
        sound = row["audio"]["array"][round((second - 0.5 - start) * SAMPLING_RATE) :][: SAMPLING_RATE // 4]
        loudest = np.abs(np.fft.rfft(sound)).argmax() * SAMPLING_RATE / len(sound)
        assert loudest == pytest.approx(200 + 100 * (second - 1), abs=8)


def test_the_doctor_hears_spans_and_misses_what_is_not_there(pavoque: Path) -> None:
    diagnosis = doctor.examine(corpora.load("pavoque"), pavoque)
    assert not diagnosis.healthy
    assert [o.kind for o in diagnosis.observations if o.harmful] == ["incomplete"]
    assert diagnosis.figures["sampling_rates"] == {RATE: diagnosis.figures["utterances"]["found"]}


def test_films_are_heard_in_the_channel_that_the_release_names(tmp_path: Path) -> None:
    rows = released("meld").groupby(["split", "channel"]).head(2)
    root = lay_out(tmp_path / "meld", "meld", rows)
    channels = {row.path: 2 if row.channel == 1 else 6 for row in rows.itertuples()}
    time = np.arange(48_000) / 48_000
    for path, count in channels.items():
        # One pitch a channel: 500 Hz in the first, 1000 Hz in the second …
        sound = np.stack([0.3 * np.sin(2 * np.pi * 500 * (k + 1) * time) for k in range(count)], axis=1)
        with (root / "meld (copy)" / path).open("wb") as file:
            soundfile.write(file, sound, 48_000, format="WAV")  # FFmpeg looks at the content, not at the name
    parts = load_dataset("emobox/meld", "fold1", data_dir=str(root), allow_missing=True)
    assert {part: len(stored) for part, stored in parts.items()} == {"train": 4, "validation": 4, "test": 4}
    expected = dict(zip(rows.id, rows.channel, strict=True))
    for stored in parts.values():
        for row in stored:
            spectrum = np.abs(np.fft.rfft(row["audio"]["array"]))
            assert spectrum.argmax() == pytest.approx(500 * expected[row["id"]], abs=5)
            assert row["text"]
