"""`emobox publish --benchmark`: what goes to the Hub, and whether the Hub would take it, by its own list."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from commands import run_command
from datasets import get_dataset_config_names, load_dataset
from hub_server import HubServer
from huggingface_hub import DatasetCard

from emobox_datasets import corpora
from emobox_datasets.released.utterances import released_corpora, released_utterances
from hub_cards.cards import benchmark
from hub_cards.cards.benchmark import FRAMEWORK, write_benchmark

REPOSITORY = "emobox/benchmark"
ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "javascript" / "node_modules" / "@huggingface" / "tasks"
needs_list = pytest.mark.skipif(
    not (PACKAGE / "package.json").is_file(), reason="@huggingface/tasks is not installed: make javascript"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("benchmark")
    write_benchmark(made)
    return made


def publish(*words: str) -> int:
    return run_command("publish", "--benchmark", "--to", REPOSITORY, *words)


def test_a_dry_run_sends_nothing(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish() == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("eval.yaml", "README.md", "data/urdu.parquet", "Nothing was sent"))
    assert not hub.requests


def test_what_the_hub_would_refuse_is_not_sent(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish("--send") == 1
    assert "send the pull request of docs/benchmark.md first" in capsys.readouterr().err
    assert not hub.requests


def test_it_arrives_and_its_tables_load(hub: HubServer, folder: Path) -> None:
    hub.create("dataset", REPOSITORY)
    for words in ((), ("--no-pull-request",)):
        assert publish("--send", "--framework-is-listed", *words) == 0
    files = hub.repository("dataset", REPOSITORY).files()
    assert files["eval.yaml"] == (folder / "eval.yaml").read_bytes()
    assert get_dataset_config_names(str(folder)) == released_corpora()
    rows = load_dataset(str(folder), "urdu", split="test")
    assert set(rows["id"]) == set(released_utterances("urdu"))


def test_what_holds_something_else_is_left_alone(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.create("dataset", REPOSITORY).add("main", "by hand", {"data.csv": b"a"})
    assert publish("--send", "--framework-is-listed") == 1
    assert "but it holds 1 other files, such as data.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "stated", [b"evaluation_framework: inspect-ai\n", b"tasks: []\n", b"a: [\n", b"\xff"]
)
def test_a_benchmark_of_others_is_left_alone(
    hub: HubServer, stated: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = hub.create("dataset", REPOSITORY)
    repository.add("main", "by hand", {"eval.yaml": stated, "data/big.csv": b"1"})
    before = repository.files()
    assert publish("--send", "--framework-is-listed", "--no-pull-request") == 1
    assert "holds a benchmark of another framework" in capsys.readouterr().err
    assert repository.files() == before


@pytest.mark.parametrize(("words", "private"), [((), True), (("--public",), False)])
def test_a_new_repository_gets_the_files_themselves(
    hub: HubServer, words: tuple[str, ...], private: bool
) -> None:
    assert publish("--send", "--framework-is-listed", *words) == 0
    repository = hub.repository("dataset", REPOSITORY)
    assert repository.private is private
    assert "eval.yaml" in repository.files()
    assert not repository.discussions


def test_an_open_request_of_other_content_does_not_stand_in(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = hub.create("dataset", REPOSITORY)
    assert publish("--send", "--framework-is-listed") == 0
    for meaning in ("another", "yet another"):
        monkeypatch.setitem(benchmark.MEANINGS, "ua", meaning)
        for _ in range(2):  # the same one opens no second request
            assert publish("--send", "--framework-is-listed") == 0
    assert len(repository.discussions) == 2
    assert b"yet another" in repository.files("refs/pr/2")["eval.yaml"]


REPO, CHECKED, LISTED = ("--results-repo", "lab/results"), ("--i-have-checked",), ("--framework-is-listed",)


@pytest.mark.parametrize(
    ("kind", "what", "idle"),
    [
        ("--benchmark", ("--benchmark",), REPO),
        ("--benchmark", ("--benchmark",), CHECKED),
        ("--model-folder", ("--model-folder", "export"), REPO),
        ("--model-folder", ("--model-folder", "export"), LISTED),
        ("runs", ("runs",), CHECKED),
        ("runs", ("runs",), LISTED),
    ],
)
def test_what_says_nothing_of_what_is_sent_is_refused(
    kind: str, what: tuple[str, ...], idle: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("publish", *what, "--to", REPOSITORY, *idle) == 2
    assert f"Expected with {kind} only what it takes, but got {idle[0]}" in capsys.readouterr().err


def test_one_thing_is_published_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("publish", "--to", REPOSITORY) == 2
    assert publish("--model-folder", str(tmp_path)) == 2
    assert "Expected runs, --model-folder or --benchmark" in capsys.readouterr().err


def test_the_card_names_every_corpus_with_its_licence(folder: Path) -> None:
    card = DatasetCard.load(folder / "README.md")
    for name in released_corpora():
        corpus = corpora.load(name)
        (row,) = (line for line in card.text.splitlines() if f"`{name}`" in line)
        assert f"| {corpus.utterances} |" in row
    assert "{{" not in card.text


def known_to_the_hub(expression: str) -> object:
    """What Node makes of an expression over the package that the Hub's list is in."""
    script = f"import * as tasks from {json.dumps((PACKAGE / 'dist/esm/index.js').as_uri())};"
    script += f"console.log(JSON.stringify({expression}))"
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@needs_list
def test_the_hub_takes_it_once_its_list_has_our_entry(folder: Path) -> None:
    """Until then nothing is sent: when this fails because the Hub lists us, `--framework-is-listed` can go."""
    listed = known_to_the_hub("tasks.EVALUATION_FRAMEWORKS")
    assert isinstance(listed, dict)
    told = yaml.safe_load((folder / "eval.yaml").read_text())
    assert told["evaluation_framework"] == FRAMEWORK["name"] not in listed
    # The entry is of the form that all others have, so the list with it takes the file.
    for entry in listed.values():
        assert {name: type(value) for name, value in entry.items()} == dict.fromkeys(FRAMEWORK, str)
    proposed = text_of_pull_request()
    assert proposed == FRAMEWORK


@needs_list
def test_the_card_has_a_category_of_the_hub(folder: Path) -> None:
    categories = DatasetCard.load(folder / "README.md").data.task_categories
    assert set(categories) <= set(known_to_the_hub("Object.keys(tasks.PIPELINE_DATA)"))  # type: ignore[call-overload]


def text_of_pull_request() -> dict[str, str]:
    """The entry that docs/benchmark.md proposes, read by Node as TypeScript would be."""
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    lines = [line[5:] for line in page.splitlines() if line.startswith("    + ")]
    entry = known_to_the_hub("({" + "\n".join(lines) + "})")
    assert isinstance(entry, dict)
    (name,) = entry
    found: dict[str, str] = entry[name]
    assert found["name"] == name
    return found
