"""Cards of several runs, as a stranger reads them: what stands first, what once, what last, and what never."""

from dataclasses import asdict
from pathlib import Path

import yaml
from commands import run_command
from rated_records import make_rated
from records import record
from result_runs import make_cross_run, make_run

from emobox_datasets import corpora
from emobox_probe.protocol import PAPER, STRICT
from hub_cards.cards.model_card import model_card, readme
from hub_cards.cards.summary import part_of
from hub_cards.runs.find_and_check import RatedRun, Run


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first line is that one."""
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


SUMMARY = "| corpus | protocol | UA |"


def test_many_runs_have_a_summary_first_that_says_what_their_tables_say(tmp_path: Path) -> None:
    runs = [("emodb", "paper"), ("urdu", "paper"), ("urdu", "strict")]
    made = {run: make_run(tmp_path / "runs" / "/".join(run), *run) for run in runs}
    cross = make_cross_run(tmp_path / "runs" / "cross")
    out = tmp_path / "card/README.md"
    assert run_command("card", tmp_path / "runs", "--out", out) == 0
    text = out.read_text()
    expected = [
        [
            corpora.load(corpus).display_name,
            protocol,
            f"{100 * made.pooled.ua:.1f}",
            made.interval.text("ua"),
            f"{100 * made.pooled.wa:.1f}",
            f"{100 * made.pooled.f1:.1f}",
            f"{100 * made.chance:.1f}",
            "–",
            "80",
        ]
        for (corpus, protocol), made in made.items()
    ]
    assert rows_of(text, SUMMARY) == expected
    marks = [line.split()[1:4] for line in text.splitlines() if line.startswith("<!-- emobox:")]
    kinds = [mark[1] if mark[0] == "emobox:scores" else mark[0] for mark in marks]
    protocols = ["emobox:protocol"] * len({cross.protocol_id, "paper", "strict"})
    assert kinds[1:-1] == ["emodb", "urdu", "urdu", "cross", *protocols, "emobox:about"]
    assert text.index(SUMMARY) < text.index("### EmoDB, protocol paper")


def test_one_run_has_no_summary_and_one_more_makes_it(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b", "emodb")
    alone = readme(None, [Run(tmp_path / "a", first)])
    assert SUMMARY not in alone.decode()
    both = readme(alone, [Run(tmp_path / "b", second)])
    assert [row[0] for row in rows_of(both.decode(), SUMMARY)] == ["EmoDB", "URDU"]
    assert readme(both, [Run(tmp_path / "b", second)]) == both


def test_scores_on_what_raters_said_have_a_summary_of_their_own(tmp_path: Path) -> None:
    rated = make_rated(tmp_path / "r", "lab/encoder", target="distribution")
    text = readme(None, [Run(tmp_path, make_run(tmp_path / "a"))], rated=[RatedRun(tmp_path / "r", rated)])
    rows = rows_of(text.decode(), "| corpus | protocol | score |")
    assert [row[2] for row in rows] == [rated.heading(score) for score in rated.scores]
    low, high = rated.interval.bounds["brier"] or (0, 0)
    brier = next(row for row in rows if row[2].startswith("Brier"))
    assert brier[3:5] == [f"{rated.scores['brier']:.3f}", f"{low:.3f} to {high:.3f}"]
    assert brier[5] == f"{rated.constant['brier']:.3f}"
    assert SUMMARY not in text.decode()  # of one run on labels


def test_what_is_made_up_or_incomplete_is_marked_wherever_it_stands_beside_others(tmp_path: Path) -> None:
    demo, urdu = make_run(tmp_path / "a", "demo"), make_run(tmp_path / "b")
    part = urdu.corpus.model_copy(update={"missing": 3})
    emodb = make_run(tmp_path / "c", "emodb")
    runs = [Run(tmp_path, one) for one in (demo, urdu.model_copy(update={"corpus": part}), emodb)]
    rated = make_rated(tmp_path / "r", "lab/encoder", "demo")
    text = readme(None, runs, rated=[RatedRun(tmp_path / "r", rated)]).decode()
    name = corpora.load("demo").display_name
    assert [row[0] for row in rows_of(text, SUMMARY)] == [f"{name} †", "EmoDB", "URDU †"]
    assert {row[0] for row in rows_of(text, "| corpus | protocol | score |")} == {f"{name} †"}
    assert "\n† The corpus is made up, or utterances of it are missing" in text
    index = yaml.safe_load(text.split("---")[1])["model-index"][0]["results"]
    names = {one["dataset"]["name"] for one in index}
    assert f"EmoBox {name} (made up: the scores show that the tools work and nothing else)" in names
    assert "EmoBox EmoDB" in names
    both = readme(None, [Run(tmp_path, emodb), Run(tmp_path, make_run(tmp_path / "d"))]).decode()
    assert "†" not in both


def test_a_card_on_what_raters_said_names_no_metric_of_labels(tmp_path: Path) -> None:
    rated = RatedRun(tmp_path / "r", make_rated(tmp_path / "r"))
    alone = yaml.safe_load(readme(None, [], rated=[rated]).decode().split("---")[1])
    assert "metrics" not in alone
    beside = readme(None, [Run(tmp_path, make_run(tmp_path / "a"))], rated=[rated]).decode()
    assert yaml.safe_load(beside.split("---")[1])["metrics"] == ["recall", "accuracy", "f1"]


def test_a_part_that_is_not_as_we_write_it_is_read_as_none() -> None:
    for text in ("", "### Between corpora, protocol paper\n\n| trained on | urdu |\n", "### EmoDB\n\n| UA |"):
        assert part_of(text) is None
    part = part_of("### A, protocol b\n\n| percent | UA |\n| :-- | --: |\n| all utterances | 5.0 |")
    assert part is not None
    assert (part.corpus, part.protocol, part.cell("all utterances", "UA")) == ("A", "b", "5.0")
    assert part.cell("all utterances", "WA") == part.cell("chance", "UA") == "–"


def test_the_card_names_the_layers_that_were_chosen() -> None:
    made = record()
    assert "| layer | last\\_hidden\\_state, 512 dimensions" in str(model_card(made))
    folds = [made.folds[0].model_copy(update={"layer": layer}) for layer in ("3", "3", "5")]
    card = str(model_card(made.model_copy(update={"folds": folds})))
    assert "| layer | chosen on validation: 3 (2), 5 (1) of 3 heads, 512 dimensions" in card
    assert "last\\_hidden\\_state" not in card


def test_a_protocol_with_other_seeds_is_said_to_be_that(tmp_path: Path) -> None:
    made = record()
    several = made.model_copy(update={"protocol": asdict(PAPER.with_seeds(5))})
    card = str(model_card(made, several))
    assert "### Protocol paper-5-seeds\n\nAs `paper`, with 5 seeds.\n" in card
    assert card.count(PAPER.description) == 1
    assert STRICT.description not in card


def test_no_path_of_a_machine_is_on_a_card_and_no_repository_that_may_not_exist(tmp_path: Path) -> None:
    for name in ("/home/ada/models/mine", "python:/home/ada/mine.py:load", "hear:mine@/home/ada/weights.pt"):
        made = record(name=name)
        origin = made.provenance.model_copy(update={"command": "emobox probe --data-dir /home/ada/urdu"})
        made = made.model_copy(update={"provenance": origin})
        rated = make_rated(tmp_path / "rated", name)
        rated = rated.model_copy(update={"provenance": origin})
        cross = make_cross_run(tmp_path / "cross", name=name)
        cross = cross.model_copy(update={"provenance": origin})
        text = readme(None, [Run(tmp_path, made)], [cross], rated=[RatedRun(tmp_path, rated)]).decode()
        assert "/home/" not in text
        assert "mine" in text
        metadata = yaml.safe_load(text.split("---\n")[1])
        assert "datasets" not in metadata
        for corpus in ("urdu", "iemocap"):
            assert f"]({corpora.load(corpus).homepage})" in text
