"""What is said of published models: of known corpora, with a source, once a model; and the page made from it."""

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import validate_repo_id

from emobox_datasets import corpora
from emobox_probe.errors import ProbeError
from emobox_probe.seen.page import PAGE, page
from emobox_probe.seen.seen import (
    FILE,
    MEANINGS,
    OTHERS,
    OTHERS_NOT_FROM_MEDIA,
    benchmark_corpora,
    read,
    seen,
    statements,
)
from hub_cards.paper import read_table_4, read_table_5

ROOT = Path(__file__).parents[3]
MODELS = [model for statement in statements() for model in statement.models]


def test_the_benchmark_has_32_corpora() -> None:
    assert set(benchmark_corpora()) == set(read_table_4()["corpus"]) == set(corpora.names()) - {"demo"}
    assert len(benchmark_corpora()) == 32


@pytest.mark.parametrize("statement", statements(), ids=lambda statement: statement.models[0])
def test_every_statement_has_models_a_source_and_a_day(statement: Any) -> None:
    assert statement.models
    assert len(statement.source) > 5
    assert re.fullmatch(r"https://\S+", statement.url)
    assert statement.looked_up.isoformat() >= "2026-11-27"
    assert statement.corpora.keys() <= MEANINGS.keys()
    # Without a state it records that a source does not tell: it says what the source says instead.
    assert statement.corpora or statement.note


def test_every_model_is_a_hub_id_or_a_name_in_the_paper() -> None:
    in_the_paper = set(read_table_4()["name"])
    for model in MODELS:
        if "/" in model:
            validate_repo_id(model)
        else:
            assert model in in_the_paper | {"serab-byols", "wav2vec 2.0 large"}
    assert in_the_paper <= set(MODELS)


def test_every_model_of_the_paper_s_tables_is_looked_up() -> None:
    assert set(read_table_4()["model"]) | set(read_table_5()["model"]) <= set(MODELS)


def test_a_model_is_found_in_any_case_and_trimmed() -> None:
    for name in (
        "superb/hubert-base-superb-er",
        "SUPERB/HuBERT-base-superb-ER",
        "superb/hubert-base-superb-er:trimmed",
    ):
        state = seen(name, "iemocap")
        assert state is not None
        assert (state.state, state.heard) == ("tuned", True)
        assert state.text.startswith("tuned (Model card")


@pytest.mark.parametrize(
    ("model", "corpus", "state"),
    [
        ("emotion2vec/emotion2vec_base", "iemocap", "pretrained"),
        ("emotion2vec/emotion2vec_base", "emodb", "not"),
        ("iic/emotion2vec_base_finetuned", "meld", "pretrained"),
        ("iic/emotion2vec_base_finetuned", "emodb", "perhaps"),
        ("emotion2vec/emotion2vec_plus_large", "iemocap", "perhaps"),
        ("data2vec 2.0 base", "crema_d", "not"),
        ("WavLM large", "crema_d", "not"),
        # Cut from podcasts, as a part of what that model heard.
        ("WavLM large", "msp_podcast", None),
        ("openai/whisper-large-v3", "emodb", None),
        ("ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition", "ravdess", "tuned"),
        ("ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition", "emodb", None),
        ("lab/unheard-of", "emodb", None),
        # Nothing is said of what is no part of the benchmark.
        ("facebook/wav2vec2-base", "demo", None),
    ],
)
def test_what_is_said_of_a_model_and_a_corpus(model: str, corpus: str, state: str | None) -> None:
    found = seen(model, corpus)
    assert (found.state if found else None) == state
    assert found is None or found.heard == (state != "not")


def changed(tmp_path: Path, **values: Any) -> Path:
    """A file of one statement with these values."""
    statement = {
        "models": ["lab/one"],
        "seen": {"tuned": ["emodb"]},
        "source": "Model card",
        "url": "https://example.org",
        "looked_up": "2026-11-27",
        "note": "",
    }
    statement |= {name: value for name, value in values.items() if name != "count"}
    path = tmp_path / "seen.json"
    path.write_text(
        json.dumps({"from_media": ["meld"], "statements": [statement] * values.get("count", 1)}),
        encoding="utf-8",
    )
    return path


def test_others_are_written_out(tmp_path: Path) -> None:
    for others, beside in ((OTHERS, {"emodb"}), (OTHERS_NOT_FROM_MEDIA, {"emodb", "meld"})):
        (statement,) = read(changed(tmp_path, seen={"tuned": ["emodb"], "not": others}))
        assert set(statement.corpora["not"]) == set(benchmark_corpora()) - beside
        assert statement.corpora["tuned"] == ("emodb",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seen": {"tuned": ["emo_db"]}}, "Expected names of the benchmark's corpora .* got emo_db"),
        ({"seen": {"tuned": ["emodb"], "pretrained": ["emodb"]}}, "several of emodb"),
        ({"seen": {"heard": ["emodb"]}}, "Expected one of tuned, .* got heard"),
        ({"seen": {"not": "the rest"}}, "'others'.* got 'the rest'"),
        ({"looked_up": "yesterday"}, "Expected models, seen"),
        ({"models": None}, "Expected models, seen"),
        ({"count": 2}, "several of lab/one"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        read(changed(tmp_path, **values))


def test_the_page_in_the_repository_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/seen.md is out of date; run: python -m emobox_probe.seen.page"
    )


def test_the_page_has_every_model_once() -> None:
    cells = [line.split(" | ")[0].removeprefix("| ") for line in page().splitlines() if line.startswith("| ")]
    named = [model.strip("`") for cell in cells for model in cell.split("<br>")]
    assert sorted(name for name in named if name in MODELS) == sorted(MODELS)


def test_the_file_is_shipped() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    package = FILE.parents[1]
    patterns = told["package-data"][package.name]
    assert any(fnmatch(FILE.relative_to(package).as_posix(), pattern) for pattern in patterns)
