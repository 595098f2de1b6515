"""Every command and every piece of code in the user guide runs, and what it names exists."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from doc_pages import DOCS, ROOT, Block, blocks, in_navigation, inline_code, links, pages, prose, text_of
from doc_runner import BlockError, Commands, Page
from doc_world import fill_data, fill_hub, fill_publishers
from hub_server import HubServer
from publisher_server import PublisherServer

import emobox

# Written by commands, which have tests of their own, or when the guide is built.
GENERATED = ("changes.md", "corpora.md", "encoders.md", "errata.md", "seen.md")
GUIDE = [page for page in pages() if page not in GENERATED]
WITH_BLOCKS = [page for page in GUIDE if any(block.language != "text" for block in blocks(page))]
# Longest of all, and their commands have quick tests of their own.
LONG = ("clusters.md", "looking-closer.md", "mteb.md", "publishing.md", "reproducing.md", "your-model.md")
# What a page needs that is an extra.
EXTRAS = {"mteb.md": "mteb"}
PAGES = [
    pytest.param(
        name,
        marks=[pytest.mark.slow] * (name in LONG)
        + [
            pytest.mark.skipif(find_spec(extra) is None, reason=f"not installed: pip install -e '.[{extra}]'")
            for page, extra in EXTRAS.items()
            if page == name
        ],
    )
    for name in WITH_BLOCKS
]
# Options of other programs, and of benchmarks.
FOREIGN = {"--config_file", "--gpus-per-task", "--help", "--local-dir", "--records", "--repo-type"}


@dataclass
class World:
    commands: Commands
    hub: HubServer
    data: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The commands, the Hub and the data that a reader has."""
    folder = tmp_path_factory.mktemp("guide")
    with HubServer() as hub, PublisherServer() as publishers:
        variables = {
            **hub.environment(),
            "EMOBOX_MIRROR": publishers.url,
            "HF_TOKEN": hub.token,
            "HF_HOME": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
        }
        commands = Commands(folder / "commands", variables)
        try:
            fill_hub(hub, folder / "models")
            fill_data(folder / "data")
            fill_publishers(publishers)
            commands.wait()
            yield World(commands, hub, folder / "data")
        finally:
            commands.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_a_page_run(name: str, world: World, tmp_path: Path) -> None:
    page = Page(world.commands, tmp_path / "reader", world.data)
    try:
        for block in blocks(name):
            page.do(block)
    finally:
        page.close()


@pytest.mark.parametrize(
    "block",
    [
        Block("x.md", 1, "bash", "", "emobox probee"),
        Block("x.md", 1, "bash", "", "false; true"),
        Block("x.md", 1, "bash", "", "pip install -e '.[nothing]'"),
        Block("x.md", 1, "bash", "", "make nothing"),
        Block("x.md", 1, "bash", "job.sh", "if true"),
        Block("x.md", 1, "python", "", "1 / 0"),
        Block("x.md", 1, "text", "", "what was not printed"),
    ],
    ids=lambda block: f"{block.language} {block.text}",
)
def test_a_block_that_is_wrong_is_noticed(block: Block, world: World, tmp_path: Path) -> None:
    page = Page(world.commands, tmp_path / "reader", world.data)
    try:
        page.do(Block("x.md", 1, "bash", "", "echo printed"))
        page.do(Block("x.md", 2, "text", "", "printed"))
        with pytest.raises(BlockError, match=r"x\.md:1 "):
            page.do(block)
    finally:
        page.close()


@pytest.mark.parametrize("page", pages())
def test_every_block_is_of_a_kind_that_is_checked(page: str) -> None:
    found = blocks(page)
    assert text_of(page).count("```") == 2 * len(found)


def test_the_navigation_has_every_page_once() -> None:
    assert sorted(in_navigation()) == pages()


@pytest.mark.parametrize("page", GUIDE)
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"https?:", target):
            continue
        file = (DOCS / page).parent / target if target else DOCS / page
        assert file.is_file(), f"docs/{page} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
            }
            assert anchor in slugs, f"docs/{page} links to {link}"


def options_of(command: str) -> set[str]:
    parser = emobox.parser_of(command)
    return {option for action in parser.all_actions() for option in action.option_strings}


def test_options_and_commands_in_the_text_exist() -> None:
    known = set().union(*(options_of(command) for command in emobox.COMMANDS)) | FOREIGN
    for page in GUIDE:
        for code in inline_code(page):
            for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", code):
                assert option in known, f"docs/{page} names {option}"
            if command := re.match(r"emobox ([a-z][a-z-]*)", code):
                assert command[1] in emobox.COMMANDS, f"docs/{page} names {code}"


def test_every_command_is_in_the_guide() -> None:
    everything = "\n".join(text_of(page) for page in GUIDE)
    assert [name for name in emobox.COMMANDS if f"emobox {name}" not in everything] == []


@pytest.mark.parametrize("page", [page for page in pages() if page.startswith("api/")])
def test_the_reference_names_what_exists(page: str) -> None:
    """`::: module` and, below it, the members that are shown."""
    for match in re.finditer(r"^::: ([\w.]+)\n((?:    .*\n|\n)*)", text_of(page) + "\n", re.MULTILINE):
        module = import_module(match[1])
        for member in re.findall(r"^ +- (\w+)$", match[2], re.MULTILINE):
            assert (getattr(module, member).__doc__ or "").strip(), f"{match[1]}.{member} says nothing"


def test_the_guide_counts_quartiles_as_the_results_have_them() -> None:
    results = json.loads((ROOT / "benchmarks/results/humans.json").read_text(encoding="utf-8"))
    runs = [[part["wa"] for part in run["recognition"]["quartiles"]] for run in results["emodb"]["runs"]]
    assert all(lowest < min(others) for lowest, *others in runs)
    falling = sum(parts[-1] < max(parts) for parts in runs)
    said = f"in {falling} of {len(runs)} rows the highest quartile is not the best"
    assert said in " ".join(text_of("humans.md").split())


def test_prose_has_no_fence_left() -> None:
    assert not any("```" in prose(page) for page in GUIDE)
