"""What is shipped of every utterance of the release, against the release."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emobox_datasets import corpora
from emobox_datasets.corpus import RELEASED
from emobox_datasets.released.utterances import ReleasedUtterance, released_utterances, write

FILES = sorted(RELEASED.glob("*/utterances.parquet"))
# Of MSP-Podcast the training part was not published, and the demo corpus is no part of the release.
PARTLY = {"msp_podcast": 23_126, "demo": 0}


def test_the_shipped_files_are_the_release(released: pd.DataFrame) -> None:
    assert {file.parent.name for file in FILES} == set(released.corpus)
    for name, rows in released.groupby("corpus"):
        shipped = released_utterances(str(name))
        rows = rows.set_index("id").loc[list(shipped)]
        assert len(rows) == len(shipped) == rows.index.nunique()
        assert [u.label for u in shipped.values()] == list(rows.label)
        speakers = rows.speaker.astype(object).where(rows.speaker.notna(), None)
        assert [u.speaker for u in shipped.values()] == list(speakers)
        assert [u.sampling_rate for u in shipped.values()] == list(rows.sample_rate)
        np.testing.assert_allclose([u.seconds for u in shipped.values()], rows.length, rtol=0, atol=1e-9)


def test_every_utterance_of_the_benchmark_is_shipped_in_less_than_a_megabyte() -> None:
    for name in corpora.names():
        assert len(released_utterances(name)) == PARTLY.get(name, corpora.load(name).utterances), name
    assert sum(file.stat().st_size for file in FILES) < 1_000_000


@pytest.mark.parametrize("name", [n for n in corpora.names() if corpora.load(n).listed_ids])
def test_the_ids_are_those_of_the_lists(name: str) -> None:
    assert released_utterances(name).keys() == corpora.load(name).listed_ids


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame(
        {
            "corpus": ["b", "a", "a"],
            "id": ["b-1", "a-réa", "a-2"],
            "label": ["Sad", "Happy", "Angry"],
            "speaker": ["x", None, "y"],
            "length": [1.0, 96_001 / 48_000, 3 / 44_100],
            "sample_rate": [16_000, 48_000, 44_100],
        }
    )
    write(rows, tmp_path)
    monkeypatch.setattr("emobox_datasets.released.utterances.RELEASED", tmp_path)
    assert released_utterances("a") == {
        "a-2": ReleasedUtterance("Angry", "y", 3, 44_100),
        "a-réa": ReleasedUtterance("Happy", None, 96_001, 48_000),
    }
    assert released_utterances("b") == {"b-1": ReleasedUtterance("Sad", "x", 16_000, 16_000)}
