"""`.eval_results/*.yaml`, read back by huggingface_hub."""

import yaml
from huggingface_hub import parse_eval_result_entries
from records import record

from emobox_datasets import corpora
from emobox_datasets.released.utterances import released_corpora
from emobox_probe.records.result import Scores
from emobox_probe.tasks.tasks import protocol_within
from hub_cards.cards.benchmark import eval_yaml
from hub_cards.cards.eval_results import entries, has_tasks, path, task_id, to_yaml


def test_the_hub_reads_one_value_a_score_back() -> None:
    told = record()
    found = parse_eval_result_entries(yaml.safe_load(to_yaml(told, "https://hub/datasets/lab/results")))
    assert [(entry.task_id, entry.value) for entry in found] == [
        ("urdu_ua_paper", 0.5),
        ("urdu_wa_paper", 0.625),
        ("urdu_f1_paper", 0.55),
    ]
    assert {entry.dataset_id for entry in found} == {"emobox/benchmark"}
    assert {entry.date for entry in found} == {told.provenance.created}
    assert {(entry.source_url, entry.source_name) for entry in found} == {
        ("https://hub/datasets/lab/results", "EmoBox result record")
    }
    assert path(told) == ".eval_results/emobox_urdu_paper.yaml"


def test_notes_say_how_sure_the_value_is() -> None:
    spread = Scores(ua=0.0125, wa=0.02, f1=0.03)
    told = record().model_copy(update={"seed_spread": spread})
    ua = entries(told)[0]
    assert ua.notes is not None
    for part in (
        "all utterances of 1 fold(s) and 1 seed(s) together, protocol paper",
        "95 % interval 0.4000 to 0.6000 (29 speakers resampled)",
        "± 0.0125 over seeds",
        f"fingerprint {'3' * 64}",
    ):
        assert part in ua.notes
    assert "mean over folds 0.5000" in ua.notes
    assert ua.notes.count("±") == 1
    assert (ua.source_url, ua.source_name) == (None, None)


def test_notes_say_what_of_the_corpus_is_missing() -> None:
    remark = "3 of 400 utterances of urdu are missing: not comparable with published scores"
    assert all(remark in str(entry.notes) for entry in entries(record(missing=3)))
    assert not any("missing" in str(entry.notes) for entry in entries(record()))


def test_the_benchmark_has_a_task_for_every_value() -> None:
    told = yaml.safe_load(eval_yaml())["tasks"]
    ids = [task["id"] for task in told]
    assert len(set(ids)) == len(ids) == 9 * len(released_corpora()) == 288
    assert {entry.task_id for entry in entries(record())} < set(ids)
    for name in released_corpora():
        corpus = corpora.load(name)
        for protocol in (protocol_within(usual, corpus) for usual in ("paper", "strict", "linear")):
            assert {task_id(name, score, protocol.name) for score in ("ua", "wa", "f1")} < set(ids)
    assert {task["config"] for task in told} == set(released_corpora())


def test_what_is_no_corpus_of_the_benchmark_has_no_tasks() -> None:
    assert has_tasks(record())
    assert not has_tasks(record(corpus="demo"))
    assert not has_tasks(record(corpus="kitchen"))


def test_whatever_a_record_says_stays_a_value() -> None:
    told = record()
    nasty = "a: b\n- c\n---\n'\"{}[]#&*!|>%@` \u2028x"
    spoiled = told.model_copy(update={"provenance": told.provenance.model_copy(update={"created": nasty})})
    found = parse_eval_result_entries(yaml.safe_load(to_yaml(spoiled, nasty)))
    assert {(entry.date, entry.source_url) for entry in found} == {(nasty, nasty)}
    assert len(found) == 3


def test_notes_say_what_the_model_has_seen_in_training() -> None:
    told = record(name="audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim")
    heard = told.model_copy(update={"corpus": told.corpus.model_copy(update={"name": "msp_podcast"})})
    assert all("seen in training: tuned (Model card" in str(entry.notes) for entry in entries(heard))
    assert all("seen in training: not (Model card" in str(entry.notes) for entry in entries(told))
    # Of Whisper's training data no source gives a list.
    assert not any("seen in training" in str(entry.notes) for entry in entries(record()))
