"""What each fold trains on, chooses on and tests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch

from emobox_datasets import corpora
from emobox_datasets.audio_files.synthesis import demo_names
from emobox_datasets.corpus import SpeakerFolds
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PAPER, SPEAKER_DEPENDENT, STRICT, Protocol
from emobox_probe.tasks.pool import HIDDEN, Pool
from emobox_probe.tasks.tasks import Task, fold_tasks, folds_of, label_list, protocol_within
from emobox_probe.tasks.validation import held_out


@dataclass(frozen=True)
class Utterance:
    id: str
    label: str
    speaker: str | None
    split: str | None = None


DEMO = [
    Utterance(f"demo-{voice}_{emotion}_{take:02d}", emotion.capitalize(), voice)
    for voice, emotion, take in demo_names()
]
ROWS = {"train": torch.arange(85), "test": torch.tensor([85, 86, 87])}
LABELS = torch.tensor([0] * 50 + [1] * 25 + [2] * 10 + [0, 1, 2])
SPEAKERS = [f"s{row % 10}" for row in range(88)]


def test_a_fifth_of_every_label_is_held_out() -> None:
    group = held_out(ROWS, LABELS, SPEAKERS, PAPER, seed=3)
    assert sorted([*group.training.tolist(), *group.validation.tolist()]) == list(range(85))
    assert LABELS[group.validation].bincount().tolist() == [10, 5, 2]
    assert torch.equal(held_out(ROWS, LABELS, SPEAKERS, PAPER, seed=3).validation, group.validation)
    assert not torch.equal(held_out(ROWS, LABELS, SPEAKERS, PAPER, seed=4).validation, group.validation)


def test_about_a_fifth_of_the_speakers_is_held_out() -> None:
    for seed in STRICT.seeds:
        group = held_out(ROWS, LABELS, SPEAKERS, STRICT, seed)
        trained, chosen = ({SPEAKERS[row] for row in rows} for rows in (group.training, group.validation))
        assert not trained & chosen
        assert 0.1 < len(group.validation) / 85 < 0.35
    unknown = held_out(ROWS, LABELS, [None] * 88, STRICT, seed=0)
    assert LABELS[unknown.validation].bincount().tolist() == [10, 5, 2]


def test_no_label_loses_all_its_training_utterances() -> None:
    speakers = ["a"] * 50 + ["b"] * 25 + ["c"] * 10 + ["d"] * 3
    with pytest.raises(ProbeError, match="got only speakers a, b, c, without whom labels would have no"):
        held_out(ROWS, LABELS, speakers, STRICT, seed=0)


def test_labels_of_tested_utterances_are_hidden() -> None:
    group = held_out(ROWS, LABELS, SPEAKERS, PAPER, seed=0)
    assert group.labels.tolist() == [*LABELS.tolist()[:85], HIDDEN, HIDDEN, HIDDEN]
    assert group.watched.tolist() == [85, 86, 87]
    assert held_out(ROWS, LABELS, SPEAKERS, STRICT, seed=0).watched is None


def test_the_releases_own_validation_part_is_used() -> None:
    rows = {"train": torch.tensor([0, 1]), "validation": torch.tensor([2]), "test": torch.tensor([3])}
    group = held_out(rows, torch.tensor([0, 1, 0, 1]), ["a", "b", "c", "d"], STRICT, seed=0)
    assert (group.training.tolist(), group.validation.tolist()) == ([0, 1], [2])


def test_strict_takes_the_strict_folds_where_there_are_any() -> None:
    assert [fold.name for fold in folds_of(corpora.load("urdu"), STRICT)] == [
        f"strict{k}" for k in range(1, 5)
    ]
    assert [fold.name for fold in folds_of(corpora.load("urdu"), PAPER)] == ["fold1"]
    for released in ("ravdess", "mer2023"):
        assert folds_of(corpora.load(released), STRICT) == folds_of(corpora.load(released), PAPER)


@pytest.mark.parametrize("name", ["tess", "emns", "pavoque", "mer2023", "mesd", "resd"])
def test_strict_is_not_called_so_where_speakers_cannot_be_kept_apart(name: str) -> None:
    corpus = corpora.load(name)
    assert protocol_within("strict", corpus) == SPEAKER_DEPENDENT
    assert protocol_within("speaker-dependent", corpus) == SPEAKER_DEPENDENT
    assert protocol_within("strict", corpus, seeds=3).seeds == (0, 1, 2)
    assert protocol_within("paper", corpus) == PAPER
    assert folds_of(corpus, SPEAKER_DEPENDENT) == folds_of(corpus, PAPER)
    # The recipe of strict on other folds.
    assert replace(SPEAKER_DEPENDENT, folds="strict", validation="speakers", version=2) == replace(
        STRICT,
        name=SPEAKER_DEPENDENT.name,
        summary=SPEAKER_DEPENDENT.summary,
        description=SPEAKER_DEPENDENT.description,
    )


@pytest.mark.parametrize("name", ["emodb", "iemocap", "msp_podcast", "demo"])
def test_strict_is_strict_where_they_can(name: str) -> None:
    assert protocol_within("strict", corpora.load(name)) == STRICT
    with pytest.raises(ProbeError, match=f"{name} has some; use --protocol strict, or paper"):
        protocol_within("speaker-dependent", corpora.load(name))


def test_labels_that_should_not_be_scored_are_left_out_of_strict() -> None:
    podcast = corpora.load("msp_podcast")
    assert set(label_list(podcast, PAPER)) - set(label_list(podcast, STRICT)) == {"No-agreement", "Other"}


def tasks(utterances: list[Utterance], protocol: Protocol, names: Sequence[str] = ()) -> list[Task]:
    demo = corpora.load("demo")
    pool = Pool(demo.label_list, {"demo": demo}, {"demo": utterances}, {"demo": 0})
    return fold_tasks(pool, demo, protocol, names)


@pytest.mark.parametrize("protocol", [PAPER, STRICT])
def test_a_fold_whose_training_lacks_a_label_names_label_and_fold(protocol: Protocol) -> None:
    """One emotion a speaker: whoever is tested takes the only utterances of it along."""
    only = {"ada": "Angry", "ben": "Happy"}
    said = [
        u for u in DEMO if only.get(str(u.speaker), u.label) == u.label and u.label not in ("Angry", "Happy")
    ]
    said += [u for u in DEMO if only.get(str(u.speaker)) == u.label]
    demo = replace(corpora.load("demo"), utterances=len(said))
    pool = Pool(demo.label_list, {"demo": demo}, {"demo": said}, {"demo": 0})
    with pytest.raises(ProbeError) as caught:
        fold_tasks(pool, demo, protocol)
    message = str(caught.value)
    assert (
        "the train part of fold1 has no utterance of Angry, but its test part has 20; the copy is whole"
        in message
    )
    assert "complete the corpus" not in message
    short = Pool(demo.label_list, {"demo": demo}, {"demo": said[1:]}, {"demo": 0})
    with pytest.raises(ProbeError, match=r"; complete the corpus\.$"):
        fold_tasks(short, demo, protocol)


def test_a_corpus_of_one_speaker_is_speaker_dependent_and_its_folds_say_what_they_lack() -> None:
    said = [u for u in DEMO if u.speaker == "ada"]
    alone = replace(corpora.load("demo"), speakers=1, utterances=len(said), folds=SpeakerFolds((("ada",),)))
    for name in ("strict", "speaker-dependent"):
        assert protocol_within(name, alone).name == "speaker-dependent"
    pool = Pool(alone.label_list, {"demo": alone}, {"demo": said}, {"demo": 0})
    with pytest.raises(
        ProbeError, match=r"the train part of fold1 is empty \(80 in test\); the copy is whole"
    ):
        fold_tasks(pool, alone, SPEAKER_DEPENDENT)


def test_a_corpus_of_one_label_has_nothing_to_tell_apart() -> None:
    said = [u for u in DEMO if u.label == "Sad"]
    sad = replace(corpora.load("demo"), utterances=len(said), labels={"sad": "Sad"})
    pool = Pool(sad.label_list, {"demo": sad}, {"demo": said}, {"demo": 0})
    with pytest.raises(ProbeError, match="there is no label but Sad to tell apart"):
        fold_tasks(pool, sad, PAPER)


def test_every_fold_has_every_seed() -> None:
    planned = tasks(DEMO, STRICT)
    assert {(t.source, t.corpora, *t.targets) for t in planned} == {("demo", ("demo",), "demo")}
    assert {t.held_out for t in planned} == {"speakers"}
    assert [(t.fold, t.group.seed) for t in planned] == [
        (f"fold{k}", s) for k in range(1, 5) for s in range(5)
    ]
    for task in tasks(DEMO, PAPER):
        parts = [set(rows.tolist()) for rows in (task.group.training, task.group.validation, task.tested)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 320
        tested = {DEMO[row].speaker for row in parts[2]}
        assert tested.isdisjoint(DEMO[row].speaker for row in parts[0] | parts[1])


def test_labels_that_validation_lacks_are_known() -> None:
    """Of so few Sad utterances a fifth is none; of one speaker's Sad ones none can be held out."""
    few = [u for u in DEMO if u.label != "Sad" or (u.speaker == "ada" and u.id.endswith(("_01", "_02")))]
    others = ("fold2", "fold3", "fold4")  # in the first ada is tested, and nobody is sad to train on
    lacking = [t.unvalidated for t in tasks(few, replace(PAPER, seeds=(0,)), others)]
    sad = corpora.load("demo").label_list.index("Sad")
    assert lacking == [[sad]] * 3
    assert all(t.unvalidated in ([], [sad]) for t in tasks(few, STRICT, others))
    assert any(t.unvalidated for t in tasks(few, STRICT, others))
    assert all(not t.unvalidated for t in tasks(DEMO, STRICT))


def test_training_on_one_label_is_an_error() -> None:
    with pytest.raises(
        ProbeError, match=r"folds of demo .* all utterances in the train part of fold1 are Sad;"
    ):
        tasks([u for u in DEMO if u.label == "Sad"], PAPER)


def test_one_speaker_to_train_on_is_an_error() -> None:
    with pytest.raises(
        ProbeError, match=r"several speakers .* got only speaker demo ben.* use --protocol paper"
    ):
        tasks([u for u in DEMO if u.speaker in ("ada", "ben")], STRICT)


def test_an_empty_part_is_an_error() -> None:
    with pytest.raises(ProbeError, match="test part of fold1"):
        tasks([u for u in DEMO if u.speaker != "ada"], replace(PAPER, seeds=(0,)))
