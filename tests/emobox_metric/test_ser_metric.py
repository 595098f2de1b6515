"""The metric as `evaluate` runs it: inputs of all kinds, every option, and errors after which it still works."""

import json
import os
import warnings

import evaluate
import numpy as np
import pytest
import sklearn.metrics as sk
import torch

from emobox_metric.ser_metric.calibration import expected_calibration_error, softmax
from emobox_metric.ser_metric.comparison import compare_systems
from emobox_metric.ser_metric.intervals import bootstrap_interval
from emobox_metric.ser_metric.ser_metric import SerMetric

LABELS = ["angry", "happy", "neutral", "sad"]
REFERENCES = [0, 0, 1, 1, 2, 2, 2, 0]
PREDICTIONS = [0, 1, 1, 1, 2, 3, 2, 2]
SPEAKERS = ["f1", "f1", "m2", "m2", "m3", "m3", "f4", "f4"]


@pytest.fixture
def metric(tmp_path):
    return SerMetric(labels=LABELS, cache_dir=str(tmp_path))


def test_result_is_scikit_learns_and_plain_json(metric, tmp_path):
    result = metric.compute(predictions=PREDICTIONS, references=REFERENCES)
    options = {"labels": range(4), "zero_division": 0}
    assert list(result) == [
        "ua", "wa", "f1", "micro_f1", "per_class", "confusion", "labels", "labels_inferred",
    ]  # fmt: skip
    assert (result["labels"], result["labels_inferred"]) == (LABELS, False)
    assert result["ua"] == pytest.approx(sk.recall_score(REFERENCES, PREDICTIONS, average="macro", **options))
    assert result["f1"] == pytest.approx(sk.f1_score(REFERENCES, PREDICTIONS, average="macro", **options))
    assert result["confusion"] == sk.confusion_matrix(REFERENCES, PREDICTIONS, labels=range(4)).tolist()
    report = sk.classification_report(
        REFERENCES, PREDICTIONS, target_names=LABELS, output_dict=True, **options
    )
    for label, row in result["per_class"].items():
        expected = {"recall": "recall", "precision": "precision", "f1": "f1-score", "support": "support"}
        assert row == pytest.approx({key: report[label][other] for key, other in expected.items()})
    saved = evaluate.save(tmp_path / "result.json", **result)
    assert json.loads(saved.read_text())["per_class"] == result["per_class"]


def test_ids_names_and_mixtures_of_them(metric):
    torch, pandas = pytest.importorskip("torch"), pytest.importorskip("pandas")
    by_id = metric.compute(predictions=PREDICTIONS, references=REFERENCES)
    names = {
        "predictions": [LABELS[id_] for id_ in PREDICTIONS],
        "references": [LABELS[id_] for id_ in REFERENCES],
    }
    assert metric.compute(**names) == by_id
    assert metric.compute(predictions=names["predictions"], references=REFERENCES) == by_id
    assert metric.compute(predictions=PREDICTIONS, references=names["references"]) == by_id
    for kind in (
        np.array,
        lambda ids: np.array(ids, dtype=np.int8),
        torch.tensor,
        lambda ids: [torch.tensor(id_) for id_ in ids],
        lambda ids: pandas.Series(ids, index=range(100, 100 + len(ids))),
        tuple,
    ):
        assert metric.compute(predictions=kind(PREDICTIONS), references=kind(REFERENCES)) == by_id
    assert metric.compute(**{name: np.array(column) for name, column in names.items()}) == by_id


def test_names_that_look_like_numbers_are_names(metric):
    result = metric.compute(predictions=["1", "0"], references=["1", "1"], labels=["1", "0"])
    assert result["confusion"] == [[1, 1], [0, 0]]


def test_labels_of_compute_win_over_those_of_load(metric):
    assert len(metric.compute(predictions=[0], references=[0], labels=["yes", "no"])["per_class"]) == 2


def test_add_and_add_batch_collect(metric, tmp_path):
    whole = metric.compute(predictions=PREDICTIONS, references=REFERENCES)
    for prediction, reference in zip(PREDICTIONS[:3], REFERENCES[:3], strict=True):
        metric.add(prediction=prediction, reference=reference)
    metric.add(predictions=PREDICTIONS[3], references=REFERENCES[3])
    metric.add_batch(predictions=PREDICTIONS[4:], references=REFERENCES[4:])
    assert metric.compute() == whole
    in_memory = SerMetric(labels=LABELS, cache_dir=str(tmp_path), keep_in_memory=True)
    in_memory.add_batch(predictions=PREDICTIONS, references=REFERENCES)
    assert in_memory.compute() == whole


def test_combine(tmp_path):
    metrics = {
        absent: SerMetric(labels=labels, cache_dir=str(tmp_path / absent))
        for absent, labels in (("four", LABELS), ("five", [*LABELS, "fear"]))
    }
    together = evaluate.combine(metrics)
    result = together.compute(predictions=PREDICTIONS, references=REFERENCES)
    assert result["four_ua"] == pytest.approx(result["five_ua"] * 5 / 4)
    for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True):
        together.add(prediction, reference)
    assert together.compute() == result
    together.add_batch(predictions=PREDICTIONS, references=REFERENCES)
    assert together.compute() == result


def test_absent(metric):
    inputs = {"predictions": PREDICTIONS, "references": REFERENCES}
    zero, skip = metric.compute(**inputs), metric.compute(**inputs, absent="skip")
    assert zero["ua"] == pytest.approx(skip["ua"] * 3 / 4)
    with pytest.raises(ValueError, match=r"no item of label ids \[3\]"):
        metric.compute(**inputs, absent="error")


def test_intervals_are_there_when_asked_for(metric):
    inputs = {"predictions": PREDICTIONS, "references": REFERENCES, "resamples": 200, "seed": 3}
    plain = (REFERENCES, PREDICTIONS, 4)
    assert "intervals" not in metric.compute(**inputs)
    assert "intervals" not in metric.compute(**inputs, speakers=SPEAKERS, interval=False)
    by_item = metric.compute(**inputs, interval=True, confidence=0.9)["intervals"]
    assert by_item == bootstrap_interval(*plain, confidence=0.9, resamples=200, seed=3)
    by_speaker = metric.compute(**inputs, speakers=SPEAKERS, absent="skip")["intervals"]
    assert by_speaker == bootstrap_interval(*plain, clusters=SPEAKERS, resamples=200, seed=3, absent="skip")


@pytest.mark.parametrize("speakers", [["f1"] * 8, ["f1", "m2"] * 4, ["f1", "m2", "m3", "m3"] * 2])
def test_with_fewer_than_four_speakers_no_interval_is_given_and_one_warning_says_why(metric, speakers):
    inputs = {"predictions": PREDICTIONS, "references": REFERENCES, "speakers": speakers}
    count = len(set(speakers))
    with pytest.warns(
        UserWarning, match=rf"at least 4 clusters \(speakers\), but got {count} \('f1'"
    ) as caught:
        result = metric.compute(**inputs, other_predictions=REFERENCES)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric.compute(**inputs)["intervals"] is result["intervals"] is None
    assert result["comparison"]["ua"] == {
        "difference": result["ua"] - 0.75,  # "sad" never occurs
        "interval": None,
        "p_value": None,
        "minimum_detectable_difference": None,
    }
    assert result["comparison"]["mcnemar"]["only_first_correct"] == 0


def test_comparison(metric):
    other = ["angry", "angry", "happy", "sad", "neutral", "neutral", "neutral", "angry"]
    result = metric.compute(
        predictions=PREDICTIONS,
        references=REFERENCES,
        other_predictions=other,
        speakers=SPEAKERS,
        resamples=100,
    )
    ids = [LABELS.index(name) for name in other]
    expected = compare_systems(REFERENCES, PREDICTIONS, ids, 4, clusters=SPEAKERS, resamples=100)
    assert result["comparison"] == expected
    json.dumps(result)


def test_calibration_from_logits_and_from_probabilities(metric):
    logits = np.random.default_rng(0).normal(size=(8, 4)) * 3
    inputs = {"predictions": logits.argmax(axis=1), "references": REFERENCES}
    expected = expected_calibration_error(softmax(logits), REFERENCES)
    assert metric.compute(**inputs, logits=logits)["ece"] == expected
    assert metric.compute(**inputs, probabilities=softmax(logits))["ece"] == expected
    assert metric.compute(**inputs, logits=logits.tolist(), bins=3)["ece"] == expected_calibration_error(
        softmax(logits), REFERENCES, 3
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_scores_may_be_tensors_as_models_give_them(metric, dtype):
    logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)).mul(3).to(dtype).requires_grad_()
    predictions = logits.argmax(dim=1)
    expected = expected_calibration_error(softmax(logits.detach().double().numpy()), REFERENCES)
    for given in (logits, list(logits)):
        result = metric.compute(predictions=list(predictions), references=REFERENCES, logits=given)
        assert result["ece"] == expected
        assert result["wa"] == (predictions == torch.tensor(REFERENCES)).float().mean().item()
    probabilities = logits.softmax(dim=1)
    ece = metric.compute(predictions=predictions, references=REFERENCES, probabilities=probabilities)["ece"]
    assert ece == pytest.approx(expected, abs=0.01)


GOOD = {"predictions": [0, 1, 2], "references": [0, 1, 1]}
LOGITS = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"predictions": [0, 1, 4]},
            r"`predictions` to be label ids in 0..3, but got 4 at index 2 \(1 such items\)",
        ),
        ({"references": [0, -1, 1]}, r"`references` to be label ids in 0..3, but got -1"),
        (
            {"predictions": ["sad", "mad", "mad"]},
            r"among the labels \['angry', .*\], but got 'mad' \(2 times\); map",
        ),
        ({"predictions": [0, 1]}, "got 2 predictions, 3 references"),
        (
            {"predictions": []},
            r"`predictions` to be label ids \(int\) or label names \(str\), but got nothing",
        ),
        ({"predictions": [], "references": []}, "but got nothing"),
        ({"predictions": [0.9, 1.0, 2.0]}, "but got 3 float; turn scores into ids by argmax"),
        ({"predictions": ["sad", 1, 2]}, "but got 1 str, 2 int"),
        ({"references": [0, None, 1]}, "but got 2 int, 1 NoneType"),
        ({"references": [True, False, True]}, "but got 3 bool"),
        ({"references": None}, "got no `references`; pass them together"),
        ({"predictions": None}, "got no `predictions`"),
        ({"labels": "angry"}, r"in the order of their ids, but got 'angry' \(str\); pass a list"),
        ({"labels": []}, r"in the order of their ids, but got \[\] \(list\); pass a list"),
        ({"labels": set(LABELS)}, r"in the order of their ids, but got .* \(set\); pass a list"),
        ({"labels": frozenset(LABELS)}, r"\(frozenset\)"),
        ({"labels": dict.fromkeys(LABELS)}, r"\(dict\)"),
        ({"labels": dict.fromkeys(LABELS).keys()}, r"\(dict_keys\)"),
        ({"labels": dict(enumerate(LABELS)).values()}, r"\(dict_values\)"),
        ({"labels": (label for label in LABELS)}, r"\(generator\)"),
        ({"labels": iter(LABELS)}, r"\(list_iterator\)"),
        ({"labels": np.array("angry")}, r"\(ndarray\)"),
        ({"labels": np.array([LABELS])}, "distinct strings"),
        ({"predictions": {"sad", "angry", "happy"}}, "`predictions` to be a list, .*, but got a set"),
        ({"references": {0: "sad", 1: "sad", 2: "sad"}}, "`references` to be a list, .*, but got a dict"),
        ({"predictions": "sad"}, "`predictions` to be a list, .*, but got a str"),
        ({"predictions": b"\0\1\2"}, "`predictions` to be a list, .*, but got a bytes"),
        ({"other_predictions": {0, 1, 2}}, "`other_predictions` to be a list, .*, but got a set"),
        ({"labels": ["a", "b", "a"]}, "distinct strings"),
        ({"labels": [0, 1, 2]}, "distinct strings"),
        ({"speakers": ["f1", "m2"]}, "3 items, 2 clusters"),
        (
            {"speakers": {"u1": "f1", "u2": "m2", "u3": "m2"}},
            r"`clusters \(speakers\)` to be a list, .* got a dict",
        ),
        ({"speakers": {"f1", "m2", "m3"}}, r"`clusters \(speakers\)` to be a list, .* got a set"),
        ({"interval": True, "confidence": 2}, "between 0 and 1"),
        ({"other_predictions": [0, 1]}, "3 references, 3 predictions, 2 other_predictions"),
        ({"other_predictions": ["sad", "mad", "sad"]}, "`other_predictions` to be among the labels"),
        ({"logits": LOGITS[:2]}, r"`logits` of shape \(3, 4\), .* but got \(2, 4\)"),
        ({"logits": LOGITS * float("nan")}, "got NaN or infinity in row 0"),
        ({"logits": LOGITS[::-1]}, "largest `logits` of their rows, but 2 are not, the first at index 0"),
        ({"logits": softmax(LOGITS)}, "rows that are probabilities already; pass `probabilities`"),
        ({"probabilities": LOGITS}, "rows sum to 1"),
        ({"logits": LOGITS, "probabilities": LOGITS}, "but got both"),
        ({"logits": "abc"}, r"`logits` of shape .* no array of numbers \("),
        ({"logits": [[1, 0, 0, 0], [0, 1]]}, r"`logits` of shape .* no array of numbers \("),
        ({"logits": LOGITS, "bins": 2.5}, "`bins` to be a whole number"),
        ({"interval": True, "resamples": 1e3}, "`resamples` to be a whole number"),
        ({"speakers": [["f1"], ["m2"], ["f1"]]}, "one name or number per cluster"),
        (
            {"predictions": [0, 1, 2**63]},
            "`predictions` to be label ids, .* but got 9223372036854775808; look",
        ),
        ({"references": np.array([0, 2**64 - 1, 0], np.uint64)}, "`references` to be label ids, .* 18446"),
        ({"other_predictions": [0, 1, -(2**70)]}, "`other_predictions` to be label ids"),
        ({"predictions": 1, "references": 1}, "a list, one entry per item, but got a int;"),
        (
            {"predictions": np.array(1), "references": np.array(1)},
            "got a ndarray of no dimension; pass a list",
        ),
    ],
)
def test_errors_say_what_to_do_and_leave_a_metric_that_works(metric, tmp_path, inputs, message):
    with pytest.raises(ValueError, match=f"Expected .*{message}"):
        metric.compute(**GOOD | inputs)
    assert metric.compute(**GOOD)["confusion"][1] == [0, 1, 1, 0]
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name.endswith(".arrow")]


def test_compute_of_nothing(metric, tmp_path):
    for nothing in (metric, SerMetric(labels=LABELS, cache_dir=str(tmp_path), keep_in_memory=True)):
        with pytest.raises(ValueError, match="Expected predictions and references, but got none"):
            nothing.compute()


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "series", "index", "column", "feature"])
def test_label_lists_of_all_kinds(metric, kind):
    pandas, datasets = pytest.importorskip("pandas"), pytest.importorskip("datasets")
    given = {
        "list": LABELS,
        "tuple": tuple(LABELS),
        "array": np.array(LABELS),
        "series": pandas.Series(LABELS, index=[3, 2, 1, 0]),
        "index": pandas.Index(LABELS),
        "column": datasets.Dataset.from_dict({"name": LABELS})["name"],
        "feature": datasets.ClassLabel(names=LABELS).names,
    }[kind]
    result = metric.compute(**GOOD, labels=given)
    assert result["labels"] == LABELS
    assert type(result["labels"][0]) is str
    assert result == metric.compute(**GOOD)


def test_labels_that_are_not_given_are_those_that_occur(tmp_path):
    """As in other metrics; ids are named by their digits, and the result and one warning say so."""
    references, predictions = [2, 10, 10, 0], [2, 2, 10, 5]
    metric = SerMetric(cache_dir=str(tmp_path))
    with pytest.warns(
        UserWarning, match=r"means over the 4 labels seen, \['0', '2', '5', '10'\]; pass labels"
    ):
        result = metric.compute(predictions=predictions, references=references)
    assert (result["labels"], result["labels_inferred"]) == (["0", "2", "5", "10"], True)
    assert list(result["per_class"]) == result["labels"]
    assert result["confusion"] == sk.confusion_matrix(references, predictions).tolist()
    assert result["ua"] == sk.recall_score(references, predictions, average="macro", zero_division=0)
    assert result["f1"] == sk.f1_score(references, predictions, average="macro", zero_division=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_name = metric.compute(predictions=["sad", "sad", "fear"], references=["sad", "joy", "fear"])
        assert (by_name["labels"], by_name["labels_inferred"]) == (["fear", "joy", "sad"], True)
        other = ["rage", "joy", "fear", "joy"]
        compared = metric.compute(
            predictions=other, references=other, other_predictions=["sad"] * 4, resamples=50
        )
        assert compared["labels"] == ["fear", "joy", "rage", "sad"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"predictions": ["sad", "sad"], "references": [0, 1]}, "`labels` where ids are compared with names"),
        (
            {"predictions": [0, 1], "references": [0, 1], "other_predictions": ["a", "b"]},
            "`labels` where ids",
        ),
        ({"predictions": [0, 1], "references": [0, 1], "logits": np.eye(2)}, "`labels` with logits or prob"),
        ({"predictions": [0, 1], "references": [0, -1]}, "label ids from 0, but got -1"),
    ],
)
def test_labels_that_cannot_be_inferred(tmp_path, inputs, message):
    metric = SerMetric(cache_dir=str(tmp_path))
    with pytest.raises(ValueError, match=f"Expected {message}.*; "):
        metric.compute(**inputs)
    assert metric.compute(**GOOD, labels=LABELS)["wa"] == pytest.approx(2 / 3)
    assert not list(tmp_path.rglob("*.arrow"))


def test_a_forgotten_or_bad_label_list_costs_no_data(tmp_path):
    metric = SerMetric(cache_dir=str(tmp_path))
    metric.add_batch(predictions=["angry", "happy", "neutral"], references=GOOD["references"])
    for options in ({}, {"labels": set(LABELS)}, {"probabilities": np.eye(3)}):
        with pytest.raises(ValueError, match="Expected `labels`"):
            metric.compute(**options)
    assert metric.compute(labels=LABELS)["wa"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="distinct"):
        SerMetric(labels=["a", "a"], cache_dir=str(tmp_path))


@pytest.mark.filterwarnings("ignore:Expected the corpus")
def test_without_labels_add_add_batch_and_combine_work(tmp_path):
    metric = SerMetric(cache_dir=str(tmp_path / "one"))
    whole = metric.compute(predictions=PREDICTIONS, references=REFERENCES)
    metric.add(prediction=PREDICTIONS[0], reference=REFERENCES[0])
    metric.add_batch(predictions=PREDICTIONS[1:], references=REFERENCES[1:])
    assert metric.compute() == whole
    fixed = SerMetric(labels=[*LABELS, "fear"], cache_dir=str(tmp_path / "two"))
    together = evaluate.combine({"seen": metric, "fixed": fixed})
    result = together.compute(predictions=PREDICTIONS, references=REFERENCES)
    assert result["seen_ua"] == whole["ua"]
    assert (result["seen_labels_inferred"], result["fixed_labels_inferred"]) == (True, False)


def test_a_bad_batch_does_not_spoil_the_good_ones(metric):
    metric.add_batch(**GOOD)
    with pytest.raises(ValueError, match="got 1 float"):
        metric.add(prediction=0.5, reference=0)
    with pytest.raises(ValueError, match="got nothing"):
        metric.add_batch(predictions=[], references=[])
    metric.add(prediction=3, reference=3)
    assert metric.compute()["wa"] == pytest.approx(3 / 4)


def test_a_million_utterances(tmp_path):
    rng = np.random.default_rng(0)
    references, predictions = rng.integers(0, 4, 1_000_000), rng.integers(0, 4, 1_000_000)
    result = SerMetric(labels=LABELS, cache_dir=str(tmp_path)).compute(
        predictions=predictions, references=references, interval=True
    )
    assert result["wa"] == (references == predictions).mean()
    low, high = result["intervals"]["wa"]
    assert low < result["wa"] < high


def test_options_of_scoring_are_not_swallowed_where_they_are_not_heeded() -> None:
    with pytest.raises(
        ValueError, match=r"but got absent, interval; pass options of scoring, such as absent="
    ):
        SerMetric(labels=["a", "b"], absent="skip", interval=True)
    assert SerMetric(labels=["a", "b"], keep_in_memory=True, seed=3).labels == ["a", "b"]
