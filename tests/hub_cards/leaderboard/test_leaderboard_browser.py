"""The page in a real browser: sorted, filtered, linked to, downloaded; nothing injected, no one else asked."""

import csv
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from board_pages import HOSTILE, HOSTILE_KEY, Open, board, column, show, sort_by, titles
from browser_pages import needs_chromium, playwright
from cross_records import cross_record
from kept_runs import kept_run

from hub_cards.leaderboard.site import PAGE

pytestmark = needs_chromium


def test_a_column_is_sorted_both_ways_and_says_so(open_page: Open) -> None:
    page = open_page("#over=folds")
    sort_by(page, "EmoDB", "descending")
    scores = [float(text) for text in column(page, "EmoDB") if text != "–"]
    assert len(scores) > 5
    assert scores == sorted(scores, reverse=True)
    assert "sort=-emodb" in page.url
    sort_by(page, "EmoDB", "ascending")
    assert [float(text) for text in column(page, "EmoDB") if text != "–"] == sorted(scores)
    # What a model does not have stands last either way.
    assert column(page, "EmoDB")[-1] == "–"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_column_is_sorted_by_keyboard(open_page: Open, key: str) -> None:
    page = open_page("#over=folds")
    header = page.locator("#table thead th", has_text="EmoDB").first
    header.locator("[role=button]").focus()
    page.keyboard.press(key)
    playwright.expect(header).to_have_attribute("aria-sort", "descending")


def test_a_language_leaves_its_corpora_and_a_mean_over_them(open_page: Open) -> None:
    page = open_page("#over=folds")
    page.get_by_label("Language", exact=True).select_option(label="Italian")
    assert titles(page) == [
        "Model",
        "Mean UA",
        "Win rate",
        "Corpora",
        "EMOVO",
        "Emozionalmente",
        "Protocol",
    ]
    means = [float(text) for text in column(page, "Mean UA")]
    # each is rounded to one decimal
    parts = zip(column(page, "EMOVO"), column(page, "Emozionalmente"), strict=True)
    assert means == pytest.approx([(float(one) + float(other)) / 2 for one, other in parts], abs=0.101)
    assert page.evaluate("document.activeElement.id") == "by-language"


def test_means_by_source_and_by_language(open_page: Open) -> None:
    page = open_page("#over=folds&columns=sources&language=en")
    assert {"acted (11)", "podcasts (1)", "television (1)"} <= set(
        page.locator("#table thead th").all_inner_texts()
    )
    page.get_by_label("Columns", exact=True).select_option("languages")
    assert "columns=languages" in page.url
    assert any(title.startswith("English") for title in page.locator("#table thead th").all_inner_texts())


def test_published_rows_are_marked_and_can_be_left_out(open_page: Open) -> None:
    page = open_page("#scope=shared&over=folds")
    assert page.locator("#table tbody .badge").count() == 10
    page.get_by_label("published rows").uncheck()
    assert page.locator("#table tbody .badge").count() == 0
    assert column(page, "Model") == ["lab/good", "lab/poor"]


def test_means_over_folds_are_marked_among_scores_of_all_utterances(open_page: Open) -> None:
    page = open_page("#scope=shared")
    assert page.locator("#table tbody .badge").count() == 10
    assert "of all utterances" in page.locator("#table caption").inner_text()
    for title in ("URDU", "Mean UA"):
        published = [name.endswith("published") for name in column(page, "Model")]
        assert [score.endswith("°") for score in column(page, title)] == published
    page.get_by_label("Of", exact=True).select_option("folds")
    assert page.locator("#table tbody .badge").count() == 10
    assert "mean over folds" in page.locator("#table caption").inner_text()
    assert "°" not in page.locator("#table").inner_text()


def test_one_corpus_is_sorted_by_ua_with_published_rows_in_their_places(open_page: Open) -> None:
    one = open_page("#view=corpus&corpus=urdu&lines=no")
    published = [name.endswith("published") for name in column(one, "Model")]
    assert True in published[: published.index(False) + 2]
    scores = column(one, "UA")
    assert [score.endswith("°") for score in scores] == published
    numbers = [float(score.removesuffix(" °")) for score in scores]
    assert numbers == sorted(numbers, reverse=True)
    for score, mean, of_paper in zip(scores, column(one, "UA, mean over folds"), published, strict=True):
        assert not of_paper or score == f"{mean} °"


def test_the_search_is_part_of_the_link(open_page: Open) -> None:
    page = open_page("#over=folds")
    page.get_by_label("Search", exact=True).fill("hubert")
    playwright.expect(page.locator("#table tbody tr")).to_have_count(2)
    assert {name.removesuffix("published").strip() for name in column(page, "Model")} == {
        "HuBERT large",
        "HuBERT base",
    }
    assert "q=hubert" in page.url
    link = page.url[page.url.index("#") :]
    again = open_page(link)
    assert again.get_by_label("Search", exact=True).input_value() == "hubert"
    assert column(again, "Model") == column(page, "Model")


def test_a_link_opens_one_corpus_with_its_ranks_and_how_they_were_made(open_page: Open) -> None:
    page = open_page("#view=corpus&corpus=urdu&metric=wa&published=no&lines=no")
    assert page.locator("h2").inner_text() == "URDU: WA"
    assert dict(zip(column(page, "Model"), column(page, "Rank"), strict=True)) == {
        "lab/good": "1",
        "lab/poor": "2",
    }
    assert "paired t tests" in page.locator("#status").inner_text()
    assert "Protocol paper" in page.locator("#protocol").inner_text()
    assert page.locator("#table svg[role=img]").first.get_attribute("aria-label").count("interval") == 1


def test_back_returns_to_the_view_before(open_page: Open) -> None:
    page = open_page("#view=speed")
    page.get_by_role("link", name="One corpus").click()
    playwright.expect(page.locator("h2")).to_contain_text(":")
    assert page.locator("nav [aria-current=page]").inner_text() == "One corpus"
    page.go_back()
    playwright.expect(page.locator("h2")).to_have_text("Speed")


def test_a_space_tells_the_page_around_it_what_it_shows(browser: Any, site: Path) -> None:
    space = "https://lab-emobox.static.hf.space/index.html"
    frame = f'<iframe src="{space}#view=speed" width="900" height="700"></iframe>'
    listening = "<script>told = []; onmessage = (event) => told.push(event.data.hash)</script>"
    context = browser.new_context()
    context.route("**/*", lambda route: route.abort())
    html = {"content_type": "text/html; charset=utf-8"}
    context.route(
        "https://huggingface.co/**",
        lambda route: route.fulfill(body=f"<!doctype html>{listening}{frame}", **html),
    )
    context.route(space, lambda route: route.fulfill(path=site / PAGE, **html))
    page = context.new_page()
    page.goto("https://huggingface.co/spaces/lab/emobox")
    inside = page.frame_locator("iframe")
    playwright.expect(inside.locator("h2")).to_have_text("Speed")
    inside.get_by_role("link", name="One corpus").click()
    page.wait_for_function("told.length === 1")
    inside.get_by_label("Score", exact=True).select_option("wa")
    page.wait_for_function("told.length > 1 && told.at(-1).includes('metric=wa')")
    context.close()


def test_the_table_is_downloaded_as_it_is_shown(open_page: Open, tmp_path: Path) -> None:
    page = open_page("#over=folds&q=hubert&sort=emodb")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    assert waiting.value.suggested_filename == "emobox-paper-ua-mean-over-folds.csv"
    waiting.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["Model"] for row in rows] == ["HuBERT base (published)", "HuBERT large (published)"]
    assert [row["emodb"] for row in rows] == ["87.73", "89.81"]
    assert {row["Protocol"] for row in rows} == {"paper"}


def test_no_table_mixes_protocols(open_page: Open) -> None:
    page = open_page()
    offered = page.get_by_label("Protocol", exact=True).locator("option").all_inner_texts()
    assert offered == ["paper", "strict"]
    for name in offered:
        page.get_by_label("Protocol", exact=True).select_option(name)
        assert set(column(page, "Protocol")) == {name}
        assert f"Protocol {name}" in page.locator("#protocol").inner_text()
    assert page.locator(".badge").count() == 0  # the published rows are of the protocol `paper`


def test_text_in_a_record_stays_text(open_page: Open, tmp_path: Path) -> None:
    page = open_page("#protocol=strict")
    for view in ("corpora", "corpus", "model", "speed"):
        show(page, f"#protocol=strict&view={view}&model={HOSTILE_KEY}")
        assert page.locator("img").count() == 0
        assert page.title().endswith("EmoBox leaderboard")
        if view == "model":
            assert page.locator("h2").inner_text().startswith("</script><img src=x onerror=")
    page = open_page("#protocol=strict&q=onerror")
    assert column(page, "Model")[0].startswith("</script><img src=x onerror=")
    assert len(column(page, "Model")) == 1
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["Model"] == HOSTILE


def test_one_model_has_its_profile_and_the_curve_of_its_layers(open_page: Open) -> None:
    page = open_page("#view=model&model=lab%2Fgood")
    assert set(column(page, "Corpus")) == {"URDU", "EmoDB"}
    label = page.locator("svg.curve").get_attribute("aria-label")
    assert label == "UA by layer on URDU: best on validation is layer 5 with 50.0, 45.0 on test"
    page.get_by_text("As a table").click()
    assert page.locator("table.small tbody tr").count() == 6


def test_the_matrix_of_a_model_and_of_the_paper(open_page: Open) -> None:
    page = open_page("#view=cross")
    settings = page.get_by_label("Trained and tested on").locator("option").all_inner_texts()
    assert len(settings) == 2  # the record in these tests has other settings than the paper's
    assert page.locator("#matrix td").count() == 16
    page.get_by_label("Trained and tested on").select_option(index=1)
    assert page.locator("#matrix tbody tr").first.locator("td").first.inner_text().startswith("50.0 *")
    assert column(page, "Mean UA") == ["35.0"]


def test_scores_on_incomplete_corpora_are_marked_and_beat_nobody(open_page: Open, tmp_path: Path) -> None:
    kept_run(tmp_path / "runs" / "a", "lab/whole", right=0.5, seed=1)
    best = kept_run(tmp_path / "runs" / "b", "lab/some", right=0.99, seed=2)
    lacking = {"missing": 3, "utterances": 397}
    incomplete = best.model_copy(update={"corpus": best.corpus.model_copy(update=lacking)})
    incomplete.write(tmp_path / "runs" / "b")
    matrix = cross_record(name="lab/some")
    (tmp_path / "runs" / "x").mkdir()
    corpora = [matrix.corpora[0].model_copy(update={**lacking, "utterances": 532}), *matrix.corpora[1:]]
    matrix.model_copy(update={"corpora": corpora}).write(tmp_path / "runs" / "x")
    board(tmp_path)

    page = open_page("#view=corpus&corpus=urdu&published=no&lines=no", tmp_path / "site")
    rows = dict(zip(column(page, "Model"), column(page, "Rank"), strict=True))
    assert rows == {"lab/whole": "1", "lab/some": "–"}
    assert "† 3 of 400 utterances of urdu are missing" in column(page, "Remark")
    show(page, "#view=model&model=lab%2Fwhole&protocol=paper")
    assert float(column(page, "Best here")[0]) < 100 * incomplete.mean.ua
    show(page, f"#view=cross&setting={quote(cross_setting_of(page))}&score=ua&model=lab%2Fsome")
    assert column(page, "Mean UA") == ["–"]
    assert column(page, "EmoDB → URDU")[0].endswith(" †")
    assert column(page, "URDU → SAVEE")[0] == "36.0"
    assert "† on incomplete corpora" in page.locator("#matrix caption").inner_text()
    assert "3 of 535 utterances of emodb are missing" in page.locator("#before").inner_text()


def test_what_a_model_has_seen_is_marked_and_can_be_hidden(open_page: Open, tmp_path: Path) -> None:
    name = "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53"
    kept_run(tmp_path / "runs" / "a", name, right=0.9, seed=1)
    kept_run(tmp_path / "runs" / "b", name, corpus="emodb", right=0.8, seed=2)
    kept_run(tmp_path / "runs" / "c", "lab/own", right=0.5, seed=3)
    (tmp_path / "runs" / "x").mkdir()
    cross_record(name=name).write(tmp_path / "runs" / "x")
    board(tmp_path)
    hide = "hide results on corpora the model has seen"

    page = open_page("#published=no", tmp_path / "site")
    scores = dict(zip(column(page, "Model"), column(page, "URDU"), strict=True))
    assert (scores[name].endswith(" ‡"), scores["lab/own"].endswith("‡")) == (True, False)
    cell = page.locator("#table tbody span[title*=tuned]")
    assert cell.get_attribute("title") == "seen in training: tuned (Model card (commit 4700315))"
    assert not any("‡" in score for score in column(page, "EmoDB"))
    page.get_by_label(hide).check()
    assert "unseen=yes" in page.url
    scores = dict(zip(column(page, "Model"), column(page, "URDU"), strict=True))
    assert (scores[name], scores["lab/own"] != "–") == ("–", True)
    assert column(page, "EmoDB")[column(page, "Model").index(name)] != "–"

    show(page, "#view=corpus&corpus=urdu&published=no&lines=no")
    assert set(column(page, "Seen in training")) == {"tuned (Model card (commit 4700315))", ""}
    page.get_by_label(hide).check()
    assert column(page, "Model") == ["lab/own"]
    show(page, f"#view=model&model={quote(name)}")
    assert set(column(page, "Corpus")) == {"URDU", "EmoDB"}
    page.get_by_label(hide).check()
    assert column(page, "Corpus") == ["EmoDB"]

    show(page, f"#view=cross&setting={quote(cross_setting_of(page))}&score=ua&model={quote(name)}")
    assert column(page, "EmoDB → URDU")[0].endswith(" ‡")
    assert "‡ tested on what was seen in training" in page.locator("#matrix caption").inner_text()
    assert column(page, "Mean UA") != ["–"]
    page.get_by_label(hide).check()
    assert "EmoDB → URDU" not in page.locator("#table thead").inner_text()
    assert column(page, "Mean UA") == ["–"]
    assert "‡" not in page.locator("#matrix").inner_text()


def cross_setting_of(page: Any) -> str:
    """The setting of cross-corpus results that is not the paper's."""
    return str(page.evaluate("Board.data.cross.at(-1).setting"))


def test_speed_names_the_machine(open_page: Open) -> None:
    page = open_page("#view=speed")
    assert set(column(page, "Hardware")) == {"a processor"}
    assert column(page, "Audio hours per device hour")[0] == "83.1"


def test_classifiers_are_a_view_of_their_own_without_ranks(open_page: Open) -> None:
    page = open_page("#view=classified")
    assert "Rank" not in titles(page)
    assert set(column(page, "Training")) == {"zero-shot", "fine-tuned on iemocap"}
    assert set(column(page, "Test parts of")) == {"released folds", "strict folds"}
    assert any(text.endswith("‡") for text in column(page, "UA"))
    page.get_by_label("hide results on corpora the model has seen").check()
    assert set(column(page, "Training")) == {"zero-shot"}


def test_what_raters_said_is_a_view_of_its_own_without_ranks(open_page: Open) -> None:
    page = open_page("#view=rated")
    assert "Rank" not in titles(page)
    assert {"CCC of valence", "Brier score"} <= set(column(page, "Score"))
    on_scales = "paper-dimensions-valence+arousal+dominance"
    assert set(column(page, "Protocol")) == {on_scales, "paper-distribution"}
    assert set(column(page, "Unrated")) == {"3"}
    page = open_page("#view=corpora")
    assert "distribution" not in page.locator("main").inner_text()


def test_perturbations_by_models(open_page: Open) -> None:
    page = open_page("#view=stress")
    assert page.get_by_label("Protocol", exact=True).locator("option").all_inner_texts() == [
        "paper",
        "strict",
    ]
    assert page.get_by_label("Corpus", exact=True).locator("option").all_inner_texts() == ["URDU"]
    assert page.locator("#matrix thead th").all_inner_texts()[1:] == ["lab/good", "lab/poor"]
    rows = page.locator("#matrix tbody th").all_inner_texts()
    assert rows[0] == "clean"
    # What was not run has a reason in place of a score.
    missing = page.locator("#matrix tbody tr").nth(rows.index("babble-0db")).locator("td").first
    assert missing.inner_text() == "–"
    assert "too few speakers" in missing.get_attribute("title")
    assert column(page, "Perturbation")[:2] == ["clean", "clean"]
    change = dict(zip(column(page, "Perturbation"), column(page, "Change"), strict=True))
    assert float(change["gain-6db"]) == 0
    assert float(change["white-noise-0db"]) < -5


def test_a_link_that_says_nothing_known_shows_the_nearest(open_page: Open) -> None:
    page = open_page("#view=nowhere")
    assert page.locator("#table tbody tr").count() > 0
    unknown = "#protocol=none&metric=none&corpus=none&model=none&sort=none&columns=none"
    for link in (
        unknown,
        "#%E0%A4%A",
        "#view=corpus&corpus=__proto__",
        "#view=__proto__",
        "#view=cross&setting=x",
    ):
        show(page, link)
        assert page.locator("#table tbody tr").count() > 0


def test_the_real_records_beside_the_paper(open_page: Open, tmp_path: Path) -> None:
    runs = Path(__file__).parents[3] / "benchmarks" / "results" / "records"
    board(tmp_path, runs)
    page = open_page("#view=corpus&corpus=emodb&published=no", folder=tmp_path / "site")
    assert len(column(page, "Rank")) >= 2
    assert "paired t tests" in page.locator("#status").inner_text()
