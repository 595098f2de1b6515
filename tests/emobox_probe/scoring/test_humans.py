"""People beside a run: joined by id, thirds and quartiles without luck, and the same in the command and the record."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kept_runs import kept_run
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, recall_score

import emobox
from emobox_metric.raters.ceiling import beats_single_rater, held_out_rater_scores, human_scores
from emobox_probe.records.result import ResultRecord, read_record
from emobox_probe.report.report import remarks, score_rows
from emobox_probe.scoring.humans import by_quantile, human_line, shares_in_groups

LABELS = ["Angry", "Happy", "Sad"]
HEADER = '"","A","D","F","H","N","S","fileName"'


def predictions_of(size: int = 60, seeds: int = 2) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    utterances = pd.DataFrame(
        {
            "id": [f"u{number:02}" for number in range(size)],
            "speaker": [f"s{number % 6}" for number in range(size)],
            "label": generator.choice(LABELS, size=size),
        }
    )
    table = pd.concat([utterances.assign(seed=seed) for seed in range(seeds)], ignore_index=True)
    logits = generator.normal(size=(len(table), 3))
    logits[np.arange(len(table)), [LABELS.index(label) for label in table["label"]]] += 1
    return table.assign(logits=list(logits), prediction=np.array(LABELS)[logits.argmax(axis=1)])


def votes_of(predictions: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Ten raters each, one of whom may say what is no label of the run."""
    generator = np.random.default_rng(1)
    return {
        id: dict(
            zip([*LABELS, "Fear"], map(int, generator.multinomial(10, [0.4, 0.3, 0.2, 0.1])), strict=True)
        )
        for id in predictions["id"].unique()
    }


def test_people_are_scored_once_an_utterance_and_the_model_in_every_seed() -> None:
    predictions = predictions_of()
    votes = votes_of(predictions)
    line = human_line(predictions, LABELS, votes, intended=True)
    assert line is not None
    once = predictions.drop_duplicates("id")
    matrix = np.array([list(votes[id].values()) for id in once["id"]])
    expected = human_scores(
        [LABELS.index(label) for label in once["label"]], matrix, once["speaker"], absent="skip"
    )
    for row in line.people:
        assert row.scores.ua == pytest.approx(expected[row.line]["ua"])
        assert row.ua == expected[row.line]["intervals"]["ua"]
    everywhere = np.array([list(votes[id].values()) for id in predictions["id"]])
    ids = [[LABELS.index(label) for label in predictions[name]] for name in ("prediction", "label")]
    beaten = beats_single_rater(ids[0], everywhere, ids[1], predictions["speaker"])
    assert (line.beats_single_rater, line.beats_interval) == (beaten["probability"], beaten["interval"])
    assert (line.utterances, line.unrated) == (60, 0)


def test_where_raters_made_the_label_they_are_held_against_each_other() -> None:
    predictions = predictions_of()
    votes = votes_of(predictions)
    line = human_line(predictions, LABELS, votes, intended=False)
    assert line is not None
    matrix = np.array([list(votes[id].values()) for id in predictions["id"].unique()])
    (row,) = line.people
    assert row.line == "held_out_rater"
    assert row.scores.ua == pytest.approx(held_out_rater_scores(matrix, absent="skip", num_labels=3)["ua"])


def test_one_rater_each_is_no_line_where_raters_made_the_label() -> None:
    predictions = predictions_of()
    votes = {id: {"Angry": 1} for id in predictions["id"]}
    assert human_line(predictions, LABELS, votes, intended=False) is None
    assert human_line(predictions, LABELS, votes, intended=True) is not None


def test_shares_are_no_line_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    predictions = predictions_of()
    votes = {
        id: {label: count / 10 for label, count in row.items()} for id, row in votes_of(predictions).items()
    }
    assert human_line(predictions, LABELS, votes, intended=True) is None
    assert human_line(predictions, LABELS, votes, intended=False) is None
    assert caplog.text.count("The votes are shares, which do not tell how many raters there were") == 2


def test_shares_of_a_third_do_not_add_up_to_more_than_one() -> None:
    predictions = predictions_of().assign(prediction=lambda table: table["label"])
    votes = {id: {label: 7} for id, label in zip(predictions["id"], predictions["label"], strict=True)}
    line = human_line(predictions, LABELS, votes, intended=True)
    assert line is not None
    assert {group.scores.wa for group in line.by_agreement} == {1.0}


def test_utterances_without_raters_are_counted_and_not_scored() -> None:
    predictions = predictions_of()
    votes: dict[str, dict[str, int] | None] = dict(votes_of(predictions))
    votes |= {"u00": None, "u01": dict.fromkeys(LABELS, 0)}
    # As `datasets` gives what is stored as missing.
    votes["u02"] = dict.fromkeys(LABELS)  # type: ignore[assignment]
    del votes["u03"]
    line = human_line(predictions, LABELS, votes, intended=True)
    kept = predictions[~predictions["id"].isin(["u00", "u01", "u02", "u03"])]
    without = human_line(kept, LABELS, votes, intended=True)
    assert line is not None
    assert without is not None
    assert line.unrated == 4
    assert line == without.model_copy(update={"unrated": 4})
    assert human_line(predictions, LABELS, {}, intended=True) is None


def test_the_model_by_thirds_of_agreement_and_rho_are_counted_by_hand() -> None:
    predictions = predictions_of()
    counts = [[10, 0, 0, 0], [8, 2, 0, 0], [4, 3, 3, 0]]
    votes = {
        id: dict(zip([*LABELS, "Fear"], counts[place % 3], strict=True))
        for place, id in enumerate(predictions["id"].unique())
    }
    line = human_line(predictions, LABELS, votes, intended=True)
    assert line is not None
    place = predictions["id"].str[1:].astype(int) % 3
    for group, rest in zip(line.by_agreement, (2, 1, 0), strict=True):
        part = predictions[place == rest]
        assert group.scores.wa == pytest.approx(accuracy_score(part["label"], part["prediction"]))
        assert group.scores.ua == pytest.approx(
            recall_score(part["label"], part["prediction"], average="macro")
        )
    exponentials = np.exp(np.stack(list(predictions["logits"])))
    confidence = (exponentials.max(axis=1) / exponentials.sum(axis=1)).reshape(2, -1).mean(axis=0)
    entropies = np.array([0, 1, 2])[np.arange(60) % 3]
    assert line.confidence_and_entropy == pytest.approx(spearmanr(confidence, entropies).statistic)
    agreeing = dict.fromkeys(votes, votes["u00"])
    alike = human_line(predictions, LABELS, agreeing, intended=True)
    assert alike is not None
    assert (alike.alpha, alike.confidence_and_entropy) == (None, None)


def test_ties_at_a_bound_are_shared_as_any_order_would_in_the_mean() -> None:
    numbers = np.array([5.0, 1, 3, 3, 3, 2, 5, 9])
    expected = np.zeros((8, 4))
    generator = np.random.default_rng(0)
    rounds = 4000
    for _ in range(rounds):
        order = np.lexsort((generator.random(8), numbers))
        expected[order, np.arange(8) // 2] += 1 / rounds
    np.testing.assert_allclose(shares_in_groups(numbers, 4), expected, atol=0.04)
    assert shares_in_groups(numbers, 3).sum(axis=0) == pytest.approx([8 / 3] * 3)


def test_scores_by_quartile_of_a_number() -> None:
    predictions = predictions_of()
    values = {id: float(place) for place, id in enumerate(predictions["id"].unique())}
    groups, rho = by_quantile(predictions, LABELS, values)
    assert [(group["low"], group["high"]) for group in groups] == [(0, 14), (15, 29), (30, 44), (45, 59)]
    part = predictions[predictions["id"].map(values).between(15, 29)]
    assert groups[1]["wa"] == pytest.approx(accuracy_score(part["label"], part["prediction"]))
    assert groups[1]["utterances"] == 15
    assert rho is not None
    assert by_quantile(predictions, LABELS, dict.fromkeys(values, 1.0))[1] is None


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, Path]:
    """A kept run on CREMA-D, and a folder with the publisher's table of its utterances, without audio."""
    folder, tables = tmp_path / "run", tmp_path / "tables"
    kept_run(folder, "a/model", corpus="crema_d")
    tables.mkdir()
    predictions = pd.read_parquet(folder / "predictions.parquet")
    letters = {"Angry": "A", "Disgust": "D", "Fear": "F", "Happy": "H", "Neutral": "N", "Sad": "S"}
    lines = [HEADER]
    for number, row in enumerate(predictions.itertuples()):
        counts = dict.fromkeys(letters.values(), 1) | {letters[str(row.label)]: 4 + number % 3}
        for had in "123":
            lines.append(",".join([f"{had}{number:05}", *map(str, counts.values()), f"clip{number}"]))
    predictions["id"] = [f"cremad-clip{number}" for number in range(len(predictions))]
    predictions.to_parquet(folder / "predictions.parquet")
    (tables / "tabulatedVotes.csv").write_text("\n".join(lines))
    return folder, tables


def score(*words: str) -> int:
    try:
        emobox.main(["score", *words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_puts_people_beside_a_kept_run(
    run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tables = run
    assert score(str(folder), "--data-dir", str(tables), "--format", "json") == 0
    rows = {row["group"]: row for row in json.loads(capsys.readouterr().out)}
    # 4, 5 or 6 of 9, 10 or 11 raters name the label; it always has most votes.
    assert rows["people: a single rater"]["wa"] == pytest.approx(100 * np.mean([4 / 9, 5 / 10, 6 / 11]))
    assert rows["people: the majority of raters"]["ua"] == 100
    assert rows["where raters agree most (highest third)"]["utterances"] == 40
    assert score(str(folder), "--data-dir", str(tables)) == 0
    assert "The model does better than a single rater with probability" in capsys.readouterr().out


def test_the_command_says_where_there_is_nothing_to_put_beside(
    run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tables = run
    (tables / "tabulatedVotes.csv").unlink()
    assert score(str(folder), "--data-dir", str(tables)) == 1
    assert (
        "got no tabulatedVotes.csv or finishedResponses.csv or labels_consensus_1.csv; copy it there from"
        in " ".join(capsys.readouterr().err.split())
    )
    kept_run(tmp_path / "urdu", "a/model", corpus="urdu")
    assert score(str(tmp_path / "urdu"), "--data-dir", str(tables)) == 1
    assert "choose another corpus" in " ".join(capsys.readouterr().err.split())


def test_the_command_says_that_shares_are_no_counts(
    run: tuple[Path, Path], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder, tables = run
    (tables / "tabulatedVotes.csv").unlink()
    count = len(pd.read_parquet(folder / "predictions.parquet"))
    lines = [f"clip{number}.wav,0.01,0.104,0.01,0.01,0.668,0.198" for number in range(count)]
    header = "FileName,angry,sad,disgust,fear,neutral,happy"
    (tables / "labels_consensus_1.csv").write_text("\n".join([header, *lines]))
    assert score(str(folder), "--data-dir", str(tables)) == 1
    assert "Expected counts of votes or ratings" in " ".join(capsys.readouterr().err.split())
    assert "The votes are shares" in caplog.text


def test_the_command_shows_the_line_that_a_record_has_and_names_the_tables_of_one_that_has_none(
    run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = run
    assert score(str(folder)) == 0
    assert "With --data-dir, a folder with tabulatedVotes.csv or" in " ".join(capsys.readouterr().out.split())
    predictions = predictions_of()
    line = human_line(predictions, LABELS, votes_of(predictions), intended=True)
    assert line is not None
    read_record(folder).model_copy(update={"humans": line}).write(folder)
    assert score(str(folder)) == 0
    shown = capsys.readouterr().out
    assert "people: a single rater" in shown
    assert line.sentence.split(";")[0] in " ".join(shown.split())
    assert score(str(folder), "--by", "speaker") == 0
    shown = capsys.readouterr().out
    assert "people: a single" not in shown  # which is of all of them together
    assert "Of all utterances: the model does better than a single rater" in shown
    assert "With --data-dir" not in shown


def test_beside_groups_people_are_of_all_utterances(
    run: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tables = run
    assert score(str(folder), "--by", "speaker", "--data-dir", str(tables)) == 0
    shown = capsys.readouterr().out
    assert "all: people: a single rater" in shown
    assert "Of all utterances: the model does better" in shown


def test_how_to_have_raters_beside_is_said_once_and_not_beside_groups(
    run: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = run
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    assert score(str(folder), str(other)) == 0
    assert capsys.readouterr().out.count("With --data-dir") == 1
    assert score(str(folder), "--by", "speaker") == 0
    assert "With --data-dir" not in capsys.readouterr().out


def test_a_third_that_is_no_whole_number_is_none_anywhere(run: tuple[Path, Path]) -> None:
    predictions = predictions_of()
    votes = votes_of(predictions)
    del votes["u00"]
    line = human_line(predictions, LABELS, votes, intended=True)
    assert line is not None
    assert line.utterances == 59
    thirds = [row["utterances"] for row in line.rows()[-3:]]
    assert sum(thirds) == pytest.approx(59)
    assert "Thirds are of 19.7 utterances each" in line.sentence
    told = read_record(run[0]).model_copy(update={"humans": line})
    rows = score_rows(told)[-3:]
    assert [row[-1] for row in rows] == ["", "", ""]
    assert len({row[0] for row in rows}) == 3
    assert "middle third" in rows[1][0]


def test_a_record_with_people_shows_them_and_one_without_is_as_before(run: tuple[Path, Path]) -> None:
    record = read_record(run[0])
    predictions = predictions_of()
    line = human_line(predictions, LABELS, votes_of(predictions), intended=True)
    assert line is not None
    told = ResultRecord.model_validate_json(record.model_copy(update={"humans": line}).model_dump_json())
    assert told.humans == line
    names = [row[0] for row in score_rows(told)]
    assert names[-5:-3] == ["people: a single rater", "people: the majority of raters"]
    assert score_rows(told)[:-5] == score_rows(record)
    assert line.sentence in remarks(told)
    assert "humans" not in {row[0] for row in score_rows(record)}
