"""The page as text: it carries everything, asks for nothing, and text in a record stays text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from kept_runs import kept_run

from emobox_probe.errors import ProbeError
from hub_cards.leaderboard.data import page_data
from hub_cards.leaderboard.site import CARD, LICENCES, MARKER, PAGE, check_folder, embedded, render, write
from hub_cards.runs.collection import collect

HOSTILE = '</script><img src=x onerror="alert(1)"> | a | b\n---\n# <b>&amp; \u2028 $x$ ' + "long" * 100


class Elements(HTMLParser):
    """The elements of a page with their attributes, and what stands in scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements:
            self.texts.append((self.elements[-1][0], data))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    kept_run(folder / "a", HOSTILE, layers=3)
    kept_run(folder / "b", "lab/good", corpus="my_corpus")
    return render(page_data(collect([folder])))


def test_text_of_records_is_no_markup(files: dict[str, str]) -> None:
    page = Elements(files[PAGE])
    assert not [tag for tag, _ in page.elements if tag in ("img", "b0", "iframe")]
    data = json.loads(next(text for tag, text in page.texts if tag == "script"))
    assert HOSTILE in {model["title"] for model in data["models"]}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_the_page_asks_no_one_for_anything(files: dict[str, str]) -> None:
    for tag, attributes in Elements(files[PAGE]).elements:
        if tag == "a":  # a link is followed by who reads, into a window of its own
            assert attributes["href"] == "#main" or attributes["rel"] == "noopener noreferrer"
            continue
        for name in ("src", "href", "srcset", "action"):
            assert not re.match(r"\s*(https?:)?//", attributes.get(name) or ""), (tag, attributes)


def test_the_policy_names_every_script_and_style_by_its_hash_and_nothing_else(files: dict[str, str]) -> None:
    page = Elements(files[PAGE])
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", files[PAGE], re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert texts
        assert rules[name].split() == [f"'sha256-{value}'" for value in hashes]


def test_embedded_json_is_read_back_and_cannot_end_its_element() -> None:
    text = str(embedded({"name": HOSTILE}))
    assert "<" not in text
    assert json.loads(text) == {"name": HOSTILE}
    with pytest.raises(ValueError, match="JSON"):
        embedded({"score": float("nan")})


def test_the_card_is_that_of_a_static_space(files: dict[str, str]) -> None:
    _, metadata, body = files[CARD].split("---\n", 2)
    card: dict[str, Any] = yaml.safe_load(metadata)
    assert (card["sdk"], card["app_file"]) == ("static", PAGE)
    assert "2 results on labels, of 2 models, on corpora of" in body
    assert "MIT License" in files[LICENCES]


def test_the_same_records_make_the_same_site(files: dict[str, str], tmp_path: Path) -> None:
    kept_run(tmp_path / "a", "lab/good")
    assert render(page_data(collect([tmp_path]))) == render(page_data(collect([tmp_path])))


def test_a_site_is_replaced_and_other_files_are_not(files: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "site", files)
    write(tmp_path / "site", files)
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == sorted(files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
    (tmp_path / "site" / "thesis.tex").write_text("years of work")
    with pytest.raises(ProbeError, match=r"holds thesis\.tex"):
        write(tmp_path / "site", files)


@pytest.mark.parametrize("name", [MARKER, PAGE])
def test_a_build_that_was_killed_is_repeated(files: dict[str, str], tmp_path: Path, name: str) -> None:
    (tmp_path / f".{name}.0123456789ab.incomplete").write_text("half")
    if name != MARKER:
        (tmp_path / MARKER).write_text(files[MARKER])
    write(tmp_path, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


def test_a_page_that_is_not_ours_is_not_replaced(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("my home page")
    with pytest.raises(ProbeError, match=r"holds index\.html"):
        write(tmp_path, files)
    assert (tmp_path / PAGE).read_text() == "my home page"
    with pytest.raises(ProbeError, match="is a file"):
        check_folder(tmp_path / PAGE)


def test_the_marker_knows_the_files(files: dict[str, str]) -> None:
    told = json.loads(files[MARKER])["files"]
    assert told == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items() if name != MARKER
    }
