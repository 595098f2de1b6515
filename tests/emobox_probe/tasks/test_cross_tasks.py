"""Label spaces, test sets, who trains on whom, and what is held out, without any audio."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus, OwnSplit
from emobox_datasets.labels import SHARED_FOUR
from emobox_datasets.loading.builder import StoredItem
from emobox_probe.config import CrossConfig
from emobox_probe.errors import ProbeError
from emobox_probe.protocol import PAPER, STRICT
from emobox_probe.tasks.design import Between
from emobox_probe.tasks.pairings import label_space, pairings_of
from emobox_probe.tasks.pairings import target_configuration as configuration_of
from emobox_probe.tasks.pool import HIDDEN, Pool
from emobox_probe.tasks.tasks import Task, cross_tasks

STRICTLY = replace(STRICT, seeds=(0,))
PAPERS = ("iemocap", "meld", "ravdess", "savee")


def known(*names: str) -> list[Corpus]:
    return [corpora.load(name) for name in names]


def utterances(corpus: Corpus, speakers: Sequence[str | None], each: int = 10) -> list[StoredItem]:
    """`each` utterances of every speaker and label, the last two in every ten of the validation and test parts."""
    parts = ["train"] * 8 + ["validation", "test"]
    return [
        StoredItem(f"{corpus.name}-{speaker}-{label}-{take}", label, speaker, parts[take % 10])
        for speaker in speakers
        for label in corpus.label_list
        for take in range(each)
    ]


def pool_of(parts: dict[str, list[StoredItem]], labels: Sequence[str] = SHARED_FOUR) -> Pool:
    """A pool without audio."""
    pool, first = Pool(tuple(labels)), 0
    for name, items in parts.items():
        pool.corpora[name], pool.items[name], pool.first[name] = corpora.load(name), items, first
        first += len(items)
    return pool


def small(*names: str, each: int = 10) -> Pool:
    speakers = {"savee": ["DC", "JE", "JK", "KL"], "demo": ["ada", "ben", "cleo", "dan"], "resd": [None]}
    return pool_of(
        {
            name: utterances(corpora.load(name), speakers.get(name, ["1", "2", "3", "4"]), each)
            for name in names
        }
    )


def rows_of(pool: Pool, name: str) -> set[int]:
    """All rows of a corpus whose label is in the label space."""
    items = pool.items[name]
    return {pool.first[name] + row for row, item in enumerate(items) if item.label in pool.labels}


def used(task: Task) -> set[int]:
    return {*task.group.training.tolist(), *task.group.validation.tolist()}


def test_the_label_space_is_what_is_shared_of_the_papers_four() -> None:
    assert label_space(known(*PAPERS)) == SHARED_FOUR
    assert label_space(known("ravdess", "savee")) == SHARED_FOUR
    for pair in (("emodb", "urdu"), ("resd", "savee")):
        both = [set(corpus.scored_labels) for corpus in known(*pair)]
        assert set(label_space(known(*pair))) == both[0] & both[1] & set(SHARED_FOUR)


def test_common_is_all_that_is_shared_in_one_order() -> None:
    shared = label_space(known("ravdess", "savee"), ["common"])
    assert set(shared) > set(SHARED_FOUR)
    assert shared == label_space(known("savee", "ravdess"), ["common"]) == tuple(sorted(shared))
    assert set(shared) == set.intersection(*(set(c.scored_labels) for c in known("ravdess", "savee")))
    podcast = known("msp_podcast", "msp_podcast")
    assert "No-agreement" not in label_space(podcast, ["common"])  # it should not be scored


def test_labels_can_be_named() -> None:
    assert label_space(known("ravdess", "savee"), ["Sad", "Disgust", "Sad"]) == ("Disgust", "Sad")
    with pytest.raises(ProbeError, match="but iemocap has no 'Disgust'; it has Angry, Happy, Neutral, Sad"):
        label_space(known(*PAPERS), ["Sad", "Disgust"])
    with pytest.raises(
        ProbeError, match=r"at least two labels .* but got Sad \(iemocap: Angry, .*; choose other"
    ):
        label_space(known("iemocap", "savee"), ["Sad"])


def test_without_a_common_label_nothing_can_be_told_apart() -> None:
    angry = replace(corpora.load("savee"), name="angry", labels={"a": "Angry", "f": "Fear"})
    sad = replace(corpora.load("savee"), name="sad", labels={"s": "Sad", "d": "Disgust"})
    with pytest.raises(ProbeError, match=r"but got none \(angry: Angry, Fear; sad: Disgust, Sad\)"):
        label_space([angry, sad])


def test_balanced_sets_are_tested_where_all_targets_have_one_of_the_labels() -> None:
    assert configuration_of(known(*PAPERS), SHARED_FOUR) == "balanced"
    assert configuration_of(known(*PAPERS), ("Angry", "Sad")) == "balanced"
    assert configuration_of(known(*PAPERS), SHARED_FOUR, "all") == "all"
    assert configuration_of(known(*PAPERS, "emodb"), SHARED_FOUR) == "all"
    assert configuration_of(known("ravdess", "savee"), (*SHARED_FOUR, "Fear")) == "all"
    with pytest.raises(
        ProbeError, match="but emodb has none; take --test-set all, or make one with emobox balance"
    ):
        configuration_of(known(*PAPERS, "emodb"), SHARED_FOUR, "balanced")
    with pytest.raises(ProbeError, match="but got Fear; take --test-set all"):
        configuration_of(known("ravdess", "savee"), (*SHARED_FOUR, "Fear"), "balanced")


def test_all_pairs_but_those_of_a_corpus_with_itself() -> None:
    pairings = pairings_of(PAPERS, PAPERS, leave_one_out=False)
    pairs = [(plan.source, target) for plan in pairings for target in plan.targets]
    assert len(set(pairs)) == len(pairs) == 4**2 - 4
    assert all(plan.corpora == (plan.source,) for plan in pairings)
    assert all(source != target for source, target in pairs)


def test_leaving_one_out() -> None:
    pairings = pairings_of(PAPERS, ("savee", "emodb"), leave_one_out=True)
    assert [(plan.source, plan.corpora, plan.targets) for plan in pairings] == [
        ("all but savee", ("iemocap", "meld", "ravdess"), ("savee",)),
        ("all but emodb", PAPERS, ("emodb",)),
    ]


def test_one_corpus_alone_is_an_error() -> None:
    with pytest.raises(
        ProbeError, match=r"another corpus to test heads of emodb on.*name more in --train or --test"
    ):
        pairings_of(("emodb",), ("emodb",), leave_one_out=False)
    with pytest.raises(ProbeError, match="another corpus to train on and test on emodb"):
        pairings_of(("emodb",), ("emodb",), leave_one_out=True)


def test_what_is_trained_on_and_tested() -> None:
    pool = small("demo", "savee")
    demo, savee = cross_tasks(
        pool, pairings_of(["demo", "savee"], ["demo", "savee"], False), "all", "all", PAPER
    )
    for task, own, other in ((demo, "demo", "savee"), (savee, "savee", "demo")):
        assert used(task) == rows_of(pool, own)
        assert len(used(task)) == len(task.group.training) + len(task.group.validation)
        assert {name: set(rows.tolist()) for name, rows in task.targets.items()} == {
            other: rows_of(pool, other)
        }
        assert set(task.group.labels[list(rows_of(pool, other))].tolist()) == {HIDDEN}
        assert task.group.watched.tolist() == task.targets[other].tolist()
        for row in used(task):
            assert pool.labels[task.group.labels[row]] == pool.all_items[row].label
        assert task.held_out == "utterances"


def test_released_training_data() -> None:
    """SAVEE's fold 1 tests speaker JE; RESD has a split of its own, without validation; MELD's has one."""
    pool = small("demo", "savee", "meld")
    pairings = pairings_of(["savee", "meld"], ["demo"], False)
    savee, meld = cross_tasks(pool, pairings, "released", "all", PAPER)
    items = pool.all_items
    assert {items[row].speaker for row in used(savee)} == {"DC", "JK", "KL"}
    assert {items[row].split for row in meld.group.training.tolist()} == {"train"}
    assert {items[row].split for row in meld.group.validation.tolist()} == {"validation"}
    assert (savee.held_out, meld.held_out) == ("utterances", "released")
    everything = cross_tasks(pool, pairings, "all", "all", PAPER)
    assert used(everything[0]) == rows_of(pool, "savee")
    assert used(everything[1]) == rows_of(pool, "meld")
    assert everything[1].held_out == "utterances"


def test_sources_with_and_without_a_validation_part_stand_together() -> None:
    pool = small("demo", "savee", "meld")
    (task,) = cross_tasks(pool, pairings_of(["savee", "meld"], ["demo"], True), "released", "all", STRICTLY)
    assert task.held_out == "mixed"
    trained = [(pool.all_items[row].split, row) for row in task.group.training.tolist()]
    chosen = [(pool.all_items[row].split, row) for row in task.group.validation.tolist()]
    savee, meld = rows_of(pool, "savee"), rows_of(pool, "meld")
    assert {split for split, row in trained if row in meld} == {"train"}
    assert {row for _, row in chosen if row in meld} == {
        row for row in meld if pool.all_items[row].split == "validation"
    }
    in_training, in_validation = (
        {pool.all_items[row].speaker for _, row in part if row in savee} for part in (trained, chosen)
    )
    assert in_training | in_validation == {"DC", "JK", "KL"}
    assert not in_training & in_validation
    assert in_validation


def test_speakers_of_several_corpora_are_several() -> None:
    """Of two corpora that both call a speaker 1, one's is held out while the other's is trained on."""
    pool = small("emodb", "urdu", "demo")
    assert len(set(pool.speakers)) == 12
    (task,) = cross_tasks(pool, pairings_of(["emodb", "urdu"], ["demo"], True), "all", "all", STRICTLY)
    assert task.held_out == "speakers"
    parts = [
        {pool.speakers[row] for row in rows.tolist()} for rows in (task.group.training, task.group.validation)
    ]
    assert not parts[0] & parts[1]
    assert len(parts[0] | parts[1]) == 8


def test_a_mistyped_speaker_is_the_one_that_was_meant() -> None:
    ased = corpora.load("ased")
    pool = pool_of({"ased": utterances(ased, ["f09", "m09", "f01", "f02", "f03"])})
    assert set(pool.speakers) == {"ased f09", "ased f01", "ased f02", "ased f03"}


def test_where_speakers_are_not_known_utterances_are_held_out() -> None:
    pool = small("resd", "demo")
    (task,) = cross_tasks(pool, pairings_of(["resd"], ["demo"], False), "all", "all", STRICTLY)
    assert task.held_out == "utterances"
    pool = small("resd", "savee", "demo")
    (task,) = cross_tasks(pool, pairings_of(["resd", "savee"], ["demo"], True), "all", "all", STRICTLY)
    assert task.held_out == "mixed"
    savee = rows_of(pool, "savee")
    parts = [
        {pool.speakers[row] for row in rows.tolist() if row in savee}
        for rows in (task.group.training, task.group.validation)
    ]
    assert not parts[0] & parts[1]


def test_one_speaker_cannot_be_held_out() -> None:
    pool = pool_of(
        {
            name: utterances(corpora.load(name), ["DC"] if name == "savee" else ["a", "b"])
            for name in ("savee", "demo")
        }
    )
    pairings = pairings_of(["savee"], ["demo"], False)
    with pytest.raises(ProbeError, match=r"several speakers in savee.*use --protocol paper"):
        cross_tasks(pool, pairings, "all", "all", STRICTLY)
    assert cross_tasks(pool, pairings, "all", "all", PAPER)[0].held_out == "utterances"


def test_one_speaker_is_enough_where_the_release_has_a_validation_part() -> None:
    meld = corpora.load("meld")
    assert isinstance(meld.folds, OwnSplit)
    pool = pool_of(
        {"meld": utterances(meld, ["Ross"]), "demo": utterances(corpora.load("demo"), ["ada", "ben"])}
    )
    (task,) = cross_tasks(pool, pairings_of(["meld"], ["demo"], False), "released", "all", STRICTLY)
    assert task.held_out == "released"


def test_a_label_that_nobody_teaches_is_named() -> None:
    pool = small("demo", "savee")
    pool.items["savee"] = [item for item in pool.items["savee"] if item.label != "Sad"]
    with pytest.raises(ProbeError, match="in savee, but got none of Sad; complete it"):
        cross_tasks(pool, pairings_of(["savee"], ["demo"], False), "all", "all", PAPER)
    pool.items["savee"] = [item for item in pool.items["savee"] if item.label == "Fear"]
    with pytest.raises(ProbeError, match="utterances of Angry, Happy, Neutral, Sad in savee, but got none"):
        cross_tasks(pool, pairings_of(["demo"], ["savee"], False), "all", "all", PAPER)


def balanced(name: str, left_out: int = 0) -> list[StoredItem]:
    """The published utterances of a corpus and one that is not among them; labels in turn."""
    ids = [*sorted(corpora.load(name).balanced_ids)[left_out:], f"{name}-other"]
    return [StoredItem(id, SHARED_FOUR[row % 4], f"s{row % 5}", "train") for row, id in enumerate(ids)]


def test_balanced_sets_and_what_is_said_of_them() -> None:
    pool = pool_of({name: balanced(name, 7 if name == "savee" else 0) for name in PAPERS})
    for task in cross_tasks(pool, pairings_of(PAPERS, PAPERS, False), "all", "balanced", PAPER):
        for name, rows in task.targets.items():
            ids = {pool.all_items[row].id for row in rows.tolist()}
            assert ids == {item.id for item in pool.items[name]} - {f"{name}-other"}
    told = pool.remarks(PAPERS, "balanced")
    assert "savee: 7 of 240 utterances are missing or outside the label space." in told
    assert (
        "meld: Published as 6 speakers with 10 utterances of each of 4 emotions; tested, on a whole copy, are 236 of "
        "240 utterances." in told
    )
    assert any(sentence.startswith("iemocap: 113 of the listed speakers") for sentence in told)
    assert pool.remarks(["meld"], "all") == [
        "Tested are all utterances of the labels Angry, Happy, Neutral, Sad."
    ]


def test_every_seed_holds_out_others() -> None:
    pool = small("demo", "savee")
    made = cross_tasks(pool, pairings_of(["demo", "savee"], ["demo", "savee"], False), "all", "all", STRICT)
    assert [(task.source, task.group.seed) for task in made] == [
        (name, seed) for name in ("demo", "savee") for seed in STRICT.seeds
    ]
    held = {tuple(task.group.validation.tolist()) for task in made if task.source == "savee"}
    assert len(held) > 1
    again = cross_tasks(pool, pairings_of(["demo", "savee"], ["demo", "savee"], False), "all", "all", STRICT)
    for one, two in zip(made, again, strict=True):
        assert torch.equal(one.group.training, two.group.training)


def test_names_of_folders_fit_file_systems() -> None:
    names = list(corpora.names())

    def folder(sources: list[str], targets: list[str], **changes: object) -> str:
        config = CrossConfig(model="builtin:logmel", train=tuple(sources), test=tuple(targets), **changes)
        made = object.__new__(Between)  # label spaces do not matter here
        made.__dict__.update(config=config, protocol=PAPER)
        found = made.folder("builtin:logmel")
        assert found.parts[:3] == ("runs", "builtin--logmel", "cross")
        assert found.name == "paper"
        return found.parts[3]

    assert folder(["emodb", "urdu"], ["emodb", "urdu"]) == "emodb+urdu"
    assert folder(["emodb"], ["urdu", "demo"]) == "emodb_on_urdu+demo"
    assert folder(["emodb", "urdu"], ["emodb", "urdu"], leave_one_out=True) == "emodb+urdu_leave_one_out"
    assert folder(["emodb"], ["urdu"], name="mine") == "mine"
    many = {folder(names, names), folder(names, names[1:]), folder(names[1:], names)}
    assert len(many) == 3
    assert all(len(name) < 60 for name in many)
