"""What a board did not expect: other schemas, hostile names, scores without predictions, unknown corpora."""

import json
from pathlib import Path
from typing import Any

import pytest
from board_pages import HOSTILE, Open, arrives_at, board, column, show
from browser_pages import needs_chromium
from cross_records import cross_record
from kept_runs import kept_run
from records import record

from emobox_probe.encoders.facts import OwnSource
from emobox_probe.errors import ProbeError
from emobox_probe.records.result import read_record
from hub_cards.leaderboard.data import page_data
from hub_cards.runs.collection import collect

HOSTILE_NAMES = (
    HOSTILE,
    "javascript:alert(1)",
    "__proto__",
    "constructor",
    "a&b=c#view=speed",
    "lab/x?y",
    " ",
)


def renamed(folder: Path, name: str, own: bool = False) -> None:
    made = read_record(folder)
    source = OwnSource(import_path="python:mine:load") if own else None
    encoder = made.encoder.model_copy(update={"name": name, "own": source})
    made.model_copy(update={"encoder": encoder}).write(folder)


def make_older(folder: Path) -> None:
    """As records of schema 1 are."""
    path = folder / "result.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["schema_version"] = 1
    del content["encoder"]["lengthened"], content["weighted_sum"], content["provenance"]["hardware"]
    for later in ("speaker_only", "humans", "seed_0", "calibration", "gaps"):
        content.pop(later, None)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad") / "runs"
    for number, name in enumerate(HOSTILE_NAMES):
        kept_run(folder / f"hostile{number}", "lab/some", right=0.3 + 0.08 * number, seed=number)
        renamed(folder / f"hostile{number}", name, own=number % 2 == 0)
    kept_run(folder / "older", "lab/older", right=0.8)
    make_older(folder / "older")
    kept_run(folder / "alone", "lab/alone", right=0.7)
    (folder / "alone" / "predictions.parquet").unlink()
    kept_run(folder / "mine", "lab/older", corpus="my_corpus", right=0.6)
    kept_run(folder / "constructor", "lab/alone", corpus="constructor", right=0.9)
    (folder / "x").mkdir()
    made = cross_record(name="lab/alone")
    unknown = made.corpora[0].model_copy(update={"name": "my_corpus", "utterances": 9})
    pairs = [
        pair.model_copy(
            update={end: "my_corpus" for end in ("source", "target") if getattr(pair, end) == "emodb"}
        )
        for pair in made.pairs
    ]
    made.model_copy(update={"corpora": [unknown, *made.corpora[1:]], "pairs": pairs}).write(folder / "x")
    board(folder.parent, results_repo="lab/emobox-results")
    return folder


@needs_chromium
def test_every_view_shows_them_as_text(open_page: Open, runs: Path) -> None:
    page = open_page("", runs.parent / "site")
    for view in ("corpora", "corpus", "model", "compare", "size", "cross", "speed"):
        for more in (
            "",
            "&corpus=my_corpus&language=und&source=not+known",
            "&metric=wa&size=100&disjoint=yes",
        ):
            show(page, f"#view={view}{more}")
            assert page.locator("img, iframe, object").count() == 0
            assert page.locator("a[href^='javascript']").count() == 0
            assert page.title().endswith("EmoBox leaderboard")
    show(page, "#view=corpus&corpus=urdu&lines=no&published=no")
    names = column(page, "Model")
    assert len(names) == len(HOSTILE_NAMES) + 2
    # Without predictions a model is compared by its standard error, and told apart less.
    assert "not kept" in column(page, "Predictions")
    assert "–" not in column(page, "Rank")


@needs_chromium
@pytest.mark.parametrize("name", ["__proto__", "a&b=c#view=speed"])
def test_a_hostile_name_is_one_model_and_no_other(open_page: Open, runs: Path, name: str) -> None:
    page = open_page("#view=corpus&corpus=urdu&lines=no&published=no", runs.parent / "site")
    page.get_by_role("link", name=name, exact=True).click()
    arrives_at(page, "view=model")
    assert page.locator("h2").inner_text() == name
    page.get_by_role("link", name="Compare it").click()
    arrives_at(page, "view=compare")
    assert page.locator("h2").inner_text().startswith(f"{name} or ")
    assert column(page, "Corpus") == ["URDU"]


@needs_chromium
def test_unknown_corpora_are_shown_under_their_names_and_in_no_mean(open_page: Open, runs: Path) -> None:
    page = open_page("#view=corpus&corpus=constructor", runs.parent / "site")
    assert page.locator("h2").inner_text() == "constructor: UA"
    assert "not known; not known" in page.locator("#status").inner_text()
    show(page, "#published=no")
    assert not {"my_corpus", "constructor"} & set(page.locator("#table thead th").all_inner_texts())
    show(page, "#view=cross&score=ua")
    page.get_by_label("Trained and tested on").select_option(index=1)
    assert "my_corpus → URDU" in page.locator("#table thead").inner_text()


def test_only_what_came_from_the_hub_is_linked_to_it(runs: Path, tmp_path: Path) -> None:
    addresses = {
        model["name"]: model["url"]
        for model in page_data(collect([runs]))["models"]
        if not model["published"]
    }
    assert {addresses[name] for name in HOSTILE_NAMES} == {None}
    assert addresses["lab/older"] == "https://huggingface.co/lab/older"
    local = record(name="lab/folder")
    local.model_copy(update={"encoder": local.encoder.model_copy(update={"revision": None})}).write(tmp_path)
    (model,) = [model for model in page_data(collect([tmp_path]))["models"] if not model["published"]]
    assert model["url"] is None


@needs_chromium
def test_a_row_links_to_its_record_where_it_is_from_the_dataset(open_page: Open, tmp_path: Path) -> None:
    """Published under another name, and as a variant, whose protocol has the name of the usual one."""
    place = "intra/lab--published/weights-0000000000000000/urdu/paper-7-seeds"
    kept_run(tmp_path / "runs" / place, "builtin:logmel", right=0.8)
    kept_run(tmp_path / "runs" / "of my own", "lab/own", right=0.7)
    site = board(tmp_path, results_repo="lab/emobox-results")
    page = open_page("#view=corpus&corpus=urdu&published=no&lines=no", site)
    (link,) = page.get_by_role("link", name="record", exact=True).all()
    assert link.get_attribute("href") == (
        f"https://huggingface.co/datasets/lab/emobox-results/blob/main/{place}/result.json"
    )


def test_only_a_place_in_the_dataset_is_a_records_place(tmp_path: Path) -> None:
    place = "intra/lab--published/weights-0000000000000000/urdu/paper-7-seeds"
    kept_run(tmp_path / place, "builtin:logmel", right=0.8)
    kept_run(tmp_path / "intra/a/b/emodb/paper", "lab/misplaced", right=0.7)
    collection = collect([tmp_path])
    shown = page_data(collection, "lab/emobox-results")["results"]["record"]
    assert {path for path in shown if path} == {f"{place}/result.json"}
    assert "record" not in page_data(collection)["results"]


@needs_chromium
def test_records_between_corpora_have_their_place_too(open_page: Open, tmp_path: Path) -> None:
    place = tmp_path / "runs" / "cross/lab--published/weights-0000000000000000/paper"
    place.mkdir(parents=True)
    cross_record(name="lab/published").write(place)
    page = open_page("#view=cross&model=lab%2Fpublished", board(tmp_path, results_repo="lab/emobox-results"))
    (link,) = page.get_by_role("link", name="record", exact=True).all()
    assert (link.get_attribute("href") or "").endswith(
        "/datasets/lab/emobox-results/blob/main/cross/lab--published/weights-0000000000000000/paper/cross.json"
    )


def test_too_few_speakers_have_no_rank_whatever_the_record_says(tmp_path: Path) -> None:
    for number, clusters in enumerate((0, 1, 3, 4)):
        (tmp_path / str(number)).mkdir()
        record(name=f"lab/{clusters}").write(tmp_path / str(number))
        edited(tmp_path / str(number) / "result.json", ("interval", "clusters"), clusters)
    found = page_data(collect([tmp_path]))
    ranks = zip(found["results"]["model"], found["results"]["ua_rank"], strict=True)
    assert {found["models"][model]["name"] for model, rank in ranks if rank} == {"lab/4"}


@pytest.mark.parametrize("version", [0, 3, "2", None])
def test_records_of_schemas_to_come_are_refused_by_name(tmp_path: Path, version: Any) -> None:
    record().write(tmp_path)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
    with pytest.raises(ProbeError, match="1 cannot") as refused:
        collect([tmp_path])
    assert str(path) in str(refused.value)


def edited(path: Path, part: tuple[str, ...], value: Any) -> None:
    """Write another value into a part of a record."""
    made = json.loads(path.read_text())
    inner = made
    for name in part[:-1]:
        inner = inner[name]
    inner[part[-1]] = value
    path.write_text(json.dumps(made))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("protocol", "seeds"), 5),
        (("provenance", "created"), "0001-01-01T00:00:00+14:00"),
        (("corpus", "hours"), 1e308),
        (("corpus", "hours"), -3),
        (("corpus", "missing"), -3),
        (("interval", "clusters"), -5),
        (("folds",), []),
        (("confusion",), []),
        (("confusion",), [[1, 2]]),
        (("encoder", "parameters"), -1),
        (("encoder", "parameters"), 10**400),
        (("corpus",), {**record().corpus.model_dump(), "name": "nobodys", "labels": []}),
    ],
)
def test_a_bad_value_is_one_error_that_names_the_file(
    tmp_path: Path, part: tuple[str, ...], value: Any
) -> None:
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
        record(name=f"lab/{folder}").write(tmp_path / folder)
    path = tmp_path / "bad" / "result.json"
    edited(path, part, value)
    with pytest.raises(ProbeError, match="but 1 cannot") as refused:
        page_data(collect([tmp_path]))
    assert str(path) in str(refused.value)


def test_json_too_deep_to_read_is_one_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"schema_version": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(ProbeError, match="but 1 cannot") as refused:
        collect([tmp_path])
    assert str(path) in str(refused.value)
