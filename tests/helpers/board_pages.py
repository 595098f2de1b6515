"""A leaderboard of made-up runs in a browser: made, opened, read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from browser_pages import playwright

from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.site import render, write
from hub_cards.runs.collection import collect

HOSTILE = '</script><img src=x onerror="document.title=1">&lt;b&gt; =1+1\n' + "long" * 60
HOSTILE_KEY = quote(HOSTILE)
# Opens a view of a site, by its link.
Open = Callable[..., Any]


def board(folder: Path, runs: Path | None = None, results_repo: str | None = None) -> Path:
    """The site, in `site` of the folder, of the runs in `runs` of it."""
    write(folder / "site", render(page_data(collect([runs or folder / "runs"]), results_repo)))
    return folder / "site"


def arrives_at(page: Any, part: str, without: bool = False) -> None:
    """Wait until the address has a part, or has it no more: the page's policy lets no test evaluate in it for long."""
    expected = playwright.expect(page)
    pattern = re.compile(re.escape(part))
    expected.not_to_have_url(pattern) if without else expected.to_have_url(pattern)


def titles(page: Any) -> list[str]:
    """The titles of the columns, without what stands below them."""
    return [text.strip().split("\n")[0] for text in page.locator("#table thead th").all_inner_texts()]


def column(page: Any, title: str) -> list[str]:
    """The shown cells of a column."""
    place = titles(page).index(title) + 1
    return [text.strip() for text in page.locator(f"#table tbody tr > :nth-child({place})").all_inner_texts()]


def show(page: Any, link: str) -> None:
    """Follow a link within the page; what it shows is there when this returns."""
    page.evaluate(
        """(link) => new Promise((done) => {
            addEventListener("hashchange", () => setTimeout(done), { once: true });
            location.hash = link + "&n=" + Math.random();
        })""",
        link,
    )


def sort_by(page: Any, title: str, direction: str) -> None:
    header = page.locator("#table thead th", has_text=title).first
    header.click()
    playwright.expect(header).to_have_attribute("aria-sort", direction)
