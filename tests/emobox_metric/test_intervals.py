"""The bootstrap against enumeration of all resamples, scipy, a plain loop, and simulated corpora."""

import itertools
import tracemalloc

import numpy as np
import pandas
import pyarrow
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from emobox_metric.ser_metric import intervals
from emobox_metric.ser_metric.comparison import compare_systems
from emobox_metric.ser_metric.intervals import bootstrap, bootstrap_interval, logit_interval
from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion


def plain_scores(references, predictions, scale=1.0):
    """UA, WA and F1 of one resample, class by class; `scale` is (labels present in all references) / C or 1."""
    recalls, f1 = [], []
    for label in np.unique(references):
        hits = np.sum((references == label) & (predictions == label))
        recalls.append(hits / np.sum(references == label))
        f1.append(2 * hits / (np.sum(references == label) + np.sum(predictions == label)))
    return {
        "ua": np.mean(recalls) * scale,
        "wa": np.mean(references == predictions),
        "f1": np.mean(f1) * scale,
    }


def is_quantile(value, share, values, tolerance):
    """Whether `value` is the quantile at `share` of discrete `values`, give or take `tolerance` of probability."""
    below, up_to = np.mean(np.array(values) < value - 1e-9), np.mean(np.array(values) <= value + 1e-9)
    return below - tolerance <= share <= up_to + tolerance


def test_clusters_against_all_resamples_there_are():
    """Four speakers have 4**4 resamples: what follows from them is exact, and class 1 vanishes from some."""
    rng = np.random.default_rng(5)
    speakers = np.repeat(["a", "b", "c", "d"], [9, 4, 7, 5])
    references = np.where(
        speakers == "b", rng.integers(0, 2, 25), rng.choice([0, 3], 25)
    )  # label 2 is absent
    predictions = np.where(rng.random(25) < 0.6, references, rng.integers(0, 4, 25))
    items = [np.flatnonzero(speakers == name) for name in "abcd"]
    for absent, scale in (("zero", 3 / 4), ("skip", 1.0)):
        exact = []
        for draw in itertools.product(range(4), repeat=4):
            chosen = np.concatenate([items[index] for index in draw])
            exact.append(plain_scores(references[chosen], predictions[chosen], scale))
        options = {"confidence": 0.8, "resamples": 40_000, "absent": absent}
        inputs = (references, predictions, 4, speakers)
        percentiles = bootstrap_interval(*inputs, **options, method="percentile")
        found = bootstrap_interval(*inputs, **options)
        ceilings = {"ua": scale, "wa": 1.0, "f1": scale}
        scored = plain_scores(references, predictions, scale)
        for name in ("ua", "wa", "f1"):
            values = [scores[name] for scores in exact]
            for bound, share in zip(percentiles[name], (0.1, 0.9), strict=True):
                assert is_quantile(bound, share, values, tolerance=0.006), (name, absent, share)
            # Student's t on the logit scale, by scipy and in plain words.
            score, error = scored[name] / ceilings[name], np.std(values) / ceilings[name] * np.sqrt(4 / 3)
            half = scipy.stats.t.ppf(0.9, df=3) * error / (score * (1 - score))
            odds = score / (1 - score) * np.exp([-half, half])
            assert found[name] == pytest.approx(ceilings[name] * odds / (1 + odds), abs=0.005)


def test_items_against_scipy_and_a_plain_loop():
    rng = np.random.default_rng(1)
    references = rng.choice(4, size=300, p=[0.5, 0.3, 0.18, 0.02])
    predictions = np.where(rng.random(300) < 0.7, references, rng.integers(0, 4, 300))
    found = bootstrap_interval(references, predictions, 4, resamples=8000, method="percentile")
    loop = []
    for _ in range(1500):
        chosen = rng.integers(0, 300, 300)
        loop.append(plain_scores(references[chosen], predictions[chosen]))
    for name in ("ua", "wa", "f1"):
        expected = np.quantile([scores[name] for scores in loop], [0.025, 0.975])
        assert found[name] == pytest.approx(expected, abs=0.012), name
    accuracy = scipy.stats.bootstrap(
        ((references == predictions).astype(float),),
        np.mean,
        method="percentile",
        n_resamples=8000,
        random_state=rng,
    ).confidence_interval
    assert found["wa"] == pytest.approx(tuple(accuracy), abs=0.006)


def test_a_class_that_vanishes_is_not_counted_as_missed():
    """Class 1 has one item, right; it vanishes from 37 percent of resamples. All that are left are right as well."""
    references = [0] * 99 + [1]
    for absent, labels, score in (("zero", 2, 1.0), ("zero", 4, 0.5), ("skip", 4, 1.0)):
        resampled = bootstrap(references, references, labels, absent=absent).resampled
        assert (resampled["ua"] == score).all()
        assert (resampled["f1"] == score).all()


@pytest.mark.parametrize("method", ["logit-t", "percentile"])
def test_without_spread_between_speakers_a_score_has_no_interval(method):
    """A width of zero would say that no other speaker can differ."""
    references, speakers = [0, 1] * 8, np.repeat(np.arange(8), 2)
    right = bootstrap_interval(references, references, 2, speakers, method=method)
    assert right == {"ua": None, "wa": None, "f1": None}
    # Always the same answer: UA is that of chance for every speaker, but they differ in how often it is right.
    references = [0, 0, 1, 1] * 3 + [0, 0, 0, 1]
    constant = bootstrap_interval(references, [0] * 16, 2, np.repeat(np.arange(4), 4), method=method)
    assert constant["ua"] is None
    assert constant["wa"][0] < 9 / 16 < constant["wa"][1]


def test_one_cluster_per_item_is_the_item_bootstrap():
    rng = np.random.default_rng(2)
    references, predictions = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    by_item = bootstrap_interval(references, predictions, 3, resamples=20_000)
    by_cluster = bootstrap_interval(references, predictions, 3, clusters=range(200), resamples=20_000, seed=1)
    for name in by_item:
        assert by_item[name] == pytest.approx(by_cluster[name], abs=0.006), name


def test_seed_decides_and_blocks_do_not(monkeypatch):
    rng = np.random.default_rng(3)
    references, predictions, speakers = rng.integers(0, 3, 90), rng.integers(0, 3, 90), rng.integers(0, 9, 90)
    first = bootstrap_interval(references, predictions, 3, speakers, seed=4)
    assert first == bootstrap_interval(references, predictions, 3, speakers, seed=4)
    assert first != bootstrap_interval(references, predictions, 3, speakers, seed=5)
    monkeypatch.setattr(intervals, "BLOCK", 100)
    assert first == bootstrap_interval(references, predictions, 3, speakers, seed=4)


def test_the_order_of_items_and_the_names_of_speakers_do_not_matter():
    rng = np.random.default_rng(6)
    references, predictions, speakers = rng.integers(0, 3, 90), rng.integers(0, 3, 90), rng.integers(0, 9, 90)
    order = rng.permutation(90)
    names = [f"speaker {name}" for name in speakers[order]]
    assert bootstrap_interval(references, predictions, 3, speakers) == bootstrap_interval(
        references[order], predictions[order], 3, names
    )


@pytest.mark.parametrize("speakers", [None, 2000])
def test_a_million_items(speakers):
    rng = np.random.default_rng(0)
    references = rng.integers(0, 6, 1_000_000)
    predictions = np.where(rng.random(1_000_000) < 0.7, references, (references + 1) % 6)
    clusters = None if speakers is None else rng.integers(0, speakers, 1_000_000)
    tracemalloc.start()
    low, high = bootstrap_interval(references, predictions, 6, clusters)["wa"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6, f"{peak / 1e6:.0f} MB"
    accuracy = (references == predictions).mean()
    width = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 1_000_000)  # speakers are alike here
    assert (low, high) == pytest.approx((accuracy - width, accuracy + width), abs=0.1 * width)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"clusters": ["a", "a", "a", "a"]},
            r"at least 4 clusters \(speakers\), but got 1 \('a'\), .* without an",
        ),
        ({"clusters": ["a", "b", "b", "a"]}, r"but got 2 \('a', 'b'\)"),
        ({"clusters": ["a", "b", "c", "a"]}, r"but got 3 \('a', 'b', 'c'\)"),
        (
            {"clusters": ["a", "a", "a", "a"], "method": "percentile"},
            r"at least 2 clusters .* but got 1 \('a'\)",
        ),
        ({"references": [0, 1, 1], "predictions": [0, 1, 0]}, "at least 4 items for an interval, but got 3"),
        ({"method": "BCa"}, "`method` to be one of logit-t, percentile, but got 'BCa'"),
        ({"clusters": ["a", "b", "a"]}, "4 items, 3 clusters"),
        ({"clusters": ["a", "b", None, "b"]}, "got None at index 2"),
        ({"clusters": ["a", "b", float("nan"), "b"]}, "got nan at index 2"),
        ({"confidence": 95}, "between 0 and 1, but got 95"),
        ({"clusters": ["a", "b", pandas.NA, "b"]}, "got <NA> at index 2"),
        ({"clusters": [["a"], ["b"], ["a"], ["b"]]}, r"one name or number per .* but got \['a'\] at index 0"),
        ({"clusters": np.array([["a", "b"]] * 4)}, r"but got \['a', 'b'\] at index 0"),
        ({"clusters": list(torch.ones(4, 2))}, r"but got tensor\(\[1., 1.\]\) at index 0"),
        ({"clusters": np.array("a")}, "a list, one entry per item, but got a ndarray of no dimension"),
        ({"clusters": 7}, "a list, one entry per item, but got a int;"),
        ({"confidence": "95"}, "between 0 and 1, but got '95'"),
        ({"resamples": 0}, "at least 1, but got 0"),
        (
            {"resamples": 1e3},
            r"`resamples` to be a whole number \(int\) of at least 1, but got 1000.0; 2000 is",
        ),
        ({"seed": -1}, "`seed` to be a whole number .* of at least 0, but got -1"),
        ({"absent": "error", "num_labels": 3}, r"no item of label ids \[2\]"),
        ({"predictions": [0, 1, 1, 5]}, "got 5 at index 3"),
    ],
)
def test_rejects(options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(
            **{"references": [0, 0, 1, 1], "predictions": [0, 1, 1, 1], "num_labels": 2} | options
        )


def test_speakers_may_be_a_tensor_or_a_series_or_a_list_of_tensors():
    rng = np.random.default_rng(8)
    references, predictions, speakers = rng.integers(0, 3, 60), rng.integers(0, 3, 60), rng.integers(0, 6, 60)
    expected = bootstrap_interval(references, predictions, 3, speakers.tolist())
    assert bootstrap_interval(references, predictions, 3, torch.tensor(speakers)) == expected
    for same in (torch.tensor(speakers), torch.tensor(speakers)[:, None], speakers, pyarrow.array(speakers)):
        assert bootstrap_interval(references, predictions, 3, list(same)) == expected
    assert (
        bootstrap_interval(references, predictions, 3, [np.array(speaker) for speaker in speakers])
        == expected
    )
    assert (
        bootstrap_interval(references, predictions, 3, pandas.Series(speakers, index=range(60, 0, -1)))
        == expected
    )


@given(st.floats(0.01, 0.99), st.floats(1e-4, 0.5), st.integers(4, 200))
def test_an_interval_holds_its_score_and_stays_within_the_scale(share, error, clusters):
    low, high = logit_interval(share, error, clusters, 0.95)
    assert 0 <= low < share < high <= 1
    # The longer side is that of the longer tail.
    assert (share - low >= high - share) == (share >= 0.5) or abs(share - 0.5) < 1e-6


def test_with_many_items_the_interval_is_that_of_the_normal_distribution():
    references = np.zeros(10_000, dtype=int)
    low, high = bootstrap_interval(
        references, references + (np.arange(10_000) % 5 == 0), 2, resamples=20_000
    )["wa"]
    assert (low, high) == pytest.approx((0.8 - 0.00784, 0.8 + 0.00784), abs=3e-4)


NUM_LABELS = 6


def simulated_corpus(rng, speakers, utterances):
    """Unequal classes, and speakers who differ by 0.6 on the logit scale.

    Returns references, the predictions of two systems of equal skill, and speakers.
    """
    size = speakers * utterances
    references = rng.choice(NUM_LABELS, size=size, p=[0.3, 0.25, 0.2, 0.12, 0.08, 0.05])
    speaker = np.repeat(np.arange(speakers), utterances)
    skill = rng.normal(0.6, 0.6, speakers)[speaker] + np.linspace(0.6, -0.6, NUM_LABELS)[references]
    skill = skill + rng.normal(0, 1, size)

    def predict():
        right = rng.random(size) < 1 / (1 + np.exp(-skill))
        return np.where(right, references, (references + rng.integers(1, NUM_LABELS, size)) % NUM_LABELS)

    return references, predict(), predict(), speaker


@pytest.mark.parametrize(("speakers", "percentiles"), [(4, (70, 87)), (10, (82, 94))])
def test_the_interval_holds_its_level_where_percentiles_do_not(speakers, percentiles):
    """200 repetitions: three standard errors of 95 percent are 4.6 points."""
    references, predictions, _, _ = simulated_corpus(np.random.default_rng(99), 20_000, 50)
    truth = scores_from_confusion(confusion_matrix(references, predictions, NUM_LABELS))["ua"]
    held = {"logit-t": 0, "percentile": 0}
    for repetition in range(200):
        rng = np.random.default_rng(1000 * repetition + speakers)
        references, predictions, _, speaker = simulated_corpus(rng, speakers, 60)
        for method in held:
            low, high = bootstrap_interval(
                references, predictions, NUM_LABELS, speaker, resamples=300, seed=repetition, method=method
            )["ua"]
            held[method] += low <= truth <= high
    assert held["logit-t"] / 2 == pytest.approx(95, abs=4.6)
    assert percentiles[0] < held["percentile"] / 2 < percentiles[1]


@pytest.mark.parametrize("speakers", [4, 10])
def test_equal_systems_are_told_apart_in_one_of_twenty_tests(speakers):
    alarms = 0
    for repetition in range(200):
        rng = np.random.default_rng(1000 * repetition + speakers)
        references, first, other, speaker = simulated_corpus(rng, speakers, 60)
        result = compare_systems(
            references, first, other, NUM_LABELS, speaker, resamples=200, seed=repetition
        )
        alarms += result["ua"]["p_value"] < 0.05
    assert alarms / 2 == pytest.approx(5, abs=4.6)
