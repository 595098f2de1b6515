"""One evaluation by several real processes: with nothing to add, of unequal types, dead or late."""

import pytest
from metric_processes import score_together

from emobox_metric.ser_metric.ser_metric import SerMetric

LABELS = ["angry", "happy", "sad"]
REFERENCES = [0, 0, 1, 1, 2]
PREDICTIONS = [0, 1, 1, 2, 2]
OPTIONS = {"labels": LABELS, "timeout": 30}
COMPUTE = ("compute", {})


def names(ids):
    return [LABELS[id_] for id_ in ids]


def batch(start, stop, convert=list):
    return (
        "add_batch",
        {"predictions": convert(PREDICTIONS[start:stop]), "references": convert(REFERENCES[start:stop])},
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes of all utterances."""
    metric = SerMetric(labels=LABELS, cache_dir=str(tmp_path_factory.mktemp("alone")))
    return metric.compute(predictions=PREDICTIONS, references=REFERENCES)


@pytest.mark.parametrize(
    "processes",
    [
        pytest.param([[batch(0, 2), COMPUTE], [batch(2, 4), COMPUTE], [batch(4, 5), COMPUTE]], id="all add"),
        pytest.param(
            [[batch(0, 2), batch(2, 4), COMPUTE] * 9, [batch(0, 0), batch(4, 5), COMPUTE] * 9], id="nine times"
        ),
        pytest.param([[batch(0, 3), COMPUTE], [batch(3, 5), COMPUTE], [COMPUTE]], id="last has none"),
        pytest.param([[COMPUTE], [batch(0, 5, names), COMPUTE]], id="first has none, names"),
        pytest.param(
            [[batch(0, 5), COMPUTE], [("compute", {"predictions": [], "references": []})], [COMPUTE]],
            id="two have none",
        ),
        pytest.param(
            [[("compute", batch(0, 2)[1])], [("compute", batch(2, 5)[1])]], id="all at once"
        ),
    ],
)  # fmt: skip
def test_processes_score_what_one_scores(tmp_path, alone, processes):
    outcomes = score_together(tmp_path, processes, **OPTIONS)
    assert outcomes == [alone] + [None] * (len(processes) - 1)
    assert not list(tmp_path.rglob("*.arrow"))


def test_labels_are_inferred_from_what_all_processes_saw(tmp_path):
    outcomes = score_together(tmp_path, [[batch(0, 2), COMPUTE], [batch(2, 5), COMPUTE], [COMPUTE]])
    assert (outcomes[0]["labels"], outcomes[0]["labels_inferred"]) == (["0", "1", "2"], True)


def test_nobody_has_utterances(tmp_path):
    outcomes = score_together(tmp_path, [[COMPUTE], [COMPUTE]], **OPTIONS)
    assert outcomes[0].startswith(
        "Expected predictions and references, but got none from any of the 2 processes"
    )
    assert outcomes[1] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("converts", "kinds"),
    [
        ((list, names), "ids from process 0 and names from process 1"),
        ((names, list), "names from process 0 and ids"),
    ],
)
def test_ids_and_names_are_one_sentence_and_the_metric_still_works(tmp_path, alone, converts, kinds):
    unequal = [[batch(0, 2, converts[0]), COMPUTE], [batch(2, 5, converts[1]), COMPUTE]]
    outcomes = score_together(tmp_path, unequal, **OPTIONS)
    assert outcomes[0].startswith("Expected `predictions` to be label ids from all processes, or label names")
    assert f"but got {kinds}" in outcomes[0]
    equal = [[batch(0, 2), COMPUTE], [batch(2, 5), COMPUTE]]
    again = [first + second for first, second in zip(unequal, equal, strict=True)]
    assert score_together(tmp_path, again, **OPTIONS) == [alone, None]
    assert not list(tmp_path.rglob("*.arrow"))


@pytest.mark.slow
def test_a_process_that_never_begins(tmp_path):
    outcomes = score_together(tmp_path, [[batch(0, 2)], [batch(2, 4)], None], **OPTIONS | {"timeout": 1})
    assert outcomes[0].startswith(
        "Expected all 3 processes to begin within 1 s, but process 0 waited in vain for [2]; see whether"
    )
    assert "call `compute` on every process, also on one without utterances" in outcomes[0]
    late = score_together(tmp_path, [None, [batch(2, 4)], None], **OPTIONS | {"timeout": 1})
    assert "process 1 waited in vain for [0]" in late[1]
    assert not list(tmp_path.rglob("*.arrow"))


@pytest.mark.slow
@pytest.mark.parametrize("end", ["die", "leave"])
def test_a_process_that_ends_early_is_not_left_out_in_silence(tmp_path, end):
    dying = [batch(2, 5), ("sleep", {"seconds": 1}), (end, {})]
    outcomes = score_together(tmp_path, [[batch(0, 2), COMPUTE], dying], **OPTIONS)
    assert outcomes == [
        "Expected process 1 to call `compute`, but it ended before; see why it did, and evaluate again.",
        "died",
    ]


@pytest.mark.slow
def test_a_process_that_is_ahead_does_not_overwrite_what_was_not_read(tmp_path):
    """Two evaluations of other utterances; the first process sleeps in between."""
    outcomes = score_together(
        tmp_path,
        [
            [batch(0, 1), ("sleep", {"seconds": 1}), COMPUTE],
            [batch(1, 5), COMPUTE, batch(0, 1), COMPUTE],
        ],
        **OPTIONS | {"timeout": 2},
    )
    assert sum(map(sum, outcomes[0]["confusion"])) == 5
    assert "to begin within 2 s, but process 1 waited in vain for [0]" in outcomes[1]


@pytest.mark.slow
def test_a_process_that_is_late(tmp_path):
    slow = [batch(2, 5), ("sleep", {"seconds": 5}), COMPUTE]
    outcomes = score_together(tmp_path, [[batch(0, 2), COMPUTE], slow], **OPTIONS | {"timeout": 2})
    assert outcomes[0].startswith(
        "Expected all 2 processes to end within 2 s, but process 0 waited in vain for [1]"
    )
