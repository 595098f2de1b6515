"""What raters said as heads learn it, and what is said where it is missing, partly there or off its scale."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from datasets import Dataset

from emobox_datasets import corpora
from emobox_metric.ser_distributions.ser_distributions import SerDistributions
from emobox_probe.config import ProbeConfig
from emobox_probe.errors import ProbeError
from emobox_probe.heads.groups import Group
from emobox_probe.tasks.design import design_of
from emobox_probe.tasks.rated import rated_tasks, unrated_remarks, unrated_rows
from emobox_probe.tasks.ratings import names_of, ratings_of
from emobox_probe.tasks.tasks import Task

IEMOCAP = corpora.load("iemocap")
VOTED = names_of(IEMOCAP, "distribution", ())


def stored(**columns: list[Any]) -> Dataset:
    count = len(next(iter(columns.values())))
    return Dataset.from_dict({"id": [f"iemocap-{row}" for row in range(count)], **columns})


def task(training: list[int], validation: list[int], tested: list[int]) -> Task:
    group = Group(torch.zeros(10, dtype=torch.long), torch.tensor(training), torch.tensor(validation), seed=0)
    return Task(
        "iemocap", ("iemocap",), "fold1", "released", group, {"iemocap": torch.tensor(tested)}, "utterances"
    )


def test_votes_become_shares_and_who_has_none_is_unknown() -> None:
    votes = [{"Angry": 3, "Happy": 1}, None, dict.fromkeys(VOTED, 0), {"Frustrated": 2}]
    whole = stored(votes=[row and {name: row.get(name) for name in VOTED} for row in votes])
    ratings = ratings_of(whole, IEMOCAP, VOTED, "distribution")
    assert ratings.names == VOTED
    assert ratings.known.tolist() == [True, False, False, True]
    assert dict(zip(VOTED, ratings.values[0].tolist(), strict=True))["Angry"] == 0.75
    assert ratings.values[3, VOTED.index("Frustrated")] == 1


def test_shares_are_learned_and_scored_as_they_are() -> None:
    crema_d = corpora.load("crema_d")
    voted = names_of(crema_d, "distribution", ())
    shares = [0.427778, 0.01, 0.114444, 0.01, 0.427778, 0.01]
    whole = stored(votes=[dict(zip(voted, shares, strict=True)), dict.fromkeys(voted)])
    ratings = ratings_of(whole, crema_d, voted, "distribution")
    assert ratings.known.tolist() == [True, False]
    assert ratings.values[0].tolist() == pytest.approx(shares, abs=1e-12)
    scored = SerDistributions().compute(predictions=[[1 / 6] * 6], references=[shares])
    assert scored["brier"] == pytest.approx(sum((share - 1 / 6) ** 2 for share in shares))


def test_ratings_go_to_0_and_1_and_back_to_their_scale() -> None:
    whole = stored(valence=[1.0, 5.0, 3.0, None], arousal=[2.0, 5.5, float("nan"), 1.0])
    names = names_of(IEMOCAP, "dimensions", ("arousal", "valence"))
    ratings = ratings_of(whole, IEMOCAP, names, "dimensions")
    assert names == ("valence", "arousal")  # in the corpus's order
    assert ratings.known.tolist() == [True, True, False, False]
    assert ratings.values[:2].tolist() == [[0, 0.25], [1, 1.125]]
    assert ratings.as_given(ratings.values[:2].numpy()).tolist() == [[1, 2], [5, 5.5]]
    other = ratings_of(stored(valence=[1.0, 5.0], arousal=[2.0, 5.0]), IEMOCAP, names, "dimensions")
    assert other.sha256 != ratings.sha256
    assert ratings.remarks == (
        "arousal of 1 utterances is not in 1 to 5 (first iemocap-1), and was taken as it is.",
    )


def test_who_has_no_raters_is_left_out_counted_and_said() -> None:
    whole = stored(valence=[1.0, None, 3.0, 4.0, None, 2.0, 1.0, 5.0, 2.0, None])
    ratings = ratings_of(whole, IEMOCAP, ("valence",), "dimensions")
    tasks = [task([0, 1, 2, 3], [4, 5, 6], [7, 8])]
    (rated,) = rated_tasks(tasks, ratings)
    assert rated.group.training.tolist() == [0, 2, 3]
    assert rated.group.validation.tolist() == [5, 6]
    assert rated.tested.tolist() == [7, 8]
    assert rated.group.ratings is not None
    assert rated.group.ratings[rated.tested].isnan().all()  # tested ones are hidden
    assert not rated.group.ratings[rated.group.training].isnan().any()
    # Row 9 has none either, but no task looks at it.
    assert unrated_rows(tasks, ratings) == [1, 4]
    (sentence,) = unrated_remarks(["a", "b", "c", "d"])
    assert sentence.startswith("4 utterances without raters (first a, b, c) were left out")
    assert unrated_remarks([]) == []


@pytest.mark.parametrize(
    ("training", "validation", "tested", "part"),
    [
        ([0], [2, 3], [5, 6], "train on"),
        ([0, 2], [3, 4], [5, 6], "choose on"),
        ([0, 2], [3, 5], [1, 4], "test"),
    ],
)
def test_a_part_without_raters_is_refused(
    training: list[int], validation: list[int], tested: list[int], part: str
) -> None:
    whole = stored(valence=[1.0, None, 3.0, 4.0, None, 2.0, 1.0, 5.0, 2.0, None])
    ratings = ratings_of(whole, IEMOCAP, ("valence",), "dimensions")
    with pytest.raises(ProbeError, match=f"Expected utterances with raters to {part} in fold1 of iemocap"):
        rated_tasks([task(training, validation, tested)], ratings)


def test_a_copy_without_the_table_is_refused() -> None:
    emodb = corpora.load("emodb")
    whole = stored(naturalness=[None, None], recognition=[None, None])
    with pytest.raises(ProbeError, match=r"nothing in naturalness; copy erkennung.txt there as published"):
        ratings_of(whole, emodb, ("naturalness",), "dimensions")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"corpus": "urdu", "target": "distribution"},
            "urdu has none; choose --target label, or another corpus",
        ),
        ({"corpus": "urdu", "target": "dimensions"}, "Expected a corpus with emotion dimensions"),
        ({"corpus": "emodb", "target": "distribution"}, "choose --target dimensions or --target label"),
        (
            {"corpus": "emodb", "target": "dimensions", "dimensions": "naturalnes"},
            r"Expected --dimensions of emodb \(recognition, naturalness\), but got naturalnes.*Did you mean",
        ),
        (
            {"corpus": "emodb", "dimensions": "naturalness"},
            "with --target dimensions, but got --target label",
        ),
    ],
)
def test_what_a_corpus_cannot_be_a_target_of_shows_before_anything_is_loaded(
    settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ProbeError, match=said):
        design_of(ProbeConfig.of({"model": "builtin:logmel", **settings}))


def test_runs_on_other_targets_have_folders_of_their_own() -> None:
    config = ProbeConfig.of({"model": "builtin:logmel", "corpus": "emodb", "target": "dimensions"})
    names = {
        design_of(config.model_copy(update=update)).folder("m").name
        for update in ({}, {"dimensions": ("naturalness",)}, {"target": "label"}, {"protocol": "strict"})
    }
    all_of_them = "dimensions-recognition+naturalness"
    assert names == {f"paper-{all_of_them}", "paper-dimensions-naturalness", "paper", f"strict-{all_of_them}"}
    assert replace(design_of(config).protocol.with_seeds(2)).id == "paper-dimensions-2-seeds"
