"""Gaps between groups: against exact counts, plain loops and scipy's randomisation test."""

import itertools

import numpy as np
import pytest
import scipy.stats

from emobox_metric.ser_metric.gaps import compare_groups, holm, largest_gap, range_by_chance
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion

CLASSES = 3


def speakers(count, right, seed, items=30):
    """Confusion counts of speakers who are recognised in about that share of items."""
    rng = np.random.default_rng(seed)
    counts = []
    for share in np.clip(right + 0.1 * rng.normal(size=count), 0.05, 0.95):
        truth = np.arange(items) % CLASSES
        said = np.where(rng.random(items) < share, truth, (truth + 1) % CLASSES)
        counts.append(confusion_matrix(truth, said, CLASSES))
    return np.array(counts, dtype=float)


def apart(first, second):
    """Groups that no speaker is in both of, over all speakers."""
    return np.concatenate([first, 0 * second]), np.concatenate([0 * first, second])


def test_gaps_are_those_of_the_scores():
    first, second = speakers(6, 0.8, 0), speakers(7, 0.6, 1)
    ua, *recalls = compare_groups(*apart(first, second))
    uas = [scores_from_confusion(part.sum(axis=0), "skip")["ua"] for part in (first, second)]
    assert ua.difference == pytest.approx(uas[0] - uas[1])
    by_label = [np.diag(part.sum(axis=0)) / part.sum(axis=(0, 2)) for part in (first, second)]
    assert [gap.difference for gap in recalls] == pytest.approx(list(by_label[0] - by_label[1]))


def test_the_exact_p_value_is_scipys():
    """With as many items of each label for everybody, UA of a group is the mean of its speakers'."""
    first, second = speakers(5, 0.8, 2), speakers(5, 0.55, 3)
    of_speakers = [scores_from_confusion(part, "skip")["ua"] for part in (first, second)]
    theirs = scipy.stats.permutation_test(
        of_speakers, lambda a, b: a.mean() - b.mean(), n_resamples=np.inf, alternative="two-sided"
    )
    assert compare_groups(*apart(first, second))[0].p_value == pytest.approx(theirs.pvalue)


def test_groups_within_speakers_are_compared_within_speakers():
    """What makes a speaker hard cancels: the same gap for all, whoever is hard to recognise, is sure."""
    rng = np.random.default_rng(4)
    strong, normal = [], []
    for share in np.linspace(0.3, 0.9, 8):
        truth = np.arange(120) % CLASSES
        for counts, more in ((strong, 0.1), (normal, 0.0)):
            said = np.where(rng.random(120) < share + more, truth, (truth + 1) % CLASSES)
            counts.append(confusion_matrix(truth, said, CLASSES))
    within = compare_groups(np.array(strong, dtype=float), np.array(normal, dtype=float))[0]
    between = compare_groups(*apart(np.array(strong, dtype=float), np.array(normal, dtype=float)))[0]
    assert within.difference == pytest.approx(between.difference)
    assert np.ptp(within.interval) < np.ptp(between.interval) / 2
    differences = [np.trace(a) / 120 - np.trace(b) / 120 for a, b in zip(strong, normal, strict=True)]
    theirs = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert within.p_value == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("alone", [1, 3])
def test_a_group_of_few_speakers_has_no_interval_and_says_why(alone):
    gap, *_ = compare_groups(*apart(speakers(alone, 0.9, 5), speakers(9, 0.5, 6)))
    assert gap.interval is None
    assert gap.detectable is None
    assert gap.reason == f"speakers: {alone} and 9, and at least 4 in each are needed"
    assert gap.p_value is not None


@pytest.mark.parametrize("alone", [1, 3])
def test_a_group_of_few_speakers_who_are_in_the_other_too_has_no_interval_either(alone):
    first, second = speakers(9, 0.9, 5), speakers(9, 0.5, 6)
    first[alone:] = 0
    gaps = compare_groups(first, second)
    assert [gap.interval for gap in gaps] == [None] * 4
    assert [gap.detectable for gap in gaps] == [None] * 4
    assert {gap.reason for gap in gaps} == {f"speakers: {alone} and 9, and at least 4 in each are needed"}
    first[alone:4] = speakers(4, 0.9, 5)[alone:]
    assert all(gap.interval for gap in compare_groups(first, second))


@pytest.mark.parametrize("part", [apart, lambda first, second: (first, second)], ids=["apart", "within"])
def test_a_label_of_few_speakers_has_no_interval_and_the_others_have(part):
    first, second = speakers(8, 0.8, 5), speakers(8, 0.5, 6)
    first[2:, 2] = 0
    ua, *recalls = compare_groups(*part(first, second))
    assert recalls[2].interval is None
    assert recalls[2].reason == "speakers: 2 and 8, and at least 4 in each are needed"
    assert all(gap.interval and gap.reason is None for gap in (ua, *recalls[:2]))


def test_speakers_of_other_labels_do_not_count():
    first, second = speakers(5, 0.8, 5), speakers(5, 0.5, 6)
    second[:, 2] = 0
    first[3:, :2] = 0  # two of the five say only what nobody of the second group does
    gap, *_ = compare_groups(*apart(first, second))
    assert gap.reason == "speakers: 3 and 5, and at least 4 in each are needed"


def test_a_group_of_few_within_many_is_no_surer_than_its_few_speakers():
    """An interval of five speakers against the same five is not narrowed by twenty who are in the other group only."""
    first, second = speakers(25, 0.9, 10), speakers(25, 0.5, 10)
    first[5:] = 0
    gap, *_ = compare_groups(first, second)
    shares = [np.trace(counts) / counts.sum() for counts in first[:5]]
    of_five = scipy.stats.sem(shares) * scipy.stats.t.ppf(0.975, 4)
    assert np.ptp(gap.interval) / 2 >= 0.9 * of_five


def test_a_test_within_speakers_exchanges_only_what_is_in_both_groups():
    """One utterance of one speaker against many of twelve: there are two ways to part them, and nothing to be found."""
    first, second = 0 * speakers(12, 0.9, 11), speakers(12, 0.9, 12)
    first[0, 0, 1] = 1
    ua, of_label, *_ = compare_groups(first, second)
    assert ua.p_value in (0.5, 1.0)
    assert of_label.p_value in (0.5, 1.0)
    first[0], first[0, 2, 0] = 0, 1
    second[0, 2] = 0
    assert compare_groups(first, second)[0].p_value is None


def test_the_largest_gap_is_that_of_a_loop_over_pairs():
    rng = np.random.default_rng(13)
    for groups in (2, 3, 8):
        confusions = rng.integers(0, 9, (groups, CLASSES, CLASSES)) * (rng.random((groups, CLASSES, 1)) < 0.6)
        confusions = confusions[confusions.any(axis=(1, 2))].astype(float)
        gaps = [
            abs(compare_groups(one[None], other[None])[0].difference)
            for one, other in itertools.combinations(confusions, 2)
        ]
        expected = np.nanmax(gaps) if np.isfinite(gaps).any() else np.nan
        assert largest_gap(confusions) == pytest.approx(expected, nan_ok=True)


def test_only_labels_that_both_groups_have_count():
    first, second = speakers(5, 0.9, 7), speakers(5, 0.9, 8)
    second[:, 2] = 0
    ua, *recalls = compare_groups(*apart(first, second))
    assert np.isnan(recalls[2].difference)
    assert ua.difference == pytest.approx(np.mean([gap.difference for gap in recalls[:2]]))


def test_groups_without_spread_have_no_interval():
    everything = np.array([10 * np.eye(CLASSES)] * 6)
    gap, *_ = compare_groups(*apart(everything, everything))
    assert (gap.difference, gap.interval, gap.p_value, gap.detectable) == (0, None, 1, None)


def test_the_range_by_chance_grows_with_fewer_items_and_keeps_the_confusion_matrix():
    rng = np.random.default_rng(9)
    ranges = []
    for items in (60, 6000):
        truth = np.arange(items) % CLASSES
        said = np.where(rng.random(items) < 0.7, truth, (truth + 1) % CLASSES)
        groups = (np.arange(items) // CLASSES) % 2
        ranges.append(range_by_chance(truth, np.eye(CLASSES)[said], groups))
    assert ranges[0] > 5 * ranges[1] > 0
    always = np.arange(60) % CLASSES
    assert range_by_chance(always, np.eye(CLASSES)[always], np.arange(60) % 2) == 0


def test_holm_is_that_of_scipys_order_and_keeps_what_is_unknown():
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx([0.03, 0.06, 0.06, None])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_range_by_chance_is_that_of_a_loop_that_deals_answers_anew():
    """Also where an item has more answers than others, as in a run that tests it in several folds."""
    random = np.random.default_rng(0)
    truth, groups = random.integers(0, 3, 40), random.integers(0, 4, 40)
    answers = random.multinomial(1, [0.4, 0.3, 0.3], 40) * random.integers(1, 4, (40, 1))
    generator, ranges = np.random.default_rng(5), []
    for _ in range(50):
        dealt = answers.copy()
        for label in range(3):
            places = np.flatnonzero(truth == label)
            dealt[places] = answers[generator.permutation(places)]
        confusions = np.zeros((4, 3, 3))
        for item in range(40):
            confusions[groups[item], truth[item]] += dealt[item]
        ranges.append(largest_gap(confusions))
    found = range_by_chance(truth, answers.astype(float), groups, draws=50, seed=5)
    assert found == pytest.approx(np.quantile(ranges, 0.95))
