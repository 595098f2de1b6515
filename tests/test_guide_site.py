"""The built guide: no warning, nothing from another host, and search from a server as from disk."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from browser_pages import headless_chromium, needs_chromium, playwright, served
from doc_pages import ROOT

MKDOCS = ROOT / "build" / "venv-docs" / "bin" / "mkdocs"
pytestmark = pytest.mark.skipif(not MKDOCS.is_file(), reason="mkdocs is not installed: make docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [str(MKDOCS), "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_it_loads_nothing_from_another_host(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe)[^>]+src=["']?https?:|<link[^>]+(?:stylesheet|preconnect)[^>]+https?:"""
    )
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text(encoding="utf-8")), f"{page.name} loads from another host"


def test_it_says_its_version_and_what_has_changed(site: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (site / "index.html").read_text(encoding="utf-8")
    assert f"EmoBox {project['version']}" in page
    assert project["urls"]["Repository"] in page
    newest = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert newest.removeprefix("## ") in (site / "changes.html").read_text(encoding="utf-8")


@needs_chromium
@pytest.mark.slow
def test_search_finds_pages_from_disk_and_from_a_server(site: Path) -> None:
    with served(site) as server, headless_chromium() as chromium:
        for root in (f"{site.as_uri()}/", server):
            page = chromium.new_page()
            requests: list[str] = []
            page.on("request", lambda request, seen=requests: seen.append(request.url))
            page.goto(f"{root}metric.html")
            page.get_by_placeholder("Search").fill("speaker-disjoint")
            first = page.locator(".md-search-result__item a").first
            playwright.expect(first).to_be_visible()
            first.click()
            page.wait_for_url(f"{root}*.html*")
            playwright.expect(page.locator("article")).to_contain_text("speaker-disjoint")
            assert [url for url in requests if not url.startswith((root, "blob:", "data:"))] == []
            page.close()
