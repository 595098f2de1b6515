"""The page for everyone: light and dark, on a phone, by keyboard, for those who do not see it."""

from pathlib import Path

import pytest
from board_pages import HOSTILE_KEY, Open, arrives_at, column, show, titles
from browser_pages import needs_chromium, playwright

pytestmark = needs_chromium


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_and_can_be_chosen(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Change to").click()
    assert page.evaluate("document.documentElement.dataset.theme") != scheme
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


# The contrast of every text with what is behind it, by the Web Content Accessibility Guidelines: those below 4.5.
CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const texts = "a, p, td, th, h1, h2, label, button, summary, .badge, caption, td span";
  for (const element of document.querySelectorAll(texts)) {
    if (!element.textContent.trim() || !element.getClientRects().length) continue;
    if (element.closest(".unseen, .skip")) continue;
    const lights = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    for view in ("corpora", "corpus", "compare", "size", "cross"):
        show(page, f"#view={view}")
        assert page.evaluate(CONTRAST) == []


def test_a_phone_scrolls_the_table_and_not_the_page(open_page: Open) -> None:
    page = open_page("#protocol=strict", viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.locator("#filterbox").get_attribute("open") is None
    for view in VIEWS:
        for protocol in ("paper", "strict"):
            show(page, f"#view={view}&protocol={protocol}&model={HOSTILE_KEY}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 1280])
def test_sentences_make_no_tall_rows_and_the_caption_stays_in_sight(open_page: Open, width: int) -> None:
    page = open_page("#view=corpus&corpus=emodb", viewport={"width": width, "height": 844})
    assert any(len(words) > 60 for words in column(page, "Seen in training"))
    line = page.evaluate("parseFloat(getComputedStyle(document.body).lineHeight)")
    heights = page.locator("#table tbody tr").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
    assert max(heights) < 4.5 * line
    page.locator(".region").evaluate("region => region.scrollLeft = region.scrollWidth")
    box = page.locator("#table caption span").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_tables_are_labelled_for_those_who_do_not_see_them(open_page: Open) -> None:
    page = open_page("#view=cross")
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("thead th:not([scope=col])").count() == 0
        assert table.locator("tbody tr").count() == table.locator("tbody tr > th[scope=row]").count()
    assert page.locator("select:not([id]), input:not([id])").count() == 0
    for control in page.locator("#filters select").all():
        assert page.locator(f"label[for={control.get_attribute('id')}]").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


AXE = Path(__file__).parents[3] / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("corpora", "corpus", "model", "compare", "size", "cross", "stress", "classified", "rated", "speed")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make javascript")
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_axe_finds_nothing_serious(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 844})
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for view in VIEWS:
        show(page, f"#view={view}")
        page.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        assert found["passes"], "axe looked at nothing"
        serious = [
            (view, one["id"], one["nodes"][0]["html"])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_a_question_is_answered_by_keyboard_alone(open_page: Open) -> None:
    """From the top of the page: to a view, to a filter, to a sort, to a model."""
    page = open_page()
    keyboard = page.keyboard

    def tab_to(condition: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            if page.evaluate(f"((at) => {condition})(document.activeElement)"):
                return
        raise AssertionError(f"nothing that {condition} is reached")

    tab_to("at.textContent === 'One corpus'")
    keyboard.press("Enter")
    arrives_at(page, "view=corpus")
    tab_to("at.id === 'by-corpus'")
    keyboard.type("URDU")
    playwright.expect(page.locator("h2")).to_have_text("URDU: UA")
    assert page.evaluate("document.activeElement.id") == "by-corpus"
    tab_to("at.matches('.chooser summary')")
    keyboard.press("Enter")
    tab_to("at.id === 'with-parameters'")
    keyboard.press("Space")
    arrives_at(page, "with=parameters")
    assert page.evaluate("document.activeElement.id") == "with-parameters"
    tab_to("at.closest('th')?.textContent.startsWith('Million')")
    keyboard.press("Enter")
    arrives_at(page, "sort=-parameters")
    tab_to("at.closest('tbody') && at.textContent === 'lab/good'")
    keyboard.press("Enter")
    playwright.expect(page.locator("h2")).to_have_text("lab/good")


def test_on_a_phone_ua_stands_beside_the_name_of_every_model(open_page: Open) -> None:
    page = open_page("#view=corpus&corpus=urdu", viewport={"width": 390, "height": 844})
    assert titles(page)[:2] == ["Model", "UA"]
    assert "–" not in column(page, "UA")
    for cell in page.locator("#table tbody tr > :nth-child(2)").all():
        box = cell.bounding_box()
        assert box["x"] + box["width"] <= 390
