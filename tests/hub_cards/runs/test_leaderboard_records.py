"""Which records a leaderboard is made from, and what it refuses."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from cross_records import cross_record
from kept_runs import kept_run
from records import record

from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PAPER, STRICT, difference_from_today, protocol_id
from emobox_probe.records.result import ResultRecord
from hub_cards.runs.collection import collect, model_of

SETTINGS: dict[str, Any] = json.loads(json.dumps(asdict(PAPER)))


def put(
    folder: Path, created: str = "2026-01-01T00:00:00+00:00", ua: float = 0.5, **changes: object
) -> ResultRecord:
    made = record(**changes)
    made = made.model_copy(
        update={
            "protocol": SETTINGS,
            "mean": made.mean.model_copy(update={"ua": ua}),
            "provenance": made.provenance.model_copy(update={"created": created}),
        }
    )
    folder.mkdir(parents=True)
    made.write(folder)
    return made


def test_records_are_found_at_any_depth(tmp_path: Path) -> None:
    put(tmp_path / "a" / "urdu" / "paper")
    put(tmp_path / "b", corpus="iemocap")
    (tmp_path / "c").mkdir()
    cross_record().write(tmp_path / "c")
    found = collect([tmp_path])
    assert sorted(one.record.corpus.name for one in found.results) == ["iemocap", "urdu"]
    assert len(found.cross) == 1
    assert {one.protocol for one in found.results} == {"paper"}


def test_the_newest_of_a_kind_is_kept_and_the_other_named(tmp_path: Path) -> None:
    put(tmp_path / "old", "2026-01-01T10:00:00+00:00", ua=0.4)
    # Later, though its text sorts before the other's.
    put(tmp_path / "new", "2026-01-01T09:00:00-05:00", ua=0.6)
    found = collect([tmp_path])
    assert [one.record.mean.ua for one in found.results] == [0.6]
    assert len(found.notes) == 1
    assert "older record of openai/whisper-base is replaced" in found.notes[0]


def test_the_same_record_twice_is_one_record(tmp_path: Path) -> None:
    put(tmp_path / "a")
    put(tmp_path / "b")
    first = (tmp_path / "a" / "result.json").read_bytes()
    assert first == (tmp_path / "b" / "result.json").read_bytes()
    found = collect([tmp_path, tmp_path / "a"])
    assert (len(found.results), found.notes) == (1, [])


def test_two_that_differ_and_are_equally_new_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "a", ua=0.4)
    put(tmp_path / "b", ua=0.6)
    with pytest.raises(ProbeError, match="of the same time and differ"):
        collect([tmp_path])


def test_no_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="found none; run the probe first"):
        collect([tmp_path, tmp_path / "nowhere"])
    put(tmp_path / "a")
    with pytest.raises(ProbeError, match=r"below \S+/nowhere, but found none"):
        collect([tmp_path, tmp_path / "nowhere"])


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 9}', "\udcff"])
def test_every_unreadable_record_is_named(tmp_path: Path, content: str) -> None:
    put(tmp_path / "good")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ProbeError, match="3 records that can be read and checked, but 2 cannot") as told:
        collect([tmp_path])
    assert str(tmp_path / "one" / "result.json") in str(told.value)
    assert str(tmp_path / "two" / "result.json") in str(told.value)


def test_a_record_without_a_date_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a", created="yesterday | <b>")
    with pytest.raises(ProbeError, match="yesterday"):
        collect([tmp_path])


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    made = put(tmp_path / "a")
    corpus = made.corpus.model_copy(update={"hours": float("inf")})
    text = json.dumps(made.model_copy(update={"corpus": corpus}).model_dump())
    (tmp_path / "a" / "result.json").write_text(text)
    with pytest.raises(ProbeError, match="1 cannot"):
        collect([tmp_path])


def test_scores_that_do_not_follow_from_the_predictions_are_refused(tmp_path: Path) -> None:
    made = kept_run(tmp_path / "a", "lab/one")
    assert collect([tmp_path]).results[0].predictions is not None
    better = made.model_copy(update={"mean": made.mean.model_copy(update={"ua": 0.99})})
    better.write(tmp_path / "a")
    with pytest.raises(ProbeError, match=r"UA of the mean is 0\.99"):
        collect([tmp_path])


def test_other_settings_make_another_protocol_and_other_words_do_not() -> None:
    assert protocol_id(SETTINGS) == "paper"
    assert protocol_id(SETTINGS | {"description": "in other words"}) == "paper"
    assert protocol_id(asdict(STRICT)) == "strict"
    other = SETTINGS | {"epochs": 3, "peek": False}
    assert protocol_id(other).startswith("paper-")
    assert difference_from_today(other) == "epochs is 3, not 100; peek is false, not true"
    assert difference_from_today(SETTINGS) == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/me/models/whisper-base", "whisper-base"),
        ("./whisper-base/", "whisper-base"),
        ("C:\\models\\whisper-base", "whisper-base"),
        ("openai/whisper-base", "openai/whisper-base"),
        ("builtin:logmel", "builtin:logmel"),
    ],
)
def test_a_page_tells_nothing_of_the_machine(name: str, shown: str) -> None:
    assert model_of(record(name=name).encoder).name == shown


def test_a_corpus_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    other = record().corpus
    for corpus, message in (
        (other.model_copy(update={"name": "emodb"}), "Expected the labels Angry, Boredom"),
        (other.model_copy(update={"name": "iemocap"}), "Expected a score on the 5531 utterances of iemocap"),
        (other.model_copy(update={"name": "../../etc"}), "corpus.name is wrong"),
    ):
        record().model_copy(update={"corpus": corpus}).write(tmp_path)
        with pytest.raises(ProbeError, match=message):
            collect([tmp_path])
