"""Classifiers as they are: against a plain loop over the pipelines of transformers."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soxr
import torch
from classifiers import fit, save, tiny
from commands import run_command
from datasets import load_dataset
from published_models import save_as_funasr
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score
from transformers import (
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapProcessor,
    RobertaTokenizerFast,
    pipeline,
)

from emobox_probe.config import ClassifyConfig
from emobox_probe.encoders.convert_checkpoint import convert_checkpoint
from emobox_probe.errors import ProbeError
from emobox_probe.records.classified import OUTSIDE, ClassifiedRecord, read_classified
from emobox_probe.use.classify import classify, meanings
from emobox_probe.use.meanings import parse_map
from emobox_probe.use.ready_made import QUESTION

CLASSES = ("生气/angry", "happiness", "NEU", "surprised")
LABELS = ("Angry", "Happy", "Neutral", "Sad")
FOLDS = ("fold1", "fold2", "fold3", "fold4")


@pytest.fixture(scope="module")
def tested() -> dict[str, tuple[str, np.ndarray]]:
    """Label and waveform of every tested utterance of the demo corpus, by id."""
    rows = [row for fold in FOLDS for row in load_dataset("emobox/demo", fold, split="test")]
    names = load_dataset("emobox/demo", "fold1", split="test").features["label"].names
    return {row["id"]: (names[row["label"]], np.float32(row["audio"]["array"])) for row in rows}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tested: dict[str, Any], one_thread: None) -> Path:
    """It has learned what it can; what is sad it takes for surprised, which the corpus has not."""
    model, extractor = tiny(CLASSES)
    meant = dict(zip(LABELS, range(4), strict=True))
    some = list(tested.values())[::3]
    fit(model, extractor, [waveform for _, waveform in some], [meant[label] for label, _ in some])
    return save(tmp_path_factory.mktemp("classifier") / "trained", model, extractor)


def held_to(record: ClassifiedRecord, truth: list[str], said: list[str]) -> None:
    """The scores of the released folds are those of scikit-learn."""
    part = record.parts[0]
    assert (part.kind, part.folds, part.test) == ("released", list(FOLDS), len(truth))
    assert part.scores.ua == pytest.approx(recall_score(truth, said, average="macro", labels=LABELS))
    assert part.scores.wa == pytest.approx(accuracy_score(truth, said))
    f1 = f1_score(truth, said, average="macro", labels=LABELS, zero_division=0)
    assert part.scores.f1 == pytest.approx(f1)
    expected = confusion_matrix(truth, said, labels=[*LABELS, OUTSIDE])[:4]
    assert np.array_equal(part.confusion, expected)
    assert part.outside == pytest.approx(said.count(OUTSIDE) / len(said))


def test_it_says_what_a_plain_loop_over_the_pipeline_says(
    trained: Path, tested: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = classify(trained, "demo", output_dir=tmp_path)
    ask = pipeline("audio-classification", model=str(trained))
    meaning = dict(zip(CLASSES, ("Angry", "Happy", "Neutral", OUTSIDE), strict=True))
    said = [meaning[ask(waveform, top_k=1)[0]["label"]] for _, waveform in tested.values()]
    held_to(record, [label for label, _ in tested.values()], said)
    assert 0 < record.parts[0].outside < 1
    folder = tmp_path / "trained" / "demo" / "as-it-is"
    kept = pd.read_parquet(folder / "predictions.parquet")
    assert dict(zip(kept["id"], kept["prediction"], strict=True)) == dict(zip(tested, said, strict=True))
    assert read_classified(folder) == record
    assert record.classifier.name == "trained"  # and not where it is on this machine
    assert record.label_map["surprised"] is None
    assert any("No class means Sad" in remark for remark in record.remarks)
    assert any("Answers of surprised" in remark for remark in record.remarks)
    assert record.parts[0].interval.clusters == 4
    assert (folder / "confusion_released.png").read_bytes() == record.pictures()[
        "confusion_released.png"
    ].content()
    assert "fine-tuned; on what is not known" in record._repr_html_()
    # Of another copy of the corpus it is another result.
    other = record.model_copy(update={"corpus": record.corpus.model_copy(update={"fingerprint": "0" * 64})})
    other.write(folder)
    with pytest.raises(ProbeError, match="same classifier, map and copy of the corpus"):
        classify(trained, "demo", output_dir=tmp_path)
    # Predictions and record are of one run, or there is no record.
    with monkeypatch.context() as broken:
        broken.setattr(ClassifiedRecord, "pictures", lambda record: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            classify(trained, "demo", output_dir=tmp_path, map=("surprised=sad",), overwrite=True)
    assert not (folder / "classified.json").exists()


def test_emotion2vec_plus(tested: dict[str, Any], tmp_path: Path) -> None:
    """Random weights in the published layout; its nine classes are known by their names."""
    convert_checkpoint(save_as_funasr(tmp_path / "published") / "model.pt", tmp_path / "plus")
    record = classify(tmp_path / "plus", "demo", output_dir=tmp_path / "runs")
    ask = pipeline("audio-classification", model=str(tmp_path / "plus"))
    named = {name: label or OUTSIDE for name, label in record.label_map.items()}
    said = [named[ask(waveform, top_k=1)[0]["label"]] for _, waveform in tested.values()]
    held_to(record, [label for label, _ in tested.values()], said)


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, and a tokenizer of bytes."""
    folder = tmp_path_factory.mktemp("clap")
    vocabulary = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])}
    vocabulary |= {chr(code): len(vocabulary) + code for code in range(33, 127)} | {"Ġ": 300}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))
    torch.manual_seed(0)
    text = {
        "vocab_size": 512,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    audio = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 32,
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "num_hidden_layers": 2,
    }
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    ClapModel(config).eval().save_pretrained(folder)
    ClapProcessor(
        ClapFeatureExtractor(truncation="fusion" if config.audio_config.enable_fusion else "rand_trunc"),
        tokenizer,
    ).save_pretrained(folder)
    return folder


def test_clap_is_asked_in_words(clap: Path, tmp_path: Path) -> None:
    record = classify(clap, "demo", output_dir=tmp_path)
    assert record.training == "zero-shot"
    assert record.classifier.question == QUESTION
    assert set(record.label_map) == set(LABELS)
    assert record.parts[0].outside == 0
    row = load_dataset("emobox/demo", "fold1", split="test")[0]
    kept = pd.read_parquet(tmp_path / clap.name / "demo" / "as-it-is" / "predictions.parquet")
    ask = pipeline("zero-shot-audio-classification", model=str(clap))
    waveform = soxr.resample(np.float32(row["audio"]["array"]), 16_000, 48_000)
    asked = [label.lower() for label in LABELS]
    best = ask(waveform, candidate_labels=asked, hypothesis_template=QUESTION)[0]["label"]
    assert kept.set_index("id").loc[row["id"], "prediction"].lower() == best


OWN = """
def load():
    return loud

def loud(waveform):
    return "angry" if waveform.std() > 0.05 else "sad"
"""


def test_a_classifier_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tested: dict[str, Any]
) -> None:
    (tmp_path / "my_classifier.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_classifier", raising=False)
    record = classify("python:my_classifier:load", "demo")
    said = ["Angry" if waveform.std() > 0.05 else "Sad" for _, waveform in tested.values()]
    held_to(record, [label for label, _ in tested.values()], said)
    assert record.classifier.code_sha256
    in_memory = classify(lambda waveform: "sad", "demo")
    assert in_memory.parts[0].scores.ua == 0.25


SEVERAL = """
def ok():
    return lambda waveform: "Sad"

def other():
    return lambda waveform: "Angry"

def pair():
    answers = iter(["Sad", "Angry"] * 1000)
    return lambda waveform: next(answers)

def none():
    return lambda waveform: None

def exc():
    def fails(waveform):
        raise KeyError("no such phone")
    return fails
"""


def shares(record: ClassifiedRecord) -> list[int]:
    """How often each label, and what is none, was answered."""
    return [sum(column) for column in zip(*record.parts[0].confusion, strict=True)]


def test_functions_of_one_file_do_not_share_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clf.py").write_text(SEVERAL)
    monkeypatch.chdir(tmp_path)
    sad, angry, both = (
        shares(classify(f"python:./clf.py:{function}", "demo")) for function in ("ok", "other", "pair")
    )
    assert sad[LABELS.index("Sad")] == angry[LABELS.index("Angry")] == sum(sad)
    assert both[LABELS.index("Sad")] > 0
    assert both[LABELS.index("Angry")] > 0
    with pytest.raises(ProbeError, match=r"a string from .*, but got None"):
        classify("python:./clf.py:none", "demo")
    with pytest.raises(ProbeError, match="raised KeyError"):
        classify("python:./clf.py:exc", "demo")


class Always:
    """Whatever it hears, it says the same."""

    def __init__(self, answer: str):
        self.answer = answer
        self.asked = 0

    def __call__(self, waveform: np.ndarray) -> str:
        self.asked += 1
        return self.answer


def test_objects_in_memory_do_not_share_answers(tmp_path: Path) -> None:
    for label in ("Sad", "Angry"):
        record = classify(Always(label), "demo", output_dir=tmp_path / label)
        assert shares(record)[LABELS.index(label)] == record.parts[0].test
    again = Always("Sad")
    classify(again, "demo", output_dir=tmp_path / "again")
    assert again.asked > 0
    with pytest.raises(ProbeError, match="it holds another"):
        classify(Always("Angry"), "demo", output_dir=tmp_path / "Sad")


def test_a_killed_run_of_a_named_classifier_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that can be looked into whole; its answers count how often it was asked."""
    (tmp_path / "counting.py").write_text(
        "import os\n\ndef load():\n    return count\n\ndef count(waveform):\n"
        "    with open(os.environ['ASKED'], 'a') as file:\n        file.write('.')\n    return 'Sad'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    classify("python:./counting.py:load", "demo")
    asked = (tmp_path / "asked").read_text()
    classify("python:./counting.py:load", "demo", overwrite=True)
    assert (tmp_path / "asked").read_text() == asked


def test_the_command_line(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["classify", "--model", str(trained), "--corpus", "demo", "--output-dir", str(tmp_path)]
    assert run_command(*words) == 0
    printed = capsys.readouterr().out
    assert "released" in printed
    assert "No class means Sad" in printed
    # The same again is the same; another map is another result.
    assert run_command(*words) == 0
    assert run_command(*words, "--map", "surprised=sad") == 1
    assert "--overwrite to replace it" in capsys.readouterr().err
    assert run_command(*words, "--map", "surprised=sad", "--overwrite") == 0
    record = read_classified(tmp_path / "trained" / "demo" / "as-it-is")
    assert record.label_map["surprised"] == "Sad"
    assert record.parts[0].outside == 0


def named(*classes: str) -> Any:
    return SimpleNamespace(name="asked", classes=classes)


def test_what_a_class_means_is_never_guessed() -> None:
    with pytest.raises(ProbeError, match="LABEL_0, fear/surprise could mean anything; say it with --map"):
        meanings(named("LABEL_0", "angry", "fear/surprise"), (), LABELS, {})
    assert meanings(named("LABEL_0", "fear"), (), LABELS, {"LABEL_0": "Sad"}) == {
        "LABEL_0": "Sad",
        "fear": None,
    }
    assert parse_map(["a=b=sad", "x=none"], "--map") == {"a=b": "Sad", "x": None}
    for wrong in ("sad", "x=blue", "=sad"):
        with pytest.raises(ProbeError, match="--map as class=label"):
            parse_map([wrong], "--map")
    with pytest.raises(ProbeError, match="each class once in --map, but got 'joy' twice"):
        parse_map(["joy=happy", "joy=sad"], "--map")


def test_a_map_of_a_class_that_was_never_answered_is_remarked_on(tmp_path: Path) -> None:
    record = classify(Always("Sad"), "demo", output_dir=tmp_path, map=("Sad=sad", "nosuch=happy"))
    assert "--map says what nosuch means, which was never answered." in record.remarks


def test_a_map_of_a_class_that_is_none_is_refused() -> None:
    """Only who does not say its classes beforehand may have one that it has not answered."""
    with pytest.raises(
        ProbeError, match=r"Expected --map to name classes of asked, but got 'angri'. Did you"
    ):
        meanings(named("angry"), (), LABELS, {"angri": "Sad"})
    assert meanings(named(), ("sad",), LABELS, {"x": None}) == {"sad": "Sad", "x": None}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda waveform: 3, "Expected a string from .* but got 3"),
        (lambda waveform: 1 / 0, "raised ZeroDivisionError"),
        (lambda waveform: sys.exit(0), "raised SystemExit: 0"),
    ],
)
def test_a_classifier_that_answers_nonsense_names_the_utterance(
    answer: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ProbeError, match=f"^Utterance demo.*{message}"):
        classify(answer, "demo", output_dir=tmp_path)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ProbeError, match="to be called with a waveform"):
        classify(3, "demo")


def test_settings_are_checked() -> None:
    with pytest.raises(ProbeError, match="Did you mean corpus"):
        ClassifyConfig.of({"model": "x", "corpora": "demo"})
