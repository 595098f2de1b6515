"""The command, and the Space that it makes, against a Hub on the loopback interface."""

from pathlib import Path

import pytest
from hub_server import HubServer
from kept_runs import kept_run
from rated_records import make_rated

import emobox
from hub_cards.leaderboard.site import CARD, LICENCES, MARKER, PAGE

SPACE = "lab/emobox-leaderboard"
COMMIT = "POST /api/spaces/lab/emobox-leaderboard/commit/main"


def leaderboard(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as finished:
        emobox.main(["leaderboard", *map(str, words)])
    return int(str(finished.value.code))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    kept_run(tmp_path / "runs" / "a", "lab/good", right=0.9)
    kept_run(tmp_path / "runs" / "b", "lab/poor", right=0.5)
    return tmp_path / "runs"


def test_the_site_is_written(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leaderboard(runs, "--out", tmp_path / "site") == 0
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == sorted(
        [PAGE, CARD, LICENCES, MARKER]
    )
    assert "2 results written to" in capsys.readouterr().out
    assert "\n2 results on labels, of 2 models, on corpora of" in (tmp_path / "site" / CARD).read_text()


def test_the_card_counts_results_on_raters_and_what_is_one_as_one(tmp_path: Path) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/good", right=0.9)
    make_rated(tmp_path / "runs" / "r", "lab/good")
    assert leaderboard(tmp_path / "runs", "--out", tmp_path / "site") == 0
    card = (tmp_path / "site" / CARD).read_text()
    assert "\n1 result on labels and 1 on what raters said, of 1 model, on corpora of" in card
    assert "1 measured model and the" in (tmp_path / "site" / PAGE).read_text()


def test_a_space_is_made_in_one_commit_and_not_twice(runs: Path, tmp_path: Path, hub: HubServer) -> None:
    words = (runs, "--out", tmp_path / "site", "--space", SPACE, "--send")
    assert leaderboard(*words) == 0
    space = hub.repository("space", SPACE)
    sent = space.files()
    for name in (PAGE, CARD, LICENCES, MARKER):
        assert sent[name] == (tmp_path / "site" / name).read_bytes()
    assert hub.count(COMMIT) == 1
    assert leaderboard(*words) == 0
    assert hub.count(COMMIT) == 1
    kept_run(runs / "c", "lab/third")
    assert leaderboard(*words) == 0
    assert hub.count(COMMIT) == 2
    assert b"lab/third" in space.files()[PAGE]


def test_nothing_is_sent_without_being_told_to(
    runs: Path, tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leaderboard(runs, "--out", tmp_path / "site", "--space", SPACE) == 0
    assert "Nothing was sent" in capsys.readouterr().out
    assert hub.requests == []


def test_a_space_that_holds_something_else_is_left_alone(
    runs: Path, tmp_path: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    space = hub.create("space", SPACE)
    space.add("main", "an app", {"app.py": b"print()", "README.md": b"---\nsdk: gradio\n---\n"})
    assert leaderboard(runs, "--out", tmp_path / "site", "--space", SPACE, "--send") == 1
    assert "1 other files, such as app.py" in capsys.readouterr().err
    assert PAGE not in space.files()


def test_a_space_with_only_the_card_that_the_hub_gives_it_is_taken(
    runs: Path, tmp_path: Path, hub: HubServer
) -> None:
    hub.create("space", SPACE).add("main", "initial commit", {"README.md": b"---\nsdk: static\n---\n"})
    assert leaderboard(runs, "--out", tmp_path / "site", "--space", SPACE, "--send") == 0
    assert PAGE in hub.repository("space", SPACE).files()


@pytest.mark.parametrize("name", ["no-owner", "lab/", "lab/a/b", "lab/with space", "../lab/x"])
def test_a_malformed_space_is_refused_before_anything_is_done(
    runs: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leaderboard(runs, "--out", tmp_path / "site", "--space", name, "--send") == 1
    assert "error: Expected" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{empty}", "--out", "{out}"], "found none"),
        (["{runs}", "--out", "{out}", "--send"], "say where to send"),
    ],
)
def test_mistakes_are_said(
    runs: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"empty": tmp_path / "empty", "runs": runs, "out": tmp_path / "site"}
    assert leaderboard(*(word.format(**places) for word in words)) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
