"""Many records as one table."""

import csv
import io
import re
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from classified_records import make_classified
from cross_records import cross_record
from rated_records import make_rated
from records import record
from rich.console import Console

import emobox
from emobox_probe.protocol import PAPER
from emobox_probe.records.cross_result import CrossRecord
from emobox_probe.records.result import Scores
from emobox_probe.report import report
from hub_cards.paper import TABLE_5
from hub_cards.tables.rated import tabulate_rated


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as finished:
        emobox.main(["results", *words])
    return int(finished.value.code or 0)


def test_the_papers_figures_stand_beside_comparable_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (WHISPER, "me/mine"):
        within(tmp_path / name, name=name)
    assert run(str(tmp_path), "--format", "csv") == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("model")
    assert table.loc[WHISPER, "ua"] == 50.0
    # Table 4 of the paper, whisper large v3 on URDU.
    assert table.loc[WHISPER, "ua_in_paper"] > 80
    assert pd.isna(table.loc["me/mine", "ua_in_paper"])
    assert run(str(tmp_path)) == 0
    assert "40.0 to 60.0" in capsys.readouterr().out
    assert run(str(tmp_path), "--format", "latex") == 0
    assert r"\begin{tabular}" in capsys.readouterr().out


def test_an_interval_is_rounded_once_wherever_it_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 70.9486 two decimals are 70.95, of which one is 71.0."""
    made = record()
    bounds = made.interval.model_copy(update={"ua": (0.600508, 0.709486)})
    made = made.model_copy(update={"interval": bounds})
    console = Console(file=io.StringIO(), width=200)
    report.show(made, tmp_path, console)
    assert "60.1 to 70.9" in console.file.getvalue()
    (tmp_path / "run").mkdir()
    made.write(tmp_path / "run")
    assert run(str(tmp_path)) == 0
    assert "60.1 to 70.9" in capsys.readouterr().out
    assert csv_of(tmp_path, capsys=capsys).ua_high[0] == 70.95


def within(folder: Path, **changes: object) -> None:
    """A record within one corpus by the protocol `paper`, written."""
    folder.mkdir(parents=True)
    record(**changes).model_copy(update={"protocol": asdict(PAPER)}).write(folder)


def test_scores_on_an_incomplete_corpus_are_marked_and_stand_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    within(tmp_path / "whole", name=WHISPER)
    within(tmp_path / "some", name=WHISPER, missing=3)
    table = csv_of(tmp_path, capsys=capsys).set_index("remark")
    assert table.ua_in_paper.isna().tolist() == [not pd.isna(remark) for remark in table.index]
    assert [*table.index.dropna()] == ["3 of 400 utterances of urdu are missing"]
    assert run(str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert re.search(
        r"│ urdu † +│ paper +│ 50.0 │ 62.5 │ 55.0 │ 40.0 to 60.0 +│ 25.0 +│ +│ 50.0 +│ +│", shown
    )
    assert re.search(
        r"│ urdu +│ paper +│ 50.0 │ 62.5 │ 55.0 │ 40.0 to 60.0 +│ 25.0 +│ +│ 50.0 +│ [89]\d.\d ", shown
    )
    assert "† 3 of 400 utterances of urdu are missing: not comparable." in shown
    assert run(str(tmp_path / "some"), "--format", "latex") == 0
    assert "3 of 400 utterances of urdu are missing" in capsys.readouterr().out
    assert run(str(tmp_path / "whole"), "--format", "latex") == 0
    assert "remark" not in capsys.readouterr().out


def test_pairs_with_an_incomplete_corpus_are_marked_and_stand_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = between()
    meld = made.corpora[1].model_copy(update={"missing": 2, "utterances": 398})
    written(
        tmp_path / "cross", made.model_copy(update={"corpora": [made.corpora[0], meld, *made.corpora[2:]]})
    )
    table = csv_of(tmp_path, capsys=capsys)
    concerned = (table.train == "meld") | (table.corpus == "meld") | (table.train == "mean of pairs")
    assert concerned.sum() == 7
    assert (table.wa_in_paper.isna() == concerned).all()
    assert ((table.remark == "2 of 400 utterances of meld are missing") == concerned).all()
    assert run(str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert re.search(r"ravdess † +│ meld ", shown)
    assert re.search(r"ravdess +│ savee ", shown)
    assert shown.count("† 2 of 400 utterances of meld are missing: not comparable.") == 1


def test_chance_and_the_speaker_alone_stand_beside_every_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    record().model_copy(update={"speaker_only": Scores(ua=0.95, wa=0.9, f1=0.9)}).write(tmp_path / "a")
    within(tmp_path / "b", name="me/before")
    written(tmp_path / "cross", between())
    make_classified(tmp_path / "classified")
    table = csv_of(tmp_path, capsys=capsys)
    labels = len(record().corpus.labels)
    assert table.ua_chance.notna().all()
    assert table[table.train.notna()].ua_chance.eq(25.0).all()
    assert table[table.train.isna()].ua_chance.tolist() == pytest.approx([100 / labels] * 4)
    assert table.ua_speaker.dropna().tolist() == [95.0]
    assert run(str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"│ {100 / labels:.1f} +│ 95.0 +│", shown)
    assert "4 classes (UA by chance 25.0)" in shown
    assert "speaker alone" in shown


def test_no_records_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path)) == 1
    assert "run the probe first" in capsys.readouterr().err


FOUR = ("iemocap", "meld", "ravdess", "savee")
WHISPER = "openai/whisper-large-v3"


def between(corpora: tuple[str, ...] = FOUR, name: str = WHISPER, **changes: object) -> CrossRecord:
    """Off-diagonal pairs by the protocol `paper`: what Table 5 has."""
    made = cross_record(corpora, name=name)
    pairs = [pair for pair in made.pairs if pair.source != pair.target]
    return made.model_copy(update={"protocol": asdict(PAPER), "pairs": pairs, **changes})


def published() -> dict[tuple[str, str], float]:
    """The row of Table 5 of one model, read plainly."""
    with TABLE_5.open(encoding="utf-8") as file:
        return {
            (row["train"], row["test"]): float(row["accuracy"])
            for row in csv.DictReader(file)
            if row["model"] == WHISPER
        }


def written(folder: Path, record: CrossRecord) -> Path:
    folder.mkdir(parents=True)
    record.write(folder)
    return folder


def csv_of(*words: object, capsys: pytest.CaptureFixture[str]) -> pd.DataFrame:
    assert run(*map(str, words), "--format", "csv") == 0
    return pd.read_csv(io.StringIO(capsys.readouterr().out))


def test_table_5_stands_beside_pairs_of_corpora(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "cross", between())
    table = csv_of(tmp_path, capsys=capsys)
    pairs = table[table.train != "mean of pairs"].set_index(["train", "corpus"])
    assert len(pairs) == 12
    assert pairs.wa_in_paper.to_dict() == pytest.approx(published())
    # Row and column of the made-up record: 30 + 4 x source + target percent.
    assert pairs.loc[("ravdess", "meld"), ["ua", "wa", "ua_low"]].tolist() == pytest.approx([39, 39, 34])
    mean = table[table.train == "mean of pairs"].iloc[0]
    assert mean.wa == pytest.approx(pairs.wa.mean(), abs=0.005)
    assert mean.wa_in_paper == pytest.approx(sum(published().values()) / 12, abs=0.005)
    assert run(str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert f"{WHISPER}, protocol paper, 4 classes" in shown
    assert re.search(r"ravdess +│ meld +│ 39.0 │ 39.0 │ 39.0 │ 34.0 to 44.0", shown)
    assert f"{published()['savee', 'ravdess']:.1f}" in shown
    assert "The release has SAVEE's neutral twice." in shown
    assert run(str(tmp_path), "--format", "latex") == 0
    shown = capsys.readouterr().out
    assert shown.count(r"\begin{tabular}") == 1
    assert f"{published()['savee', 'ravdess']:.1f}" in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"test": "all"},
        {"labels": ["Angry", "Sad"]},
        {"protocol": asdict(PAPER) | {"epochs": 3}},
        {"protocol": asdict(PAPER) | {"name": "strict"}},
        {"name": "me/mine"},
    ],
)
def test_what_is_not_comparable_stands_alone(
    changes: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "cross", between(**changes))
    assert csv_of(tmp_path, capsys=capsys).wa_in_paper.isna().all()


def test_a_mean_over_other_pairs_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "cross", between(("iemocap", "meld", "emodb")))
    table = csv_of(tmp_path, capsys=capsys)
    told = table[table.wa_in_paper.notna()]
    assert {(row.train, row.corpus) for row in told.itertuples()} == {
        ("iemocap", "meld"),
        ("meld", "iemocap"),
    }


def test_both_kinds_of_scores_stand_in_one_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "cross", between())
    written(tmp_path / "mine", between(("emodb", "urdu"), name="me/mine", average=None))
    (tmp_path / "urdu").mkdir()
    record().write(tmp_path / "urdu")
    table = csv_of(tmp_path, capsys=capsys)
    assert table.train.isna().sum() == 1
    assert table[table.train.isna()].corpus.tolist() == ["urdu"]
    assert len(table) == 1 + 12 + 1 + 2
    assert (table[table.model == "me/mine"].train != "mean of pairs").all()
    assert run(str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "UA in the paper" in shown
    assert "WA in the paper" in shown
    assert run(str(tmp_path), "--format", "latex") == 0
    assert capsys.readouterr().out.count(r"\begin{tabular}") == 2
    # The same folder twice is the same records once.
    assert len(csv_of(tmp_path, tmp_path / "cross", capsys=capsys)) == len(table)


def test_scores_on_raters_stand_in_the_order_of_their_record(tmp_path: Path) -> None:
    records = [make_rated(tmp_path / name, name, target="distribution") for name in ("b/b", "a/a")]
    table, scores = tabulate_rated(records), list(records[0].scores)
    assert list(dict.fromkeys(table["score"])) == scores != sorted(scores)
    assert table["model"].tolist()[:2] == ["a/a", "b/b"]
