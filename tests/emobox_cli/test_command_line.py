"""What a command line means, says and costs before anything runs."""

import json
import os
import shlex
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_origin

import pytest
from commands import run_command
from kept_runs import kept_run
from rich.table import Table

import emobox
from emobox_cli.console import tables
from emobox_cli.options import settings_of
from emobox_datasets.errors import CorpusError
from emobox_probe import cross
from emobox_probe.config import (
    BalanceConfig,
    ClassifyConfig,
    Config,
    CrossConfig,
    ExtractConfig,
    ProbeConfig,
    type_of,
)
from emobox_probe.errors import ProbeError
from hub_cards.bench.options import BenchConfig
from hub_cards.bench.plan import Cross
from hub_cards.settings import LeaderboardConfig, PublishConfig

# What takes a second or more to import.
HEAVY = ("torch", "datasets", "transformers", "pandas", "matplotlib", "evaluate", "accelerate", "scipy")


def test_help_imports_nothing_that_takes_long() -> None:
    script = (
        "import sys, emobox\n"
        "for name in emobox.COMMANDS: emobox.parser_of(name).format_help()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


@pytest.mark.parametrize("name", emobox.COMMANDS)
def test_help_ends_with_an_example_that_is_understood(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(name, "--help") == 0
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    program, *words = shlex.split(last.removeprefix("example: "))
    assert (program, words[0]) == ("emobox", name)
    assert emobox.parser_of(name).parse_args(words).command == name


def test_the_version_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emobox", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"emobox {version('emobox')}\n"
    for package in ("emobox_datasets", "emobox_metric", "emobox_probe", "hub_cards"):
        assert import_module(package).__version__ == version("emobox")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prob"], "Did you mean probe"),
        (["probe", "--modle", "x"], "--model"),
        (["probe", "--model", "a/b", "--corpus", "demo", "--protocl", "paper"], "Did you mean --protocol"),
        (["probe", "--model", "a/b", "--corpus", "demo", "--protocol", "strickt"], "Did you mean strict"),
        (["protocols", "papper"], "Did you mean paper"),
        (["corpora", "--jsonn"], "Did you mean --json"),
        # No abbreviation: what it stands for would change with the next option.
        (["bench", "--dry"], "Did you mean --dry-run"),
        ([], "command"),
    ],
)
def test_words_that_are_wrong_say_what_was_meant(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "completion"), [("emobox pro", "protocols"), ("emobox probe --prot", "--protocol")]
)
def test_the_shell_completes(line: str, completion: str, tmp_path: Path) -> None:
    surroundings = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "completions"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    subprocess.run([sys.executable, "-m", "emobox"], env=surroundings, check=False)
    assert completion in (tmp_path / "completions").read_text()


@pytest.mark.parametrize(
    ("command", "config"),
    [
        ("probe", ProbeConfig(model="a/b", corpus="emodb")),
        (
            "probe",
            ProbeConfig(
                model="a/b:trimmed",
                corpus="emodb",
                protocol="strict",
                data_dir=Path("/data/emo db"),
                revision="v1",
                layers="all",
                num_proc=3,
                overwrite=True,
                trust_remote_code=True,
            ),
        ),
        ("extract", ExtractConfig(model="a/b", corpus="demo", store_dtype="bfloat16", allow_missing=True)),
        (
            "cross",
            CrossConfig(
                model="a/b",
                train=("emodb", "urdu"),
                test=("demo",),
                labels=("Angry", "Sad"),
                test_set="all",
                training="released",
                leave_one_out=True,
                name="mine",
                data_dir={"emodb": Path("/data/a b"), "urdu": Path("u")},
            ),
        ),
        ("bench", BenchConfig(only=("probe/*/emodb/*", "report"), shard="2/3", workers=2, log="json")),
    ],
)
def test_settings_written_as_words_are_read_as_the_same_settings(command: str, config: Config) -> None:
    words = shlex.split(shlex.join(config.words()))
    assert settings_of(type(config), emobox.parser_of(command).parse_args([command, *words])) == config


def test_names_may_be_given_at_once_or_one_by_one() -> None:
    words = ["cross", "--model", "a/b", "--train", "emodb, urdu", "--train", "urdu,demo"]
    config = settings_of(CrossConfig, emobox.parser_of("cross").parse_args(words))
    assert config.train == ("emodb", "urdu", "demo")


def lists_of(config: type[Config]) -> list[str]:
    return [
        name for name, field in config.model_fields.items() if get_origin(type_of(field.annotation)) is tuple
    ]


@pytest.mark.parametrize(
    "config",
    [
        ProbeConfig,
        CrossConfig,
        BalanceConfig,
        ClassifyConfig,
        PublishConfig,
        LeaderboardConfig,
        BenchConfig,
        Cross,
    ],
)
def test_names_in_one_text_and_a_path_alone_are_taken_as_the_command_line_takes_them(
    config: type[Config],
) -> None:
    """A text is a sequence too: of letters."""
    assert lists_of(config)
    for name in lists_of(config):
        field = config.model_fields[name]
        needed = {
            other: {"corpus": "demo", "train": ("demo",), "per_speaker": 1}.get(other, Path("x"))
            for other, known in config.model_fields.items()
            if known.is_required()
        }
        needed |= {other: "x" for other in ("model", "classifier", "to") if other in needed}
        if "Path" in str(field.annotation):
            for given in ("runs/a,b", Path("runs/a,b")):
                assert getattr(config.of({**needed, name: given}), name) == (Path("runs/a,b"),)
            continue
        for given in ("demo, emodb,demo", ("demo", "emodb"), ["demo", "emodb"]):
            wanted = ("paper", "strict") if name == "protocols" else ("demo", "emodb")
            given = type(given)(wanted) if not isinstance(given, str) else ", ".join((*wanted, wanted[0]))
            assert getattr(config.of({**needed, name: given}), name) == wanted
        with pytest.raises(ProbeError, match=f"names parted by commas as {name}, but got none"):
            config.of({**needed, name: " , "})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"corpus": None}, "Expected text as corpus (name of the corpus, such as emodb), but got nothing;"),
        ({"corpus": ["demo"]}, "but got a list (demo);"),
        ({"corpus": {"demo": {"data_dir": None}}}, "but got keys and values (demo: …);"),
        ({"folds": {"fold1": 1}}, "Expected a list of names as folds"),
        ({"folds": 3}, "Expected a list of names as folds"),
        ({"num_proc": "many"}, "Expected a whole number as num_proc"),
        ({"batch_seconds": None, "seeds": 1.5}, "Expected a whole number as seeds"),
        ({"batch_seconds": "long"}, "Expected a number as batch_seconds"),
        ({"data_dir": 3}, "Expected a path as data_dir"),
    ],
)
def test_values_of_another_type_are_told_in_words(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeError) as caught:
        ProbeConfig.of({"model": "a/b", "corpus": "demo", **settings})
    assert said in str(caught.value)
    assert "None" not in str(caught.value)
    assert "input should be" not in str(caught.value)


def test_sources_in_one_text_are_not_read_letter_by_letter() -> None:
    with pytest.raises(CorpusError, match="but got 'nowhere'"):
        cross("builtin:logmel", train="demo, nowhere")
    with pytest.raises(ProbeError, match=r"Expected another corpus to .*, but got none"):
        cross("builtin:logmel", train="demo", leave_one_out=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["probe", "--model", "", "--corpus", "demo"], "model"),
        (
            ["probe", "--model", "a/b", "--corpus", "demo", "--data-dir", ""],
            "a path as data_dir, but it is empty",
        ),
        (["extract", "--model", "a/b", "--corpus", "demo", "--features-dir", " "], "a path as features_dir"),
        (["cross", "--model", "a/b", "--train", "emodb", "--data-dir", "emodb= "], "a path as data_dir"),
        (["probe", "--model", "a/b", "--corpus", "demo", "--num-proc", "0"], "num_proc to be more than 0"),
        (["bench", "--workers", "0"], "workers to be more than 0"),
        (
            ["cross", "--model", "a/b", "--train", " , "],
            "at least one entry as train (sources, parted by commas), but got none",
        ),
        (
            ["probe", "--model", "a/b", "--corpus", "demo", "--folds", ","],
            "names parted by commas as --folds",
        ),
        (["probe", "--model", "a/b", "--corpus", "demo", "--limit", "2"], "limit to be 3 or more, but got 2"),
        (
            ["balance", "demo", "--classifier", "a/b", "--out", "list.txt", "--per-speaker", "0"],
            "per_speaker to be more than 0, but got 0",
        ),
    ],
)
def test_values_that_are_not_possible_are_an_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*words) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: Expected ")
    assert said in told


def test_tables_for_programs_have_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*words: object) -> list[dict]:
        assert run_command(*words) == 0
        return json.loads(capsys.readouterr().out)

    emodb = next(row for row in printed("corpora", "--json") if row["name"] == "emodb")
    assert (emodb["utterances"], emodb["labels"], emodb["folds"]["released"]) == (535, 7, 5)
    assert emodb["languages"] == ["de"]
    assert [row["epochs"] for row in printed("protocols", "--json")] == [
        100,
        100,
        0,
        100,
        0,
    ]  # linear has none
    record = kept_run(tmp_path / "run", "lab/good", layers=2)
    (row,) = printed("results", tmp_path, "--format", "json")
    assert row["ua"] == pytest.approx(100 * record.mean.ua, abs=0.01)
    assert row["ua_in_paper"] is None
    (row,) = printed("score", tmp_path / "run", "--format", "json")
    assert row["ua"] == pytest.approx(100 * record.pooled.ua)
    assert row["utterances"] == record.folds[0].test


def test_a_folder_of_corpora_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for name, state in (("nowhere", "is not there"), ("file", "is a file")):
        monkeypatch.setenv("EMOBOX_DATA", str(tmp_path / name))
        assert run_command("corpora", "--json") == 0
        shown = capsys.readouterr()
        assert shown.err == (
            f"Expected a folder in EMOBOX_DATA, but {tmp_path / name} {state}; correct the variable.\n"
        )
        assert {row["here"] for row in json.loads(shown.out)} == {"no", "built in"}


def test_piped_tables_have_one_width(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "lab/" + "a-rather-long-name-of-a-model-" * 3
    kept_run(tmp_path / "run", name)
    for words in (["results", tmp_path], ["corpora"]):
        assert run_command(*words) == 0
        assert 120 < max(map(len, capsys.readouterr().out.splitlines())) <= 200


def test_tables_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["demo [old]", "[/red]", ":x:"]
    table = Table(*names, title=names[1], caption=names[2])
    table.add_row(*names)
    console = tables()
    console.print(table)
    console.print(*names)
    printed = capsys.readouterr().out
    assert [printed.count(name) for name in names] == [3, 4, 4]
