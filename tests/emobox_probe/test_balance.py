"""`emobox balance`: what is chosen against the classifier run by hand, and through the command line."""

import itertools
import os
import random
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from classifiers import fit, logits, save, tiny, whisper
from datasets import load_dataset
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, BertConfig, BertModel

import emobox
from emobox_datasets import corpora
from emobox_datasets.audio_files.audio import from_flac, to_flac
from emobox_datasets.audio_files.fingerprint import fingerprint
from emobox_datasets.folds import utterance_list as lists
from emobox_datasets.loading.builder import StoredItem
from emobox_probe import balance
from emobox_probe.encoders import classifier
from emobox_probe.encoders.classifier import Classifier
from emobox_probe.errors import ProbeError

CLASSES = ("生气/angry", "happiness", "NEU", "sad", "<unk>")
MEANING = {"生气/angry": "Angry", "happiness": "Happy", "NEU": "Neutral", "sad": "Sad"}
LABELS = ("Angry", "Happy", "Neutral", "Sad")
SPEAKERS = ("ada", "ben", "cleo", "dan")


def whole(corpus: str, data_dir: Path | None = None) -> datasets.Dataset:
    """Configuration `all` with undecoded audio."""
    rows = load_dataset(f"emobox/{corpus}", "all", split="train", data_dir=data_dir and str(data_dir))
    return rows.cast_column("audio", datasets.Audio(decode=False))


def waveforms(rows: datasets.Dataset) -> list[np.ndarray]:
    return [from_flac(row["audio"]["bytes"]) for row in rows]


def class_ids(rows: datasets.Dataset, classes: tuple[str, ...]) -> list[int]:
    """The class that means each row's label."""
    names = rows.features["label"].names
    class_of = {MEANING[name]: number for number, name in enumerate(classes) if name in MEANING}
    return [class_of[names[label]] for label in rows["label"]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A tiny classifier that has learned the demo corpus, as well as it can."""
    rows, (model, extractor) = whole("demo"), tiny(CLASSES)
    labels = class_ids(rows, CLASSES)
    labels[0] = CLASSES.index("<unk>")  # so that every class is in the regression
    fit(model, extractor, waveforms(rows), labels)
    return save(tmp_path_factory.mktemp("classifiers") / "demo", model, extractor)


@pytest.fixture(scope="module")
def confirmed(trained: Path) -> dict[str, bool]:
    """Whether the classifier, run by hand, gives each utterance its label."""
    rows = whole("demo")
    model = AutoModelForAudioClassification.from_pretrained(trained).eval()
    extractor = AutoFeatureExtractor.from_pretrained(trained)
    found = [logits(model, extractor, waveform).argmax() for waveform in waveforms(rows)]
    expected = class_ids(rows, CLASSES)
    return {id: bool(one == other) for id, one, other in zip(rows["id"], found, expected, strict=True)}


@pytest.fixture(autouse=True)
def own_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of answers for each test; what is converted is shared."""
    folder = tmp_path / "answers"
    kept_in = classifier._kept_in
    monkeypatch.setattr(classifier, "_kept_in", lambda *told: folder / kept_in(*told).name)
    return folder


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as status:
        emobox.main(["balance", *map(str, words)])
    return int(str(status.value.code))


def most_that_all_have(confirmed: dict[str, bool]) -> int:
    counts = Counter(id.rsplit("_", 1)[0] for id, right in confirmed.items() if right)
    return min(counts[f"demo-{s}_{label.lower()}"] for s in SPEAKERS for label in LABELS)


def test_the_list_holds_confirmed_utterances_equally_many_of_each(
    tmp_path: Path, trained: Path, confirmed: dict[str, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0.5 < np.mean(list(confirmed.values())) < 1  # else nothing is shown
    k = most_that_all_have(confirmed)
    assert k > 1
    out = tmp_path / "list.txt"
    assert run("demo", "--classifier", trained, "--per-speaker", k, "--out", out) == 0
    rows = load_dataset("emobox/demo", f"list:{out}")
    assert list(rows) == ["test"]
    assert len(rows["test"]) == 16 * k
    counts = Counter(zip(rows["test"]["speaker"], rows["test"]["label"], strict=True))
    assert set(counts.values()) == {k}
    assert len(counts) == 16
    assert all(confirmed[id] for id in rows["test"]["id"])
    shown = capsys.readouterr().out
    assert f'load_dataset("emobox/demo", "list:{out}")' in shown
    assert f"{16 * k} utterances" in shown
    assert "Classes of other emotions: <unk>" in shown


def test_the_list_tells_how_it_was_made(tmp_path: Path, trained: Path, confirmed: dict[str, bool]) -> None:
    out = tmp_path / "list.txt"
    assert run("demo", "--classifier", trained, "--per-speaker", 1, "--seed", 7, "--out", out) == 0
    about = lists.read(out, corpora.load("demo")).about
    assert about["corpus"] == "demo"
    assert about["fingerprint"] == fingerprint(whole("demo"))
    assert about["classifier"] == trained.name
    model = AutoModelForAudioClassification.from_pretrained(trained)
    assert about["classifier weights sha256"] == classifier.weights_hash(model)
    assert about["classes"] == "生气/angry = Angry, happiness = Happy, NEU = Neutral, sad = Sad"
    assert about["classes of other emotions"] == "<unk>"
    right = Counter(id.split("_")[1].capitalize() for id, known in confirmed.items() if known)
    assert about["confirmed"] == ", ".join(f"{label} {right[label]} of 80" for label in LABELS)
    assert about["seed"] == "7"
    assert about["chosen"] == "16 utterances: 1 of each of 4 emotions of each of 4 speakers"
    assert about["utterances missing"] == "0"


def test_equal_seeds_give_equal_files_and_others_give_others(tmp_path: Path, trained: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        assert run("demo", "--classifier", trained, "--per-speaker", 1, "--seed", seed, "--out", file) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    ids = [set(lists.read(file, corpora.load("demo")).ids) for file in files]
    assert ids[0] != ids[2]


def test_the_draw_depends_on_nothing_but_seed_and_id() -> None:
    ids = [f"demo-{number}" for number in range(50)]
    shuffled = random.Random(0).sample(ids, 50)
    assert balance.draw(ids, 10, 3) == balance.draw(shuffled, 10, 3)
    assert balance.draw(ids, 10, 3) == balance.draw(ids, 20, 3)[:10]
    without = [id for id in ids if id != balance.draw(ids, 1, 3)[0]]
    assert balance.draw(without, 9, 3) == balance.draw(ids, 10, 3)[1:]  # the others keep their order
    seeds = [balance.draw(ids, 1, seed)[0] for seed in range(200)]
    assert len(set(seeds)) > 40  # about 49 of 50 are expected


def test_answers_are_kept_and_a_killed_run_goes_on(
    tmp_path: Path, trained: Path, own_answers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("demo", "--classifier", trained, "--per-speaker", 1, "--overwrite", "--out")
    assert run(*words, tmp_path / "whole.txt") == 0
    (answers,) = own_answers.glob("*.jsonl")
    complete = answers.read_bytes()
    answers.unlink()

    asked = []
    classify = Classifier.classify

    def counted(self: Classifier, flac: bytes) -> str:
        if len(asked) == 100:
            raise KeyboardInterrupt
        asked.append(flac)
        return classify(self, flac)

    monkeypatch.setattr(Classifier, "classify", counted)
    assert run(*words, tmp_path / "killed.txt") == 130
    assert not (tmp_path / "killed.txt").exists()
    os.truncate(answers, answers.stat().st_size - 5)  # the last line was not finished

    asked_again: list[bytes] = []
    monkeypatch.setattr(
        Classifier, "classify", lambda self, flac: asked_again.append(flac) or classify(self, flac)
    )
    assert run(*words, tmp_path / "killed.txt") == 0
    assert len(asked_again) == 320 - 99
    assert answers.read_bytes() == complete
    assert (tmp_path / "killed.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()
    assert run(*words, tmp_path / "killed.txt") == 0
    assert len(asked_again) == 320 - 99
    lines = complete.splitlines(keepends=True)
    answers.write_bytes(b"".join([b'["demo-x"\n', b"[[], 3]\n", lines[0].replace(b'"]', b'!"]'), *lines[1:]]))
    assert run(*words, tmp_path / "killed.txt") == 0
    assert len(asked_again) == 320 - 98  # what is damaged is asked again
    assert (tmp_path / "killed.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()


def test_a_shortfall_is_an_error_that_names_it(
    tmp_path: Path, trained: Path, confirmed: dict[str, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    k = most_that_all_have(confirmed)
    words = ("demo", "--classifier", trained, "--per-speaker", k + 1, "--out", tmp_path / "list.txt")
    assert run(*words) == 1
    told = capsys.readouterr().err
    short = [
        f"{speaker} {label} ({k})"
        for speaker, label in itertools.product(SPEAKERS, LABELS)
        if sum(confirmed[id] for id in confirmed if id.startswith(f"demo-{speaker}_{label.lower()}_")) == k
    ]
    assert short
    assert f"Expected {k + 1} confirmed utterances or more" in told
    assert all(name in told for name in short[: balance.SHOWN])
    assert not (tmp_path / "list.txt").exists()
    assert run(*words, "--fewer") == 0
    assert len(lists.read(tmp_path / "list.txt", corpora.load("demo")).ids) == 16 * k


def test_only_some_speakers_and_emotions(tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "list.txt"
    words = ("demo", "--classifier", trained, "--per-speaker", 2, "--out", out)
    assert run(*words, "--speakers", "ada,dan", "--labels", "sadness,Angry") == 0
    cells = Counter(
        tuple(id.split("-")[1].split("_")[:2]) for id in lists.read(out, corpora.load("demo")).ids
    )
    assert cells == dict.fromkeys(itertools.product(("ada", "dan"), ("angry", "sad")), 2)


def test_a_classifier_of_another_sampling_rate(tmp_path: Path) -> None:
    model, extractor = tiny(CLASSES, sampling_rate=8_000)
    folder = save(tmp_path / "narrow", model, extractor)
    loaded = classifier.load_classifier(str(folder), torch.device("cpu"))
    flac = whole("demo")[0]["audio"]["bytes"]
    told = loaded.pipeline(
        {"raw": classifier.resample(from_flac(flac), 16_000, 8_000), "sampling_rate": 8_000}
    )
    assert loaded.classify(flac) == told[0]["label"]


def test_audio_shorter_than_any_model_takes(trained: Path) -> None:
    loaded = classifier.load_classifier(str(trained), torch.device("cpu"))
    assert loaded.classify(to_flac(np.full(50, 0.1, np.float32))) in CLASSES


def test_what_classes_mean() -> None:
    def meant(classes: tuple[str, ...], **label_map: str) -> dict[str, str | None]:
        asked = Classifier("x", None, classes, "", "", None)  # type: ignore[arg-type]
        return balance.meanings(asked, ("Angry", "Sad"), label_map)

    assert meant(("ang", "sadness", "frustrated")) == {"ang": "Angry", "sadness": "Sad", "frustrated": None}
    assert meant(("LABEL_0", "Sad"), LABEL_0="Angry") == {"LABEL_0": "Angry", "Sad": "Sad"}
    assert meant(("angry", "sad", "cry"), cry="Sad") == {"angry": "Angry", "sad": "Sad", "cry": "Sad"}
    assert balance.meanings(
        Classifier("x", None, ("ang", "sadness", "sad"), "", "", None),  # type: ignore[arg-type]
        ("Angry", "Sad"),
        {"sad": None},
    ) == {"ang": "Angry", "sadness": "Sad", "sad": None}
    with pytest.raises(ProbeError, match=r"none for Angry, Sad\. It is not known what LABEL_0, LABEL_1 mean"):
        meant(("LABEL_0", "LABEL_1"))
    with pytest.raises(ProbeError, match=r"but got sad, happy, and so none for Angry\. Leave"):
        meant(("sad", "happy"))
    with pytest.raises(ProbeError, match=r"to name classes of x, but got 'angry'\. Did you mean ang"):
        meant(("ang", "sadness"), angry="Angry")


def test_speakers_who_are_most_likely_one_count_as_one() -> None:
    ased = corpora.load("ased")
    wrong, right = next(iter(ased.same_speaker.items()))
    items = [StoredItem("a", "Sad", wrong, None), StoredItem("b", "Sad", right, None)]
    items += [StoredItem("c", "Sad", None, None), StoredItem("d", "Fear", right, None)]
    cells = balance.candidates(items, ased, ("Angry", "Sad"), ())
    assert cells == {(right, "Angry"): [], (right, "Sad"): ["a", "b"]}


# --- Bad input.


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, extractor = tiny(CLASSES)
    return save(tmp_path_factory.mktemp("classifiers") / "headless", model.wav2vec2, extractor)


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, extractor = tiny(CLASSES)
    folder = save(tmp_path_factory.mktemp("classifiers") / "pickled", model, extractor)
    torch.save({**model.state_dict(), "trainer": Fraction(1, 2)}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture(scope="module")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("classifiers") / "nameless", *tiny(["LABEL_0", "LABEL_1"]))


@pytest.fixture(scope="module")
def of_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
    )
    folder = tmp_path_factory.mktemp("classifiers") / "text"
    tiny(CLASSES)[1].save_pretrained(folder)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("corpus", "model", "words", "message"),
    [
        ("emodbb", "trained", [], "Expected the name of a corpus, but got 'emodbb'. Did you mean emodb"),
        ("mesd", "trained", [], "Expected a corpus that tells its speakers, but mesd does not"),
        ("demo", "nowhere/at-all", [], "Expected an audio classification model .* at 'nowhere/at-all'"),
        ("demo", "nowhere at all", [], "Expected an audio classification model .* at 'nowhere at all'"),
        (
            "demo",
            "headless",
            [],
            r"trained to classify, but \d+ of its weights are missing, such as classifier",
        ),
        ("demo", "pickled", [], r"also holds fractions\.Fraction, which only running code"),
        ("demo", "of_text", [], "Expected an audio classification model .* but got"),
        ("demo", "nameless", [], "none for Angry, Happy, Neutral, Sad.* what LABEL_0, LABEL_1 mean"),
        ("demo", "trained", ["--labels", "sad,fear"], "Expected --labels of demo, but got Fear"),
        ("demo", "trained", ["--labels", "sad"], "Expected two emotions or more, but got Sad"),
        ("demo", "trained", ["--speakers", "ada,eve"], "Expected --speakers of demo, but got eve"),
        ("demo", "trained", ["--label-map", "sad"], "Expected --label-map as class=label .* got 'sad'"),
        (
            "demo",
            "trained",
            ["--label-map", "sad=blue"],
            "Expected --label-map as class=label .* got 'sad=blue'",
        ),
        (
            "demo",
            "trained",
            ["--label-map", "blue=Sad"],
            "Expected --label-map to name classes .* got 'blue'",
        ),
        ("demo", "trained", ["--per-speaker", "99"], "Expected 99 confirmed utterances or more"),
    ],
)
def test_bad_input_is_told_in_one_paragraph(
    corpus: str,
    model: str,
    words: list[str],
    message: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = ("trained", "headless", "pickled", "nameless", "of_text")
    name = request.getfixturevalue(model) if model in made else model
    out = tmp_path / "list.txt"
    assert run(corpus, "--classifier", name, "--per-speaker", 1, "--out", out, *words) == 1
    told = capsys.readouterr().err
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert re.search(message, line), line
    assert "Traceback" not in told
    assert not out.exists()


def test_a_file_is_not_written_over(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "thesis.txt"
    out.write_text("chapter one")
    words = ("demo", "--classifier", trained, "--per-speaker", 1, "--out", out)
    assert run(*words) == 1
    assert f"Expected no file at {out}" in capsys.readouterr().err
    assert out.read_text() == "chapter one"
    assert run(*words, "--overwrite") == 0


def test_scores_that_are_not_numbers_name_the_utterance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, extractor = tiny(CLASSES)
    with torch.no_grad():
        model.classifier.bias.fill_(float("inf"))  # NaN is refused when it is loaded
    folder = save(tmp_path / "spoiled", model, extractor)
    out = tmp_path / "list.txt"
    assert run("demo", "--classifier", folder, "--per-speaker", 1, "--out", out) == 1
    assert "error: Utterance demo-ada_angry_01: Expected finite scores" in capsys.readouterr().err


# --- Real speech.


@pytest.mark.slow
def test_emodb_with_a_classifier_that_was_trained_here(
    shared_assets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shared_assets / "corpora" / "emodb"
    rows = whole("emodb", root)
    names = rows.features["label"].names
    four = rows.select([row for row, label in enumerate(rows["label"]) if names[label] in LABELS])
    model, extractor = whisper(shared_assets / "models" / "whisper-tiny.en-encoder", CLASSES[:4])
    taught = four.select(range(0, len(four), 3))  # so that it has not been told what it confirms
    fit(model, extractor, waveforms(taught), class_ids(taught, CLASSES))
    folder = save(tmp_path / "classifier", model, extractor)

    out = tmp_path / "emodb.txt"
    words = ("emodb", "--classifier", folder, "--per-speaker", 3, "--data-dir", root, "--out", out)
    assert run(*words) == 1
    assert "male_12 Happy (" in capsys.readouterr().err  # EmoDB has two of these
    assert run(*words, "--fewer") == 0
    chosen = load_dataset("emobox/emodb", f"list:{out}", data_dir=str(root))["test"]
    counts = Counter(zip(chosen["speaker"], chosen["label"], strict=True))
    assert len(counts) == 40
    (each,) = set(counts.values())
    assert 1 <= each <= 2
    undecoded = chosen.cast_column("audio", datasets.Audio(decode=False))
    found = [int(logits(model, extractor, waveform).argmax()) for waveform in waveforms(undecoded)]
    assert found == class_ids(undecoded, CLASSES)
