"""Folds of every corpus: what they hold, what they share, and that nothing but the corpus decides them."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pytest
from conftest import shared_assets

from emobox_datasets import corpora
from emobox_datasets.corpus import Corpus, OwnSplit, ReleasedLists, SpeakerFolds
from emobox_datasets.errors import CorpusError
from emobox_datasets.folds.partition import (
    QUARTERS,
    configurations,
    find_configuration,
    partition,
    speaker_groups,
    strict_count,
    why_not_strict,
)

RELEASED = [name for name in corpora.names() if name != "demo"]
PARTS = {"train": "train", "valid": "validation", "test": "test"}
STRICT = {
    **dict.fromkeys(("aesdd", "turev_db"), 6),
    "emov_db": 4,
    **dict.fromkeys(
        ("ased", "asvp_esd", "crema_d", "emodb", "emozionalmente", "enterface", "mead", "meld"), 4
    ),
    **dict.fromkeys(("oreau", "shemo", "urdu"), 4),
}


@dataclass(frozen=True)
class Row:
    id: str
    label: str
    speaker: str | None
    split: str | None


Items = Callable[[str], list[Row]]


@pytest.fixture(scope="session")
def items() -> Items:
    """The utterances of a corpus as the release has them (of MSP-Podcast, without the training part)."""
    released = pd.read_parquet(shared_assets() / "facts/released_folds.parquet")

    def items_of(name: str) -> list[Row]:
        rows = released[released.corpus == name].sort_values("id")
        speakers = [speaker if isinstance(speaker, str) else None for speaker in rows.speaker]
        splits = [PARTS.get(split) for split in rows.split]
        return [*map(Row, rows.id, rows.label, speakers, splits)]

    return items_of


def ids(corpus: Corpus, fold: str, rows: list[Row]) -> dict[str, set[str]]:
    return {part: {rows[n].id for n in numbers} for part, numbers in partition(corpus, fold, rows).items()}


@pytest.mark.parametrize("name", RELEASED)
def test_no_utterance_is_in_two_parts(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    scored = {row.id for row in rows if row.label in corpus.scored_labels}
    for fold in configurations(corpus).values():
        parts = partition(corpus, fold.name, rows)
        numbers = [number for part in parts.values() for number in part]
        assert len(numbers) == len(set(numbers))
        assert all(part == sorted(part) for part in parts.values())
        if fold.kind in ("completed", "strict"):
            assert {rows[number].id for number in numbers} == scored
        elif fold.kind == "balanced":
            assert list(parts) == ["test"]
        elif not isinstance(corpus.folds, OwnSplit):
            assert len(numbers) == len(rows)


@pytest.mark.parametrize("name", RELEASED)
def test_the_parts_of_the_corpus_s_own_split(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    parts = partition(corpus, "fold1", rows)
    if not isinstance(corpus.folds, OwnSplit):
        assert list(parts) == ["train", "test"]
        return
    assert list(parts) == list(corpus.folds.sizes)
    if name != "msp_podcast":
        assert {part: len(numbers) for part, numbers in parts.items()} == corpus.folds.sizes
    assert partition(corpus, "all", rows) == {"train": list(range(len(rows)))}


@pytest.mark.parametrize("name", RELEASED)
def test_completed_folds_cut_the_corpus_in_quarters_of_every_label(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    completed = [fold.name for fold in configurations(corpus).values() if fold.kind == "completed"]
    if not isinstance(corpus.folds, ReleasedLists) or corpus.folds.count > 1:
        assert not completed
        return
    assert completed == ["fold2", "fold3", "fold4"]
    tested = [ids(corpus, f"fold{number}", rows)["test"] for number in range(1, QUARTERS + 1)]
    scored = {row.id: row.label for row in rows if row.label in corpus.scored_labels}
    assert sum(map(len, tested)) == len(scored)
    assert set().union(*tested) == scored.keys()
    for label, count in Counter(scored.values()).items():
        released, *ours = [sum(scored[id] == label for id in fold) for fold in tested]
        assert max(ours) - min(ours) <= 1
        # The release rounds a quarter down, of each raw label by itself.
        assert count / 4 - 1.5 < released <= count / 4


@pytest.mark.parametrize("name", RELEASED)
def test_strict_folds_share_no_speaker(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    assert strict_count(corpus) == STRICT.get(name, 0)
    if not strict_count(corpus):
        assert why_not_strict(corpus)
        return
    tested: list[str | None] = []
    sizes = []
    for number in range(1, strict_count(corpus) + 1):
        parts = partition(corpus, f"strict{number}", rows)
        speakers = {part: {rows[n].speaker for n in numbers} for part, numbers in parts.items()}
        assert not speakers["train"] & speakers["test"]
        assert all(
            (one in speakers["test"]) == (other in speakers["test"])
            for one, other in corpus.same_speaker.items()
        )
        tested += speakers["test"]
        sizes.append(len(parts["test"]))
    assert len(tested) == len(set(tested)) == corpus.speakers
    largest = max(Counter(row.speaker for row in rows).values())
    assert max(sizes) - min(sizes) <= largest


@pytest.mark.parametrize("name", RELEASED)
def test_speaker_folds_test_every_utterance_once(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    if not isinstance(corpus.folds, SpeakerFolds):
        return
    tested = [ids(corpus, f"fold{number}", rows)["test"] for number in range(1, corpus.folds.count + 1)]
    assert sum(map(len, tested)) == len(set().union(*tested)) == len(rows)


@pytest.mark.parametrize("name", RELEASED)
def test_the_order_of_the_utterances_does_not_matter(items: Items, name: str) -> None:
    corpus, rows = corpora.load(name), items(name)
    for fold in configurations(corpus):
        assert ids(corpus, fold, rows) == ids(corpus, fold, rows[::-1])


@pytest.mark.parametrize(
    ("name", "fold", "digest"),
    [
        ("urdu", "fold2", "94a7dffe00c437fa"),
        ("emodb", "strict1", "bc9c86bffc5a466d"),
        ("crema_d", "fold4", "55cab3676acb6c70"),
        ("crema_d", "strict3", "0f14044e1e945895"),
        ("asvp_esd", "fold3", "561455e47642e834"),
        ("meld", "strict2", "193e03c6e63da862"),
        ("turev_db", "strict6", "2021e9056b352d71"),
    ],
)
def test_our_own_folds_never_change(items: Items, name: str, fold: str, digest: str) -> None:
    tested = sorted(ids(corpora.load(name), fold, items(name))["test"])
    assert hashlib.sha256("\n".join(tested).encode()).hexdigest()[:16] == digest


def test_a_label_that_cannot_be_tested_is_in_released_folds_only(items: Items) -> None:
    corpus, rows = corpora.load("asvp_esd"), items("asvp_esd")
    (lone,) = [row.id for row in rows if row.label == "UnKnown"]
    assert lone in ids(corpus, "fold1", rows)["train"]
    assert lone in ids(corpus, "all", rows)["train"]
    for fold in configurations(corpus).values():
        if fold.kind in ("completed", "strict"):
            assert not any(lone in part for part in ids(corpus, fold.name, rows).values())
    assert corpus.scored_labels == tuple(label for label in corpus.label_list if label != "UnKnown")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tess", "fewer than four speakers are known"),
        ("mesd", "the corpus does not tell its speakers"),
        ("ravdess", "its released folds share no speaker between train and test"),
        ("m3ed", "its released folds share no speaker between train and test"),
    ],
)
def test_a_strict_fold_that_cannot_exist_is_explained(name: str, reason: str) -> None:
    with pytest.raises(CorpusError, match=f"'strict1'.* It has no strict folds, because {reason}"):
        find_configuration(corpora.load(name), "strict1")


@pytest.mark.parametrize("name", corpora.names())
def test_every_configuration_says_which_kind_it_is(name: str) -> None:
    kinds = {"released": "Released", "completed": "Completed", "strict": "Strict", "all": "The whole"}
    kinds["balanced"] = "Balanced"
    corpus = corpora.load(name)
    for fold in configurations(corpus).values():
        assert fold.description.startswith(kinds[fold.kind]) or name == "demo"
    described = configurations(corpus)["fold1"].description
    if name != "demo":
        shares = not isinstance(corpus.folds, SpeakerFolds) and getattr(corpus.folds, "shares_speakers", True)
        assert ("share speakers" in described) == (shares and corpus.speakers > 0)
    assert next(iter(configurations(corpus))) == "fold1"


@pytest.mark.parametrize("name", corpora.names())
def test_only_scores_on_whole_copies_are_called_comparable(name: str) -> None:
    tables = {
        "released": "comparable with the paper's Table 4",
        "balanced": "comparable with the paper's Table 5",
    }
    for fold in configurations(corpora.load(name)).values():
        claim = tables.get(fold.kind) if name != "demo" else None
        assert claim is None or fold.description.endswith(f"; {claim}.")
        told = fold.described(missing=1_234)
        assert claim is None or claim not in told
        assert (
            "1,234 utterances of the corpus are missing; scores are not comparable with published ones."
            in told
        )


def test_too_few_speakers_cannot_be_grouped() -> None:
    rows = [Row(str(n), "Sad", f"s{n % 3}", None) for n in range(9)]
    with pytest.raises(CorpusError, match="at least 4 speakers, but got 3"):
        speaker_groups(rows, 4)
    with pytest.raises(CorpusError, match="Expected a speaker for every utterance, but x has none"):
        speaker_groups([Row("x", "Sad", None, None)], 4)
