"""`emobox publish --model-folder` with the real client: terms of corpora, what is sent, what is refused."""

from pathlib import Path

import pytest
from commands import run_command
from hub_server import HubServer
from kept_runs import kept_run

from emobox_datasets import corpora
from emobox_datasets.files import sha256
from emobox_datasets.repository.licences import derivation
from emobox_probe.records.export_record import CorpusTerms, ExportRecord
from emobox_probe.use.expected import expected_of

MODEL = "my-lab/classifier"


def export_of(folder: Path, corpus: str, subset: str = "") -> Path:
    """A made-up export of a run on a corpus."""
    record = kept_run(folder / "run", "lab/good", corpus=corpus)
    made = folder / "export"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_text("{}")
    (made / "README.md").write_text("a card")
    files = {path.name: sha256(path) for path in made.iterdir() if path.name != "README.md"}
    exported = ExportRecord(
        to="transformers",
        title=record.title,
        way="a head",
        encoder=record.encoder.model_dump(exclude={"store_dtype", "features", "lengthened"}),
        labels=record.corpus.labels,
        corpora=[
            CorpusTerms(name=corpus, licence="as it says", homepage="https://example.org", subset=subset)
        ],
        expected=expected_of(folder / "run", record),
        quantised=None,
        files=files,
    )
    (made / "emobox.json").write_bytes(exported.content())
    return made


def publish(folder: Path, *words: str) -> int:
    return run_command("publish", "--model-folder", str(folder), "--to", MODEL, *words)


def test_a_dry_run_sends_nothing(hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = export_of(tmp_path, "ravdess")
    (export / "notes.txt").write_text("mine")
    assert publish(export) == 0
    shown = capsys.readouterr().out
    assert "model.safetensors" in shown
    assert "notes.txt" not in shown
    assert "Nothing was sent" in shown
    assert not [request for request in hub.requests if "/commit/" in request.path]


@pytest.mark.parametrize(("words", "made"), [((), "private"), (("--public",), "public")])
def test_a_dry_run_says_what_it_did_not_ask(
    words: tuple[str, ...], made: str, hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(export_of(tmp_path, "ravdess"), *words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "as a pull request if it is there, whose visibility stays" in said
    assert f"if not, as one commit to a new one, which is {made}. The Hub was not asked which." in said
    assert not hub.requests


def test_a_new_repository_is_private_and_whole(hub: HubServer, tmp_path: Path) -> None:
    export = export_of(tmp_path, "ravdess")
    assert publish(export, "--send") == 0
    made = hub.repository("model", MODEL)
    assert made.private
    for name in ("model.safetensors", "config.json", "README.md", "emobox.json"):
        assert made.files()[name] == (export / name).read_bytes()


def test_a_repository_that_is_there_gets_a_pull_request(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = export_of(tmp_path, "ravdess")
    assert publish(export, "--send") == 0
    (export / "README.md").write_text("another card")
    before = hub.repository("model", MODEL).files()
    assert publish(export, "--send") == 0
    assert "/discussions/" in capsys.readouterr().out
    assert hub.repository("model", MODEL).files() == before


@pytest.mark.parametrize("corpus", ["emodb", "urdu", "meld", "iemocap"])
def test_terms_that_are_not_known_to_allow_it_are_a_matter_of_the_user(
    corpus: str, hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    granted = derivation(corpora.load(corpus)).permission == "granted"
    export = export_of(tmp_path, corpus)
    assert publish(export) == (0 if granted else 1)
    if not granted:
        assert "pass --i-have-checked if they let you" in capsys.readouterr().err
    assert publish(export, "--i-have-checked") == 0


def test_a_repository_of_something_else_is_left_alone(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = hub.create("model", MODEL)
    other.add("main", "mine", {"tokenizer.json": b"{}"})
    before = other.files()
    assert publish(export_of(tmp_path, "ravdess"), "--send") == 1
    assert "to be empty, or to hold an earlier export, but it holds 1 other files" in capsys.readouterr().err
    assert other.files() == before


def test_files_that_are_not_those_of_the_export_are_refused(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = export_of(tmp_path, "ravdess")
    (export / "model.safetensors").write_bytes(b"others")
    assert publish(export, "--send") == 1
    assert "Expected model.safetensors in" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("--send", "--i-have-checked")])
def test_a_smoke_test_is_refused(
    words: tuple[str, ...], hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = export_of(tmp_path, "ravdess", "of ravdess only fold1")
    assert publish(export, *words) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Expected a classifier of a run on all of ravdess" in said
    assert "(of ravdess only fold1); run the probe without --limit and --folds" in said
    assert not [request for request in hub.requests if "/commit/" in request.path]


def test_runs_or_a_folder(hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("publish", "--to", MODEL) == 2
    assert "Expected runs, --model-folder or --benchmark" in capsys.readouterr().err
