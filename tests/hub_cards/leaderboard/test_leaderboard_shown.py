"""What the page shows is true of what it shows: no rank of hidden results, and chance of the labels that are tested."""

import csv
from pathlib import Path
from typing import Any

import pytest
from board_pages import Open, board, column, titles
from browser_pages import needs_chromium, playwright
from kept_runs import kept_run

import emobox_datasets.corpora as corpora

pytestmark = [needs_chromium, pytest.mark.slow]

TUNED = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
AMONG_ALL = "Ranks are among all models, those too that the filters hide."
HIDDEN = "No ranks: the filters hide results that they were made with."


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has seen URDU, and one that has seen nothing."""
    folder = tmp_path_factory.mktemp("seen")
    for corpus in ("urdu", "emodb", "crema_d"):
        place = folder / "runs" / f"tuned-{corpus}"
        tuned = kept_run(place, TUNED, corpus, "strict", right=0.9, speakers=20)
        large = tuned.encoder.model_copy(update={"parameters": 315_000_000})
        tuned.model_copy(update={"encoder": large}).write(place)
        kept_run(folder / "runs" / f"plain-{corpus}", "lab/plain", corpus, "strict", right=0.4, speakers=20)
    return board(folder)


def ranks(page: Any) -> dict[str, str]:
    return dict(zip(column(page, "Model"), column(page, "Rank"), strict=True))


@pytest.mark.parametrize("view", ["corpora", "corpus"])
def test_where_models_are_hidden_the_others_keep_their_ranks_among_all(
    open_page: Open, seen: Path, view: str
) -> None:
    link = f"#view={view}&protocol=strict&corpus=urdu&lines=no"
    page = open_page(link, seen)
    assert ranks(page) == {TUNED: "1", "lab/plain": "2"}
    assert AMONG_ALL not in page.locator("#status").inner_text()
    page = open_page(f"{link}&size=100", seen)
    assert ranks(page) == {"lab/plain": "2"}
    assert AMONG_ALL in page.locator("#status").inner_text()


def test_where_results_of_models_are_hidden_no_rank_contains_them(open_page: Open, seen: Path) -> None:
    page = open_page("#protocol=strict&unseen=yes", seen)
    assert set(column(page, "Rank")) == {"–"}
    assert HIDDEN in page.locator("#status").inner_text()
    # On one corpus a model is there with its rank or is not there.
    page = open_page("#view=corpus&corpus=urdu&protocol=strict&unseen=yes&lines=no", seen)
    assert ranks(page) == {"lab/plain": "2"}
    page = open_page("#view=model&protocol=strict&model=lab%2Fplain&unseen=yes", seen)
    assert column(page, "Rank") == ["2", "2", "2"]


def test_views_without_means_over_folds_show_scores_of_all_utterances(
    open_page: Open, tmp_path: Path
) -> None:
    made = kept_run(tmp_path / "runs" / "one", "lab/one", "urdu", "strict", speakers=20)
    apart = made.mean.model_copy(update={"ua": 0.111})
    made.model_copy(update={"mean": apart}).write(tmp_path / "runs" / "one")
    (tmp_path / "runs" / "one" / "predictions.parquet").unlink()  # from which another mean follows
    kept_run(tmp_path / "runs" / "two", "lab/two", "urdu", "strict", right=0.5, speakers=20)
    site = board(tmp_path)
    page = open_page("#protocol=strict&over=folds", site)
    assert dict(zip(column(page, "Model"), column(page, "URDU"), strict=True))["lab/one"] == "11.1"
    for link, title in (
        ("#view=corpus&corpus=urdu&lines=no", "UA"),
        ("#view=model&model=lab%2Fone", "UA"),
        ("#view=compare&a=lab%2Fone&b=lab%2Ftwo", "A"),
    ):
        page = open_page(f"{link}&protocol=strict&over=folds", site)
        assert float(column(page, title)[0]) == pytest.approx(100 * made.pooled.ua, abs=0.06)
    page.get_by_role("link", name="Corpora", exact=True).click()
    playwright.expect(page.get_by_label("Of", exact=True)).to_have_value("folds")


def test_every_layer_curve_is_there_once_it_is_opened(open_page: Open, tmp_path: Path) -> None:
    for corpus in ("urdu", "emodb"):
        kept_run(tmp_path / "runs" / corpus, "lab/one", corpus, "strict", layers=3)
    page = open_page("#view=model&protocol=strict&corpus=urdu", board(tmp_path))
    curves = page.locator("section svg.curve")
    assert curves.evaluate_all("all => all.map((one) => one.ariaLabel)") == [
        "UA by layer on URDU: best on validation is layer 2 with 44.0, 39.0 on test"
    ]
    page.locator("summary", has_text="EmoDB").click()
    playwright.expect(curves).to_have_count(2)
    page.locator("summary", has_text="EmoDB").click()
    page.locator("summary", has_text="EmoDB").click()
    assert curves.count() == 2


def test_means_of_published_rows_over_a_language_are_marked(open_page: Open, seen: Path) -> None:
    page = open_page("#columns=languages", seen)
    page.get_by_label("Of", exact=True).select_option("utterances")
    (german,) = [title for title in titles(page) if title.startswith("German")]
    assert {score[-1] for score in column(page, german)} == {"°"}


def test_an_interval_is_two_numbers_in_a_downloaded_table(
    open_page: Open, seen: Path, tmp_path: Path
) -> None:
    page = open_page("#protocol=strict", seen)
    shown = dict(zip(column(page, "Model"), column(page, "95 % interval"), strict=True))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["Model"]: row for row in csv.DictReader(file)}
    for model, interval in shown.items():
        low, high = (float(rows[model][f"95 % interval, {end}"]) for end in ("low", "high"))
        assert interval == f"{low:.1f} to {high:.1f}"


def test_models_that_say_the_same_cannot_be_told_apart(open_page: Open, tmp_path: Path) -> None:
    for name, right in (("one", 0.8), ("same", 0.8), ("never", 0.0)):
        kept_run(tmp_path / "runs" / name, f"lab/{name}", protocol="strict", right=right)
    site = board(tmp_path)
    link = "#view=compare&protocol=strict&a=lab%2F{}&b=lab%2F{}"
    page = open_page(link.format("one", "same"), site)
    cells = page.locator("#summary tbody td").all_inner_texts()
    assert cells == ["1", "0.0", "–", "0 : 0", "cannot be told apart"]
    assert column(page, "Compared by") == ["paired, no spread"]
    page = open_page(link.format("one", "one"), site)
    assert page.locator("#summary tbody td").all_inner_texts() == cells


def test_a_model_alone_is_compared_with_nobody(open_page: Open, tmp_path: Path) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/one", protocol="strict")
    page = open_page("#view=compare&protocol=strict", board(tmp_path))
    assert page.locator("#heading").inner_text() == "lab/one"
    assert page.get_by_label("B", exact=True).input_value() == ""
    assert "Nobody else has a result on its corpora" in page.locator("#status").inner_text()
    assert page.locator("#summary tbody tr").count() == 0


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
    assert page.locator("#heading").inner_text() == "lab/plain"
    assert "A has no result by the protocol paper." in page.locator("#status").inner_text()


def test_a_comparison_without_a_protocol_opens_on_one_that_both_have(open_page: Open, seen: Path) -> None:
    page = open_page(f"#view=compare&a=lab%2Fplain&b={TUNED.replace('/', '%2F')}", seen)
    assert page.locator("#heading").inner_text().startswith("lab/plain or firdhokk/")
    assert "Protocol strict" in page.locator("#protocol").inner_text()
