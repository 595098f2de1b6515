"""Scores of raters are those of one drawn after the other, over all draws."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score

from emobox_metric.raters.ceiling import beats_single_rater, held_out_rater_scores, human_scores
from emobox_metric.ser_metric.intervals import bootstrap_interval

VOTES = np.array([[3, 1, 0], [1, 1, 0], [0, 2, 2], [0, 0, 4], [1, 0, 2], [2, 0, 0]])
LABELS = np.array([0, 1, 2, 2, 0, 1])


def raters_of(votes: np.ndarray) -> list[int]:
    """The label that each rater of an utterance chose."""
    return [label for label, count in enumerate(votes) for _ in range(count)]


def test_a_single_rater_is_the_mean_over_all_choices_of_one_rater_each() -> None:
    drawn = list(product(*map(raters_of, VOTES)))
    single = human_scores(LABELS, VOTES)["single_rater"]
    assert single["wa"] == pytest.approx(np.mean([accuracy_score(LABELS, answers) for answers in drawn]))
    recalls = [recall_score(LABELS, answers, average="macro") for answers in drawn]
    assert single["ua"] == pytest.approx(np.mean(recalls))


def test_the_majority_is_the_mean_over_all_ways_to_break_ties() -> None:
    most = [np.flatnonzero(votes == votes.max()) for votes in VOTES]
    drawn = list(product(*most))
    majority = human_scores(LABELS, VOTES)["majority"]
    assert majority["wa"] == pytest.approx(np.mean([accuracy_score(LABELS, answers) for answers in drawn]))
    recalls = [recall_score(LABELS, answers, average="macro") for answers in drawn]
    assert majority["ua"] == pytest.approx(np.mean(recalls))
    assert majority["tied"] == pytest.approx(2 / 6)
    missed = [len(best) == 1 and best[0] == label for best, label in zip(most, LABELS, strict=True)]
    among = [label in best for best, label in zip(most, LABELS, strict=True)]
    assert majority["wa_bounds"] == pytest.approx((np.mean(missed), np.mean(among)))


def test_the_order_of_labels_does_not_matter() -> None:
    turned = human_scores(2 - LABELS, VOTES[:, ::-1])
    for line, scores in human_scores(LABELS, VOTES).items():
        for name in ("ua", "wa", "f1"):
            assert turned[line][name] == pytest.approx(scores[name])


def test_raters_who_agree_have_the_scores_and_intervals_of_a_system() -> None:
    generator = np.random.default_rng(1)
    labels, answers = generator.integers(3, size=(2, 200))
    speakers = generator.integers(12, size=200).tolist()
    votes = 5 * np.eye(3)[answers]
    expected = bootstrap_interval(labels, answers, 3, speakers)
    for scores in human_scores(labels, votes, speakers).values():
        assert scores["wa"] == pytest.approx(accuracy_score(labels, answers))
        for name, bounds in expected.items():
            assert scores["intervals"][name] == pytest.approx(bounds, abs=0.01)


def test_a_held_out_rater_is_held_against_the_majority_of_the_others() -> None:
    right, drawn = 0.0, 0
    for votes in VOTES:
        share = 0.0
        for rater in (raters := raters_of(votes)):
            others = votes - np.eye(3, dtype=int)[rater]
            most = np.flatnonzero(others == others.max())
            share += (rater in most) / len(most)
        right, drawn = right + share / len(raters), drawn + 1
    scores = held_out_rater_scores(VOTES)
    assert scores["wa"] == pytest.approx(right / drawn)
    assert scores["confusion"].sum() == pytest.approx(len(VOTES))


def test_an_utterance_of_one_rater_is_left_out_and_counted() -> None:
    alone = np.vstack([VOTES, [[1, 0, 0]]])
    speakers = ["a", "b", "c", "d", "e", "f", "g"]
    kept, whole = held_out_rater_scores(alone, speakers), held_out_rater_scores(VOTES, speakers[:-1])
    assert kept["utterances"] == len(VOTES)
    assert kept["intervals"] == whole["intervals"]
    assert beats_single_rater([0] * 7, alone, speakers=speakers)["utterances"] == len(VOTES)


def test_labels_that_are_not_scored_are_answers_only() -> None:
    more = np.hstack([VOTES, [[0], [5], [0], [1], [0], [0]]])
    scores = held_out_rater_scores(more, absent="skip", num_labels=3)
    # Of the second utterance the others said what is not scored, whoever is held out.
    assert scores["confusion"].sum(axis=1)[3] == 0
    assert scores["confusion"].sum() == pytest.approx(5)
    without = held_out_rater_scores(np.delete(more, 1, axis=0), absent="skip", num_labels=3)
    assert scores["ua"] == pytest.approx(without["ua"])


def test_fewer_than_four_speakers_have_scores_without_an_interval() -> None:
    scores = human_scores(LABELS, VOTES, speakers=["a", "a", "b", "b", "c", "c"])
    assert scores["majority"]["intervals"] is None
    assert scores["majority"]["wa"] == human_scores(LABELS, VOTES)["majority"]["wa"]
    assert beats_single_rater(LABELS, VOTES, LABELS, ["a", "a", "b", "b", "c", "c"])["interval"] is None


@pytest.mark.parametrize("against_labels", [True, False])
def test_whether_a_model_beats_a_rater_is_counted_rater_by_rater(against_labels: bool) -> None:
    answers = np.array([0, 1, 1, 2, 1, 0])
    counted = np.zeros(3)
    for votes, answer, label in zip(VOTES, answers, LABELS, strict=True):
        raters = raters_of(votes)
        for place, rater in enumerate(raters):
            others = raters[:place] + raters[place + 1 :]
            if against_labels:
                lead = int(answer == label) - int(rater == label)
            else:
                lead = others.count(answer) - others.count(rater)
            counted[1 - np.sign(lead)] += 1 / len(raters) / len(VOTES)
    result = beats_single_rater(answers, VOTES, LABELS if against_labels else None)
    assert [result["wins"], result["ties"], result["losses"]] == pytest.approx(counted)
    assert result["probability"] == pytest.approx(counted[0] + counted[1] / 2)
    low, high = result["interval"]
    assert low < result["probability"] < high


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected `references` to be label ids in 0\.\.2"):
        human_scores([0, 1, 2, 2, 0, 3], VOTES)
    with pytest.raises(ValueError, match="align them by utterance id"):
        human_scores([0, 1], VOTES)
    with pytest.raises(ValueError, match="pass counts, since shares do not tell"):
        held_out_rater_scores(VOTES / 4)
    with pytest.raises(ValueError, match="Expected an utterance with two raters"):
        held_out_rater_scores(np.eye(3))
    with pytest.raises(ValueError, match="pass `references` to hold raters against"):
        beats_single_rater([0, 1, 2], np.eye(3))
    with pytest.raises(ValueError, match="2 speakers; align"):
        beats_single_rater(LABELS, VOTES, speakers=["a", "b"])
