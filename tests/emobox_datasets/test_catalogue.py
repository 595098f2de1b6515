"""The table of corpora and the page made from it."""

import json
import re
from pathlib import Path

import pytest

import emobox
from emobox_datasets import corpora
from emobox_datasets.catalogue import PAGE, cells, page
from emobox_datasets.sources.permission import how_to_ask
from emobox_datasets.sources.source import Recipe, Source


def test_the_page_in_the_repository_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "docs/corpora.md is out of date; run: python -m emobox_datasets.catalogue"


def test_every_corpus_has_a_row_and_a_section() -> None:
    lines = page().splitlines()
    for corpus in map(corpora.load, corpora.names()):
        rows = [line for line in lines if line.startswith(f"| `{corpus.name}` |")]
        sources = [7] if corpus.name != "demo" else []
        assert [row.count("|") for row in rows] == [len(cells(corpus)) + 1, *sources]
        assert (f"## {corpus.display_name} (`{corpus.name}`)" in lines) == (corpus.name != "demo")


def test_every_corpus_has_a_source_or_says_how_to_ask() -> None:
    """A source is held against something, or says that it is not; five lines say how to come by the others."""
    for corpus in map(corpora.load, corpora.names()):
        if isinstance(corpus.download, Source):
            assert corpus.download.url(corpus.download.files[0]).startswith("http"), corpus.name
            assert corpus.download.checked == "2026-11-28"
            for file in corpus.download.files:
                assert file.checksum is None or re.fullmatch(
                    r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", file.checksum
                )
        elif corpus.synthesise is None:
            assert isinstance(corpus.download, Recipe), corpus.name
            assert how_to_ask(corpus).count("\n") == 4


def test_the_totals_are_the_paper_s() -> None:
    """Table 1 of the paper: 262,020 utterances, 294.4 hours (as the sum of rounded figures)."""
    assert "In all 32 corpora, 262,020 utterances, 294.5 hours." in page()


def test_the_command_tells_which_corpora_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "emodb/wav").mkdir(parents=True)
    (tmp_path / "emodb/wav/03a01Fa.wav").touch()
    (tmp_path / "urdu/Angry").mkdir(parents=True)  # a folder without a file holds no corpus
    (tmp_path / "CREMA-D").mkdir()
    (tmp_path / "CREMA-D/a.wav").touch()
    monkeypatch.setenv("EMOBOX_DATA", str(tmp_path))
    with pytest.raises(SystemExit):
        emobox.main(["corpora", "--json"])
    rows = json.loads(capsys.readouterr().out)
    here = {row["name"]: row["here"] for row in rows}
    download = {row["name"]: row["download"] for row in rows}
    assert download["ravdess"]["size"] == 208_468_073
    assert download["iemocap"] is None
    assert len(here) == 33
    assert (here["emodb"], here["urdu"], here["demo"]) == (str(tmp_path / "emodb"), "no", "built in")
    assert here["crema_d"] == str(tmp_path / "CREMA-D")
    with pytest.raises(SystemExit):
        emobox.main(["corpora"])
    table = capsys.readouterr().out
    assert "5 released, 4 strict" in table
    assert "download (208.5 MB)" in table
    assert "on request" in table


def test_an_empty_variable_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOBOX_DATA", "")
    with pytest.raises(SystemExit) as caught:
        emobox.main(["corpora"])
    assert caught.value.code == 1
    assert "Expected the path of a folder in EMOBOX_DATA, but it is empty" in capsys.readouterr().err
