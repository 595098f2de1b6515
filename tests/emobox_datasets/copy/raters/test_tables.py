"""Optional tables fill their columns and nothing else; what they lack is said, what is wrong with them refused."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from publishers import touch

from emobox_datasets import corpora
from emobox_datasets.copy.raters.crema_d import VOTES_TABLE
from emobox_datasets.corpus import Corpus
from emobox_datasets.errors import CorpusError
from emobox_datasets.loading.builder import features_of, row_of
from emobox_datasets.loading.row_version import source_hash
from emobox_datasets.sources.source import Source

CREMA_D = corpora.load("crema_d")
CLIPS = ("1001_IEO_ANG_HI", "1001_IEO_SAD_LO", "1002_DFA_NEU_XX")
HEADER = '"","A","D","F","H","N","S","fileName","numResponses"'
# Heard, seen, and both; the first clip's votes tie where it was heard.
TABULATED = f"""{HEADER}
"100001",4,0,1,0,4,0,"1001_IEO_ANG_HI",9
"100002",0,1,0,0,6,2,"1001_IEO_SAD_LO",9
"100003",0,0,0,0,9,0,"1002_DFA_NEU_XX",9
"200001",8,1,0,0,0,0,"1001_IEO_ANG_HI",9
"200002",0,0,0,0,1,8,"1001_IEO_SAD_LO",9
"200003",0,0,0,3,6,0,"1002_DFA_NEU_XX",9
"300001",9,0,0,0,0,0,"1001_IEO_ANG_HI",9
"300002",0,0,0,0,0,9,"1001_IEO_SAD_LO",9
"300003",0,0,0,1,8,0,"1002_DFA_NEU_XX",9
"""
SPEAKERS = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1002,21,"Female","Caucasian","Not Hispanic"
"""
RESPONSES = """"","localid","queryType","clipName","sessionNums","respEmo","respLevel","dispEmo"
"1","a",1,"1001_IEO_ANG_HI",1,"A",60,"A"
"2","b",1,"1001_IEO_ANG_HI",1,"N",40,"A"
"3","c",2,"1001_IEO_ANG_HI",1,"A",80,"A"
"4","d",1,"1001_IEO_ANG_HI",2,"A",55,"A"
"5","e",1,"1001_IEO_SAD_LO",2,"S",55,"S"
"6","e",3,"1002_DFA_NEU_XX",2,"N",55,"N"
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Three clips of CREMA-D, without a table."""
    touch(tmp_path, [f"AudioWAV/{clip}.wav" for clip in CLIPS])
    return tmp_path


def write(root: Path, **tables: str) -> None:
    for name, text in tables.items():
        file = root / "processedResults" / f"{name}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")


def test_votes_and_speakers_become_columns(copy: Path) -> None:
    write(copy, tabulatedVotes=TABULATED, VideoDemographics=SPEAKERS, finishedResponses=RESPONSES)
    angry, _, neutral = CREMA_D.scan(copy, allow_missing=True)
    none = dict.fromkeys(("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad"), 0)
    assert angry.annotations["votes"] == none | {"Angry": 4, "Fear": 1, "Neutral": 4}
    assert angry.annotations["votes_seen"] == none | {"Angry": 8, "Disgust": 1}
    assert neutral.annotations["votes_both"] == none | {"Happy": 1, "Neutral": 8}
    assert (angry.annotations["raters"], angry.annotations["age"], angry.annotations["sex"]) == (
        9,
        51,
        "Male",
    )
    assert neutral.annotations["age"] == 21


def test_votes_are_counted_where_the_copy_has_answers_only(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(copy, finishedResponses=RESPONSES)
    angry, sad, neutral = CREMA_D.scan(copy, allow_missing=True)
    assert {label: n for label, n in angry.annotations["votes"].items() if n} == {"Angry": 2, "Neutral": 1}
    assert (angry.annotations["raters"], angry.annotations["votes_seen"]["Angry"]) == (3, 1)
    assert (sad.annotations["raters"], "votes_seen" in sad.annotations) == (1, False)
    assert (neutral.annotations["raters"], neutral.annotations["votes_both"]["Neutral"]) == (0, 1)


def test_without_tables_nothing_else_changes(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        without = CREMA_D.scan(copy, allow_missing=True)
    assert (
        "CREMA-D is without tabulatedVotes.csv or finishedResponses.csv or labels_consensus_1.csv: nothing is in "
        "votes" in caplog.text
    )
    assert "CREMA-D is without VideoDemographics.csv: nothing is in age, sex, race, ethnicity" in caplog.text
    write(copy, tabulatedVotes=TABULATED, VideoDemographics=SPEAKERS)
    whole = CREMA_D.scan(copy, allow_missing=True)
    assert [replace(utterance, annotations={}) for utterance in whole] == without


def test_rows_have_the_columns_with_tables_and_without(light_root: Path, copy: Path) -> None:
    write(copy, tabulatedVotes=TABULATED, VideoDemographics=SPEAKERS)
    features = features_of(CREMA_D)
    assert list(features)[-8:] == [
        "votes",
        "votes_seen",
        "votes_both",
        "raters",
        "age",
        "sex",
        "race",
        "ethnicity",
    ]
    assert features["intended"].dtype == "string"
    assert list(features["votes"]) == list(VOTES_TABLE.voted)


def test_a_table_that_joins_partly_says_how_many_it_lacks(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = "\n".join(line for line in TABULATED.splitlines() if "SAD" not in line)
    write(copy, tabulatedVotes=short, VideoDemographics=SPEAKERS.replace("1002", "1003"))
    with caplog.at_level(logging.WARNING):
        utterances = CREMA_D.scan(copy, allow_missing=True)
    assert "of CREMA-D lacks 1 of 3 ids, first 1001-IEO-SAD-LO: nothing is in their votes" in caplog.text
    assert "VideoDemographics.csv of CREMA-D lacks 1 of 2 speakers, first 1002" in caplog.text
    assert "votes" not in utterances[1].annotations
    assert utterances[1].annotations["age"] == 51


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1001_IEO", "9001_IEO", None),
        ('"A","D"', '"X","D"', "Expected column A in .*tabulatedVotes.csv, line 1"),
        ('"100001",4', '"900001",4', r"what raters had in .*line 2, but got '9'"),
        ('"100001",4', '"100001",-4', r"Expected a count of votes in column A of .*line 2, but got '-4'"),
        ('"100001",4', '"100001",4.5', r"Expected a count of votes in column A of .*line 2, but got '4.5'"),
        ('"200001"', '"100001"', r"Expected 1001_IEO_ANG_HI once .* but got it again in .*line 5"),
    ],
)
def test_tables_that_are_not_as_published(copy: Path, old: str, new: str, message: str | None) -> None:
    write(copy, tabulatedVotes=TABULATED.replace(old, new))
    if message is None:
        assert "votes" not in CREMA_D.scan(copy, allow_missing=True)[0].annotations
        return
    with pytest.raises(CorpusError, match=message):
        CREMA_D.scan(copy, allow_missing=True)


def test_a_vote_for_a_label_that_none_could_choose(copy: Path) -> None:
    write(copy, finishedResponses=RESPONSES.replace('"S",55', '"Q",55'))
    with pytest.raises(
        CorpusError, match=r"Expected votes for Angry, .* but got one for 'Q' \(1001-IEO-SAD-LO\)"
    ):
        CREMA_D.scan(copy, allow_missing=True)


def test_a_table_of_another_corpus(copy: Path) -> None:
    lines = TABULATED.replace("1001_", "3001_").replace("1002_", "3002_")
    write(copy, tabulatedVotes=lines)
    with pytest.raises(CorpusError, match=r"but got 3 rows and none for 1001-IEO-ANG-HI"):
        CREMA_D.scan(copy, allow_missing=True)


def test_stored_rows_of_corpora_without_tables_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from emobox_datasets.loading import row_version

    def hashes(corpus: Corpus) -> set[str]:
        made = {source_hash(corpus, None)}
        with monkeypatch.context() as changed:
            changed.setattr(row_version, "TABLES_VERSION", row_version.TABLES_VERSION + 1)
            made.add(source_hash(corpus, None))
        return made

    assert len(hashes(corpora.load("ravdess"))) == 1
    assert len(hashes(CREMA_D)) == 2


def test_laid_out_rows(tmp_path: Path) -> None:
    """A row as it is stored: votes as counts by label, what was acted beside them."""
    from emobox_datasets.audio_files.synthesis import synthesise

    synthesise(tmp_path / "sound")
    sound = next((tmp_path / "sound").rglob("*.flac"))
    touch(tmp_path / "copy", [f"AudioWAV/{CLIPS[0]}.wav"])
    write(tmp_path / "copy", tabulatedVotes=TABULATED)
    (utterance,) = CREMA_D.scan(tmp_path / "copy", allow_missing=True)
    row = row_of(replace(utterance, path=str(sound)), CREMA_D)
    assert (row["intended"], row["raters"], row["age"]) == ("Angry", 9, None)
    assert row["votes"]["Neutral"] == 4
    encoded = features_of(CREMA_D).encode_example({**row, "audio": None})
    assert encoded["votes_both"]["Angry"] == 9


def test_what_is_fetched_of_crema_d_has_its_tables() -> None:
    assert isinstance(CREMA_D.download, Source)
    (archive,) = CREMA_D.download.files
    members = ("processedResults/tabulatedVotes.csv", "VideoDemographics.csv", "AudioWAV/1001_IEO_ANG_HI.wav")
    assert all(archive.needs(f"CREMA-D-{CREMA_D.download.revision}/{member}") for member in members)
    assert not archive.needs(f"CREMA-D-{CREMA_D.download.revision}/AudioMP3/1001_IEO_ANG_HI.mp3")
