"""EMO-SUPERB's shares of CREMA-D: read as they are, where the publisher's counts are not there."""

import logging
from pathlib import Path

import pytest
from publishers import touch

from emobox_datasets import corpora
from emobox_datasets.errors import CorpusError
from emobox_datasets.loading.builder import features_of

CREMA_D = corpora.load("crema_d")
CLIPS = ("1001_IEO_ANG_HI", "1001_IEO_SAD_LO", "1002_DFA_NEU_XX")
# Made up, in the format of the file: 9, 10 and 8 raters, each share smoothed to 0.01 + 0.94 of it.
SHARES = """FileName,angry,sad,disgust,fear,neutral,happy,SpkrID,Gender,Split_Set
1001_IEO_ANG_HI.wav,0.427778,0.01,0.01,0.114444,0.427778,0.01,1001,Male,Test
1001_IEO_SAD_LO.wav,0.01,0.104,0.01,0.01,0.668,0.198,1001,Male,Test
1002_DFA_NEU_XX.wav,0.01,0.01,0.01,0.01,0.95,0.01,1002,Female,Train
"""
TABULATED = """"","A","D","F","H","N","S","fileName","numResponses"
"100001",4,0,1,0,4,0,"1001_IEO_ANG_HI",9
"100002",0,1,0,0,6,2,"1001_IEO_SAD_LO",9
"100003",0,0,0,0,9,0,"1002_DFA_NEU_XX",9
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Three clips of CREMA-D with EMO-SUPERB's file, and no table of the publisher's."""
    touch(tmp_path, [f"AudioWAV/{clip}.wav" for clip in CLIPS])
    (tmp_path / "labels_consensus_1.csv").write_text(SHARES, encoding="utf-8")
    return tmp_path


def test_shares_are_votes_as_they_are_and_no_raters_are_counted(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        angry, sad, neutral = CREMA_D.scan(copy, allow_missing=True)
    assert angry.annotations["votes"] == {
        "Angry": 0.427778,
        "Disgust": 0.01,
        "Fear": 0.114444,
        "Happy": 0.01,
        "Neutral": 0.427778,
        "Sad": 0.01,
    }
    assert (sad.annotations["votes"]["Happy"], neutral.annotations["votes"]["Neutral"]) == (0.198, 0.95)
    assert set(angry.annotations) == {"votes"}
    assert "smoothed shares, from labels_consensus_1.csv: how many raters there were" in caplog.text
    # Stored without loss, and other columns of votes remain counts.
    features = features_of(CREMA_D)
    stored = features["votes"], features["votes_seen"]
    assert [{value.dtype for value in column.values()} for column in stored] == [{"float64"}, {"int32"}]


def test_the_publishers_counts_win_and_that_is_said(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    (copy / "tabulatedVotes.csv").write_text(TABULATED, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        angry, *_ = CREMA_D.scan(copy, allow_missing=True)
    assert (angry.annotations["votes"]["Angry"], angry.annotations["raters"]) == (4, 9)
    assert "labels_consensus_1.csv is not read, as the publisher's tabulatedVotes.csv is there" in caplog.text
    assert "smoothed" not in caplog.text


def test_a_file_that_joins_partly_says_how_many_it_lacks(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = "".join(line for line in SHARES.splitlines(keepends=True) if "SAD" not in line)
    (copy / "labels_consensus_1.csv").write_text(short, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        utterances = CREMA_D.scan(copy, allow_missing=True)
    assert ["votes" in utterance.annotations for utterance in utterances] == [True, False, True]
    assert "of CREMA-D lacks 1 of 3 ids, first 1001-IEO-SAD-LO" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",happy,", ",joy,", r"Expected column happy in .*labels_consensus_1.csv, line 1"),
        ("0.95", "0.85", r"Expected shares of at least 0 that sum to 1 in .*line 4, but got 0.01, 0.01"),
        (
            "0.01,0.104,",
            "-0.01,0.124,",
            r"Expected shares of at least 0 that sum to 1 in .*line 3, but got -0.01",
        ),
        ("0.95", "nan", r"Expected shares of at least 0 that sum to 1 in .*line 4"),
        ("0.95", "all", r"Expected a number in column neutral of .*line 4, but got 'all'"),
        (
            "1001_IEO_SAD_LO",
            "1001_IEO_ANG_HI",
            r"Expected one row for 1001_IEO_ANG_HI.wav in .*lines 2 and 3",
        ),
        ("100", "300", r"but got 3 rows and none for 1001-IEO-ANG-HI"),
    ],
)
def test_files_that_are_not_as_published(copy: Path, old: str, new: str, message: str) -> None:
    (copy / "labels_consensus_1.csv").write_text(SHARES.replace(old, new), encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        CREMA_D.scan(copy, allow_missing=True)
