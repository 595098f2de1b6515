"""Who may babble behind an utterance."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from emobox_probe.trust.voices import TooFewVoicesError, voices_for

SPEAKERS = [f"s{row % 6}" for row in range(60)]


def pool(speakers: list[str | None]) -> Any:
    items = [SimpleNamespace(id=f"u{row:02}") for row in range(len(speakers))]
    return SimpleNamespace(all_items=items, speakers=speakers)


def predictions_of(speakers: list[str | None]) -> pd.DataFrame:
    """Two folds of two speakers each, with two seeds."""
    fold_of = {"s0": "fold1", "s1": "fold1", "s2": "fold2", "s3": "fold2"}
    rows = [
        {"id": f"u{row:02}", "fold": fold_of[str(speaker)], "seed": seed}
        for row, speaker in enumerate(speakers)
        if speaker in fold_of
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_voices_are_other_speakers_of_no_test_fold_of_the_utterance() -> None:
    silent = [row == 4 for row in range(60)]
    chosen = voices_for(predictions_of(SPEAKERS), pool(SPEAKERS), silent, 4)
    assert len(chosen) == 40
    for id, rows in chosen.items():
        heard = {SPEAKERS[row] for row in rows}
        assert len(heard) == 4
        fold = {"s0", "s1"} if SPEAKERS[int(id[1:])] in ("s0", "s1") else {"s2", "s3"}
        assert not heard & fold
        assert 4 not in rows
    assert len({tuple(rows) for rows in chosen.values()}) > 20  # not the same behind all


def test_the_choice_is_that_of_the_id() -> None:
    silent = [False] * 60
    again = voices_for(predictions_of(SPEAKERS), pool(SPEAKERS), silent, 4)
    assert voices_for(predictions_of(SPEAKERS).sample(frac=1), pool(SPEAKERS), silent, 4) == again


def test_an_utterance_that_two_folds_test_has_the_speakers_of_neither() -> None:
    twice = pd.concat([predictions_of(SPEAKERS), pd.DataFrame([{"id": "u00", "fold": "fold2", "seed": 0}])])
    with pytest.raises(TooFewVoicesError, match=r"4 speakers are needed.* u00 has 2"):
        voices_for(twice, pool(SPEAKERS), [False] * 60, 4)


def test_unknown_speakers_may_be_anyone() -> None:
    unknown = [*SPEAKERS, None]
    table = pd.concat([predictions_of(SPEAKERS), pd.DataFrame([{"id": "u60", "fold": "fold1", "seed": 0}])])
    with pytest.raises(TooFewVoicesError, match="who speaks is not known"):
        voices_for(table, pool(unknown), [False] * 61, 4)
    # Where it is not tested, it is merely no voice.
    chosen = voices_for(predictions_of(SPEAKERS), pool(unknown), [False] * 61, 4)
    assert all(60 not in rows for rows in chosen.values())
