"""Groups by what a corpus tells: bins, several at once, and what is not told; the gaps between them."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run_command
from datasets import Dataset
from kept_runs import kept_run
from publishers import touch
from rich.console import Console
from sklearn.metrics import recall_score

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus
from emobox_probe.errors import ProbeError
from emobox_probe.records.gaps import Gaps
from emobox_probe.records.predictions import read_predictions
from emobox_probe.records.result import read_record
from emobox_probe.scoring.by_group import groups_of
from emobox_probe.scoring.check import check_scores
from emobox_probe.scoring.gaps import gaps_by_gender, gaps_of, rows_of, show_gaps
from emobox_probe.scoring.grouping import check_properties, group_names
from emobox_probe.scoring.summary import as_of_today
from emobox_probe.tasks.pool import Pool


def table(**columns: list) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"target": ["urdu"] * rows, **columns})


@pytest.fixture
def run(tmp_path):
    made = kept_run(tmp_path / "run", "a/b")
    predictions = read_predictions(tmp_path / "run", made)
    number = predictions["speaker"].str[-1].astype(int)
    return made, predictions.assign(
        gender=np.where(number % 2, "male", "female"), intensity=np.arange(len(predictions)) // 4 % 2
    )


def test_durations_and_ages_are_binned() -> None:
    seconds = group_names(table(duration=[0.4, 1.0, 3.9, 4.0, 60.0]), ["duration"])
    assert seconds.tolist() == ["under 1 s", "1 to 2 s", "2 to 4 s", "4 to 8 s", "8 s or more"]
    assert group_names(table(age=[20, 29, 30, None]), ["age"]).tolist() == [
        "20 to 29",
        "20 to 29",
        "30 to 39",
        "not known",
    ]
    assert group_names(table(age=["young", "old"]), ["age"]).tolist() == ["young", "old"]


def test_groups_stand_by_value_and_what_is_not_known_last() -> None:
    predictions = table(
        duration=[9.0, 0.4, 1.5, 2.5, None], age=[104, 9, 30, 20, 20], gender=["m", "f", "m", "f", "m"]
    )
    durations = ["under 1 s", "1 to 2 s", "2 to 4 s", "8 s or more", "not known"]
    assert [name for name, _ in groups_of(predictions, "duration")] == durations
    ages = ["0 to 9", "20 to 29", "30 to 39", "100 to 109"]
    assert [name for name, _ in groups_of(predictions, ["age"])] == ages
    both = [name for name, _ in groups_of(predictions, ["gender", "duration"])]
    assert both == ["f, under 1 s", "m, 1 to 2 s", "f, 2 to 4 s", "m, 8 s or more", "not known"]
    assert [part["age"].tolist() for _, part in groups_of(predictions, ["gender"])] == [
        [9, 20],
        [104, 30, 20],
    ]


def test_numbers_are_named_as_the_corpus_has_them() -> None:
    whole, broken = (
        ([2.0, np.nan, 1.0], ["2", "not known", "1"]),
        ([0.5, np.nan, 1.0], ["0.5", "not known", "1.0"]),
    )
    for values, names in (whole, broken):
        assert group_names(table(intensity=values), ["intensity"]).tolist() == names


def test_several_properties_make_groups_together() -> None:
    found = group_names(
        table(gender=["male", None, "female"], intensity=[1.0, 2.0, np.nan]), ["gender", "intensity"]
    )
    assert found.tolist() == ["male, 1", "not known", "not known"]


def test_what_is_not_told_is_an_error() -> None:
    with pytest.raises(ProbeError, match="Expected a corpus that tells race, but urdu does not"):
        group_names(table(gender=["male"]), ["race"])
    with pytest.raises(ProbeError, match="but got 'colour'; choose of these"):
        check_properties(["gender", "colour"])
    with pytest.raises(ProbeError, match="Expected --by with --gaps"):
        check_properties(None, gaps=True)
    with pytest.raises(ProbeError, match="but got none; name one, or leave it out"):
        check_properties([])


def test_every_gap_is_told_with_what_it_takes_to_read_it(run) -> None:
    made, predictions = run
    gaps = gaps_of(predictions, made.corpus.labels, ["gender"])
    assert gaps.groups == {"female": 3, "male": 3}
    ua, *recalls = gaps.gaps
    assert (ua.of, ua.first, ua.second) == ("UA", "female", "male")
    assert ua.difference == pytest.approx(ua.first_score - ua.second_score)
    assert ua.interval is None
    assert "3 and 3, and at least 4 in each" in ua.reason
    assert [gap.of for gap in recalls] == made.corpus.labels
    assert gaps.largest == pytest.approx(abs(ua.difference))
    console = Console(file=io.StringIO(), width=200)
    show_gaps(gaps, "", console)
    assert "none (speakers: 3 and 3)" in console.file.getvalue()
    assert "No interval where fewer than 4 speakers of a group have the label" in console.file.getvalue()
    assert "in 95 of 100 draws (speakers: female: 3, male: 3)" in console.file.getvalue()


def _swapped(gaps: Gaps) -> Gaps:
    """Every gap the other way round, by the names of its groups alone."""
    turned = [gap.model_copy(update={"first": gap.second, "second": gap.first}) for gap in gaps.gaps]
    return gaps.model_copy(update={"gaps": turned})


@pytest.mark.parametrize(
    "edited",
    [
        _swapped,
        lambda gaps: gaps.model_copy(update={"gaps": gaps.gaps[:-1]}),
        lambda gaps: gaps.model_copy(update={"groups": dict.fromkeys(gaps.groups, 50)}),
        lambda gaps: gaps.model_copy(
            update={"gaps": [gap.model_copy(update={"first_score": 1.0}) for gap in gaps.gaps]}
        ),
    ],
)
def test_a_record_whose_gaps_do_not_follow_is_refused(run, tmp_path, edited) -> None:
    made, predictions = run
    gaps = gaps_by_gender(predictions, made.corpus.labels)
    check_scores(tmp_path, made.model_copy(update={"gaps": gaps}), predictions)
    with pytest.raises(ProbeError, match="gaps"):
        check_scores(tmp_path, made.model_copy(update={"gaps": edited(gaps)}), predictions)


def test_groups_within_speakers_have_an_interval(run) -> None:
    made, predictions = run
    ua, *_ = gaps_of(predictions, made.corpus.labels, ["intensity"]).gaps
    assert ua.interval[0] < ua.difference < ua.interval[1]
    assert ua.detectable > 0


def test_speakers_are_too_many_to_compare_one_by_one(run) -> None:
    made, predictions = run
    many = predictions.assign(speaker=[f"s{number // 4}" for number in range(len(predictions))])
    gaps = gaps_of(many, made.corpus.labels, ["speaker"])
    assert gaps.gaps == []
    assert rows_of(gaps) == [
        {"by": "speaker", "largest": 100 * gaps.largest, "by_chance": 100 * gaps.by_chance}
    ]
    assert gaps_of(predictions.assign(gender="male"), made.corpus.labels, ["gender"]) is None


def test_groups_without_a_label_in_common_are_named(run) -> None:
    made, predictions = run
    apart = predictions.assign(sentence=predictions["label"].map(lambda label: f"of {label}"))
    gaps = gaps_of(apart, made.corpus.labels, ["sentence"])
    assert gaps.gaps == []
    assert len(gaps.without_common_labels) == 6
    assert (gaps.largest, gaps.by_chance) == (None, None)
    console = Console(file=io.StringIO(), width=400)
    show_gaps(gaps, "", console)
    assert (
        "Not compared, because they have no label in common: of Angry and of Happy" in console.file.getvalue()
    )


def test_gaps_of_before_are_made_anew(run, tmp_path) -> None:
    """Their intervals counted all speakers of a group, also of labels that few of them have."""
    made, predictions = run
    today = gaps_by_gender(predictions, made.corpus.labels)
    content = today.model_dump(exclude={"speakers_of"})
    content["gaps"][1] |= {"interval": (0.1, 0.2), "reason": None}
    before = made.model_copy(update={"gaps": Gaps.model_validate(content)})
    check_scores(tmp_path, before, predictions)
    assert as_of_today(before, predictions).gaps == today


@pytest.mark.parametrize("most", [12, 2])
def test_the_largest_gap_is_of_labels_that_both_groups_have(run, monkeypatch, most: int) -> None:
    """One utterance, of the label that is hardest or easiest, makes a UA of 0 or 100 that nobody else could have."""
    made, predictions = run
    sentences = np.where(np.arange(len(predictions)) < 60, "a", "b")
    sentences[0] = "c"
    table = predictions.assign(sentence=sentences)
    table.loc[0, "prediction"] = table["label"][0]
    gaps = gaps_of(table, made.corpus.labels, ["sentence"])
    largest = max(abs(gap.difference) for gap in gaps.gaps if gap.of == "UA")
    uas = [
        recall_score(part.label, part.prediction, average="macro") for _, part in table.groupby("sentence")
    ]
    assert gaps.largest == pytest.approx(largest)
    assert largest < max(uas) - min(uas)
    monkeypatch.setattr("emobox_probe.scoring.gaps.MOST_GROUPS", most)
    assert gaps_of(table, made.corpus.labels, ["sentence"]).largest == gaps.largest


def test_without_speakers_it_is_utterances_that_are_too_few(run) -> None:
    made, predictions = run
    sentences = np.where(np.arange(len(predictions)) < 2, "a", "b")
    gaps = gaps_of(predictions.assign(sentence=sentences, speaker=None), made.corpus.labels, ["sentence"])
    assert gaps.resampled == "utterances"
    assert gaps.gaps[0].reason.startswith("utterances: 2 and ")
    assert "utterances: 2 and " in gaps.sentences[0]


def test_gaps_for_programs(run, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    _, predictions = run
    predictions.to_parquet(tmp_path / "run" / "predictions.parquet", index=False)
    words = ["score", tmp_path / "run", "--by", "gender,intensity"]
    assert run_command(*words, "--gaps", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    pairs = {(row["first"], row["second"]) for row in rows if row["of"] == "UA"}
    assert ("female, 0", "male, 1") in pairs
    assert len(pairs) == 6
    for asked in (["--gaps"], ["--calibration"]):
        assert run_command(*words, *asked, "--format", "csv") == 0
        printed = capsys.readouterr().out
        assert "." in printed
        assert not re.search(r"\.\d{5}", printed)
    assert run_command(*words, "--gaps", "--format", "csv") == 0
    written = pd.read_csv(io.StringIO(capsys.readouterr().out))
    gaps = gaps_of(predictions, read_record(tmp_path / "run").corpus.labels, ["gender", "intensity"])
    assert written["gap"].to_numpy() == pytest.approx([100 * gap.difference for gap in gaps.gaps], abs=0.006)
    assert written["p"].to_numpy() == pytest.approx([gap.p for gap in gaps.gaps], abs=0.00006)
    assert not re.search(r"\.\d{3}", " ".join(written["gap"].astype(str)))
    assert run_command("score", tmp_path / "run", "--calibration", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["ece"] > 0
    assert row["ece_with_temperature"] is None
    for wrong in (["--by", "colour"], ["--by", ""], ["--gaps"]):
        assert run_command("score", tmp_path / "run", *wrong) == 2


def about_of(corpus: Corpus, root: Path) -> pd.DataFrame:
    """What a pool tells of the utterances of a copy, whose audio nobody hears."""
    names = ("age", "race", "sex", "sentence", "intensity")
    rows = [
        {
            "id": utterance.id,
            "speaker": utterance.speaker,
            "gender": utterance.gender,
            **{name: {**utterance.details, **utterance.annotations}.get(name) for name in names},
        }
        for utterance in corpus.scan(root, allow_missing=True)
    ]
    pool = Pool(corpus.label_list, audio={corpus.name: Dataset.from_list(rows)})
    return pool.about().assign(target=corpus.name)


def sizes(table: pd.DataFrame, *by: str) -> dict[str, int]:
    return {name: len(part) for name, part in groups_of(table, by)}


def test_crema_ds_own_table_tells_age_race_and_gender(shared_assets: Path, tmp_path: Path) -> None:
    corpus = corpora.load("crema_d")
    ids = sorted(id for listed in corpus.released_ids.values() for id in listed)[::20]
    touch(tmp_path, [f"AudioWAV/{id.removeprefix('cremad-').replace('-', '_')}.wav" for id in ids])
    people = "VideoDemographics.csv"
    (tmp_path / people).symlink_to(shared_assets / "annotations/crema_d" / people)
    told = pd.read_csv(tmp_path / people).set_index("ActorID")
    speakers = told.loc[[int(id.split("-")[1]) for id in ids]]
    found = about_of(corpus, tmp_path)
    assert sizes(found, "gender") == speakers["Sex"].str.lower().value_counts().sort_index().to_dict()
    assert sizes(found, "race") == speakers["Race"].value_counts().sort_index().to_dict()
    decades = (speakers["Age"] // 10 * 10).map(lambda first: f"{first} to {first + 9}")
    assert sizes(found, "age") == decades.value_counts().sort_index().to_dict()
    parts = pd.Series(ids).str.split("-")
    assert sizes(found, "sentence") == parts.str[2].value_counts().sort_index().to_dict()
    assert sizes(found, "intensity") == parts.str[4].value_counts().sort_index().to_dict()
    both = speakers["Sex"].str.lower().to_numpy() + ", " + speakers["Race"].to_numpy()
    assert sizes(found, "gender", "race") == dict(Counter(sorted(both)))


def test_names_of_real_files_tell_sentences_and_intensities(shared_assets: Path) -> None:
    emodb = about_of(corpora.load("emodb"), shared_assets / "corpora/emodb")
    expected = Counter(path.name[2:5] for path in (shared_assets / "corpora/emodb/wav").glob("*.wav"))
    assert sizes(emodb, "sentence") == dict(sorted(expected.items()))
    ravdess = about_of(corpora.load("ravdess"), shared_assets / "corpora/ravdess")
    assert sizes(ravdess, "sentence") == {"1": 720, "2": 720}
    assert sizes(ravdess, "gender", "intensity") == {
        "female, 1": 384,
        "male, 1": 384,
        "female, 2": 336,
        "male, 2": 336,
    }
