"""What the address says is what is shown: sort, filters, pages and columns survive each other, links and Back."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from board_pages import Open, arrives_at, board, column, show, sort_by, titles
from browser_pages import needs_chromium, playwright
from cross_records import cross_record
from kept_runs import kept_run
from records import record

from emobox_probe.protocol import PROTOCOLS

pytestmark = needs_chromium


def link_of(page: Any) -> str:
    return str(page.evaluate("location.hash"))


def shown(page: Any) -> list[str]:
    """All that a reader sees of a view, filters included."""
    values = page.locator("#filters select, #filters input").evaluate_all(
        "all => all.map((one) => one.type === 'checkbox' ? String(one.checked) : one.value)"
    )
    return [page.locator("main").inner_text(), *values]


def test_a_sort_survives_a_filter_and_a_filter_a_sort(open_page: Open) -> None:
    page = open_page()
    sort_by(page, "EmoDB", "descending")
    page.get_by_label("Source", exact=True).select_option("acted")
    assert "sort=-emodb" in page.url
    assert page.locator("#table thead th", has_text="EmoDB").get_attribute("aria-sort") == "descending"
    sort_by(page, "CASIA", "descending")
    assert page.get_by_label("Source", exact=True).input_value() == "acted"
    # A sort by a column that a filter hides comes back with it.
    page.get_by_label("Language", exact=True).select_option("de")
    assert "CASIA" not in titles(page)
    page.get_by_label("Language", exact=True).select_option("")
    assert page.locator("#table thead th", has_text="CASIA").get_attribute("aria-sort") == "descending"


def test_back_takes_one_filter_back_and_keeps_the_sort(open_page: Open) -> None:
    page = open_page()
    sort_by(page, "EmoDB", "descending")
    page.get_by_label("Source", exact=True).select_option("acted")
    page.get_by_label("Model size", exact=True).select_option("100")
    small = len(column(page, "Model"))
    page.go_back()
    arrives_at(page, "size", without=True)
    playwright.expect(page.get_by_label("Model size", exact=True)).to_have_value("")
    assert len(column(page, "Model")) > small
    assert page.get_by_label("Source", exact=True).input_value() == "acted"
    page.go_back()
    arrives_at(page, "source", without=True)
    assert page.locator("#table thead th", has_text="EmoDB").get_attribute("aria-sort") == "descending"
    page.go_forward()
    arrives_at(page, "source")
    assert page.get_by_label("Source", exact=True).input_value() == "acted"


# The first two of them in every run of the tests.
LINKS = (
    "#metric=wa&over=folds&columns=sources&language=en&hours=10&disjoint=yes&size=350&sort=wins&q=base",
    "#view=compare&a=lab%2Fgood&b=lab%2Fpoor&c=facebook%2Fhubert-base-ls960+%28published%29&metric=wa",
    "#view=corpus&corpus=urdu&metric=f1&with=parameters+speed&lines=no&unseen=yes&sort=-parameters",
    "#view=model&model=lab%2Fgood&protocol=strict&sort=corpus",
    "#view=size&x=speed&scope=all&published=no",
    "#view=cross&score=wa&unseen=yes",
    "#view=stress&protocol=strict",
)


@pytest.mark.parametrize(
    "link", [pytest.param(link, marks=[pytest.mark.slow] * (place > 1)) for place, link in enumerate(LINKS)]
)
def test_a_link_shows_what_it_was_copied_from(open_page: Open, link: str) -> None:
    page = open_page(link)
    before = shown(page)
    # Nothing that was asked for was lost, and nothing that was not is in the address.
    asked = dict(part.split("=") for part in link[1:].split("&"))
    page.evaluate("Board.keep({})")
    kept = dict(part.split("=") for part in link_of(page)[1:].split("&"))
    assert kept == asked
    assert shown(open_page(link_of(page))) == before


def test_pages_and_their_length_are_part_of_the_link(open_page: Open, tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / "runs" / str(number)).mkdir(parents=True)
        record(name=f"lab/model{number:02}").write(tmp_path / "runs" / str(number))
    board(tmp_path)
    page = open_page("#published=no&sort=model", tmp_path / "site")
    page.locator(".dt-paging-button", has_text="2").click()
    assert "page=2" in page.url
    second = column(page, "Model")
    assert second[0] == "lab/model50"
    again = open_page(page.url[page.url.index("#") :], tmp_path / "site")
    assert column(again, "Model") == second
    again.locator(".dt-length select").select_option("25")
    assert ("rows=25" in again.url, "page=2" in again.url) == (True, False)
    again.get_by_label("Score", exact=True).select_option("wa")
    assert len(column(again, "Model")) == 25
    show(again, "#published=no&rows=all&page=7")
    assert len(column(again, "Model")) == 60
    show(again, "#published=no&rows=x&page=-3")
    assert len(column(again, "Model")) == 50


def test_one_model_opens_on_one_that_has_results_by_the_protocol(open_page: Open) -> None:
    page = open_page("#view=model&protocol=strict")
    assert column(page, "Corpus") == ["URDU"]
    names = page.get_by_label("Model", exact=True).locator("option").all_inner_texts()
    assert names[0] == "lab/good"
    assert len(names) == 2  # nobody else has a result by that protocol
    # A model and no protocol: the first that it has.
    show(page, "#view=model&model=lab%2Fpoor")
    assert page.locator("#table tbody tr").count() > 0


def test_a_model_that_lacks_the_protocol_says_so_and_where_it_is(open_page: Open) -> None:
    page = open_page("#view=model&model=lab%2Fpoor&protocol=strict")
    assert page.locator("h2").inner_text() == "lab/poor"
    assert "No result within corpora by the protocol strict" in page.locator("#status").inner_text()
    page.get_by_role("link", name="By protocol paper").click()
    playwright.expect(page.locator("#table tbody th")).to_have_text(["URDU"])


def test_links_from_a_model_keep_the_protocol_that_is_shown(open_page: Open, tmp_path: Path) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/one", protocol="strict")
    board(tmp_path)
    page = open_page("#view=model&model=lab%2Fone", tmp_path / "site")
    assert set(column(page, "Protocol")) == {"strict"}
    page.get_by_role("link", name="URDU").click()
    playwright.expect(page.locator("h2")).to_have_text("URDU: UA")
    assert "lab/one" in column(page, "Model")


def test_across_corpora_the_protocol_holds(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "runs" / "x").mkdir(parents=True)
    made = cross_record(name="lab/one")
    made.model_copy(update={"protocol": asdict(PROTOCOLS["strict"])}).write(tmp_path / "runs" / "x")
    board(tmp_path)
    page = open_page("#view=cross&protocol=strict", tmp_path / "site")
    assert column(page, "Model") == ["lab/one"]
    assert page.get_by_label("Protocol", exact=True).locator("option").all_inner_texts() == [
        "paper",
        "strict",
    ]
    page.get_by_role("link", name="Speed", exact=True).click()
    playwright.expect(page.locator("h2")).to_have_text("Speed")
    page.get_by_role("link", name="Across corpora").click()
    playwright.expect(page.locator("h2")).to_have_text("From one corpus to another")
    assert column(page, "Model") == ["lab/one"]


def test_a_link_to_a_model_across_corpora_shows_that_model_or_says_why_not(open_page: Open) -> None:
    page = open_page("#view=cross&model=lab%2Fgood")
    assert page.locator("#matrix caption").inner_text().startswith("lab/good: ")
    page = open_page("#view=cross&model=lab%2Fpoor")
    assert "No result of lab/poor by this protocol and setting." in page.locator("#status").inner_text()
    assert page.locator("#matrix").count() == 0
    page = open_page("#view=cross&model=no%2Fbody")
    assert page.locator("#status").inner_text() == "This board has no model no/body."


def test_all_matrices_have_one_scale_of_colours(open_page: Open) -> None:
    page = open_page("#view=cross")
    script = "all => Object.fromEntries(all.map((one) => [parseFloat(one.textContent), one.style.backgroundColor]))"
    colours = page.locator(".colours span").evaluate_all(script)
    assert list(colours) == ["0", "25", "50", "75", "100"]
    page.get_by_label("Trained and tested on").select_option(index=1)
    assert (
        page.locator("#matrix td", has_text="50.0").first.evaluate("one => one.style.backgroundColor")
        == (colours["50"])
    )
    show(page, "#view=stress")
    assert page.locator(".colours span").evaluate_all(script) == colours


def test_only_the_columns_that_are_chosen_are_added(open_page: Open) -> None:
    page = open_page("#view=corpus&corpus=urdu")
    before = titles(page)
    page.get_by_text("More columns").click()
    page.get_by_role("checkbox", name="Million parameters").check()
    page.get_by_role("checkbox", name="Kind").check()
    assert set(titles(page)) - set(before) == {"Million parameters", "Kind"}
    assert page.evaluate("document.activeElement.id") == "with-kind"
    kinds = dict(zip(column(page, "Model"), column(page, "Kind"), strict=True))
    assert kinds["lab/good"] == "probed here"
    assert {kind for name, kind in kinds.items() if name.endswith("published")} == {"published figures"}
    page.get_by_role("checkbox", name="Kind").uncheck()
    assert "with=parameters" in page.url
    assert "Kind" not in titles(page)
