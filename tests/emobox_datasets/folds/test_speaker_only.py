"""What who speaks tells of the emotion, on made-up utterances and on every published fold."""

from dataclasses import replace

import pytest

from emobox_datasets import corpora
from emobox_datasets.copy.utterance import OwnSplit, ReleasedLists, Utterance
from emobox_datasets.doctor.examination import speaker_shortcut, untrainable_folds
from emobox_datasets.folds.partition import configurations, partition
from emobox_datasets.folds.speaker_only import mean_recall, speaker_only
from emobox_datasets.released.utterances import released_utterances


def said(label: str, speaker: str | None, number: int = 0) -> Utterance:
    return Utterance(
        id=f"{speaker}-{label}-{number}",
        path="",
        raw_label=label,
        label=label,
        speaker=speaker,
        language="en",
    )


def released(name: str) -> list[Utterance]:
    """The utterances of a corpus by what the release tells of them."""
    return [
        Utterance(id=id, path="", raw_label=told.label, label=told.label, speaker=told.speaker, language="en")
        for id, told in sorted(released_utterances(name).items())
    ]


def test_the_commonest_label_of_the_speaker_is_guessed() -> None:
    trained = [said("Happy", "a"), said("Happy", "a"), said("Sad", "a"), said("Sad", "b")]
    trained += [said("Neutral", None)] * 2 + [said("Sad", "c"), said("Angry", "c")]
    tested = [said("Angry", speaker) for speaker in ("a", "b", "c", "nobody", None)]
    # Of the labels of c that tie, the first in the label list; of strangers, the commonest of all, which is Sad.
    assert speaker_only(corpora.load("urdu"), trained, tested) == ["Happy", "Sad", "Angry", "Sad", "Sad"]


def test_two_names_of_one_person_are_one_speaker() -> None:
    ased = corpora.load("ased")
    one, other = next(iter(ased.same_speaker.items()))
    trained = [said("Sad", one), *[said("Angry", "someone")] * 2]
    assert speaker_only(ased, trained, [said("Angry", other)]) == ["Sad"]


def test_recall_is_the_mean_over_labels_that_are_there() -> None:
    assert mean_recall(["a", "a", "a", "b"], ["a", "a", "b", "b"]) == pytest.approx((2 / 3 + 1) / 2)


def ua_of(name: str, fold: str) -> float:
    corpus, utterances = corpora.load(name), released(name)
    parts = partition(corpus, fold, utterances)
    trained, tested = ([utterances[row] for row in parts[part]] for part in ("train", "test"))
    return 100 * mean_recall([u.label for u in tested], speaker_only(corpus, trained, tested))


@pytest.mark.parametrize(
    ("name", "ua"), [("urdu", 95.0), ("shemo", 28.4), ("asvp_esd", 26.8), ("emov_db", 25.4)]
)
def test_on_released_folds_that_share_speakers(name: str, ua: float) -> None:
    assert ua_of(name, "fold1") == pytest.approx(ua, abs=0.05)


@pytest.mark.parametrize("name", [name for name in corpora.names() if name not in ("demo", "msp_podcast")])
def test_every_published_fold_can_be_trained(name: str) -> None:
    corpus = corpora.load(name)
    if isinstance(corpus.folds, OwnSplit):
        corpus = replace(corpus, folds=ReleasedLists(0))  # the release's list does not tell the split
    assert not list(untrainable_folds(corpus, released(name)))


@pytest.mark.parametrize("name", [name for name in corpora.names() if name not in ("demo", "msp_podcast")])
def test_only_urdu_is_remarked_on(name: str) -> None:
    corpus = corpora.load(name)
    found = list(speaker_shortcut(corpus, released(name)))
    if name != "urdu":
        assert not found
        return
    (observation,) = found
    assert (observation.kind, observation.harmful) == ("speaker predicts label", False)
    assert "fold1: 95.0 % UA where chance is 25.0 %" in observation.message
    assert "strict1" not in observation.message
    assert all(fold in observation.message for fold in configurations(corpus) if fold.startswith("fold"))
