"""The scores against scikit-learn, with labels absent, alone, and never predicted."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from emobox_metric.ser_metric.scores import confusion_matrix, scores_from_confusion


@st.composite
def labelled(draw, max_items=60):
    """References and predictions over C labels, of which the references may use few: C may exceed the items."""
    num_labels = draw(st.integers(1, 7))
    present = draw(st.lists(st.integers(0, num_labels - 1), min_size=1, unique=True))
    size = draw(st.integers(1, max_items))
    references = draw(st.lists(st.sampled_from(present), min_size=size, max_size=size))
    predictions = draw(st.lists(st.integers(0, num_labels - 1), min_size=size, max_size=size))
    return references, predictions, num_labels


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(labelled())
@settings(max_examples=80)
def test_zero_is_scikit_learn_over_the_fixed_list(case):
    references, predictions, num_labels = case
    everything = {"labels": range(num_labels), "zero_division": 0}
    confusion = confusion_matrix(references, predictions, num_labels)
    assert (confusion == sk.confusion_matrix(references, predictions, labels=range(num_labels))).all()
    scores = scores_from_confusion(confusion)
    expected = {
        "ua": sk.recall_score(references, predictions, average="macro", **everything),
        "wa": sk.accuracy_score(references, predictions),
        "f1": sk.f1_score(references, predictions, average="macro", **everything),
        "micro_f1": sk.f1_score(references, predictions, average="micro", **everything),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    per_class = sk.precision_recall_fscore_support(references, predictions, **everything)
    for name, array in zip(("precision", "recall", "class_f1", "support"), per_class, strict=True):
        np.testing.assert_allclose(scores[name], array, atol=1e-12, err_msg=name)


@given(labelled())
@settings(max_examples=80)
def test_skip_is_scikit_learn_over_the_labels_present(case):
    references, predictions, num_labels = case
    scores = scores_from_confusion(confusion_matrix(references, predictions, num_labels), absent="skip")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about labels that are only predicted
        balanced_accuracy = sk.balanced_accuracy_score(references, predictions)
    present = np.unique(references)
    f1 = sk.f1_score(references, predictions, average="macro", labels=present, zero_division=0)
    assert (scores["ua"], scores["f1"]) == pytest.approx((balanced_accuracy, f1), abs=1e-12)
    zero = scores_from_confusion(confusion_matrix(references, predictions, num_labels))
    factor = len(present) / num_labels
    assert (zero["ua"], zero["f1"]) == pytest.approx((scores["ua"] * factor, scores["f1"] * factor))


def test_f1_by_scikit_learns_default_labels_is_skip_or_zero_when_one_label_is_absent():
    """What the README says about the F1 of EmoBox's own scorer on ASVP-ESD."""
    for predictions, absent in (([0, 0, 1, 1], "skip"), ([0, 2, 1, 1], "zero")):
        scores = scores_from_confusion(confusion_matrix([0, 0, 1, 1], predictions, 3), absent)
        assert scores["f1"] == pytest.approx(
            sk.f1_score([0, 0, 1, 1], predictions, average="macro", zero_division=0)
        )


@pytest.mark.parametrize("absent", ["zero", "skip"])
def test_a_batch_scores_as_its_matrices_one_by_one(absent):
    batch = np.random.default_rng(0).integers(0, 3, size=(4, 5, 3, 3))
    batch[..., 0, 0] += 1
    scores = scores_from_confusion(batch, absent)
    assert scores["ua"].shape == (4, 5)
    assert scores["recall"].shape == (4, 5, 3)
    for index in np.ndindex(4, 5):
        alone = scores_from_confusion(batch[index], absent)
        assert isinstance(alone["ua"], float)
        for name, value in alone.items():
            np.testing.assert_array_equal(scores[name][index], value, err_msg=name)


def test_narrow_integer_types_do_not_overflow():
    ids = np.full(3, 15, dtype=np.int8)
    assert confusion_matrix(ids, ids, num_labels=16)[15, 15] == 3


def test_error_names_the_absent_labels():
    confusion = confusion_matrix([0, 2], [0, 1], num_labels=4)
    with pytest.raises(ValueError, match=r"got no item of label ids \[1, 3\]"):
        scores_from_confusion(confusion, absent="error")
    assert scores_from_confusion(np.eye(3), absent="error")["ua"] == 1


@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        ([], [], "Expected at least one item in `references`"),
        ([0, 1], [0], "2 references, 1 predictions"),
        ([0, 1], [0, 2], r"`predictions` to be label ids in 0..1, but got 2 at index 1"),
        ([-1, 1], [0, 1], r"`references` to be label ids in 0..1, but got -1 at index 0"),
        ([0.0, 1.0], [0, 1], "`references` to be integer label ids, but got float64"),
        (["a"], ["a"], "integer label ids"),
        ([[0, 1]], [0, 1], r"one-dimensional, but got shape \(1, 2\)"),
    ],
)
def test_confusion_matrix_rejects(references, predictions, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(references, predictions, num_labels=2)


@pytest.mark.parametrize(
    ("confusion", "absent", "message"),
    [
        ([[1, 0]], "zero", "shape"),
        ([1, 0], "zero", "shape"),
        ([[1, -1], [0, 1]], "zero", "at least 0"),
        ([[1, float("nan")], [0, 1]], "zero", "NaN"),
        ([[[1, 0], [0, 1]], [[0, 0], [0, 0]]], "zero", "at least one item"),
        ([[1, 0], [0, 1]], "mean", "zero, skip, error, but got 'mean'"),
    ],
)
def test_scores_from_confusion_rejects(confusion, absent, message):
    with pytest.raises(ValueError, match=message):
        scores_from_confusion(confusion, absent)
