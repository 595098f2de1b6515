"""A leaderboard of every kind of record, and a browser that opens it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_pages import HOSTILE, Open, board
from browser_pages import headless_chromium
from classified_records import make_classified
from cross_records import cross_record
from kept_runs import kept_run
from rated_records import make_rated
from stress_records import make_stress

from hub_cards.leaderboard.site import PAGE


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with headless_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    kept_run(folder / "runs" / "a", "lab/good", right=0.95, seed=1, layers=6)
    kept_run(folder / "runs" / "b", "lab/poor", right=0.4, seed=2)
    kept_run(folder / "runs" / "c", "lab/good", corpus="emodb", right=0.9, seed=3)
    kept_run(folder / "runs" / "d", "lab/good", protocol="strict", right=0.7, seed=4)
    kept_run(folder / "runs" / "e", HOSTILE, protocol="strict", right=0.6, seed=5)
    kept_run(folder / "runs" / "f", "lab/tone", corpus="demo", right=0.9, seed=6)
    for number, tested in enumerate(("a", "b", "e")):
        make_stress(folder / "runs" / tested, number)
    (folder / "runs" / "x").mkdir()
    cross_record(name="lab/good").write(folder / "runs" / "x")
    make_classified(folder / "runs" / "y", HOSTILE)
    make_classified(folder / "runs" / "z", "superb/hubert-base-superb-er", "iemocap", "fine-tuned on iemocap")
    make_rated(folder / "runs" / "r", HOSTILE)
    make_rated(folder / "runs" / "s", "lab/good", target="distribution")
    return board(folder)


@pytest.fixture
def open_page(browser: Any, site: Path) -> Iterator[Open]:
    """Opens a view of the site; afterwards nothing must have gone wrong and no one else been asked."""
    troubles: list[str] = []
    contexts = []

    def opened(link: str = "", folder: Path = site, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: troubles.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(f"{(folder / PAGE).as_uri()}{link}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []
