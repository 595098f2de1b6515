"""Reading a plan: what it means, and everything that is wrong with it, at once and with lines."""

import re
from pathlib import Path

import pytest
import yaml

from emobox_datasets import corpora
from hub_cards.bench.default import default_plan
from hub_cards.bench.plan import PlanError
from hub_cards.bench.reading import parse_plan, read_plan
from hub_cards.paper import read_table_4

WRONG = """\
output: runs
modells: [builtin:logmel]
models:
  - builtin:logmell
  - {name: builtin:logmel, dtype: float16}
  - {name: some/model, dtype: float8}
  - {name: some/model, paper: wav2vec 3.0}
corpora:
  - demoo
  - {name: emodb, path: /no/such/folder}
  - {path: /somewhere}
protocols: [paper, paper, strikt]
cross:
  - {train: [demo]}
  - {train: [demo, demo], labels: [Angry, Unheard], leave_one_out: perhaps}
store_dtype: int8
store_dtype: float16
"""


def problems(text: str) -> list[str]:
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "plan.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (2, "'modells'. Did you mean models"),
        (4, "Did you mean builtin:logmel"),
        (5, "no dtype of builtin:logmel"),
        (6, "'float8'"),
        (7, "'wav2vec 3.0'. Did you mean wav2vec 2.0 base"),
        (9, "'demoo'. Did you mean demo"),
        (10, "at /no/such/folder (from data_dir), but there is none"),
        (11, "Expected name in a corpus"),
        (12, "paper is in line 12 too"),
        (12, "'strikt'. Did you mean strict"),
        (14, "Expected another corpus"),
        (15, "demo is in line 15 too"),
        (15, "true or false as leave_one_out"),
        (17, "Expected store_dtype once"),
    ],
)
def test_every_problem_is_told_with_its_line(line: int, said: str) -> None:
    found = [problem for problem in problems(WRONG) if problem.startswith(f"plan.yaml:{line}: ")]
    assert any(said in problem for problem in found), found


def test_values_of_another_kind_are_told_in_words() -> None:
    found = "\n".join(
        [
            *problems("models: [builtin:logmel]\ncorpora: {demo: {data_dir: null}}\nprotocols: [paper]"),
            *problems("models: [null]\ncorpora: [null]\nprotocols: [null, {a: 1}]\ncross: [{train: null}]"),
        ]
    )
    assert "Expected a list as corpora, but got keys and values (demo: …); correct it." in found
    assert "Expected protocols of paper, strict, linear, but got nothing." in found
    assert "Expected a list of names as train, but got nothing; correct it." in found
    assert "None" not in found


def test_contradictions_are_problems() -> None:
    text = "models: [{name: a/b}, {name: a/b, dtype: bfloat16}]\ncorpora: [demo]\nprotocols: [paper]\n"
    assert "different folders" in problems(text)[0]
    (said,) = problems(
        "models: [a/b]\ncorpora: [demo]\nprotocols: [paper]\ncross: [{train: [demo], name: x/y}]"
    )
    assert "name for a folder" in said


def test_what_is_no_plan_is_told() -> None:
    assert problems("models: [")[0].startswith("plan.yaml:1: Expected YAML")
    assert "Expected a plan" in problems("")[0]
    assert "Expected a plan" in problems("- a\n")[0]
    missing = problems("output: x\n")
    assert [sum(key in problem for problem in missing) for key in ("models", "corpora", "protocols")] == [
        1,
        1,
        1,
    ]
    with pytest.raises(PlanError, match=r"no-such\.yaml: Expected a plan"):
        read_plan(Path("no-such.yaml"))


def test_a_plan_means_what_it_says(tmp_path: Path) -> None:
    plan = parse_plan(
        f"output: {tmp_path}\nmodels:\n  - {{name: a/b, revision: v1, paper: WavLM base, trust_remote_code: true}}\n"
        f"corpora: [demo, {{name: emodb, path: {tmp_path}, allow_missing: yes}}]\nprotocols: [strict]\n"
        f"cross: [{{train: [emodb], test: [demo], labels: common}}]\n",
        "plan.yaml",
    )
    (model,) = plan.models
    assert (model.revision, model.paper, model.label) == ("v1", "WavLM base", "a--b")
    assert model.trust_remote_code
    assert plan.places["emodb"].allow_missing
    assert plan.places["emodb"].path == str(tmp_path)
    (cross,) = plan.cross
    assert (cross.name, cross.protocols, cross.labels) == ("emodb_on_demo", ("strict",), ("common",))
    assert plan.state == tmp_path / ".bench"


def test_the_default_plan_is_the_papers_for_the_corpora_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("emodb", "iemocap", "meld", "ravdess", "savee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README").touch()
    monkeypatch.setenv("EMOBOX_DATA", str(tmp_path))
    plan = parse_plan(default_plan(), "default")
    assert plan.corpora == ("emodb", "iemocap", "meld", "ravdess", "savee")
    hub = {name for name in read_table_4()["model"] if "/" in name}
    assert {model.name for model in plan.models} == hub
    assert plan.cross[0].corpora == ("iemocap", "meld", "ravdess", "savee")
    monkeypatch.delenv("EMOBOX_DATA")
    assert parse_plan(default_plan(), "default").corpora == ("demo",)
    names = set(read_table_4()["name"])
    assert all(name in default_plan() for name in names)
    assert len(names) == 10


def test_the_default_plan_says_where_the_models_are_that_are_not_on_the_hub() -> None:
    comments = [line.strip(" #") for line in default_plan().splitlines() if line.startswith("  #")]
    for file, folder in (("base_libri.pt", "data2vec2-base"), ("large_vox.pt", "data2vec2-large")):
        assert f"curl -LO https://dl.fbaipublicfiles.com/fairseq/data2vec2/{file}" in comments
        assert f"emobox convert-checkpoint {file} {folder}" in comments
    # Taken off the comments, the rows are models of the plan.
    whole = re.sub(r"^  # - ", "  - ", default_plan(), flags=re.MULTILINE)
    models = {model.paper: model.name for model in parse_plan(whole, "default").models}
    assert models["data2vec 2.0 base"] == "./data2vec2-base"
    assert models["data2vec 2.0 large"] == "./data2vec2-large"


def test_found_is_every_corpus_that_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "models: [a/b]\ncorpora: found\nprotocols: [paper]\n"
    monkeypatch.setenv("EMOBOX_DATA", str(tmp_path))
    assert "found none" in problems(text)[0]
    names = [name for name in corpora.names() if name != "demo"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "README").touch()
    assert parse_plan(text, "plan.yaml").corpora == tuple(names)
    assert yaml.safe_load(default_plan())["corpora"] == names
