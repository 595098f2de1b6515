"""What the page shows is true of what it shows: no rank of hidden results, and chance of the labels that are tested."""

from pathlib import Path

import pytest
from board_pages import Open, board, column
from browser_pages import needs_chromium
from kept_runs import kept_run

import emobox_datasets.corpora as corpora

pytestmark = [needs_chromium, pytest.mark.slow]

TUNED = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
HIDDEN = "No ranks: the filters hide results that they were made with."


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has seen URDU, and one that has seen nothing."""
    folder = tmp_path_factory.mktemp("seen")
    for corpus in ("urdu", "emodb", "crema_d"):
        kept_run(folder / "runs" / f"tuned-{corpus}", TUNED, corpus, "strict", right=0.9, speakers=20)
        kept_run(folder / "runs" / f"plain-{corpus}", "lab/plain", corpus, "strict", right=0.4, speakers=20)
    return board(folder)


@pytest.mark.parametrize("view", ["corpora", "corpus"])
def test_where_results_are_hidden_no_rank_contains_them(open_page: Open, seen: Path, view: str) -> None:
    link = f"#view={view}&protocol=strict&corpus=urdu"
    page = open_page(link, seen)
    assert column(page, "Rank") == ["1", "2"] + ["–"] * (view == "corpus")
    assert HIDDEN not in page.locator("#status").inner_text()
    for hiding in ("unseen=yes", "size=10"):
        page = open_page(f"{link}&{hiding}", seen)
        assert set(column(page, "Rank")) <= {"–"}
    page = open_page(f"{link}&unseen=yes", seen)
    assert HIDDEN in page.locator("#status").inner_text()


def test_a_profile_has_no_rank_where_others_are_hidden(open_page: Open, seen: Path) -> None:
    page = open_page("#view=model&protocol=strict&model=lab%2Fplain", seen)
    assert column(page, "Rank") == ["2", "2", "2"]
    page = open_page("#view=model&protocol=strict&model=lab%2Fplain&unseen=yes", seen)
    assert dict(zip(column(page, "Corpus"), column(page, "Rank"), strict=True))["URDU"] == "–"
    assert "No rank where the filters hide" in page.locator("#status").inner_text()


def test_chance_is_of_the_labels_of_the_records(open_page: Open, tmp_path: Path) -> None:
    scored = list(corpora.load("msp_podcast").scored_labels)
    assert len(scored) == 8
    kept_run(tmp_path / "runs" / "one", "lab/one", "msp_podcast", "strict", layers=3, labels=scored)
    site = board(tmp_path)
    page = open_page("#view=corpus&corpus=msp_podcast&protocol=strict", site)
    assert dict(zip(column(page, "Model"), column(page, "UA"), strict=True))["Chance"] == "12.5"
    page = open_page("#protocol=strict", site)
    assert "chance 12.5" in page.locator("#table thead").inner_text()


@pytest.mark.parametrize("link", ["#view=compare&a=no%2Fbody&b=lab%2Fplain", "#view=model&model=no%2Fbody"])
def test_a_name_that_the_board_has_not_shows_nothing_of_others(
    open_page: Open, seen: Path, link: str
) -> None:
    page = open_page(link, seen)
    assert page.locator("#status").inner_text() == "This board has no model no/body."
    assert "lab/plain" not in page.locator("main").inner_text()


def test_a_bare_name_is_the_newest_revision(open_page: Open, tmp_path: Path) -> None:
    for revision, year in (("1111111aaaa", 2026), ("2222222bbbb", 2025)):
        made = kept_run(tmp_path / "runs" / revision, "lab/good")
        encoder = made.encoder.model_copy(update={"revision": revision})
        provenance = made.provenance.model_copy(update={"created": f"{year}-01-01T00:00:00+00:00"})
        made.model_copy(update={"encoder": encoder, "provenance": provenance}).write(
            tmp_path / "runs" / revision
        )
    page = open_page("#view=model&model=lab%2Fgood", board(tmp_path))
    assert page.locator("#heading").inner_text() == "lab/good @ 1111111"


def test_a_comparison_by_a_protocol_that_one_lacks_says_so(open_page: Open, seen: Path) -> None:
    page = open_page("#view=compare&a=lab%2Fplain&protocol=paper", seen)
    assert page.locator("#heading").inner_text().startswith("lab/plain or ")
    assert "A has no result by the protocol paper." in page.locator("#status").inner_text()


def test_a_comparison_without_a_protocol_opens_on_one_that_both_have(open_page: Open, seen: Path) -> None:
    page = open_page(f"#view=compare&a=lab%2Fplain&b={TUNED.replace('/', '%2F')}", seen)
    assert page.locator("#heading").inner_text().startswith("lab/plain or firdhokk/")
    assert "Protocol strict" in page.locator("#protocol").inner_text()
